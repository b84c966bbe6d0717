/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL that is used for another server, and requests that come later in a connection. */
#include "support.h"

#include "two_cas.h"

static void used_again(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *client = new_client(version);
    struct link link;
    SSL *ssl;

    subject("no certificate goes to a server that did not name its CA");
    CHECK(meet(&link, client, server_a));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    ssl = link.client;
    SSL_up_ref(ssl);
    close_link(&link);
    MUST(SSL_clear(ssl) && SSL_set_session(ssl, NULL));
    join_link(&link, ssl, server_b);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK(!arrived(&link, two->a.cert));
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void renegotiated(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_2_VERSION, &two->ca_a, (void *)NULL);
    SSL_CTX *client = new_client(TLS1_2_VERSION);
    struct link link;
    int round;

    subject("a handshake on the same connection gets what it asks for");
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    CHECK(meet(&link, client, server));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    name_cas(link.server, &two->ca_b, (void *)NULL);
    MUST(SSL_renegotiate(link.server) && SSL_do_handshake(link.server));
    /* The bytes may overtake the client's answer to the HelloRequest. */
    for (round = 0; round < 10 && SSL_renegotiate_pending(link.server); round++)
        CHECK(exchange_bytes(&link));
    CHECK(exchange_bytes(&link));
    CHECK_INT(SSL_num_renegotiations(link.client), 1);
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

static void asked_later(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    struct link link;

    subject("a request after the handshake gets what it asks for");
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    SSL_CTX_set_post_handshake_auth(client, 1);
    CHECK(meet(&link, client, server) && arrived(&link, NULL));
    MUST(SSL_verify_client_post_handshake(link.server) && SSL_do_handshake(link.server));
    CHECK(exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++)
        used_again(&two, tls_versions[i]);
    renegotiated(&two);
    asked_later(&two);
    free_two(&two);
    return finish();
}
