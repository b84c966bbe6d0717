/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways to find a client certificate that stock libpq knows nothing of. */
#ifndef CERTPICK_BENCH_WAYS_H
#define CERTPICK_BENCH_WAYS_H

/* See ways.c; acts on every SSL_CTX from now on. Returns 1 if there is such a way. The lists of names
   are kept by reference. */
int choose_way(const char *way, const char *certificates, const char *keys);
/* To be called when a connection is closed. */
void after_connection(void);

#endif
