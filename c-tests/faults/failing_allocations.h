/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenSSL's allocations, counted, with the life that made each; any of them can fail. */
#ifndef FAILING_ALLOCATIONS_H
#define FAILING_ALLOCATIONS_H

#include <stddef.h>

enum lasting { ONE, ALL_FROM_THERE };

struct failing {
    int armed;
    int has_failed;
    enum lasting lasting;
    long number, fails; /* how many there were; the one that fails, from 1 */
    const char *file;   /* of the one that failed */
    int line;
};
extern struct failing failing;

/* Not yet released. */
extern size_t blocks_in_use;
/* The test's own number for what it does now; each block gets it. */
extern unsigned long current_life;

/* Before OpenSSL has allocated anything; 0 if it is too late. */
int let_allocations_fail(void);

/* From here on they count, and the one that is to fail does; disarm() ends that. */
void arm(void);
void disarm(void);

/* Some of this life and the one before, to standard output. */
void show_newest_blocks(void);

#endif
