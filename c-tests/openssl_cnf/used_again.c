/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL is used again for another server. Later requests in a connection. */
#include "two_cas.h"

static void used_again(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b), *client = new_client(version);
    struct link link;
    SSL *ssl;

    subject("an SSL that is used again does not send its first certificate to another server");
    CHECK_CONNECTS(&link, client, server_a, pki->a.cert);
    ssl = link.client;
    SSL_up_ref(ssl);
    close_link(&link);
    MUST(SSL_clear(ssl) && SSL_set_session(ssl, NULL));
    join_link(&link, ssl, server_b);
    CHECK(complete_link(&link));
    CHECK(!arrived(&link, pki->a.cert));
    close_link(&link);
}

static void renegotiated(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_2_VERSION, &pki->ca_a);
    SCOPED(SSL_CTX) *client = new_client(TLS1_2_VERSION);
    struct link link;

    subject("a renegotiation that names another CA gets its certificate");
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    CHECK_CONNECTS(&link, client, server, pki->a.cert);
    name_cas(link.server, &pki->ca_b);
    CHECK(request_again(&link));
    CHECK_INT(SSL_num_renegotiations(link.client), 1);
    CHECK_ARRIVED(&link, pki->b.cert);
    close_link(&link);
}

static void later_request(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    struct link link;

    subject("a post-handshake request gets a certificate");
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    SSL_CTX_set_post_handshake_auth(client, 1);
    CHECK(connect_link(&link, client, server) && arrived(&link, NULL));
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, pki->b.cert);
    close_link(&link);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++)
        used_again(&pki, tls_versions[i]);
    renegotiated(&pki);
    later_request(&pki);
    return finish();
}
