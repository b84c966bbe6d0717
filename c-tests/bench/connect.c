/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connects with libpq again and again, and tells what each connection cost this process:

       connect [-w WAY] [-p first|later] COUNT CONNINFO

   One line per connection: CPU time (user and system) and time on the clock, in microseconds. The
   first is that of the process. COUNT 0: connects once and tells what the server saw of it.
   -w: with stock libpq, how the certificate is found (ways.c).
   -p: counts instructions, under callgrind: of the first connection, or of those that follow. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "ways.h"

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

static PGconn *open_connection(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "connect: %s", PQerrorMessage(conn));
        exit(1);
    }
    return conn;
}

static void close_connection(PGconn *conn)
{
    PQfinish(conn);
    after_connection();
}

/* What the server knows of the connection: version of TLS, subject of the certificate. */
static void tell(const char *conninfo)
{
    PGconn *conn = open_connection(conninfo);
    PGresult *result = PQexec(conn, "select version || ' ' || coalesce(client_dn, 'none') "
                                    "from pg_stat_ssl where pid = pg_backend_pid()");

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        fprintf(stderr, "connect: %s", PQerrorMessage(conn));
        exit(1);
    }
    puts(PQgetvalue(result, 0, 0));
    PQclear(result);
    close_connection(conn);
}

static void measure(const char *conninfo, int count)
{
    long long *cost = calloc((size_t)count, 2 * sizeof(*cost));
    long long cpu_before, wall_before;
    int i;

    if (cost == NULL)
        exit(1);
    for (i = 0; i < count; i++) {
        wall_before = wall();
        cpu_before = cpu();
        close_connection(open_connection(conninfo));
        cost[2 * i] = cpu() - cpu_before;
        cost[2 * i + 1] = wall() - wall_before;
    }
    for (i = 0; i < count; i++)
        printf("%lld %lld\n", cost[2 * i], cost[2 * i + 1]);
    free(cost);
}

/* The sum of them is dumped under the name of the part. */
static void count_instructions(const char *conninfo, int count, const char *part)
{
    int i;

    if (strcmp(part, "first") != 0) {
        close_connection(open_connection(conninfo));
        count--;
    }
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    for (i = 0; i < count; i++)
        close_connection(open_connection(conninfo));
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT("connections");
}

int main(int argc, char **argv)
{
    const char *way = NULL, *part = NULL;
    int option, count;

    while ((option = getopt(argc, argv, "w:p:")) != -1) {
        if (option == 'w')
            way = optarg;
        else if (option == 'p')
            part = optarg;
        else
            return 2;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: connect [-w WAY] [-p first|later] COUNT CONNINFO\n");
        return 2;
    }
    count = atoi(argv[optind]);
    if (way != NULL && !choose_way(way))
        return 2;
    if (count == 0)
        tell(argv[optind + 1]);
    else if (part != NULL)
        count_instructions(argv[optind + 1], count, part);
    else
        measure(argv[optind + 1], count);
    return 0;
}
