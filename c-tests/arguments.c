/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* NULL and invalid arguments: every function returns a status or a neutral value. */
#include "picking.h"

#define REFUSED(call) CHECK_INT((call), CERTPICK_ERROR_ARGUMENT)

static void null_selector(const struct pki *pki)
{
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL) *ssl = SSL_new(client);

    subject("NULL for a selector is an argument error or returns the neutral value");
    REFUSED(certpick_selector_up_ref(NULL));
    certpick_selector_free(NULL);
    REFUSED(certpick_selector_add_lists(NULL, "a.crt", "a.key", NULL));
    REFUSED(certpick_selector_add_lists(NULL, NULL, NULL, NULL));
    REFUSED(certpick_selector_add_files(NULL, "a.crt", "a.key", NULL));
    REFUSED(certpick_selector_add_credential(NULL, pki->a.cert, pki->a.key, NULL));
    REFUSED(certpick_selector_add_source(NULL, "a.crt", "a.key", NULL));
    REFUSED(certpick_selector_add_pem(NULL, "a", 1, "a", 1, NULL));
    REFUSED(certpick_selector_add_pem(NULL, NULL, 0, NULL, 0, NULL));
    REFUSED(certpick_selector_add_issuers(NULL, "a.crt"));
    REFUSED(certpick_selector_set_password_callback(NULL, refuse_password, NULL));
    REFUSED(certpick_selector_set_option(NULL, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON));
    CHECK_INT(certpick_selector_count(NULL), 0);
    REFUSED(certpick_selector_validate(NULL));
    CHECK(certpick_selector_error(NULL) != NULL);
    REFUSED(certpick_attach(client, NULL));
    REFUSED(certpick_attach_cert_cb(client, NULL));
    REFUSED(certpick_select(ssl, NULL));
}

static void check_neutral_values(SSL *ssl)
{
    CHECK_INT(certpick_outcome(ssl), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_message(ssl), "");
    CHECK_TEXT(certpick_explanation(ssl), "");
    CHECK(certpick_choice(ssl) == SIZE_MAX);
    CHECK_INT(certpick_verdict(ssl, 0), 0);
    CHECK_INT(certpick_verdict(ssl, SIZE_MAX), 0);
    CHECK(ssl == NULL || SSL_get_certificate(ssl) == NULL);
}

static void null_ssl(void)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);

    subject("NULL for an SSL or SSL_CTX is an argument error or returns the neutral value");
    REFUSED(certpick_attach(NULL, selector));
    REFUSED(certpick_attach_cert_cb(NULL, selector));
    REFUSED(certpick_select(NULL, selector));
    REFUSED(certpick_attach(NULL, NULL));
    REFUSED(certpick_attach_cert_cb(NULL, NULL));
    REFUSED(certpick_select(NULL, NULL));
    REFUSED(certpick_set_peer(NULL, "host", "user"));
    REFUSED(certpick_set_peer(NULL, NULL, NULL));
    check_neutral_values(NULL);

    subject("a failed certpick_attach does not freeze the selector");
    CHECK_OK(certpick_selector_add_files(selector, "b.crt", "b.key", NULL));
    CHECK_INT(certpick_selector_count(selector), 2);
}

static void null_values(const struct pki *pki)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);

    subject("NULL for a required value leaves the selector unchanged");
    CHECK_INT(certpick_is_list(NULL), 0);
    CHECK_INT(certpick_handles(NULL, NULL), 0);
    CHECK_INT(certpick_is_list(""), 0);
    REFUSED(certpick_selector_add_lists(selector, NULL, "b.key", NULL));
    REFUSED(certpick_selector_add_lists(selector, NULL, NULL, NULL));
    REFUSED(certpick_selector_add_files(selector, NULL, "b.key", NULL));
    REFUSED(certpick_selector_add_credential(selector, NULL, pki->b.key, NULL));
    REFUSED(certpick_selector_add_credential(selector, pki->b.cert, NULL, NULL));
    REFUSED(certpick_selector_add_credential(selector, NULL, NULL, NULL));
    REFUSED(certpick_selector_add_source(selector, NULL, "b.key", NULL));
    REFUSED(certpick_selector_add_pem(selector, NULL, 0, NULL, 0, NULL));
    REFUSED(certpick_selector_add_issuers(selector, NULL));
    CHECK(certpick_selector_error(selector)[0] != '\0');
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("an empty certificate name is an error");
    CHECK(certpick_selector_add_lists(selector, "", NULL, NULL) != CERTPICK_OK);
    CHECK(certpick_selector_add_lists(selector, "", "", "") != CERTPICK_OK);
    CHECK(certpick_selector_add_files(selector, "", NULL, NULL) != CERTPICK_OK);
    CHECK(certpick_selector_add_files(selector, "", "b.key", "") != CERTPICK_OK);
    CHECK(certpick_selector_add_issuers(selector, "") != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("a NULL password callback removes the earlier one");
    CHECK_OK(certpick_selector_set_password_callback(selector, refuse_password, selector));
    CHECK_OK(certpick_selector_set_password_callback(selector, NULL, NULL));
    CHECK_OK(certpick_selector_validate(selector));
}

static void before_a_handshake(void)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *ctx = new_client(TLS1_3_VERSION);
    SCOPED(SSL) *ssl = SSL_new(ctx);

    subject("an SSL without a selector has the neutral values");
    check_neutral_values(ssl);

    subject("host and user of the peer are optional");
    CHECK_OK(certpick_set_peer(ssl, NULL, NULL));
    CHECK_OK(certpick_set_peer(ssl, "host", NULL));
    CHECK_OK(certpick_set_peer(ssl, NULL, "user"));
    CHECK_OK(certpick_set_peer(ssl, "", ""));
    CHECK_OK(certpick_set_peer(ssl, "\xff\xfe", "\xff\xfe"));
    check_neutral_values(ssl);

    subject("certpick_select before a CertificateRequest installs nothing");
    SSL_set_connect_state(ssl);
    certpick_select(ssl, selector);
    check_neutral_values(ssl);

    subject("an SSL with a selector and without a handshake has the neutral values");
    CHECK_OK(certpick_attach(ctx, selector));
    SCOPED(SSL) *attached = SSL_new(ctx);
    check_neutral_values(attached);

    subject("certpick_select installs nothing on a server's SSL");
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION);
    SCOPED(SSL) *server_ssl = SSL_new(server);
    SSL_set_accept_state(server_ssl);
    certpick_select(server_ssl, selector);
    CHECK_DECISION(server_ssl, CERTPICK_OUTCOME_NOT_ASKED, SIZE_MAX);
}

static void indices_out_of_range(const struct pki *pki)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    struct link link;

    subject("the verdict of an index beyond the last credential is 0");
    CHECK(connect_selector(&link, TLS1_3_VERSION, selector, server));
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), 0);
    CHECK_INT(certpick_verdict(link.client, 2), 0);
    CHECK_INT(certpick_verdict(link.client, SIZE_MAX), 0);
    CHECK_INT(certpick_verdict(link.client, SIZE_MAX / 2 + 1), 0);
    close_link(&link);
}

static void empty_selector(void)
{
    subject("an empty selector sends no certificate");
    for (size_t i = 0; i < 2; i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();
        SCOPED(SSL_CTX) *server = new_server(tls_versions[i]);
        struct link link;

        CHECK(connect_selector(&link, tls_versions[i], selector, server));
        CHECK_ARRIVED(&link, NULL);
        CHECK_DECISION(link.client, CERTPICK_OUTCOME_NONE_SUITABLE, SIZE_MAX);
        close_link(&link);
    }
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    null_selector(&pki);
    null_ssl();
    null_values(&pki);
    before_a_handshake();
    indices_out_of_range(&pki);
    empty_selector();
    return finish();
}
