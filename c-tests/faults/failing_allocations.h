/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An allocator for OpenSSL that counts allocations, records the run of each, and can fail any. */
#ifndef FAILING_ALLOCATIONS_H
#define FAILING_ALLOCATIONS_H

#include <stddef.h>

enum lasting { ONE, ALL_FOLLOWING };

struct failing {
    int armed;
    int has_failed;
    enum lasting lasting;
    long number; /* of allocations in this run */
    long fails;  /* the number of the allocation that fails, from 1; 0: none */
    const char *file;   /* where the failing allocation was requested */
    int line;
};
extern struct failing failing;

/* The number of blocks that are not freed. */
extern size_t blocks_in_use;
/* The number of the current run of the test, which is recorded with each block. */
extern unsigned long current_run;

/* Installs the allocator. Returns 0 if OpenSSL has already allocated memory. */
int install_failing_allocator(void);

/* Between these calls allocations are counted and can fail. */
void arm(void);
void disarm(void);

/* Prints some blocks of this run and the previous one. */
void show_newest_blocks(void);

#endif
