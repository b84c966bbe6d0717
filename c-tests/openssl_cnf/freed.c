/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SSL and SSL_CTX freed in every order, copied, and resumed. */
#include "support.h"

#include "two_cas.h"

static void orders(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *client = new_client(version);
    struct link link, other;
    SSL *copy;

    subject("an SSL_CTX that is never used is freed");
    SSL_CTX_free(client);

    subject("an SSL outlives its SSL_CTX");
    client = new_client(version);
    open_link(&link, client, server_a);
    SSL_CTX_free(client);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    close_link(&link);

    subject("so do two, of which one has shaken hands before");
    client = new_client(version);
    CHECK(meet(&link, client, server_a));
    open_link(&other, client, server_b);
    SSL_CTX_free(client);
    CHECK(shake_hands(&other) && exchange_bytes(&other));
    CHECK_ARRIVED(&other, two->b.cert, (X509 *)NULL);
    close_link(&link);
    close_link(&other);

    subject("a copy of an SSL is asked like any other");
    client = new_client(version);
    open_link(&link, client, server_a);
    copy = SSL_dup(link.client);
    MUST(copy != NULL);
    SSL_CTX_free(client);
    close_link(&link);
    join_link(&link, copy, server_b);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);

    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void resumed(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *client = new_client(version);
    SSL_SESSION *session;
    struct link link;

    subject("a session that was begun with our certificate is resumed");
    CHECK(meet(&link, client, server_a));
    session = SSL_get1_session(link.client);
    close_link(&link);
    open_link(&link, client, server_a);
    MUST(session != NULL && SSL_set_session(link.client, session));
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK(SSL_session_reused(link.client));
    CHECK(arrived(&link, two->a.cert));
    close_link(&link);
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++) {
        orders(&two, tls_versions[i]);
        resumed(&two, tls_versions[i]);
    }
    free_two(&two);
    return finish();
}
