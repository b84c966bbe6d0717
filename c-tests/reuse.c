/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL that has met server A is cleared, copied, shared or used again for another server, in every
   way that OpenSSL offers: then it sends what a fresh SSL sends. Compiled twice: with certpick, and
   with -DMODULE for a process whose openssl.cnf activates the module. */
#include "support.h"

#include "reuse.h"

/* --- reuse: each gives an SSL that is ready for the next server; the SSL that it got is gone --- */

static SSL *cleared(SSL *ssl)
{
    MUST(SSL_clear(ssl) && SSL_set_session(ssl, NULL));
    return ssl;
}

static SSL *duplicated(SSL *ssl)
{
    SSL *copy;

    MUST(SSL_clear(ssl));
    copy = SSL_dup(ssl);
    MUST(copy != NULL && copy != ssl);
    SSL_free(ssl);
    MUST(SSL_set_session(copy, NULL));
    return copy;
}

static SSL *sharing_with(SSL *ssl, SSL *copy)
{
    MUST(SSL_copy_session_id(copy, ssl) && SSL_set_session(copy, NULL));
    SSL_free(ssl);
    return copy;
}

static SSL *sharing(SSL *ssl)
{
    return sharing_with(ssl, make_ssl(SSL_get_SSL_CTX(ssl)));
}

static SSL *of_a_bio(SSL *ssl)
{
    BIO *bio = BIO_new(BIO_f_ssl()), *copied;
    SSL *copy;

    MUST(bio != NULL && SSL_clear(ssl));
    BIO_set_ssl(bio, ssl, BIO_CLOSE);
    copied = BIO_dup_chain(bio);
    MUST(copied != NULL && BIO_get_ssl(copied, &copy) && copy != ssl);
    SSL_up_ref(copy);
    BIO_free_all(copied);
    BIO_free_all(bio);
    MUST(SSL_set_session(copy, NULL));
    return copy;
}

static SSL *of_another_context(SSL *ssl)
{
    SSL_CTX *other = make_client();

    MUST(SSL_clear(ssl) && SSL_set_session(ssl, NULL));
    MUST(SSL_set_SSL_CTX(ssl, other) == other);
    SSL_CTX_free(other);
    return ssl;
}

static SSL *(*const reuses[])(SSL *) = {cleared, duplicated, sharing, of_a_bio, of_another_context};

static void check_sent(SSL *ssl, enum next next)
{
    X509 *expected = fresh(others[next]);
    X509 *sent = meeting(ssl, others[next]);

    CHECK(sent == NULL || X509_cmp(sent, two.a.cert) != 0);
    CHECK(expected == NULL ? sent == NULL : sent != NULL && X509_cmp(sent, expected) == 0);
    if (setting.info == INFO_ON_SSL)
        CHECK(SSL_get_info_callback(ssl) == on_info);
    else
        CHECK(SSL_get_info_callback(ssl) == NULL);
    X509_free(sent);
    X509_free(expected);
}

static void used_again(enum ending ending, enum next next)
{
    size_t i;

    for (i = 0; i < sizeof(reuses) / sizeof(reuses[0]); i++) {
        SSL_CTX *ctx = make_client();
        SSL *ssl = make_ssl(ctx);

        meet_a(ssl, ending);
        /* A handshake that was cut is still under way: then a copy would be the same SSL. */
        heard.length = 0;
        ssl = reuses[i](ssl);
        check_sent(ssl, next);
        if (setting.info != NO_INFO)
            CHECK(heard.length > 0);
        heard.length = 0;
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
}

static void copied_before(enum next next)
{
    SSL_CTX *ctx = make_client();
    SSL *ssl = make_ssl(ctx), *copy = SSL_dup(ssl);

    MUST(copy != NULL && copy != ssl);
    meet_a(ssl, COMPLETE);
    check_sent(copy, next);
    check_sent(cleared(ssl), next);
    heard.length = 0;
    SSL_free(ssl);
    SSL_free(copy);
    SSL_CTX_free(ctx);
}

#ifndef MODULE
/* By SSL_copy_session_id() the certificate could reach an SSL of which certpick knows nothing. */
static void shared_with_a_stranger(enum ending ending, enum next next)
{
    SSL_CTX *ctx = make_client(), *plain = new_client(setting.version);
    SSL *ssl = make_ssl(ctx), *stranger = SSL_new(plain);
    X509 *sent;

    meet_a(ssl, ending);
    stranger = sharing_with(ssl, stranger);
    /* A cert_cb of the program's own is shared with the rest. */
    if (setting.way != BY_OWN_CERT_CB) {
        sent = meeting(stranger, others[next]);
        CHECK(sent == NULL);
        X509_free(sent);
    }
    heard.length = 0;
    SSL_free(stranger);
    SSL_CTX_free(plain);
    SSL_CTX_free(ctx);
}
#endif

static void asked_again(enum next next)
{
    X509 *expected = fresh(others[next]), *sent;
    SSL_CTX *ctx = make_client();
    SSL *ssl = make_ssl(ctx);
    struct link link;
    int round;

    join(&link, ssl, server_a);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    if (next == NAMES_NONE)
        name_cas(link.server, (void *)NULL);
    else
        name_cas(link.server, next == NAMES_B ? &two.ca_b : &ca_c, (void *)NULL);
    if (setting.version == TLS1_3_VERSION)
        MUST(SSL_verify_client_post_handshake(link.server) == 1);
    else
        MUST(SSL_renegotiate(link.server) == 1);
    MUST(SSL_do_handshake(link.server) == 1);
    for (round = 0; round < 10 && SSL_renegotiate_pending(link.server); round++)
        CHECK(exchange_bytes(&link));
    CHECK(exchange_bytes(&link));
    sent = SSL_get_peer_certificate(link.server);
    CHECK(expected == NULL ? sent == NULL : sent != NULL && X509_cmp(sent, expected) == 0);
    heard.length = 0;
    X509_free(sent);
    X509_free(expected);
    close_link(&link);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

static void (*replaced)(const SSL *ssl, int kind, int value);

static void wrapper(const SSL *ssl, int kind, int value)
{
    heard.length = 0;
    if (replaced != NULL)
        replaced(ssl, kind, value);
}

/* Replaces the SSL's info callback while the certificate is on it. */
static void replace(const SSL *ssl, int kind, int value)
{
    (void)value;
    if (kind == SSL_CB_CONNECT_LOOP && SSL_get_privatekey(ssl) != NULL &&
        SSL_get_info_callback(ssl) != wrapper) {
        replaced = SSL_get_info_callback(ssl);
        SSL_set_info_callback((SSL *)ssl, wrapper);
    }
}

static void replaced_meanwhile(enum next next)
{
    X509 *expected = fresh(others[next]), *sent;
    SSL_CTX *ctx = make_client();
    SSL *ssl = make_ssl(ctx);

    replaced = NULL;
    SSL_CTX_set_info_callback(ctx, replace);
    meet_a(ssl, COMPLETE);
    CHECK(SSL_get_info_callback(ssl) == wrapper && replaced != NULL);
    sent = meeting(cleared(ssl), others[next]);
    CHECK(expected == NULL ? sent == NULL : sent != NULL && X509_cmp(sent, expected) == 0);
    CHECK(SSL_get_info_callback(ssl) == wrapper);
    X509_free(sent);
    X509_free(expected);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

/* A program's info callback is told the same as where the program sets the certificate itself. */
static void informed(void)
{
    SSL_CTX *ctx = make_client(), *plain = new_client(setting.version);
    SSL *ssl = make_ssl(ctx), *by_hand = SSL_new(plain);
    struct events expected;

    heard.length = 0;
    X509_free(meeting(ssl, server_a));
    expected = heard;
    heard.length = 0;
    MUST(SSL_use_certificate(by_hand, two.a.cert) && SSL_use_PrivateKey(by_hand, two.a.key));
    SSL_set_info_callback(by_hand, on_info);
    SSL_set_mode(by_hand, setting.mode);
    SSL_set_post_handshake_auth(by_hand, 1);
    subject("an info callback of the program's own is told of everything, once");
    {
        struct link link;

        join(&link, by_hand, server_a);
        CHECK(shake_hands(&link) && exchange_bytes(&link));
        close_link(&link);
    }
    CHECK_INT(expected.length, heard.length);
    CHECK(memcmp(expected.list, heard.list, heard.length * sizeof(struct event)) == 0);
    heard.length = 0;
    SSL_free(ssl);
    SSL_free(by_hand);
    SSL_CTX_free(ctx);
    SSL_CTX_free(plain);
}

#ifndef MODULE
/* The program's own RSA certificate suits every server but the one for which certpick chooses. */
static void own_certificate(const struct identity *own)
{
    SSL_CTX *ecdsa_only = new_server(setting.version, &two.ca_a, (void *)NULL), *ctx;
    X509 *sent;
    enum next next;
    SSL *ssl;

    MUST(SSL_CTX_set1_client_sigalgs_list(ecdsa_only, "ECDSA+SHA256"));
    setting.own = own;
    for (next = 0; next < NEXTS; next++) {
        ctx = make_client();
        ssl = make_ssl(ctx);
        sent = meeting(ssl, ecdsa_only);
        CHECK(sent != NULL && X509_cmp(sent, two.a.cert) == 0);
        X509_free(sent);
        check_sent(cleared(ssl), next);
        CHECK(SSL_get_privatekey(ssl) == own->key);
        heard.length = 0;
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
    setting.own = NULL;
    SSL_CTX_free(ecdsa_only);
}
#endif

static void whole_table(void)
{
    enum ending ending;
    enum next next;

    for (next = 0; next < NEXTS; next++) {
        for (ending = 0; ending < ENDINGS; ending++) {
            subject("an SSL that is used again sends what a fresh one sends");
            used_again(ending, next);
#ifndef MODULE
            subject("an SSL that shares its certificates with another one has none of certpick's");
            shared_with_a_stranger(ending, next);
#endif
        }
        subject("an SSL that was copied before it was used, and its copy, choose for themselves");
        copied_before(next);
        subject("a later request in the same connection gets what a fresh SSL sends");
        asked_again(next);
    }
    if (setting.info != NO_INFO)
        informed();
    subject("a callback that replaces certpick's and calls it loses nothing");
    if (setting.info == NO_INFO)
        for (next = 0; next < NEXTS; next++)
            replaced_meanwhile(next);
}

int main(void)
{
    int version, way;
#ifndef MODULE
    static const struct traits rsa = {.kind = KEY_RSA};
    struct identity own;

    enter_work_dir();
#endif
    make_two(&two);
    ca_c = new_root("CA C");
#ifndef MODULE
    /* b comes first, so that it is sent to a server that names no CA. */
    kept = new_selector("b.crt,a.crt", "b.key,a.key", NULL);
    own = new_leaf_with("own", &two.ca_b, &rsa);
#endif
    for (version = 0; version < 2; version++) {
        setting.version = tls_versions[version];
        server_a = new_server(setting.version, &two.ca_a, (void *)NULL);
        refusing_a = new_server(setting.version, &two.ca_a, (void *)NULL);
        SSL_CTX_set_cert_verify_callback(refusing_a, refuse, NULL);
        others[NAMES_B] = new_server(setting.version, &two.ca_b, (void *)NULL);
        others[NAMES_C] = new_server(setting.version, &ca_c, (void *)NULL);
        others[NAMES_NONE] = new_server(setting.version, (void *)NULL);
        SSL_CTX_set_options(server_a, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
        for (way = 0; way < WAYS; way++) {
#ifndef MODULE
            subject("the program's own certificate is on the SSL again after the handshake");
            setting.info = NO_INFO;
            setting.way = (enum way)way;
            own_certificate(&own);
#endif
            setting.way = (enum way)way;
            setting.mode = 0;
            for (setting.info = 0; setting.info < INFOS; setting.info++)
                whole_table();
            /* With it, callbacks run on a small stack. */
            setting.mode = SSL_MODE_ASYNC;
            setting.info = INFO_ON_SSL;
            whole_table();
        }
        SSL_CTX_free(server_a);
        SSL_CTX_free(refusing_a);
        SSL_CTX_free(others[NAMES_B]);
        SSL_CTX_free(others[NAMES_C]);
        SSL_CTX_free(others[NAMES_NONE]);
    }
#ifndef MODULE
    certpick_selector_free(kept);
    free_identity(&own);
#endif
    free_identity(&ca_c);
    free_two(&two);
    return finish();
}
