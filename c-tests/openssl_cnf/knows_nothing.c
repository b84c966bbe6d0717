/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client that does not use certpick: each server gets the certificate of the CA that it names. */
#include "two_cas.h"

static SSL_CTX *client_of(const SSL_METHOD *method, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    MUST(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version));
    MUST(SSL_CTX_set_max_proto_version(ctx, version));
    return ctx;
}

static void each_server(const struct pki *pki, const SSL_METHOD *method, int version)
{
    struct identity other = new_root("CA C");
    SCOPED(SSL_CTX) *client = client_of(method, version);
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    SCOPED(SSL_CTX) *server_both = new_server(version, &pki->ca_b, &pki->ca_a);
    SCOPED(SSL_CTX) *server_c = new_server(version, &other), *nameless = new_server(version);

    subject("each server gets the certificate of its CA, from one SSL_CTX");
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_SENDS(client, server_b, pki->b.cert);
    CHECK_SENDS(client, server_a, pki->a.cert);
    subject("list order decides between two suitable certificates");
    CHECK_SENDS(client, server_both, pki->a.cert);
    subject("a server that names another CA or no CA gets none");
    CHECK_SENDS(client, server_c, NULL);
    CHECK_SENDS(client, nameless, NULL);
    subject("a server that requests no certificate gets none");
    SSL_CTX_set_verify(server_a, SSL_VERIFY_NONE, NULL);
    CHECK_SENDS(client, server_a, NULL);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        each_server(&pki, TLS_client_method(), tls_versions[i]);
        each_server(&pki, TLS_method(), tls_versions[i]);
    }
    return finish();
}
