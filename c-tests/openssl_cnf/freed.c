/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SSL and SSL_CTX objects are freed in any order, copied, and resumed. */
#include "two_cas.h"

static void freed_in_any_order(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    SSL_CTX *client = new_client(version);
    struct link link, other;
    SSL *copy;

    subject("an SSL_CTX can be freed without use");
    SSL_CTX_free(client);

    subject("an SSL remains valid after its SSL_CTX is freed");
    client = new_client(version);
    open_link(&link, client, server_a);
    SSL_CTX_free(client);
    CHECK_COMPLETES(&link, pki->a.cert);
    close_link(&link);

    subject("two SSLs remain valid after their SSL_CTX is freed, before or after their handshake");
    client = new_client(version);
    CHECK(connect_link(&link, client, server_a));
    open_link(&other, client, server_b);
    SSL_CTX_free(client);
    CHECK_COMPLETES(&other, pki->b.cert);
    close_link(&link);
    close_link(&other);

    subject("a copy of an SSL sends a certificate");
    client = new_client(version);
    open_link(&link, client, server_a);
    copy = SSL_dup(link.client);
    MUST(copy != NULL);
    SSL_CTX_free(client);
    close_link(&link);
    join_link(&link, copy, server_b);
    CHECK_COMPLETES(&link, pki->b.cert);
    close_link(&link);

}

static void resumed(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a), *client = new_client(version);
    SSL_SESSION *session;
    struct link link;

    subject("a session with the module's certificate is resumed");
    CHECK(connect_link(&link, client, server_a));
    session = SSL_get1_session(link.client);
    close_link(&link);
    open_link(&link, client, server_a);
    MUST(session != NULL && SSL_set_session(link.client, session));
    CHECK(complete_link(&link));
    CHECK(SSL_session_reused(link.client));
    CHECK(arrived(&link, pki->a.cert));
    close_link(&link);
    SSL_SESSION_free(session);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        freed_in_any_order(&pki, tls_versions[i]);
        resumed(&pki, tls_versions[i]);
    }
    return finish();
}
