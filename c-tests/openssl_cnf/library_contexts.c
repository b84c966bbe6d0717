/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module in a library context (OSSL_LIB_CTX(3)) of the program's own: loaded, unloaded, freed.
   Arguments: the directory of libcertpick.so, and an openssl.cnf with it or "none". The process'
   own openssl.cnf may have it too: the third argument tells ("active"). */
#include "support.h"

#include "two_cas.h"

#include <openssl/err.h>
#include <openssl/provider.h>

static const struct two *two;

static SSL_CTX *client_in(OSSL_LIB_CTX *library, int version)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(library, NULL, TLS_client_method());

    MUST(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version));
    MUST(SSL_CTX_set_max_proto_version(ctx, version));
    return ctx;
}

/* Whatever is sent, if anything: a server that does not ask is served, and nobody crashes. */
static void survives(OSSL_LIB_CTX *library, int version)
{
    SSL_CTX *client = client_in(library, version);
    SSL_CTX *asks = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *does_not = new_server(version, (void *)NULL);
    struct link link;

    SSL_CTX_set_verify(does_not, SSL_VERIFY_NONE, NULL);
    CHECK_MEETING(client, does_not, NULL);
    if (connect_link(&link, client, asks))
        CHECK(exchange_bytes(&link));
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(asks);
    SSL_CTX_free(does_not);
}

static void gets(OSSL_LIB_CTX *library, int version)
{
    SSL_CTX *client = client_in(library, version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);

    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_MEETING(client, server_b, two->b.cert);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void one(const char *directory, const char *configuration, int active, int version)
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
        subject("loaded by the program, without settings");
        CHECK(OSSL_PROVIDER_available(library, "libcertpick"));
        survives(library, version);
    } else {
        MUST(OSSL_LIB_CTX_load_config(library, configuration));
        subject("loaded by a configuration for this library context");
        CHECK(OSSL_PROVIDER_available(library, "certpick"));
        gets(library, version);
    }
    survivor = client_in(NULL, version);
    subject("the process' own library context meanwhile");
    if (active)
        gets(NULL, version);
    else
        survives(NULL, version);
    if (ours != NULL)
        CHECK(OSSL_PROVIDER_unload(ours));
    subject("after it was unloaded");
    survives(library, version);
    CHECK(OSSL_PROVIDER_unload(own));
    OSSL_LIB_CTX_free(library);
    subject("after its library context was freed");
    if (active)
        gets(NULL, version);
    else
        survives(NULL, version);
    SSL_CTX_free(survivor);
    ERR_clear_error();
}

int main(int argc, char **argv)
{
    struct two made;
    int i, round;

    MUST(argc == 4);
    make_two(&made);
    two = &made;
    for (round = 0; round < 2; round++)
        for (i = 0; i < 2; i++)
            one(argv[1], argv[2], strcmp(argv[3], "active") == 0, tls_versions[i]);
    free_two(&made);
    return finish();
}
