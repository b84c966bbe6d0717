/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways to find a client certificate outside of libpq. */
#ifndef CERTPICK_BENCH_WAYS_H
#define CERTPICK_BENCH_WAYS_H

/* Sets the way for each later SSL_CTX. Returns 0 if it is unknown. The lists must remain valid. */
int choose_way(const char *way, const char *certificates, const char *keys);
/* Must be called after each connection. */
void after_connection(void);

#endif
