/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that uses certpick itself, by each of its ways: its own list counts, also where none of it
   suits and a certificate of openssl.cnf would. */
#include "support.h"

#include "../picking.h"

static void none_of_its_own_suits(const struct two *two, int version, enum way way)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;

    subject("what is its own is sent");
    use_selector(client, selector, way);
    CHECK(connect_link(&link, client, server_a) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    close_link(&link);
    subject("what is not its own is not");
    CHECK(connect_link(&link, client, server_b) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    close_link(&link);
    SSL_CTX_free(client);

    subject("an SSL_CTX without a selector of its own is served");
    client = new_client(version);
    CHECK(connect_link(&link, client, server_b) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    certpick_selector_free(selector);
}

int main(void)
{
    struct two two;
    int i, way;

    enter_work_dir();
    make_two(&two);
    for (i = 0; i < 2; i++)
        for (way = 0; way < WAYS; way++)
            none_of_its_own_suits(&two, tls_versions[i], (enum way)way);
    free_two(&two);
    return finish();
}
