/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connects with libpq COUNT times and prints the cost of each connection to this process:

       connect [-w WAY] [-p first|later] [-s SECONDS] [-c] COUNT SETTINGS

   Prints CPU time (user and system) and wall time of each connection in microseconds. If COUNT is
   0, connects once and prints the server's view of the connection. SETTINGS is a file with libpq's
   parameters, one NAME=VALUE per line, because a list may be longer than an argument can be. For -w
   it also has "certificates" and "keys".
   -w: a way to find the certificate with stock libpq (ways.c)
   -p: counts, under callgrind, the instructions of the first or the later connections
   -s: pauses before each later connection
   -c: libpq only copies and frees the parameters. The host must not exist. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "cpu.h"
#include "ways.h"

#define MAX_SETTINGS 16

static struct {
    const char *names[MAX_SETTINGS + 1]; /* terminated by NULL */
    const char *values[MAX_SETTINGS + 1];
    const char *certificates;
    const char *keys;
} settings;
static unsigned seconds_between;
static int copies_only;

static void fail(const char *what)
{
    fprintf(stderr, "connect: %s\n", what);
    exit(1);
}

/* The lines are never freed. */
static void read_settings(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, *value;
    size_t size = 0;
    int count = 0;

    if (file == NULL)
        fail(path);
    while (getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if ((value = strchr(line, '=')) == NULL || count == MAX_SETTINGS)
            fail("a line of the settings is not NAME=VALUE");
        *value++ = '\0';
        if (strcmp(line, "certificates") == 0) {
            settings.certificates = value;
        } else if (strcmp(line, "keys") == 0) {
            settings.keys = value;
        } else {
            settings.names[count] = line;
            settings.values[count++] = value;
        }
        line = NULL;
        size = 0;
    }
    free(line);
    fclose(file);
}

static long long wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000000LL * now.tv_sec + now.tv_nsec / 1000;
}

static PGconn *open_connection(void)
{
    PGconn *conn;

    if (copies_only) {
        conn = PQconnectStartParams(settings.names, settings.values, 0);
        if (conn == NULL || strstr(PQerrorMessage(conn), "No such file") == NULL)
            fail(conn != NULL ? PQerrorMessage(conn) : "out of memory");
        return conn;
    }
    conn = PQconnectdbParams(settings.names, settings.values, 0);
    if (PQstatus(conn) != CONNECTION_OK)
        fail(PQerrorMessage(conn));
    return conn;
}

static void close_connection(PGconn *conn)
{
    PQfinish(conn);
    after_connection();
}

/* Prints the TLS version and the subject of the certificate, as the server sees them. */
static void print_servers_view(void)
{
    PGconn *conn = open_connection();
    PGresult *result = PQexec(conn, "select version || ' ' || coalesce(client_dn, 'none') "
                                    "from pg_stat_ssl where pid = pg_backend_pid()");

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail(PQerrorMessage(conn));
    puts(PQgetvalue(result, 0, 0));
    PQclear(result);
    close_connection(conn);
}

static void measure(int count)
{
    long long *cost = calloc((size_t)count, 2 * sizeof(*cost));
    long long cpu_before, wall_before;
    int i;

    if (cost == NULL)
        fail("out of memory");
    for (i = 0; i < count; i++) {
        if (i > 0 && seconds_between > 0)
            sleep(seconds_between);
        wall_before = wall();
        cpu_before = cpu();
        close_connection(open_connection());
        cost[2 * i] = cpu() - cpu_before;
        cost[2 * i + 1] = wall() - wall_before;
    }
    for (i = 0; i < count; i++)
        printf("%lld %lld\n", cost[2 * i], cost[2 * i + 1]);
    free(cost);
}

/* Dumps the sum of the first connection or of the later ones. */
static void count_instructions(int count, const char *part)
{
    int i;

    if (strcmp(part, "first") != 0) {
        close_connection(open_connection());
        count--;
    }
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    for (i = 0; i < count; i++)
        close_connection(open_connection());
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT("connections");
}

int main(int argc, char **argv)
{
    const char *way = NULL, *part = NULL;
    int option, count;

    while ((option = getopt(argc, argv, "w:p:s:c")) != -1) {
        if (option == 'w')
            way = optarg;
        else if (option == 'p')
            part = optarg;
        else if (option == 's')
            seconds_between = (unsigned)atoi(optarg);
        else if (option == 'c')
            copies_only = 1;
        else
            return 2;
    }
    if (argc - optind != 2) {
        fprintf(stderr,
                "usage: connect [-w WAY] [-p first|later] [-s SECONDS] [-c] COUNT SETTINGS\n");
        return 2;
    }
    count = atoi(argv[optind]);
    read_settings(argv[optind + 1]);
    if (way != NULL && !choose_way(way, settings.certificates, settings.keys))
        return 2;
    if (count == 0)
        print_servers_view();
    else if (part != NULL)
        count_instructions(count, part);
    else
        measure(count);
    return 0;
}
