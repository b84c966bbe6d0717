/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways to find a client certificate that stock libpq knows nothing of. */
#ifndef CERTPICK_BENCH_WAYS_H
#define CERTPICK_BENCH_WAYS_H

/* WAY:CERTIFICATES:KEYS, see ways.c; acts on every SSL_CTX from now on. 1 if it is known. */
int choose_way(const char *way);
/* To be called when a connection is closed. */
void after_connection(void);

#endif
