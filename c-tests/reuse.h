/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clients of reuse.c, in each setting of the table, and their meetings with servers. */
#ifndef CERTPICK_TESTS_REUSE_H
#define CERTPICK_TESTS_REUSE_H

#ifdef MODULE
#include "two_cas.h"
enum way { BY_MODULE, WAYS };
#else
#include "picking.h"
#endif

#include <openssl/err.h>

/* Where the program has an info callback of its own. */
enum info { NO_INFO, INFO_ON_CTX, INFO_ON_CTX_LATER, INFO_ON_SSL, INFOS };
/* How the handshake with server A ends. */
enum ending { COMPLETE, REFUSED, CUT, ENDINGS };
enum next { NAMES_B, NAMES_C, NAMES_NONE, NEXTS };

static struct setting {
    int version;
    enum way way;
    enum info info;
    long mode;
    const struct identity *own; /* what the program itself has set on the SSL_CTX */
} setting;

static struct two two;
static struct identity ca_c;
static SSL_CTX *server_a, *refusing_a, *others[NEXTS];

#ifdef MODULE
static void attach(SSL_CTX *ctx, enum way way)
{
    (void)ctx;
    (void)way;
}
#else
/* Those that cert_cb of the program's own uses must live as long as their context. */
static certpick_selector *kept;

static void attach(SSL_CTX *ctx, enum way way)
{
    use_selector(ctx, kept, way);
}
#endif

/* --- what an info callback of the program's own is told --- */

struct event {
    int kind, value;
};
static struct events {
    struct event list[200];
    size_t length;
} heard;

static void on_info(const SSL *ssl, int kind, int value)
{
    (void)ssl;
    MUST(heard.length < 200);
    heard.list[heard.length++] = (struct event){kind, value};
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

/* --- meetings --- */

/* The link has a reference of its own to the SSL. */
static void join(struct link *link, SSL *client, SSL_CTX *server)
{
    SSL_up_ref(client);
    join_link(link, client, server);
}

/* What arrives at this server, with a reference. */
static X509 *meeting(SSL *client, SSL_CTX *server)
{
    struct link link;
    X509 *arrived;

    join(&link, client, server);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK(SSL_get_certificate(client) == (setting.own != NULL ? setting.own->cert : NULL));
    arrived = SSL_get_peer_certificate(link.server);
    close_link(&link);
    return arrived;
}

static int refuse(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
    return 0;
}

/* Meets server A until the handshake ends in this way; a was on its way to it. */
static void meet_a(SSL *client, enum ending ending)
{
    struct link link;
    int done;

    if (ending == COMPLETE) {
        X509 *sent = meeting(client, server_a);

        CHECK(sent != NULL && X509_cmp(sent, two.a.cert) == 0);
        X509_free(sent);
        return;
    }
    join(&link, client, ending == REFUSED ? refusing_a : server_a);
    if (ending == REFUSED) {
        done = shake_hands(&link) && exchange_bytes(&link);
        CHECK(!done);
    } else {
        /* The client's second flight leaves it and is never answered. */
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

static X509 *fresh(SSL_CTX *server)
{
    SSL_CTX *ctx = make_client();
    SSL *ssl = make_ssl(ctx);
    X509 *sent = meeting(ssl, server);

    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return sent;
}

#endif
