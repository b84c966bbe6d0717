/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TLS client and a TLS server in one thread, joined by a pair of BIOs. */
#ifndef CERTPICK_TESTS_HANDSHAKE_H
#define CERTPICK_TESTS_HANDSHAKE_H

#include "certificates.h"
#include "support.h"

#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

SSL_CTX *new_client(int tls_version);
/* A server that asks for a client certificate, naming the subjects of the identities up to the
   NULL. It takes whatever comes, also nothing, and does not verify it. */
SSL_CTX *new_server(int tls_version, ...);
/* The names that later requests of this one server connection carry. */
void name_cas(SSL *server, ...);

struct link {
    SSL *client;
    SSL *server;
    int client_failed;
    int client_error;          /* SSL_get_error, where the client failed */
    struct queue client_queue; /* what the client's last step left in the error queue */
};

/* A link of this SSL, which belongs to it from now on, to a new SSL of the server's. */
void join_link(struct link *link, SSL *client, SSL_CTX *server);
void open_link(struct link *link, SSL_CTX *client, SSL_CTX *server);
/* Shake hands until both sides are done (1) or one of them has failed (0). */
int shake_hands(struct link *link);
/* A byte each way, so that tickets, alerts and post-handshake requests arrive; 1 if both came. */
int exchange_bytes(struct link *link);
/* open_link and shake_hands. */
int connect_link(struct link *link, SSL_CTX *client, SSL_CTX *server);
void close_link(struct link *link);

/* The server received this leaf and, behind it, exactly the certificates up to the NULL. A NULL
   leaf: it received none. */
#define CHECK_ARRIVED(link, ...) check_arrived(__FILE__, __LINE__, (link), __VA_ARGS__)
void check_arrived(const char *file, int line, struct link *link, X509 *leaf, ...);
/* The same without counting a check, for threads: 1 if this leaf arrived. */
int arrived(struct link *link, X509 *leaf);

#ifdef __cplusplus
}
#endif
#endif
