/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys of a token that the program loads itself and gives to certpick_selector_add_credential().

   The arguments are "provider" or the file of an engine, the PKCS#11 module, the key's URI, its
   PIN, the file of its certificate and that of the CA. */
#define OPENSSL_API_COMPAT 10100 /* ENGINE */
#include "picking.h"

#include <openssl/engine.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

static char *pin;

static int answer_pin(char *buf, int size, int writing, void *arg)
{
    (void)writing;
    (void)arg;
    return snprintf(buf, (size_t)size, "%s", pin);
}

static EVP_PKEY *load_by_provider(const char *uri)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(answer_pin, 0);
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    MUST(store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return key;
}

static EVP_PKEY *load_by_engine(const char *file, const char *module, const char *uri)
{
    ENGINE *engine;
    EVP_PKEY *key;

    ENGINE_load_dynamic();
    engine = ENGINE_by_id("dynamic");
    MUST(engine != NULL && ENGINE_ctrl_cmd_string(engine, "SO_PATH", file, 0) == 1);
    MUST(ENGINE_ctrl_cmd_string(engine, "LOAD", NULL, 0) == 1);
    MUST(ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) == 1);
    MUST(ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) == 1);
    MUST(ENGINE_init(engine) == 1);
    key = ENGINE_load_private_key(engine, uri, NULL, NULL);
    ENGINE_finish(engine);
    ENGINE_free(engine);
    return key;
}

int main(int argc, char **argv)
{
    MUST(argc == 7 && (pin = argv[4]) != NULL);
    int by_provider = strcmp(argv[1], "provider") == 0;
    SCOPED(X509) *cert = read_certificate(argv[5]), *ca_cert = read_certificate(argv[6]);
    struct identity ca = {ca_cert, NULL};
    EVP_PKEY *key = by_provider ? load_by_provider(argv[3])
                                : load_by_engine(argv[1], argv[2], argv[3]);
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    MUST(key != NULL);
    ERR_clear_error();
    subject("a key of a token that the program has loaded signs the handshake");
    CHECK_OK(certpick_selector_add_credential(selector, cert, key, NULL));
    for (int i = 0; i < 2; i++) {
        SCOPED(SSL_CTX) *server = new_server(tls_versions[i], &ca);

        CHECK_SELECTOR_SENDS(tls_versions[i], selector, server, cert);
    }
    EVP_PKEY_free(key);
    ignore_open_files(); /* the token's */
    return finish();
}
