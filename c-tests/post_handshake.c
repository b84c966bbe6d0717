/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server that asks again later, then for another CA: after the handshake in TLS 1.3, by another
   handshake in TLS 1.2. */
#include "support.h"

#include "picking.h"

/* Ask once more, naming the CAs given to name_cas before. */
static int ask_again(struct link *link)
{
    MUST(SSL_verify_client_post_handshake(link->server) == 1);
    MUST(SSL_do_handshake(link->server) == 1);
    return exchange_bytes(link);
}

static void asks_twice(const struct two *two, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    struct link link;

    use_selector(client, selector, way);
    SSL_CTX_set_post_handshake_auth(client, 1);

    subject("a second request for another CA gets the other certificate");
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(link.client), 0);
    name_cas(link.server, &two->ca_b, (void *)NULL);
    CHECK(ask_again(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_choice(link.client), 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), 0);

    subject("a third one for a stranger gets none, not the one sent before");
    name_cas(link.server, &two->a, (void *)NULL);
    CHECK(ask_again(&link));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    CHECK_ARRIVED(&link, NULL);

    subject("a fourth one for the first CA gets the first certificate");
    name_cas(link.server, &two->ca_a, (void *)NULL);
    CHECK(ask_again(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(link.client), 0);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void asks_only_afterwards(const struct two *two, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    use_selector(client, selector, way);
    SSL_CTX_set_post_handshake_auth(client, 1);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);

    subject("a request that comes only after the handshake is answered");
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK(ask_again(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_choice(link.client), 1);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void renegotiates(const struct two *two, enum way way)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *client = new_client(TLS1_2_VERSION);
    SSL_CTX *server = new_server(TLS1_2_VERSION, &two->ca_a, (void *)NULL);
    struct link link;
    int round;

    subject("a server that renegotiates for another CA gets the other certificate");
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    use_selector(client, selector, way);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    name_cas(link.server, &two->ca_b, (void *)NULL);
    MUST(SSL_renegotiate(link.server) == 1);
    MUST(SSL_do_handshake(link.server) == 1);
    /* The bytes may overtake the client's answer to the HelloRequest. */
    for (round = 0; round < 10 && SSL_renegotiate_pending(link.server); round++)
        CHECK(exchange_bytes(&link));
    CHECK(exchange_bytes(&link));
    CHECK_INT(SSL_num_renegotiations(link.client), 1);
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(link.client), 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    asks_twice(&two, BY_CLIENT_CERT_CB);
    asks_twice(&two, BY_CERT_CB);
    asks_twice(&two, BY_OWN_CERT_CB);
    renegotiates(&two, BY_CLIENT_CERT_CB);
    renegotiates(&two, BY_CERT_CB);
    renegotiates(&two, BY_OWN_CERT_CB);
    asks_only_afterwards(&two, BY_CLIENT_CERT_CB);
    asks_only_afterwards(&two, BY_CERT_CB);
    asks_only_afterwards(&two, BY_OWN_CERT_CB);
    free_two(&two);
    return finish();
}
