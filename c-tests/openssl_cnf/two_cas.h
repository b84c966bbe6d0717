/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the programs of this directory. They are not linked with certpick: an openssl.cnf loads
   the module with the lists a.crt,b.crt and a.key,b.key and the passwords ",secret". */
#ifndef CERTPICK_TESTS_TWO_CAS_H
#define CERTPICK_TESTS_TWO_CAS_H

#include "handshake.h"

/* Checks that the handshake fails at the client with exactly one entry in the error queue, an entry
   of certpick whose reason begins with this text, and that no certificate arrives. */
#define CHECK_FAILURE(client, server, text)                                                        \
    check_failure((client), (server), (text), __FILE__, __LINE__)
void check_failure(SSL_CTX *client, SSL_CTX *server, const char *text, const char *file, int line);

#endif
