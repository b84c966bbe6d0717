/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SSL and SSL_CTX copied, cleared and freed in every order. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>

static void only_the_context_is_left(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    struct link link, later;

    subject("the program's own reference may go as soon as the selector is attached");
    use_selector(client, selector, way);
    certpick_selector_free(selector);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);

    subject("an SSL outlives its SSL_CTX, and so does what it knows");
    open_link(&later, client, server);
    CHECK_INT(certpick_set_peer(later.client, "db.example", "b"), CERTPICK_OK);
    SSL_CTX_free(client);
    CHECK(shake_hands(&later) && exchange_bytes(&later));
    CHECK_ARRIVED(&later, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_choice(link.client), 1);
    CHECK_HAS(certpick_explanation(link.client), "b.crt");
    CHECK_HAS(certpick_explanation(later.client), "b.crt");
    close_link(&later);
    close_link(&link);
    SSL_CTX_free(server);
}

static void never_used(enum way way)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl;

    subject("what is attached and never used is freed");
    use_selector(client, selector, way);
    ssl = SSL_new(client);
    CHECK_INT(certpick_set_peer(ssl, "host", "user"), CERTPICK_OK);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    SSL_free(ssl);

    client = new_client(TLS1_3_VERSION);
    selector = new_selector("a.crt", "a.key", NULL);
    use_selector(client, selector, way);
    certpick_selector_free(selector);
    SSL_CTX_free(client);
}

static void copied(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    SSL *original, *copy;
    struct link link;

    use_selector(client, selector, way);
    original = SSL_new(client);
    SSL_set_connect_state(original);
    CHECK_INT(certpick_set_peer(original, "db.example", "a"), CERTPICK_OK);
    copy = SSL_dup(original);
    MUST(copy != NULL && copy != original);

    subject("a copy of an SSL picks for itself");
    join_link(&link, copy, server);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(copy), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_outcome(original), CERTPICK_OUTCOME_NOT_ASKED);
    close_link(&link);

    subject("an SSL outlives its copy");
    CHECK_INT(certpick_set_peer(original, "db.example", "b"), CERTPICK_OK);
    join_link(&link, original, server);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(original), CERTPICK_OUTCOME_SENT);

    subject("a copy of a connected SSL is that SSL");
    copy = SSL_dup(link.client);
    MUST(copy != NULL);
    CHECK_INT(certpick_outcome(copy), CERTPICK_OUTCOME_SENT);
    SSL_free(copy);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);

    subject("a copy outlives the original and the context");
    original = SSL_new(client);
    SSL_set_connect_state(original);
    CHECK_INT(certpick_set_peer(original, "db.example", "b"), CERTPICK_OK);
    copy = SSL_dup(original);
    MUST(copy != NULL);
    SSL_free(original);
    SSL_CTX_free(client);
    join_link(&link, copy, server);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

/* SSL_clear keeps the session: without this the next handshake would resume it. */
static void clear(SSL *ssl)
{
    SSL_shutdown(ssl);
    MUST(SSL_clear(ssl));
    MUST(SSL_set_session(ssl, NULL));
}

static void cleared(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;
    SSL *ssl;

    subject("an SSL that was cleared shakes hands again");
    use_selector(client, selector, way);
    ssl = SSL_new(client);
    join_link(&link, ssl, server_a);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(ssl), 0);
    clear(ssl);
    SSL_free(link.server);

    /* The certificate of the first handshake would stay on the SSL by itself. */
    join_link(&link, ssl, server_b);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(ssl), 1);
    CHECK_INT(certpick_verdict(ssl, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    certpick_selector_free(selector);
}

static certpick_selector *selects_too_early;
static certpick_status status;

static void select_at_once(const SSL *ssl, int kind, int value)
{
    (void)value;
    if (kind == SSL_CB_CONNECT_LOOP && !SSL_in_before(ssl) && SSL_get_session(ssl) == NULL)
        status = certpick_select((SSL *)ssl, selects_too_early);
}

static void at_the_wrong_time(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_a, (void *)NULL);
    struct link link;
    SSL *ssl;

    subject("certpick_select is refused before the server has asked");
    use_selector(client, selector, way);
    selects_too_early = selector;
    status = CERTPICK_OK;
    SSL_CTX_set_info_callback(client, select_at_once);
    ssl = SSL_new(client);
    join_link(&link, ssl, server);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_INT(status, CERTPICK_ERROR_ARGUMENT);
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    ERR_clear_error();

    subject("a handshake that fails before it has begun has no outcome");
    SSL_CTX_set_info_callback(client, NULL);
    clear(ssl);
    MUST(SSL_set_min_proto_version(ssl, TLS1_3_VERSION));
    MUST(SSL_set_max_proto_version(ssl, TLS1_2_VERSION));
    CHECK(SSL_do_handshake(ssl) != 1);
    CHECK_INT(certpick_outcome(ssl), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_message(ssl), "");
    ERR_clear_error();
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void freed_in_the_middle(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_a, (void *)NULL);
    struct link link;

    subject("a handshake that is given up half way leaves nothing behind");
    use_selector(client, selector, way);
    open_link(&link, client, server);
    SSL_do_handshake(link.client);
    SSL_do_handshake(link.server);
    SSL_do_handshake(link.client);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    close_link(&link);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;
    int i;

    enter_work_dir();
    make_two(&two);
    never_used(BY_CLIENT_CERT_CB);
    never_used(BY_CERT_CB);
    for (i = 0; i < 2; i++) {
        only_the_context_is_left(&two, tls_versions[i], BY_CLIENT_CERT_CB);
        only_the_context_is_left(&two, tls_versions[i], BY_CERT_CB);
        copied(&two, tls_versions[i], BY_CLIENT_CERT_CB);
        copied(&two, tls_versions[i], BY_CERT_CB);
        cleared(&two, tls_versions[i], BY_CLIENT_CERT_CB);
        cleared(&two, tls_versions[i], BY_CERT_CB);
        at_the_wrong_time(&two, tls_versions[i], BY_CLIENT_CERT_CB);
        at_the_wrong_time(&two, tls_versions[i], BY_CERT_CB);
        freed_in_the_middle(&two, tls_versions[i], BY_CLIENT_CERT_CB);
        freed_in_the_middle(&two, tls_versions[i], BY_CERT_CB);
    }
    free_two(&two);
    return finish();
}
