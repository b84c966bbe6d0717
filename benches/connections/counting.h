/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts instructions under callgrind. The sum is dumped with a name. */
#ifndef CERTPICK_BENCH_COUNTING_H
#define CERTPICK_BENCH_COUNTING_H

#include <valgrind/callgrind.h>

#define COUNT_BEGIN()                                                                              \
    do {                                                                                           \
        CALLGRIND_START_INSTRUMENTATION;                                                           \
        CALLGRIND_ZERO_STATS;                                                                      \
    } while (0)
#define COUNT_END(name)                                                                            \
    do {                                                                                           \
        CALLGRIND_STOP_INSTRUMENTATION;                                                            \
        CALLGRIND_DUMP_STATS_AT(name);                                                             \
    } while (0)

#endif
