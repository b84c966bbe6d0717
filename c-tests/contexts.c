/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread whose default OSSL_LIB_CTX is its own, and another library that keeps ex_data of its own:
   each gets back what is its own, in whichever library context certpick was first used. Compiled
   twice: with certpick, and with -DMODULE for an openssl.cnf, the argument, that loads the module into
   that library context. OpenSSL 1.1.1 has one library context alone. */
#include "support.h"

#ifdef MODULE
#include "two_cas.h"
#else
#include "picking.h"
#endif

#include <openssl/crypto.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif

/* The other library. It has taken its indices before certpick, in the global library context. */
static int ctx_index, ssl_index;
static char ctx_token[8], ssl_token[8];
static int freed, strangers;

static void take_back(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (pointer == ctx_token || pointer == ssl_token)
        freed++;
    else if (pointer != NULL)
        strangers++;
}

/* Under another default, OpenSSL would call the free functions of that library context. */
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

static void meets_both(SSL_CTX *client, const struct two *two)
{
    SSL_CTX *server_a = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    CHECK(connect_link(&link, client, server_a) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK(SSL_get_ex_data(link.client, ssl_index) == NULL);
    MUST(SSL_set_ex_data(link.client, ssl_index, ssl_token));
    close_in_global_context(&link);
    CHECK(connect_link(&link, client, server_b) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_in_global_context(&link);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

int main(int argc, char **argv)
{
    struct two two;
    SSL_CTX *client;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(own, "default");
#endif

#ifndef MODULE
    certpick_selector *selector;

    enter_work_dir();
#endif
    (void)argc;
    (void)argv;
    make_two(&two);
    ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, take_back);
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, take_back);
    MUST(ctx_index >= 0 && ssl_index >= 0);

    subject("used first in a thread with a library context of its own");
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
    CHECK_INT(certpick_attach(client, selector), CERTPICK_OK);
    CHECK(SSL_CTX_get_ex_data(client, ctx_index) == ctx_token);
    meets_both(client, &two);
    certpick_selector_free(selector);
#endif

    subject("what the other library keeps is its own, and freed by it alone");
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
#endif
#ifdef MODULE
    client = new_client(TLS1_3_VERSION);
    MUST(SSL_CTX_set_ex_data(client, ctx_index, ctx_token));
#endif
    freed = 0;
    meets_both(client, &two);
    CHECK_INT(freed, 1);
    CHECK(SSL_CTX_get_ex_data(client, ctx_index) == ctx_token);
    SSL_CTX_free(client);
    CHECK_INT(freed, 2);
    CHECK_INT(strangers, 0);
    free_two(&two);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);
#endif
    return finish();
}
