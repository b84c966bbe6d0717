/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists of the certificates that pki.c makes, and selectors of them. */
#ifndef CERTPICK_BENCH_CREDENTIALS_H
#define CERTPICK_BENCH_CREDENTIALS_H

#include <certpick.h>
#include <openssl/ssl.h>

/* Returns "1.crt,2.crt,...,site.crt": count names, the last of which is that of the site. */
char *list_names(int count, const char *suffix);
/* Returns the name of a CA that issued none of them. */
X509_NAME *stranger(int number);
X509 *read_certificate(const char *name);
certpick_selector *build_selector(const char *certificates, const char *keys);
/* Does what OpenSSL does once in a process. */
void warm_up(SSL_CTX *ctx);

#endif
