/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* NULL and nonsense for every function: a status or the neutral value, never a crash. */
#include "support.h"

#include "picking.h"

static int no_password(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf;
    (void)size;
    (void)key_file;
    (void)arg;
    return -1;
}

static void no_selector(const struct two *two)
{
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl = SSL_new(client);

    subject("NULL for a selector is an argument error or the neutral value");
    CHECK_INT(certpick_selector_up_ref(NULL), CERTPICK_ERROR_ARGUMENT);
    certpick_selector_free(NULL);
    CHECK_INT(certpick_selector_add_lists(NULL, "a.crt", "a.key", NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_lists(NULL, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_files(NULL, "a.crt", "a.key", NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_credential(NULL, two->a.cert, two->a.key, NULL),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_issuers(NULL, "a.crt"), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_password_callback(NULL, no_password, NULL),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_option(NULL, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_count(NULL), 0);
    CHECK_INT(certpick_selector_validate(NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK(certpick_selector_error(NULL) != NULL);
    CHECK_INT(certpick_attach(client, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_attach_cert_cb(client, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_select(ssl, NULL), CERTPICK_ERROR_ARGUMENT);
    SSL_free(ssl);
    SSL_CTX_free(client);
}

static void no_ssl(void)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);

    subject("NULL for an SSL or SSL_CTX is an argument error or the neutral value");
    CHECK_INT(certpick_attach(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_attach_cert_cb(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_select(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_attach(NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_attach_cert_cb(NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_select(NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_set_peer(NULL, "host", "user"), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_set_peer(NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_outcome(NULL), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_message(NULL), "");
    CHECK_TEXT(certpick_explanation(NULL), "");
    CHECK(certpick_choice(NULL) == SIZE_MAX);
    CHECK_INT(certpick_verdict(NULL, 0), 0);
    CHECK_INT(certpick_verdict(NULL, SIZE_MAX), 0);

    subject("an attempt to attach to nothing does not freeze the selector");
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", "b.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 2);
    certpick_selector_free(selector);
}

static void no_values(const struct two *two)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);

    subject("NULL for a value that must be there leaves the selector as it was");
    CHECK_INT(certpick_is_list(NULL), 0);
    CHECK_INT(certpick_is_list(""), 0);
    CHECK_INT(certpick_selector_add_lists(selector, NULL, "b.key", NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_lists(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_files(selector, NULL, "b.key", NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_credential(selector, NULL, two->b.key, NULL),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_credential(selector, two->b.cert, NULL, NULL),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_credential(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_issuers(selector, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK(certpick_selector_error(selector)[0] != '\0');
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("an empty name of a certificate is an error");
    CHECK(certpick_selector_add_lists(selector, "", NULL, NULL) != CERTPICK_OK);
    CHECK(certpick_selector_add_lists(selector, "", "", "") != CERTPICK_OK);
    CHECK(certpick_selector_add_files(selector, "", NULL, NULL) != CERTPICK_OK);
    CHECK(certpick_selector_add_files(selector, "", "b.key", "") != CERTPICK_OK);
    CHECK(certpick_selector_add_issuers(selector, "") != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("no password callback is as good as none");
    CHECK_INT(certpick_selector_set_password_callback(selector, no_password, selector), CERTPICK_OK);
    CHECK_INT(certpick_selector_set_password_callback(selector, NULL, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
}

static void nothing_happened_yet(SSL *ssl)
{
    CHECK_INT(certpick_outcome(ssl), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_message(ssl), "");
    CHECK_TEXT(certpick_explanation(ssl), "");
    CHECK(certpick_choice(ssl) == SIZE_MAX);
    CHECK_INT(certpick_verdict(ssl, 0), 0);
    CHECK_INT(certpick_verdict(ssl, SIZE_MAX), 0);
    CHECK(SSL_get_certificate(ssl) == NULL);
}

static void before_a_handshake(void)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *ctx = new_client(TLS1_3_VERSION);
    SSL *ssl = SSL_new(ctx);

    subject("an SSL that certpick never saw has the neutral values");
    nothing_happened_yet(ssl);

    subject("nothing need be known of the peer");
    CHECK_INT(certpick_set_peer(ssl, NULL, NULL), CERTPICK_OK);
    CHECK_INT(certpick_set_peer(ssl, "host", NULL), CERTPICK_OK);
    CHECK_INT(certpick_set_peer(ssl, NULL, "user"), CERTPICK_OK);
    CHECK_INT(certpick_set_peer(ssl, "", ""), CERTPICK_OK);
    CHECK_INT(certpick_set_peer(ssl, "\xff\xfe", "\xff\xfe"), CERTPICK_OK);
    nothing_happened_yet(ssl);

    subject("to select before any request came installs nothing");
    SSL_set_connect_state(ssl);
    certpick_select(ssl, selector);
    nothing_happened_yet(ssl);
    SSL_free(ssl);

    subject("attached, an SSL without a handshake has the neutral values");
    CHECK_INT(certpick_attach(ctx, selector), CERTPICK_OK);
    ssl = SSL_new(ctx);
    nothing_happened_yet(ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);

    subject("on a server's SSL nothing is installed");
    ctx = new_server(TLS1_3_VERSION, (void *)NULL);
    ssl = SSL_new(ctx);
    SSL_set_accept_state(ssl);
    certpick_select(ssl, selector);
    CHECK_INT(certpick_outcome(ssl), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK(certpick_choice(ssl) == SIZE_MAX);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    certpick_selector_free(selector);
}

static void huge_indices(const struct two *two)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    subject("a verdict beyond the last credential is 0");
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), 0);
    CHECK_INT(certpick_verdict(link.client, 2), 0);
    CHECK_INT(certpick_verdict(link.client, SIZE_MAX), 0);
    CHECK_INT(certpick_verdict(link.client, SIZE_MAX / 2 + 1), 0);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void empty_selector(void)
{
    size_t i;

    subject("a selector without credentials sends none");
    for (i = 0; i < 2; i++) {
        certpick_selector *selector = certpick_selector_new();
        SSL_CTX *server = new_server(tls_versions[i], (void *)NULL);
        struct link link;

        CHECK(connect_picking(&link, tls_versions[i], selector, server));
        CHECK_ARRIVED(&link, NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
        CHECK(certpick_choice(link.client) == SIZE_MAX);
        close_link(&link);
        SSL_CTX_free(server);
        certpick_selector_free(selector);
    }
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    no_selector(&two);
    no_ssl();
    no_values(&two);
    before_a_handshake();
    huge_indices(&two);
    empty_selector();
    free_two(&two);
    return finish();
}
