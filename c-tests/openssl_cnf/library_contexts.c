/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module is loaded in the program's own library context (OSSL_LIB_CTX(3)), unloaded, and freed.
   Arguments: the directory of libcertpick.so; an openssl.cnf that loads it, or "none"; "active" if
   the openssl.cnf of the process also loads it. */
#include "two_cas.h"

#include <openssl/err.h>
#include <openssl/provider.h>

static struct pki pki;

static SSL_CTX *client_in(OSSL_LIB_CTX *library, int version)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(library, NULL, TLS_client_method());

    MUST(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version));
    MUST(SSL_CTX_set_max_proto_version(ctx, version));
    return ctx;
}

/* Checks that connections do not crash, whichever certificate is sent. */
static void check_no_crash(OSSL_LIB_CTX *library, int version)
{
    SCOPED(SSL_CTX) *client = client_in(library, version), *asks = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *does_not = new_server(version);
    struct link link;

    SSL_CTX_set_verify(does_not, SSL_VERIFY_NONE, NULL);
    CHECK_SENDS(client, does_not, NULL);
    if (connect_link(&link, client, asks))
        CHECK(exchange_bytes(&link));
    close_link(&link);
}

static void check_sent(OSSL_LIB_CTX *library, int version)
{
    SCOPED(SSL_CTX) *client = client_in(library, version);
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);

    CHECK_SENDS(client, server_a, pki.a.cert);
    CHECK_SENDS(client, server_b, pki.b.cert);
}

static void load_and_free(const char *directory, const char *configuration, int active, int version)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *own, *ours = NULL;
    SSL_CTX *survivor;

    MUST(library != NULL);
    own = OSSL_PROVIDER_load(library, "default");
    MUST(own != NULL);
    if (strcmp(configuration, "none") == 0) {
        MUST(OSSL_PROVIDER_set_default_search_path(library, directory));
        ours = OSSL_PROVIDER_load(library, "libcertpick");
        MUST(ours != NULL);
        subject("the program loads the module without settings");
        CHECK(OSSL_PROVIDER_available(library, "libcertpick"));
        check_no_crash(library, version);
    } else {
        MUST(OSSL_LIB_CTX_load_config(library, configuration));
        subject("a configuration loads the module in this library context");
        CHECK(OSSL_PROVIDER_available(library, "certpick"));
        check_sent(library, version);
    }
    survivor = client_in(NULL, version);
    subject("the default library context can be used at the same time");
    if (active)
        check_sent(NULL, version);
    else
        check_no_crash(NULL, version);
    if (ours != NULL)
        CHECK(OSSL_PROVIDER_unload(ours));
    subject("connections work after the module is unloaded");
    check_no_crash(library, version);
    CHECK(OSSL_PROVIDER_unload(own));
    OSSL_LIB_CTX_free(library);
    subject("connections work after the library context is freed");
    if (active)
        check_sent(NULL, version);
    else
        check_no_crash(NULL, version);
    SSL_CTX_free(survivor);
    ERR_clear_error();
}

int main(int argc, char **argv)
{
    MUST(argc == 4);
    set_up_pki(&pki, "secret");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2; i++)
            load_and_free(argv[1], argv[2], strcmp(argv[3], "active") == 0, tls_versions[i]);
    return finish();
}
