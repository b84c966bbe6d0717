/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that uses certpick itself, in each way: only its own list is used, even if no entry of
   it is suitable and a certificate of openssl.cnf is. */
#include "../picking.h"

static void only_own_list(const struct pki *pki, int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(version);
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    struct link link;

    subject("a credential of the program's list is sent");
    use_selector(client, selector, way);
    CHECK_SENDS(client, server_a, pki->a.cert);
    subject("a credential of openssl.cnf is not sent");
    CHECK_CONNECTS(&link, client, server_b, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    close_link(&link);
    SSL_CTX_free(client);

    subject("an SSL_CTX without a selector uses the credentials of openssl.cnf");
    client = new_client(version);
    CHECK_SENDS(client, server_b, pki->b.cert);
    SSL_CTX_free(client);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    for (int i = 0; i < 2; i++)
        for (int way = 0; way < WAYS; way++)
            only_own_list(&pki, tls_versions[i], (enum way)way);
    return finish();
}
