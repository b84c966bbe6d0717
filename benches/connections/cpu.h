/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef CERTPICK_BENCH_CPU_H
#define CERTPICK_BENCH_CPU_H

#include <sys/resource.h>

/* Returns the CPU time (user and system) of the process in microseconds. */
static inline long long cpu(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return 1000000LL * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
}

#endif
