/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An ordinary client: each server gets the certificate that it asks for. */
#include "support.h"

#include "two_cas.h"

static SSL_CTX *client_of(const SSL_METHOD *method, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    MUST(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version));
    MUST(SSL_CTX_set_max_proto_version(ctx, version));
    return ctx;
}

static void each_server(const struct two *two, const SSL_METHOD *method, int version)
{
    struct identity other = new_root("CA C");
    SSL_CTX *client = client_of(method, version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *server_both = new_server(version, &two->ca_b, &two->ca_a, (void *)NULL);
    SSL_CTX *server_c = new_server(version, &other, (void *)NULL);
    SSL_CTX *nameless = new_server(version, (void *)NULL);

    subject("each server gets the certificate of its CA, from one SSL_CTX");
    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_MEETING(client, server_b, two->b.cert);
    CHECK_MEETING(client, server_a, two->a.cert);
    subject("where both suit, the list decides");
    CHECK_MEETING(client, server_both, two->a.cert);
    subject("a server of another CA gets none, and one that names nobody neither");
    CHECK_MEETING(client, server_c, NULL);
    CHECK_MEETING(client, nameless, NULL);
    subject("a server that does not ask gets none");
    SSL_CTX_set_verify(server_a, SSL_VERIFY_NONE, NULL);
    CHECK_MEETING(client, server_a, NULL);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    SSL_CTX_free(server_both);
    SSL_CTX_free(server_c);
    SSL_CTX_free(nameless);
    free_identity(&other);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++) {
        each_server(&two, TLS_client_method(), tls_versions[i]);
        each_server(&two, TLS_method(), tls_versions[i]);
    }
    free_two(&two);
    return finish();
}
