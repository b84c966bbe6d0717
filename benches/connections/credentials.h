/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists and selectors of the certificates that pki.c makes. */
#ifndef CERTPICK_BENCH_CREDENTIALS_H
#define CERTPICK_BENCH_CREDENTIALS_H

#include <certpick.h>
#include <openssl/ssl.h>

/* Returns a list of count names, "1.crt,2.crt,...,site.crt". The caller frees it. */
char *list_names(int count, const char *suffix);
/* Returns the name of a CA that issued none of the certificates. */
X509_NAME *stranger(int number);
X509 *read_certificate(const char *name);
certpick_selector *build_selector(const char *certificates, const char *keys);
/* Triggers the initialization that happens once in a process. */
void warm_up(SSL_CTX *ctx);

#endif
