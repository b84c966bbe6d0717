/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ways in which a program may use a selector. */
#ifndef CERTPICK_TESTS_PICKING_H
#define CERTPICK_TESTS_PICKING_H

#include "handshake.h"

#include <certpick.h>

#ifdef __cplusplus
extern "C" {
#endif

enum way { BY_CLIENT_CERT_CB, BY_CERT_CB, BY_OWN_CERT_CB, WAYS };
extern const int tls_versions[2];

/* Attach, or install a cert_cb of the program's own that calls certpick_select. In the last case
   the caller keeps the selector as long as the context. */
void use_selector(SSL_CTX *ctx, certpick_selector *selector, enum way way);
/* What certpick_select said last in that cert_cb. */
certpick_status last_select_status(void);

/* A selector with the lists; they must be good. */
certpick_selector *new_selector(const char *sslcert, const char *sslkey, const char *sslpassword);

/* One handshake of a client that uses the selector by client_cert_cb; close_link is the caller's. */
int connect_picking(struct link *link, int tls_version, certpick_selector *selector, SSL_CTX *server);

/* What a client had in one handshake, each with a reference, so that no other object has its
   address. A selector that is given what another has read has the same objects. */
struct held {
    X509 *cert;
    EVP_PKEY *key;
};
/* One handshake of a client that uses the selector, and what the client had then; the selector's
   reference is dropped. */
struct held connect_holding(certpick_selector *selector, SSL_CTX *server);
void free_held(struct held *held);

/* Two CAs, a credential of each as a.crt, a.key, b.crt, b.key in the work directory. */
struct two {
    struct identity ca_a, ca_b, a, b;
};
void make_two(struct two *two);
void free_two(struct two *two);

#ifdef __cplusplus
}
#endif
#endif
