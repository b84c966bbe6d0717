/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Selectors, and the ways in which a program uses them. */
#ifndef CERTPICK_TESTS_PICKING_H
#define CERTPICK_TESTS_PICKING_H

#include "handshake.h"

#include <certpick.h>

#ifdef __cplusplus
extern "C" {
#endif

enum way { BY_CLIENT_CERT_CB, BY_CERT_CB, BY_OWN_CERT_CB, WAYS };

/* Attaches the selector, or sets a cert_cb of the program that calls certpick_select(). With
   BY_OWN_CERT_CB the selector must live as long as the context. */
void use_selector(SSL_CTX *ctx, certpick_selector *selector, enum way way);
/* Returns the result of the last certpick_select() in that cert_cb. */
certpick_status last_select_status(void);

/* Creates a selector from lists that must be valid. */
certpick_selector *new_selector(const char *sslcert, const char *sslkey, const char *sslpassword);
/* For SCOPED(certpick_selector). */
void free_certpick_selector(certpick_selector **selector);

#define CHECK_OK(call) CHECK_INT((call), CERTPICK_OK)
/* Checks the outcome and the index of the chosen credential. */
#define CHECK_DECISION(ssl, outcome, choice)           \
    do {                                               \
        CHECK_INT(certpick_outcome(ssl), (outcome));   \
        CHECK_INT(certpick_choice(ssl), (choice));     \
    } while (0)

/* Connects a client with the selector attached by certpick_attach(). The caller closes the link. */
int connect_selector(struct link *link, int tls_version, certpick_selector *selector,
                     SSL_CTX *server);
/* Like connect_selector(), without the handshake. */
void open_selector(struct link *link, int tls_version, certpick_selector *selector,
                   SSL_CTX *server);
#define CHECK_SELECTOR_CONNECTS(link, tls_version, selector, server, ...)                          \
    (open_selector((link), (tls_version), (selector), (server)),                                   \
     CHECK_COMPLETES((link), __VA_ARGS__))
/* Connects a client with the selector and checks which certificates the server receives. */
#define CHECK_SELECTOR_SENDS(tls_version, selector, server, ...) \
    do {                                                         \
        SCOPED(SSL_CTX) *client_ = new_client(tls_version);      \
        MUST(certpick_attach(client_, selector) == CERTPICK_OK); \
        CHECK_SENDS(client_, server, __VA_ARGS__);               \
    } while (0)

/* Checks that the handshake fails and no certificate arrives, and that certpick_message() begins
   with this text. Closes the link. */
#define CHECK_FAILS(link, start) check_fails((link), (start), __FILE__, __LINE__)
void check_fails(struct link *link, const char *start, const char *file, int line);
#define CHECK_SELECTOR_FAILS(tls_version, selector, server, start)  \
    do {                                                            \
        struct link link_;                                          \
        open_selector(&link_, (tls_version), (selector), (server)); \
        CHECK_FAILS(&link_, (start));                               \
    } while (0)

/* The certificate and key that a client used, with a reference to each, so that no later object has
   the same address. Two selectors that share a cache entry have the same objects. */
struct held {
    X509 *cert;
    EVP_PKEY *key;
};
/* Connects a client with the selector and returns what it used. Drops the selector's reference. */
struct held connect_holding(certpick_selector *selector, SSL_CTX *server);
void free_held(struct held *held);
#define SCOPED_HELD __attribute__((cleanup(free_held))) struct held

/* Password callbacks: the first returns -1, the second answers with the string in arg. */
int refuse_password(char *buf, int size, const char *key_file, void *arg);
int answer_password(char *buf, int size, const char *key_file, void *arg);

#ifdef __cplusplus
}
#endif
#endif
