/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TLS client and a TLS server in one thread, connected by a BIO pair. */
#ifndef CERTPICK_TESTS_HANDSHAKE_H
#define CERTPICK_TESTS_HANDSHAKE_H

#include "certificates.h"

#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const int tls_versions[2];

SSL_CTX *new_client(int tls_version);
/* Creates a server that requests a client certificate and names the subjects of these identities as
   CAs: new_server(version, ca, ...). It accepts every certificate, and clients without one. */
#define new_server(...) new_server_naming(__VA_ARGS__, (struct identity *)NULL)
SSL_CTX *new_server_naming(int tls_version, ...);
/* Sets the CAs that later requests of one server connection name: name_cas(server, ca, ...). */
#define name_cas(...) name_cas_of(__VA_ARGS__, (struct identity *)NULL)
void name_cas_of(SSL *server, ...);

/* For SCOPED(SSL_CTX) and SCOPED(SSL). */
void free_SSL_CTX(SSL_CTX **ctx);
void free_SSL(SSL **ssl);

struct link {
    SSL *client;
    SSL *server;
    int client_failed;
    int client_error;          /* the result of SSL_get_error(3) if the client failed */
    struct queue client_queue; /* the error queue after the client's last step */
};

/* Connects an SSL, which the link then owns, to a new SSL of a server. No byte is sent yet. */
void join_link(struct link *link, SSL *client, SSL_CTX *server);
void open_link(struct link *link, SSL_CTX *client, SSL_CTX *server);
/* Calls SSL_do_handshake(3) once and clears the error queue. Returns 1 if the handshake is
   complete, 0 if it waits for data, -1 if it failed. */
int handshake_step(SSL *ssl);
/* Runs the handshake and then exchange_bytes(). Returns 1 if both succeed. */
int complete_link(struct link *link);
/* open_link() and complete_link(). */
int connect_link(struct link *link, SSL_CTX *client, SSL_CTX *server);
/* Sends a byte each way, so that tickets, alerts and post-handshake requests arrive. Returns 1 if
   both bytes arrive. */
int exchange_bytes(struct link *link);
/* Makes the server send another CertificateRequest, by post-handshake authentication in TLS 1.3 and
   by renegotiation in TLS 1.2. Returns 1 if both sides can exchange data afterwards. */
int request_again(struct link *link);
void close_link(struct link *link);

/* Checks that the server received exactly these certificates, end-entity certificate first, or
   none: CHECK_ARRIVED(link, NULL). */
#define CHECK_ARRIVED(link, ...)                                                                   \
    check_arrived(__FILE__, __LINE__, (link), __VA_ARGS__, (X509 *)NULL)
void check_arrived(const char *file, int line, struct link *link, X509 *leaf, ...);
/* Returns 1 if the server received this end-entity certificate. NULL: none. */
int arrived(struct link *link, X509 *leaf);
/* Checks that the handshake succeeds and that the server received these certificates. */
#define CHECK_COMPLETES(link, ...)                                                                 \
    check_completes(__FILE__, __LINE__, (link), __VA_ARGS__, (X509 *)NULL)
void check_completes(const char *file, int line, struct link *link, X509 *leaf, ...);
/* open_link() and CHECK_COMPLETES. */
#define CHECK_CONNECTS(link, client, server, ...) \
    (open_link((link), (client), (server)), CHECK_COMPLETES((link), __VA_ARGS__))
/* Like CHECK_CONNECTS, with its own link. Also checks that the client's error queue is empty. */
#define CHECK_SENDS(client, server, ...) \
    check_sends(__FILE__, __LINE__, (client), (server), __VA_ARGS__, (X509 *)NULL)
void check_sends(const char *file, int line, SSL_CTX *client, SSL_CTX *server, X509 *leaf, ...);

#ifdef __cplusplus
}
#endif
#endif
