/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SSL and SSL_CTX objects are copied, cleared and freed in any order. */
#include "picking.h"

#include <openssl/err.h>

static void context_has_last_reference(const struct pki *pki, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);
    struct link link, later;

    subject("the program may free the selector after attaching it");
    use_selector(client, selector, way);
    certpick_selector_free(selector);
    CHECK_CONNECTS(&link, client, server, pki->b.cert);

    subject("an SSL and its decision remain valid after the SSL_CTX is freed");
    open_link(&later, client, server);
    CHECK_OK(certpick_set_peer(later.client, "db.example", "b"));
    SSL_CTX_free(client);
    CHECK_COMPLETES(&later, pki->b.cert);
    CHECK_DECISION(link.client, CERTPICK_OUTCOME_SENT, 1);
    CHECK_HAS(certpick_explanation(link.client), "b.crt");
    CHECK_HAS(certpick_explanation(later.client), "b.crt");
    close_link(&later);
    close_link(&link);
}

static void never_used(enum way way, int with_ssl)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl = NULL;

    subject("a selector that is attached and never used is freed");
    use_selector(client, selector, way);
    if (with_ssl) {
        ssl = SSL_new(client);
        CHECK_OK(certpick_set_peer(ssl, "host", "user"));
    } else {
        certpick_selector_free(selector);
        selector = NULL;
    }
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    SSL_free(ssl);
}

/* Returns an SSL for a copy. */
static SSL *new_client_ssl(SSL_CTX *client, const char *user)
{
    SSL *ssl = SSL_new(client);

    SSL_set_connect_state(ssl);
    CHECK_OK(certpick_set_peer(ssl, "db.example", user));
    return ssl;
}

static void copied(const struct pki *pki, int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);
    SSL *original, *copy;
    struct link link;

    use_selector(client, selector, way);
    original = new_client_ssl(client, "a");
    copy = SSL_dup(original);
    MUST(copy != NULL && copy != original);

    subject("a copy of an SSL makes its own choice");
    join_link(&link, copy, server);
    CHECK_COMPLETES(&link, pki->b.cert);
    CHECK_INT(certpick_outcome(copy), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_outcome(original), CERTPICK_OUTCOME_NOT_ASKED);
    close_link(&link);

    subject("an SSL remains valid after its copy is freed");
    CHECK_OK(certpick_set_peer(original, "db.example", "b"));
    join_link(&link, original, server);
    CHECK_COMPLETES(&link, pki->b.cert);
    CHECK_INT(certpick_outcome(original), CERTPICK_OUTCOME_SENT);

    subject("SSL_dup of a connected SSL returns the same SSL");
    copy = SSL_dup(link.client);
    MUST(copy != NULL);
    CHECK_INT(certpick_outcome(copy), CERTPICK_OUTCOME_SENT);
    SSL_free(copy);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);

    subject("a copy remains valid after the original and the context are freed");
    original = new_client_ssl(client, "b");
    copy = SSL_dup(original);
    MUST(copy != NULL);
    SSL_free(original);
    SSL_CTX_free(client);
    join_link(&link, copy, server);
    CHECK_COMPLETES(&link, pki->b.cert);
    close_link(&link);
}

/* SSL_clear keeps the session: without this the next handshake would resume it. */
static void clear(SSL *ssl)
{
    SSL_shutdown(ssl);
    MUST(SSL_clear(ssl));
    MUST(SSL_set_session(ssl, NULL));
}

static void cleared(const struct pki *pki, int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    struct link link;
    SSL *ssl;

    subject("an SSL can be used again after SSL_clear");
    use_selector(client, selector, way);
    ssl = SSL_new(client);
    join_link(&link, ssl, server_a);
    CHECK_COMPLETES(&link, pki->a.cert);
    CHECK_INT(certpick_choice(ssl), 0);
    clear(ssl);
    SSL_free(link.server);

    /* OpenSSL keeps the certificate of the first handshake on the SSL. */
    join_link(&link, ssl, server_b);
    CHECK_COMPLETES(&link, pki->b.cert);
    CHECK_INT(certpick_choice(ssl), 1);
    CHECK_INT(certpick_verdict(ssl, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

static certpick_selector *early_selector;
static certpick_status status;

static void select_early(const SSL *ssl, int kind, int value)
{
    (void)value;
    if (kind == SSL_CB_CONNECT_LOOP && !SSL_in_before(ssl) && SSL_get_session(ssl) == NULL)
        status = certpick_select((SSL *)ssl, early_selector);
}

static void select_before_request(const struct pki *pki, int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki->ca_a);
    struct link link;
    SSL *ssl;

    subject("certpick_select before the CertificateRequest is refused");
    use_selector(client, selector, way);
    early_selector = selector;
    status = CERTPICK_OK;
    SSL_CTX_set_info_callback(client, select_early);
    ssl = SSL_new(client);
    join_link(&link, ssl, server);
    CHECK(complete_link(&link));
    CHECK_INT(status, CERTPICK_ERROR_ARGUMENT);
    CHECK_ARRIVED(&link, pki->a.cert);
    ERR_clear_error();

    subject("a handshake that fails before it begins has no outcome");
    SSL_CTX_set_info_callback(client, NULL);
    clear(ssl);
    MUST(SSL_set_min_proto_version(ssl, TLS1_3_VERSION));
    MUST(SSL_set_max_proto_version(ssl, TLS1_2_VERSION));
    CHECK(SSL_do_handshake(ssl) != 1);
    CHECK_INT(certpick_outcome(ssl), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_message(ssl), "");
    ERR_clear_error();
    close_link(&link);
}

static void freed_during_handshake(const struct pki *pki, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(version);
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_a);
    struct link link;

    subject("an SSL can be freed during the handshake");
    use_selector(client, selector, way);
    open_link(&link, client, server);
    SSL_do_handshake(link.client);
    SSL_do_handshake(link.server);
    SSL_do_handshake(link.client);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    close_link(&link);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way <= BY_CERT_CB; way++) {
            never_used(way, i);
            context_has_last_reference(&pki, tls_versions[i], way);
            copied(&pki, tls_versions[i], way);
            cleared(&pki, tls_versions[i], way);
            select_before_request(&pki, tls_versions[i], way);
            freed_during_handshake(&pki, tls_versions[i], way);
        }
    }
    return finish();
}
