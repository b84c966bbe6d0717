/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* QUIC uses the handshake of TLS 1.3 but has another SSL_version(3). The choice is the same as in
   TLS 1.3. */
#define OPENSSL_SUPPRESS_DEPRECATED /* for EC_KEY_METHOD */
#include "picking.h"
#include "quic_link.h"

#include <openssl/ec.h>
#include <openssl/err.h>

static struct pki pki;
static struct identity rsa;

/* In QUIC, OpenSSL calls a cert_cb with an internal SSL, which has the record of the decision. */
static int is_reported(enum way way)
{
    return way == BY_CLIENT_CERT_CB;
}

static void check_choice(enum way way, certpick_selector *selector, SSL_CTX *server,
                         void (*prepare)(SSL *ssl), X509 *expected)
{
    SCOPED(SSL_CTX) *client = new_quic_client();
    struct quic_link link;

    use_selector(client, selector, way);
    connect_quic(&link, client, server, prepare);
    CHECK_QUIC_ARRIVED(&link, expected);
    CHECK_INT(link.client_queue.length, 0);
    if (is_reported(way)) {
        CHECK_INT(certpick_outcome(link.client),
                  expected != NULL ? CERTPICK_OUTCOME_SENT : CERTPICK_OUTCOME_NONE_SUITABLE);
        CHECK_HAS(certpick_explanation(link.client), "QUIC");
    } else {
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    }
    close_quic(&link);
}

static void check_request(enum way way, const struct identity *ca, const char *algorithms,
                          X509 *expected)
{
    SCOPED(certpick_selector) *selector =
        new_selector("rsa.crt,a.crt,b.crt", "rsa.key,a.key,b.key", NULL);
    SCOPED(SSL_CTX) *server = new_quic_server(ca, algorithms);

    check_choice(way, selector, server, NULL, expected);
}

static void requests(enum way way)
{
    subject("in QUIC the certificate of the CA that the server names is sent");
    check_request(way, &pki.ca_b, "ECDSA+SHA256", pki.b.cert);
    check_request(way, &pki.ca_a, NULL, rsa.cert);
    subject("in QUIC a credential is not sent if its key fits none of the server's signature "
            "algorithms");
    check_request(way, &pki.ca_a, "ECDSA+SHA256", pki.a.cert);
    check_request(way, &pki.ca_a, "rsa_pss_rsae_sha256", rsa.cert);
    check_request(way, &pki.ca_b, "rsa_pss_rsae_sha256", NULL);
    subject("in QUIC a curve belongs to a signature algorithm, and PKCS#1 and SHA-1 are not used");
    check_request(way, &pki.ca_a, "ecdsa_secp384r1_sha384", NULL);
    check_request(way, &pki.ca_a, "rsa_pkcs1_sha256:ecdsa_secp256r1_sha256", pki.a.cert);
    check_request(way, &pki.ca_a, "rsa_pkcs1_sha256:ECDSA+SHA1:ecdsa_secp384r1_sha384", NULL);
    subject("in QUIC a server that names no CA may accept every certificate");
    check_request(way, NULL, "ECDSA+SHA256", pki.a.cert);
}

static void name_b(SSL *ssl)
{
    MUST(SSL_set_tlsext_host_name(ssl, "b.example"));
}

static void name_another(SSL *ssl)
{
    MUST(SSL_set_tlsext_host_name(ssl, "c.example"));
}

static void set_peer(SSL *ssl)
{
    MUST(certpick_set_peer(ssl, "b.example", "bert") == CERTPICK_OK);
}

static void rules(enum way way)
{
    SCOPED(SSL_CTX) *server = new_quic_server(NULL, "ECDSA+SHA256");
    SCOPED(certpick_selector) *hosts = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(certpick_selector) *users = new_selector("b.crt", "b.key", NULL);
    SCOPED(certpick_selector) *verified = new_selector("b.crt", "b.key", NULL);

    CHECK_OK(certpick_selector_set_rule(hosts, 1, CERTPICK_RULE_HOSTS, "b.example"));
    CHECK_OK(certpick_selector_set_rule(users, 0, CERTPICK_RULE_USERS, "bert"));
    CHECK_OK(certpick_selector_set_rule(verified, 0, CERTPICK_RULE_HOSTS, "b.example"));
    CHECK_OK(certpick_selector_set_rule(verified, 0, CERTPICK_RULE_VERIFIED, "1"));
    subject("in QUIC rules are compared with the server name");
    check_choice(way, hosts, server, name_b, pki.b.cert);
    check_choice(way, hosts, server, name_another, pki.a.cert);
    check_choice(way, hosts, server, NULL, pki.a.cert);
    subject("in QUIC the peer that the program has set is known, but not to a cert_cb");
    check_choice(way, hosts, server, set_peer, is_reported(way) ? pki.b.cert : pki.a.cert);
    check_choice(way, users, server, set_peer, is_reported(way) ? pki.b.cert : NULL);
    subject("in QUIC a rule for verified servers does not match another server");
    check_choice(way, verified, server, name_b, NULL);
}

static void verify_b(SSL *ssl)
{
    name_b(ssl);
    MUST(X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), "b.example", 0));
}

static void verification(enum way way)
{
    SCOPED(SSL_CTX) *server = new_quic_server(NULL, "ECDSA+SHA256"), *client = new_quic_client();
    SCOPED(certpick_selector) *selector = new_selector("b.crt", "b.key", NULL);
    struct identity own = new_leaf("b.example", NULL);
    struct quic_link link;

    subject("in QUIC a rule for verified servers matches a server that was verified");
    MUST(SSL_CTX_use_certificate(server, own.cert) && SSL_CTX_use_PrivateKey(server, own.key));
    MUST(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), own.cert));
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "b.example"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "1"));
    use_selector(client, selector, way);
    connect_quic(&link, client, server, verify_b);
    CHECK_QUIC_ARRIVED(&link, pki.b.cert);
    close_quic(&link);
}

static void failures(enum way way)
{
    static const char text[] =
        "entry 1: certificate present, but not private key file \"gone.key\"";
    SCOPED(certpick_selector) *selector = new_selector("b.crt,b.crt", "gone.key,b.key", NULL);
    SCOPED(SSL_CTX) *server = new_quic_server(&pki.ca_b, NULL), *client = new_quic_client();
    struct quic_link link;
    size_t own = 0;

    subject("in QUIC the connection fails if the chosen key cannot be used, and nothing is sent");
    use_selector(client, selector, way);
    connect_quic(&link, client, server, NULL);
    CHECK(!link.connected && link.arrived == NULL);
    CHECK(SSL_get_certificate(link.client) == NULL);
    for (size_t i = 0; i < link.client_queue.length; i++)
        own += ERR_GET_LIB(link.client_queue.codes[i]) >= ERR_LIB_USER;
    CHECK_INT(own, 1);
    if (is_reported(way)) {
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
        CHECK_TEXT(certpick_message(link.client), text);
    }
    close_quic(&link);
}

static int fail_to_sign(int type, const unsigned char *digest, int length, unsigned char *signature,
                        unsigned int *size, const BIGNUM *k, const BIGNUM *r, EC_KEY *key)
{
    (void)type, (void)digest, (void)length, (void)signature, (void)size, (void)k, (void)r, (void)key;
    return 0;
}

/* Returns a copy of a key that cannot sign, like that of a token that was removed. */
static EVP_PKEY *unable_to_sign(EVP_PKEY *key)
{
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    EC_KEY *ec = EVP_PKEY_get1_EC_KEY(key);
    EVP_PKEY *unable = EVP_PKEY_new();

    MUST(method != NULL && ec != NULL && unable != NULL);
    EC_KEY_METHOD_set_sign(method, fail_to_sign, NULL, NULL);
    MUST(EC_KEY_set_method(ec, method) && EVP_PKEY_assign_EC_KEY(unable, ec));
    return unable;
}

static void signing(enum way way)
{
    EVP_PKEY *unable = unable_to_sign(pki.b.key);
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_quic_server(&pki.ca_b, NULL), *client = new_quic_client();
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct quic_link link;

    subject("in QUIC nothing is sent or left on the SSL if the key cannot sign");
    CHECK_OK(certpick_selector_add_credential(selector, pki.b.cert, unable, chain));
    use_selector(client, selector, way);
    connect_quic(&link, client, server, NULL);
    CHECK(!link.connected && link.arrived == NULL);
    CHECK(SSL_get_certificate(link.client) == NULL);
    CHECK(SSL_get_info_callback(link.client) == NULL);
    close_quic(&link);
    sk_X509_free(chain);
    EVP_PKEY_free(unable);
}

int main(void)
{
    static const struct traits rsa_traits = {.kind = KEY_RSA};

    set_up_pki(&pki, NULL);
    rsa = new_leaf_with("rsa", &pki.ca_a, &rsa_traits);
    write_identity("rsa", &rsa, NULL);
    for (int way = 0; way < WAYS; way++) {
        requests((enum way)way);
        rules((enum way)way);
        verification((enum way)way);
        failures((enum way)way);
        signing((enum way)way);
    }
    return finish();
}
