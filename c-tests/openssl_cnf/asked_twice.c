/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server that asks twice after the handshake of TLS 1.3, and names another CA the second time. */
#include "support.h"

#include "two_cas.h"

static void asked_twice(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    struct link link;

    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    SSL_CTX_set_post_handshake_auth(client, 1);
    subject("the first request after the handshake gets what it asks for");
    CHECK(meet(&link, client, server) && arrived(&link, NULL));
    MUST(SSL_verify_client_post_handshake(link.server) && SSL_do_handshake(link.server));
    CHECK(exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    subject("the second gets what it asks for, or nothing");
    name_cas(link.server, &two->ca_b, (void *)NULL);
    MUST(SSL_verify_client_post_handshake(link.server) && SSL_do_handshake(link.server));
    CHECK(exchange_bytes(&link));
    CHECK(!arrived(&link, two->a.cert));
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;

    make_two(&two);
    asked_twice(&two);
    free_two(&two);
    return finish();
}
