/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the programs of this directory have in common. None of them is linked with certpick: an
   openssl.cnf names a.crt and b.crt, a.key and b.key, and ",secret" as their passwords. */
#ifndef CERTPICK_TESTS_TWO_CAS_H
#define CERTPICK_TESTS_TWO_CAS_H

#include "handshake.h"

static const int tls_versions[2] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct two {
    struct identity ca_a, ca_b, a, b;
};

/* Two CAs and a credential of each, b's key encrypted, written into a work directory of their own. */
void make_two(struct two *two);
void free_two(struct two *two);

/* A whole connection; whether both sides could exchange data. close_link is the caller's. */
int meet(struct link *link, SSL_CTX *client, SSL_CTX *server);
/* The same; then this leaf arrived (NULL: none), the client's error queue was left empty, and the
   link is closed. */
#define CHECK_MEETING(client, server, leaf) check_meeting((client), (server), (leaf), __FILE__, __LINE__)
void check_meeting(SSL_CTX *client, SSL_CTX *server, X509 *leaf, const char *file, int line);

/* The handshake fails at the client, which finds one error in its queue: certpick's, with a reason
   that begins with this text. Nothing arrived at the server. */
#define CHECK_FAILURE(client, server, text) check_failure((client), (server), (text), __FILE__, __LINE__)
void check_failure(SSL_CTX *client, SSL_CTX *server, const char *text, const char *file, int line);

#endif
