/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads. Not in support.c, which is also linked without -pthread. */
#ifndef CERTPICK_TESTS_PARALLEL_H
#define CERTPICK_TESTS_PARALLEL_H

#include "support.h"

#include <pthread.h>

enum { MAX_THREADS = 10 };

/* Starts n threads. Each gets a pointer to its element of an array of jobs of this size. */
static inline void start_threads(pthread_t *ids, int n, void *(*function)(void *), void *jobs,
                                 size_t size)
{
    int i;

    for (i = 0; i < n; i++)
        MUST(pthread_create(&ids[i], NULL, function, (char *)jobs + (size_t)i * size) == 0);
}

static inline void join_threads(pthread_t *ids, int n)
{
    while (n-- > 0)
        MUST(pthread_join(ids[n], NULL) == 0);
}

static inline void run_in_threads(int n, void *(*function)(void *), void *jobs, size_t size)
{
    pthread_t ids[MAX_THREADS];

    start_threads(ids, n, function, jobs, size);
    join_threads(ids, n);
}

#endif
