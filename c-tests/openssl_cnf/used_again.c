/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL that is cleared and used again, for another server: what was another's is not sent to it. */
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
    rejoin(&link, ssl, server_b);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK(!arrived(&link, two->a.cert));
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++)
        used_again(&two, tls_versions[i]);
    free_two(&two);
    return finish();
}
