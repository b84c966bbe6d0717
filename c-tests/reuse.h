/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clients of reuse.c in each setting, and their connections. */
#ifndef CERTPICK_TESTS_REUSE_H
#define CERTPICK_TESTS_REUSE_H

#ifdef MODULE
#include "two_cas.h"
#define PASSWORD "secret"
enum way { BY_MODULE, WAYS };
#else
#include "picking.h"
#define PASSWORD NULL
#endif

#include <openssl/err.h>

/* Whether, where and when the program sets an info callback. */
enum info { NO_INFO, INFO_ON_CTX, INFO_ON_CTX_LATER, INFO_ON_SSL, INFOS };
/* How the handshake with server A ends. */
enum ending { COMPLETE, REFUSED, INTERRUPTED, ENDINGS };
/* The CAs that the next server names. */
enum next { NAMES_B, NAMES_C, NAMES_NONE, NEXTS };

static struct setting {
    int version;
    enum way way;
    enum info info;
    long mode;
    const struct identity *own; /* the certificate that the program sets on the SSL_CTX */
} setting;

static struct pki pki;
static struct identity ca_c;
static SSL_CTX *server_a, *refusing_a, *others[NEXTS];

#ifdef MODULE
static void attach(SSL_CTX *ctx, enum way way)
{
    (void)ctx, (void)way;
}
#else
/* A cert_cb of the program needs the selector as long as the context exists. */
static certpick_selector *selector;

static void attach(SSL_CTX *ctx, enum way way)
{
    use_selector(ctx, selector, way);
}
#endif

/* --- events of the program's info callback --- */

struct event {
    int kind, value;
};
static struct events {
    struct event list[200];
    size_t length;
} seen;

static void on_info(const SSL *ssl, int kind, int value)
{
    (void)ssl;
    MUST(seen.length < 200);
    seen.list[seen.length++] = (struct event){kind, value};
}

static SSL_CTX *make_client(void)
{
    SSL_CTX *ctx = new_client(setting.version);

    if (setting.info == INFO_ON_CTX)
        SSL_CTX_set_info_callback(ctx, on_info);
    attach(ctx, setting.way);
    if (setting.info == INFO_ON_CTX_LATER)
        SSL_CTX_set_info_callback(ctx, on_info);
    if (setting.own != NULL)
        MUST(SSL_CTX_use_certificate(ctx, setting.own->cert) &&
             SSL_CTX_use_PrivateKey(ctx, setting.own->key));
    SSL_CTX_set_mode(ctx, setting.mode);
    SSL_CTX_set_post_handshake_auth(ctx, 1);
    return ctx;
}

static SSL *make_ssl(SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);

    MUST(ssl != NULL);
    if (setting.info == INFO_ON_SSL)
        SSL_set_info_callback(ssl, on_info);
    return ssl;
}

/* --- connections --- */

/* Connects the SSL and gives the link its own reference. */
static void join(struct link *link, SSL *client, SSL_CTX *server)
{
    SSL_up_ref(client);
    join_link(link, client, server);
}

/* Connects and returns the certificate that the server receives, with a reference. */
static X509 *sent_to(SSL *client, SSL_CTX *server)
{
    struct link link;
    X509 *arrived;

    join(&link, client, server);
    CHECK(complete_link(&link));
    CHECK(SSL_get_certificate(client) == (setting.own != NULL ? setting.own->cert : NULL));
    arrived = SSL_get_peer_certificate(link.server);
    close_link(&link);
    return arrived;
}

/* NULL: no certificate. */
static void check_same(X509 *sent, X509 *expected)
{
    CHECK(expected == NULL ? sent == NULL : sent != NULL && X509_cmp(sent, expected) == 0);
}

static int refuse(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
    return 0;
}

/* Connects to server A, for which a is chosen, until the handshake ends in this way. */
static void connect_to_a(SSL *client, enum ending ending)
{
    struct link link;
    int done;

    if (ending == COMPLETE) {
        SCOPED(X509) *sent = sent_to(client, server_a);

        check_same(sent, pki.a.cert);
        return;
    }
    join(&link, client, ending == REFUSED ? refusing_a : server_a);
    if (ending == REFUSED) {
        done = complete_link(&link);
        CHECK(!done);
    } else {
        /* The client sends its second flight and gets no answer. */
        SSL_do_handshake(link.client);
        SSL_do_handshake(link.server);
        SSL_do_handshake(link.client);
        if (setting.version == TLS1_2_VERSION)
            CHECK(!SSL_is_init_finished(link.client));
        SSL_free(link.server);
        link.server = SSL_new(server_a);
    }
    close_link(&link);
}

/* Returns the certificate that a new SSL sends to this server. */
static X509 *sent_by_new_ssl(SSL_CTX *server)
{
    SCOPED(SSL_CTX) *ctx = make_client();
    SCOPED(SSL) *ssl = make_ssl(ctx);

    return sent_to(ssl, server);
}

#endif
