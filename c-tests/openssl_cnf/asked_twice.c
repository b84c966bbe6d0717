/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server sends two post-handshake requests in TLS 1.3. The second one names another CA. */
#include "two_cas.h"

static void asked_twice(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    struct link link;

    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    SSL_CTX_set_post_handshake_auth(client, 1);
    subject("the first post-handshake request gets the certificate of its CA");
    CHECK(connect_link(&link, client, server) && arrived(&link, NULL));
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, pki->a.cert);
    subject("the second post-handshake request does not get the first certificate");
    name_cas(link.server, &pki->ca_b);
    CHECK(request_again(&link));
    CHECK(!arrived(&link, pki->a.cert));
    close_link(&link);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    asked_twice(&pki);
    return finish();
}
