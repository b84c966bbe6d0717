/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL that has connected to server A is cleared, copied, shared or used again for another
   server, in every way that OpenSSL offers. It sends the same certificate as a new SSL. Compiled
   twice: with certpick, and with -DMODULE for a process whose openssl.cnf activates the module. */
#include "reuse.h"

/* --- ways to reuse an SSL: each returns an SSL for the next server and frees its argument --- */

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
    SCOPED(SSL_CTX) *other = make_client();

    MUST(SSL_clear(ssl) && SSL_set_session(ssl, NULL));
    MUST(SSL_set_SSL_CTX(ssl, other) == other);
    return ssl;
}

static SSL *(*const reuses[])(SSL *) = {cleared, duplicated, sharing, of_a_bio, of_another_context};

static void check_sent(SSL *ssl, enum next next)
{
    SCOPED(X509) *expected = sent_by_new_ssl(others[next]), *sent = sent_to(ssl, others[next]);

    CHECK(sent == NULL || X509_cmp(sent, pki.a.cert) != 0);
    check_same(sent, expected);
    if (setting.info == INFO_ON_SSL)
        CHECK(SSL_get_info_callback(ssl) == on_info);
    else
        CHECK(SSL_get_info_callback(ssl) == NULL);
}

static void used_again(enum ending ending, enum next next)
{
    for (size_t i = 0; i < COUNT(reuses); i++) {
        SCOPED(SSL_CTX) *ctx = make_client();
        SCOPED(SSL) *ssl = make_ssl(ctx);

        connect_to_a(ssl, ending);
        /* An interrupted handshake must be cleared first, because SSL_dup() would return the same
           SSL. */
        seen.length = 0;
        ssl = reuses[i](ssl);
        check_sent(ssl, next);
        if (setting.info != NO_INFO)
            CHECK(seen.length > 0);
        seen.length = 0;
    }
}

static void copied_before(enum next next)
{
    SCOPED(SSL_CTX) *ctx = make_client();
    SCOPED(SSL) *ssl = make_ssl(ctx), *copy = SSL_dup(ssl);

    MUST(copy != NULL && copy != ssl);
    connect_to_a(ssl, COMPLETE);
    check_sent(copy, next);
    check_sent(cleared(ssl), next);
    seen.length = 0;
}

#ifndef MODULE
/* SSL_copy_session_id() could copy the certificate to an SSL that certpick does not know. */
static void shared_with_plain_ssl(enum ending ending, enum next next)
{
    SCOPED(SSL_CTX) *ctx = make_client(), *plain_ctx = new_client(setting.version);
    SCOPED(SSL) *plain = SSL_new(plain_ctx);
    SSL *ssl = make_ssl(ctx);

    connect_to_a(ssl, ending);
    plain = sharing_with(ssl, plain);
    /* SSL_copy_session_id() copies the program's cert_cb, too. */
    if (setting.way != BY_OWN_CERT_CB) {
        SCOPED(X509) *sent = sent_to(plain, others[next]);

        CHECK(sent == NULL);
    }
    seen.length = 0;
}
#endif

static void later_request(enum next next)
{
    SCOPED(X509) *expected = sent_by_new_ssl(others[next]), *sent = NULL;
    SCOPED(SSL_CTX) *ctx = make_client();
    SCOPED(SSL) *ssl = make_ssl(ctx);
    struct link link;

    join(&link, ssl, server_a);
    CHECK(complete_link(&link));
    if (next == NAMES_NONE)
        name_cas(link.server);
    else
        name_cas(link.server, next == NAMES_B ? &pki.ca_b : &ca_c);
    CHECK(request_again(&link));
    sent = SSL_get_peer_certificate(link.server);
    check_same(sent, expected);
    seen.length = 0;
    close_link(&link);
}

static void (*replaced)(const SSL *ssl, int kind, int value);

static void wrapper(const SSL *ssl, int kind, int value)
{
    seen.length = 0;
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

static void info_callback_replaced(enum next next)
{
    SCOPED(X509) *expected = sent_by_new_ssl(others[next]), *sent = NULL;
    SCOPED(SSL_CTX) *ctx = make_client();
    SCOPED(SSL) *ssl = make_ssl(ctx);

    replaced = NULL;
    SSL_CTX_set_info_callback(ctx, replace);
    connect_to_a(ssl, COMPLETE);
    CHECK(SSL_get_info_callback(ssl) == wrapper && replaced != NULL);
    sent = sent_to(cleared(ssl), others[next]);
    check_same(sent, expected);
    CHECK(SSL_get_info_callback(ssl) == wrapper);
}

/* Compares the events with those of a program that sets the certificate itself. */
static void info_callback_events(void)
{
    SCOPED(SSL_CTX) *ctx = make_client(), *plain = new_client(setting.version);
    SCOPED(SSL) *ssl = make_ssl(ctx), *by_hand = SSL_new(plain);
    struct events expected;
    struct link link;

    seen.length = 0;
    X509_free(sent_to(ssl, server_a));
    expected = seen;
    seen.length = 0;
    MUST(SSL_use_certificate(by_hand, pki.a.cert) && SSL_use_PrivateKey(by_hand, pki.a.key));
    SSL_set_info_callback(by_hand, on_info);
    SSL_set_mode(by_hand, setting.mode);
    SSL_set_post_handshake_auth(by_hand, 1);
    subject("the program's info callback gets every event once");
    join(&link, by_hand, server_a);
    CHECK(complete_link(&link));
    close_link(&link);
    CHECK_INT(expected.length, seen.length);
    CHECK(memcmp(expected.list, seen.list, seen.length * sizeof(struct event)) == 0);
    seen.length = 0;
}

#ifndef MODULE
/* The program's RSA certificate suits every server except one, for which certpick chooses. */
static void own_certificate(const struct identity *own)
{
    SCOPED(SSL_CTX) *ecdsa_only = new_server(setting.version, &pki.ca_a);

    MUST(SSL_CTX_set1_client_sigalgs_list(ecdsa_only, "ECDSA+SHA256"));
    setting.own = own;
    for (enum next next = 0; next < NEXTS; next++) {
        SCOPED(SSL_CTX) *ctx = make_client();
        SCOPED(SSL) *ssl = make_ssl(ctx);
        SCOPED(X509) *sent = sent_to(ssl, ecdsa_only);

        check_same(sent, pki.a.cert);
        check_sent(cleared(ssl), next);
        CHECK(SSL_get_privatekey(ssl) == own->key);
        seen.length = 0;
    }
    setting.own = NULL;
}
#endif

static void run_all(void)
{
    enum ending ending;
    enum next next;

    for (next = 0; next < NEXTS; next++) {
        for (ending = 0; ending < ENDINGS; ending++) {
            subject("an SSL that is used again sends the same certificate as a new one");
            used_again(ending, next);
#ifndef MODULE
            subject("SSL_copy_session_id copies no certificate of certpick");
            shared_with_plain_ssl(ending, next);
#endif
        }
        subject("an SSL that is copied before its first use and its copy make their own choices");
        copied_before(next);
        subject("a later request in the same connection gets the same certificate as a new SSL "
                "sends");
        later_request(next);
    }
    if (setting.info != NO_INFO)
        info_callback_events();
    subject("an info callback that replaces certpick's and calls it remains installed");
    if (setting.info == NO_INFO)
        for (next = 0; next < NEXTS; next++)
            info_callback_replaced(next);
}

int main(void)
{
    int way;
#ifndef MODULE
    static const struct traits rsa = {.kind = KEY_RSA};
    struct identity own;
#endif

    set_up_pki(&pki, PASSWORD);
    ca_c = new_root("CA C");
#ifndef MODULE
    /* b comes first, so that it is sent to a server that names no CA. */
    selector = new_selector("b.crt,a.crt", "b.key,a.key", NULL);
    own = new_leaf_with("own", &pki.ca_b, &rsa);
#endif
    for (int version = 0; version < 2; version++) {
        setting.version = tls_versions[version];
        server_a = new_server(setting.version, &pki.ca_a);
        refusing_a = new_server(setting.version, &pki.ca_a);
        SSL_CTX_set_cert_verify_callback(refusing_a, refuse, NULL);
        others[NAMES_B] = new_server(setting.version, &pki.ca_b);
        others[NAMES_C] = new_server(setting.version, &ca_c);
        others[NAMES_NONE] = new_server(setting.version);
        SSL_CTX_set_options(server_a, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
        for (way = 0; way < WAYS; way++) {
#ifndef MODULE
            subject("the program's certificate is on the SSL again after the handshake");
            setting.info = NO_INFO;
            setting.way = (enum way)way;
            own_certificate(&own);
#endif
            setting.way = (enum way)way;
            setting.mode = 0;
            for (setting.info = 0; setting.info < INFOS; setting.info++)
                run_all();
            /* In this mode OpenSSL runs callbacks on a small stack. */
            setting.mode = SSL_MODE_ASYNC;
            setting.info = INFO_ON_SSL;
            run_all();
        }
        SSL_CTX_free(server_a);
        SSL_CTX_free(refusing_a);
        SSL_CTX_free(others[NAMES_B]);
        SSL_CTX_free(others[NAMES_C]);
        SSL_CTX_free(others[NAMES_NONE]);
    }
#ifndef MODULE
    certpick_selector_free(selector);
#endif
    return finish();
}
