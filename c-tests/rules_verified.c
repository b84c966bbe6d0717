/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rules for verified servers: which servers count as verified. */
#include "picking.h"

#include "rules.h"

enum verify_callback { NO_CALLBACK, STORE_RETURNS_1, CALLBACK_RETURNS_1, CALLBACK_RESETS };

static int accept_store(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static int ignore_error(int ok, X509_STORE_CTX *store)
{
    (void)ok, (void)store;
    return 1;
}

static int reset_error(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static const struct verification {
    const char *sentence;
    struct known known;
    int mode, is_trusted;
    enum verify_callback callback;
    int verified;
} verifications[] = {
#define DB {"db.example", NULL, NULL, NULL}
    {"a verified server", DB, SSL_VERIFY_PEER, 1, NO_CALLBACK, 1},
    {"SSL_VERIFY_NONE with a trusted chain", DB, SSL_VERIFY_NONE, 1, NO_CALLBACK, 0},
    {"SSL_VERIFY_NONE with an unknown issuer", DB, SSL_VERIFY_NONE, 0, NO_CALLBACK, 0},
    {"a cert_verify_callback that accepts everything", DB, SSL_VERIFY_PEER, 0, STORE_RETURNS_1, 1},
    {"SSL_VERIFY_NONE with that callback", DB, SSL_VERIFY_NONE, 0, STORE_RETURNS_1, 0},
    {"a verify callback that ignores the error", DB, SSL_VERIFY_PEER, 0, CALLBACK_RETURNS_1, 0},
    {"a verify callback that resets the error", DB, SSL_VERIFY_PEER, 0, CALLBACK_RESETS, 1},
    {"a wrong name", {"other.example", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 0},
    {"a wrong name that the callback accepts", {"other.example", NULL, NULL, NULL}, SSL_VERIFY_PEER, 0,
     STORE_RETURNS_1, 0},
    {"one of two names is wrong", {"db.example", NULL, "other.example", NULL}, SSL_VERIFY_PEER, 1,
     NO_CALLBACK, 0},
    {"a final dot and upper case", {"DB.example.", NULL, "db.example", NULL}, SSL_VERIFY_PEER, 1,
     NO_CALLBACK, 1},
    {"a leading dot", {".example", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 0},
    {"a wildcard for a whole label", {"x.north.example", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1,
     NO_CALLBACK, 1},
    {"a wildcard for a part of a label", {"px.south.example", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1,
     NO_CALLBACK, 0},
    {"an address", {"127.0.0.1", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 1},
    {"a mapped address", {"::ffff:127.0.0.1", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 1},
    {"an address in brackets", {"[::1]", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 1},
    {"a wrong address", {"127.0.0.2", NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 0},
    {"neither name nor socket", {NULL, NULL, NULL, NULL}, SSL_VERIFY_PEER, 1, NO_CALLBACK, 0},
};

static void check_verification(const struct verification *v, SSL_CTX *server, const char *ciphers,
                               int verified)
{
    SCOPED(certpick_selector) *selector = new_selector("ruled.crt,plain.crt", "ruled.key,plain.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(SSL_CTX_get_max_proto_version(server));
    struct link link;

    subject(v->sentence);
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "1"));
    CHECK_OK(certpick_attach(client, selector));
    if (v->is_trusted)
        trust_server(client);
    SSL_CTX_set_verify(client, v->mode, v->callback == CALLBACK_RETURNS_1 ? ignore_error
                                        : v->callback == CALLBACK_RESETS  ? reset_error
                                                                          : NULL);
    if (v->callback == STORE_RETURNS_1)
        SSL_CTX_set_cert_verify_callback(client, accept_store, NULL);
    MUST(SSL_CTX_set_cipher_list(client, ciphers));
    join_link(&link, new_ssl(client, &v->known), server);
    CHECK_COMPLETES(&link, verified ? ruled.cert : plain.cert);
    CHECK_INT(certpick_verdict(link.client, 0), verified ? 0 : CERTPICK_REASON_UNVERIFIED);
    CHECK_HAS(certpick_explanation(link.client), verified ? "server:  verified" : "server:  not verified");
    close_link(&link);
}

static void verified(int version)
{
    static const char names[] = "DNS:db.example,DNS:*.north.example,DNS:p*.south.example,IP:127.0.0.1,IP:::1";
    SCOPED(SSL_CTX) *server = new_server(version, &ca);
    struct verification v = verifications[0];

    present(server, KEY_P256, names);
    for (size_t i = 0; i < COUNT(verifications); i++)
        check_verification(&verifications[i], server, "DEFAULT", verifications[i].verified);
    if (version == TLS1_2_VERSION) {
        present(server, KEY_RSA, names);
        v.sentence = "a server with an RSA key that signs";
        check_verification(&v, server, "ECDHE-RSA-AES128-GCM-SHA256", 1);
        v.sentence = "a server with static RSA has proved nothing";
        check_verification(&v, server, "AES128-GCM-SHA256", 0);
    }
}

int main(void)
{
    enter_work_dir();
    write_credentials();
    for (int i = 0; i < 2; i++)
        verified(tls_versions[i]);
    return finish();
}
