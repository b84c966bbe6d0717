/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread with its own default OSSL_LIB_CTX, and another library that uses ex_data: each library
   gets its own data, whichever library context certpick is first used in. Compiled twice: with
   certpick, and with -DMODULE for an openssl.cnf (the argument) that loads the module into that
   library context. OpenSSL 1.1.1 has only one library context. */
#ifdef MODULE
#include "two_cas.h"
#define PASSWORD "secret"
#else
#define PASSWORD NULL
#include "picking.h"
#endif

#include <openssl/crypto.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif

/* The other library. It gets its indices before certpick, in the global library context. */
static int ctx_index, ssl_index;
static char ctx_token[8], ssl_token[8];
static int freed, foreign;

static void count_freed(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    if (pointer == ctx_token || pointer == ssl_token)
        freed++;
    else if (pointer != NULL)
        foreign++;
}

/* With another default, OpenSSL would call the free functions of that library context. */
static void close_in_global_context(struct link *link)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
#endif

    close_link(link);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX_set0_default(before);
#endif
}

static void connect_to_both(SSL_CTX *client, const struct pki *pki)
{
    SCOPED(SSL_CTX) *server_a = new_server(TLS1_3_VERSION, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(TLS1_3_VERSION, &pki->ca_b);
    struct link link;

    CHECK_CONNECTS(&link, client, server_a, pki->a.cert);
    CHECK(SSL_get_ex_data(link.client, ssl_index) == NULL);
    MUST(SSL_set_ex_data(link.client, ssl_index, ssl_token));
    close_in_global_context(&link);
    CHECK_CONNECTS(&link, client, server_b, pki->b.cert);
    close_in_global_context(&link);
}

int main(int argc, char **argv)
{
    struct pki pki;
    SSL_CTX *client;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(own, "default");
#endif

#ifndef MODULE
    certpick_selector *selector;

#endif
    (void)argc, (void)argv;
    set_up_pki(&pki, PASSWORD);
    ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
    MUST(ctx_index >= 0 && ssl_index >= 0);

    subject("the first use is in a thread with its own library context");
    client = new_client(TLS1_3_VERSION);
    MUST(SSL_CTX_set_ex_data(client, ctx_index, ctx_token));
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    MUST(provider != NULL);
    OSSL_LIB_CTX_set0_default(own);
#endif
#ifdef MODULE
    SSL_CTX_free(client);
    MUST(argc == 2 && OSSL_LIB_CTX_load_config(own, argv[1]));
    OSSL_LIB_CTX_set0_default(NULL);
#else
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    CHECK_OK(certpick_attach(client, selector));
    CHECK(SSL_CTX_get_ex_data(client, ctx_index) == ctx_token);
    connect_to_both(client, &pki);
    certpick_selector_free(selector);
#endif

    subject("the other library's ex_data is freed only by its own callback");
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
#endif
#ifdef MODULE
    client = new_client(TLS1_3_VERSION);
    MUST(SSL_CTX_set_ex_data(client, ctx_index, ctx_token));
#endif
    freed = 0;
    connect_to_both(client, &pki);
    CHECK_INT(freed, 1);
    CHECK(SSL_CTX_get_ex_data(client, ctx_index) == ctx_token);
    SSL_CTX_free(client);
    CHECK_INT(freed, 2);
    CHECK_INT(foreign, 0);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);
#endif
    return finish();
}
