/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A QUIC client in this thread and a QUIC server in another one, connected by UDP. OpenSSL has QUIC
   servers since 3.5. */
#ifndef CERTPICK_TESTS_QUIC_LINK_H
#define CERTPICK_TESTS_QUIC_LINK_H

#include "handshake.h"

/* Creates a server that requests a client certificate of this CA (NULL: it names none), by these
   signature algorithms (NULL: OpenSSL's). It accepts every certificate, and clients without one. */
SSL_CTX *new_quic_server(const struct identity *ca, const char *algorithms);
SSL_CTX *new_quic_client(void);

struct quic_link {
    SSL *client;
    int connected; /* and a byte was sent each way */
    struct queue client_queue;
    X509 *arrived; /* the client's certificate at the server */
};

/* Connects a new SSL of the client, which `prepare` may change before its handshake. The server ends
   before the function returns. */
void connect_quic(struct quic_link *link, SSL_CTX *client, SSL_CTX *server,
                  void (*prepare)(SSL *ssl));
void close_quic(struct quic_link *link);
/* Checks that the server received this certificate, or none if it is NULL. */
#define CHECK_QUIC_ARRIVED(link, expected) check_quic_arrived((link), (expected), __FILE__, __LINE__)
void check_quic_arrived(const struct quic_link *link, X509 *expected, const char *file, int line);

#endif
