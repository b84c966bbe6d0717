/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs with a certificate or a callback of their own, and servers, are as if nobody were there. */
#include "support.h"

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
    return answer == NULL ||
           (SSL_use_certificate(ssl, answer->cert) == 1 && SSL_use_PrivateKey(ssl, answer->key) == 1);
}

static void own_certificate(const struct two *two, const struct identity *own, int version)
{
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *rsa_only = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *plain = new_client(version);
    struct link link;

    subject("a certificate of the SSL_CTX's own is sent, whatever the server asks for");
    MUST(SSL_CTX_use_certificate(client, own->cert) && SSL_CTX_use_PrivateKey(client, own->key));
    CHECK_MEETING(client, server_a, own->cert);

    subject("one that the server cannot take is not replaced by ours");
    MUST(SSL_CTX_set1_client_sigalgs_list(rsa_only, "ECDSA+SHA256"));
    CHECK_MEETING(client, rsa_only, NULL);
    CHECK_MEETING(plain, rsa_only, two->a.cert);

    subject("a certificate of the SSL's own is sent");
    open_link(&link, plain, server_a);
    MUST(SSL_use_certificate(link.client, own->cert) && SSL_use_PrivateKey(link.client, own->key));
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, own->cert, (X509 *)NULL);
    close_link(&link);

    SSL_CTX_free(client);
    SSL_CTX_free(plain);
    SSL_CTX_free(server_a);
    SSL_CTX_free(rsa_only);
}

static void own_callback(const struct two *two, const struct identity *own, int version)
{
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);

    subject("a client_cert_cb of the program's own replaces ours, whatever it answers");
    SSL_CTX_set_client_cert_cb(client, client_cert_cb);
    answer = own;
    asked = 0;
    CHECK_MEETING(client, server_a, own->cert);
    answer = NULL;
    CHECK_MEETING(client, server_a, NULL);
    CHECK_INT(asked, 2);
    subject("so does the absence that a program asks for");
    SSL_CTX_set_client_cert_cb(client, NULL);
    CHECK_MEETING(client, server_a, NULL);
    SSL_CTX_free(client);

    subject("a cert_cb of the program's own is called, and what it installs is sent");
    client = new_client(version);
    SSL_CTX_set_cert_cb(client, cert_cb, NULL);
    answer = own;
    asked = 0;
    CHECK_MEETING(client, server_a, own->cert);
    CHECK_INT(asked, 1);
    subject("where it installs none it is called too");
    answer = NULL;
    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_INT(asked, 2);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
}

static int informed;

static void info_callback(const SSL *ssl, int kind, int value)
{
    (void)ssl;
    (void)kind;
    (void)value;
    informed++;
}

static void own_information(const struct two *two, int version)
{
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);

    subject("an info_callback of the program's own is called, and ours is not needed");
    SSL_CTX_set_info_callback(client, info_callback);
    CHECK(SSL_CTX_get_info_callback(client) == info_callback);
    informed = 0;
    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK(informed > 0);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
}

static SSL_CTX *server_of(const SSL_METHOD *method, const struct two *two, int version)
{
    SSL_CTX *model = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *ctx = SSL_CTX_new(method);

    MUST(ctx != NULL);
    MUST(SSL_CTX_use_certificate(ctx, SSL_CTX_get0_certificate(model)));
    MUST(SSL_CTX_use_PrivateKey(ctx, SSL_CTX_get0_privatekey(model)));
    MUST(SSL_CTX_set_min_proto_version(ctx, version) && SSL_CTX_set_max_proto_version(ctx, version));
    SSL_CTX_free(model);
    return ctx;
}

static void servers(const struct two *two, int version)
{
    SSL_CTX *client = new_client(version);
    SSL_CTX *both = server_of(TLS_method(), two, version);
    SSL_CTX *only_server = server_of(TLS_server_method(), two, version);
    struct link link;

    subject("a server's SSL_CTX is left as it is made");
    CHECK(SSL_CTX_get_client_cert_cb(only_server) == NULL);
    CHECK(SSL_CTX_get_info_callback(only_server) == NULL);
    subject("servers serve, by either method");
    CHECK_MEETING(client, only_server, NULL);
    CHECK_MEETING(client, both, NULL);
    subject("they send their own certificate and none of ours");
    CHECK(meet(&link, client, both));
    CHECK_INT(X509_cmp(SSL_get0_peer_certificate(link.client), SSL_CTX_get0_certificate(both)), 0);
    close_link(&link);
    subject("one SSL_CTX may be both; as a client it has a certificate of its own");
    CHECK_MEETING(both, only_server, NULL);
    SSL_CTX_free(client);
    SSL_CTX_free(both);
    SSL_CTX_free(only_server);
}

int main(void)
{
    static const struct traits ed25519 = {.kind = KEY_ED25519};
    struct identity own;
    struct two two;
    int i;

    make_two(&two);
    own = new_leaf_with("own", &two.ca_b, &ed25519);
    for (i = 0; i < 2; i++) {
        own_certificate(&two, &own, tls_versions[i]);
        own_callback(&two, &own, tls_versions[i]);
        own_information(&two, tls_versions[i]);
        servers(&two, tls_versions[i]);
    }
    free_identity(&own);
    free_two(&two);
    return finish();
}
