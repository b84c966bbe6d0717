/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module does not affect servers, or programs that set a certificate or a callback. */
#include "two_cas.h"

static int asked;
static const struct identity *answer;

static int client_cert_cb(SSL *ssl, X509 **x509, EVP_PKEY **pkey)
{
    (void)ssl;
    asked++;
    if (answer == NULL)
        return 0;
    X509_up_ref(answer->cert);
    EVP_PKEY_up_ref(answer->key);
    *x509 = answer->cert;
    *pkey = answer->key;
    return 1;
}

static int cert_cb(SSL *ssl, void *arg)
{
    (void)arg;
    asked++;
    return answer == NULL || (SSL_use_certificate(ssl, answer->cert) == 1 &&
                              SSL_use_PrivateKey(ssl, answer->key) == 1);
}

static void own_certificate(const struct pki *pki, const struct identity *own, int version)
{
    SCOPED(SSL_CTX) *client = new_client(version), *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *rsa_only = new_server(version, &pki->ca_a), *plain = new_client(version);
    struct link link;

    subject("a certificate that the program sets on the SSL_CTX is sent, whatever the server "
            "requests");
    MUST(SSL_CTX_use_certificate(client, own->cert) && SSL_CTX_use_PrivateKey(client, own->key));
    CHECK_SENDS(client, server_a, own->cert);

    subject("the program's certificate is not replaced if the server cannot accept it");
    MUST(SSL_CTX_set1_client_sigalgs_list(rsa_only, "ECDSA+SHA256"));
    CHECK_SENDS(client, rsa_only, NULL);
    CHECK_SENDS(plain, rsa_only, pki->a.cert);

    subject("a certificate that the program sets on the SSL is sent");
    open_link(&link, plain, server_a);
    MUST(SSL_use_certificate(link.client, own->cert) && SSL_use_PrivateKey(link.client, own->key));
    CHECK_COMPLETES(&link, own->cert);
    close_link(&link);

}

static void own_callback(const struct pki *pki, const struct identity *own, int version)
{
    SSL_CTX *client = new_client(version);
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);

    subject("the program's client_cert_cb replaces the module's, whatever it returns");
    SSL_CTX_set_client_cert_cb(client, client_cert_cb);
    answer = own;
    asked = 0;
    CHECK_SENDS(client, server_a, own->cert);
    answer = NULL;
    CHECK_SENDS(client, server_a, NULL);
    CHECK_INT(asked, 2);
    subject("a NULL client_cert_cb of the program removes the module's");
    SSL_CTX_set_client_cert_cb(client, NULL);
    CHECK_SENDS(client, server_a, NULL);
    SSL_CTX_free(client);

    subject("the program's cert_cb is called, and the certificate that it sets is sent");
    client = new_client(version);
    SSL_CTX_set_cert_cb(client, cert_cb, NULL);
    answer = own;
    asked = 0;
    CHECK_SENDS(client, server_a, own->cert);
    CHECK_INT(asked, 1);
    subject("the program's cert_cb is called even if it sets no certificate");
    answer = NULL;
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_INT(asked, 2);
    SSL_CTX_free(client);
}

static int events;

static void info_callback(const SSL *ssl, int kind, int value)
{
    (void)ssl, (void)kind, (void)value;
    events++;
}

static void own_info_callback(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *client = new_client(version), *server_a = new_server(version, &pki->ca_a);

    subject("the program's info callback is called and does not prevent the choice");
    SSL_CTX_set_info_callback(client, info_callback);
    CHECK(SSL_CTX_get_info_callback(client) == info_callback);
    events = 0;
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK(events > 0);
}

static SSL_CTX *server_of(const SSL_METHOD *method, const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *model = new_server(version, &pki->ca_b);
    SSL_CTX *ctx = SSL_CTX_new(method);

    MUST(ctx != NULL);
    MUST(SSL_CTX_use_certificate(ctx, SSL_CTX_get0_certificate(model)));
    MUST(SSL_CTX_use_PrivateKey(ctx, SSL_CTX_get0_privatekey(model)));
    MUST(SSL_CTX_set_min_proto_version(ctx, version) &&
         SSL_CTX_set_max_proto_version(ctx, version));
    return ctx;
}

static void servers_are_unaffected(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *client = new_client(version), *both = server_of(TLS_method(), pki, version);
    SCOPED(SSL_CTX) *only_server = server_of(TLS_server_method(), pki, version);
    struct link link;

    subject("a server's SSL_CTX has no callbacks of the module");
    CHECK(SSL_CTX_get_client_cert_cb(only_server) == NULL);
    CHECK(SSL_CTX_get_info_callback(only_server) == NULL);
    subject("servers with either method accept connections");
    CHECK_SENDS(client, only_server, NULL);
    CHECK_SENDS(client, both, NULL);
    subject("a server sends its own certificate");
    CHECK(connect_link(&link, client, both));
    CHECK_INT(X509_cmp(SSL_get0_peer_certificate(link.client), SSL_CTX_get0_certificate(both)), 0);
    close_link(&link);
    subject("an SSL_CTX that is used as server and client sends no certificate of the module");
    CHECK_SENDS(both, only_server, NULL);
}

int main(void)
{
    static const struct traits ed25519 = {.kind = KEY_ED25519};
    struct identity own;
    struct pki pki;

    set_up_pki(&pki, "secret");
    own = new_leaf_with("own", &pki.ca_b, &ed25519);
    for (int i = 0; i < 2; i++) {
        own_certificate(&pki, &own, tls_versions[i]);
        own_callback(&pki, &own, tls_versions[i]);
        own_info_callback(&pki, tls_versions[i]);
        servers_are_unaffected(&pki, tls_versions[i]);
    }
    return finish();
}
