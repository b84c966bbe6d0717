/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Directories and PKCS#12 files as the only entry of a list. */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "picking.h"
#include "pkcs12.h"

/* Writes NAME.crt and NAME.key to a directory. */
void make_pair(const char *directory, const char *name, const struct identity *identity);

/* Adds lists to a selector and loads all keys, or checks that there is one error, which contains
   this text, shows no password and adds nothing. Returns the status. */
certpick_status status_of(const char *sslcert, const char *sslkey, const char *password,
                          const char *error);
/* Checks what a new selector with one entry sends. */
void check_new(const char *sslcert, const char *password, SSL_CTX *server, X509 *expected);

#endif
