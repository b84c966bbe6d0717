/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connects with libpq again and again, and prints what each connection cost this process:

       connect [-w WAY] [-p first|later] [-s SECONDS] [-c] COUNT SETTINGS

   One line per connection: CPU time (user and system) and time on the clock, in microseconds. The
   first is that of the process. COUNT 0: connects once and prints what the server saw of it.
   SETTINGS is a file of libpq's parameters, one NAME=VALUE per line: a list can be longer than an
   argument may be. For -w it has "certificates" and "keys" too.
   -w: with stock libpq, how the certificate is found (ways.c).
   -p: counts instructions, under callgrind: of the first connection, or of those that follow.
   -s: waits so long before each connection that follows.
   -c: opens nothing, but has libpq take the parameters and free them. The host must not exist. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "ways.h"

#define MAX_SETTINGS 16

static struct {
    const char *names[MAX_SETTINGS + 1]; /* NULL after the last one */
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

/* The lines stay allocated as long as the process lives. */
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
            fail("a line of the settings is none");
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

static long long cpu(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return 1000000LL * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
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

/* What the server knows of the connection: version of TLS, subject of the certificate. */
static void print_what_the_server_saw(void)
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

/* The sum of them is dumped under the name of the part. */
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
        fprintf(stderr, "usage: connect [-w WAY] [-p first|later] [-s SECONDS] [-c] COUNT SETTINGS\n");
        return 2;
    }
    count = atoi(argv[optind]);
    read_settings(argv[optind + 1]);
    if (way != NULL && !choose_way(way, settings.certificates, settings.keys))
        return 2;
    if (count == 0)
        print_what_the_server_saw();
    else if (part != NULL)
        count_instructions(count, part);
    else
        measure(count);
    return 0;
}
