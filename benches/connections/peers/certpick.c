/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenSSL with certpick, or without it if the list has one credential. See client.h. */
#include <certpick.h>
#include <openssl/ssl.h>

#include "client.h"

static SSL_CTX *ctx;
static certpick_selector *selector;

static void add(const char *certificate, const char *key)
{
    MUST_BE(certpick_selector_add_files(selector, certificate, key, NULL) == CERTPICK_OK);
}

static void use(const char *certificate, const char *key)
{
    MUST_BE(SSL_CTX_use_certificate_chain_file(ctx, certificate) == 1);
    MUST_BE(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
}

static void ignore(const char *certificate, const char *key)
{
    (void)certificate;
    (void)key;
}

static void handshake(int socket)
{
    SSL *ssl = SSL_new(ctx);
    char byte;

    MUST_BE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1") == 1);
    MUST_BE(SSL_set_fd(ssl, socket) == 1 && SSL_connect(ssl) == 1 && SSL_read(ssl, &byte, 1) == 1);
    SSL_shutdown(ssl);
    SSL_free(ssl);
}

int main(int argc, char **argv)
{
    MUST_BE(argc == 5 && (ctx = SSL_CTX_new(TLS_client_method())) != NULL);
    MUST_BE(SSL_CTX_load_verify_locations(ctx, "root.crt", NULL) == 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (for_each_credential(argv[2], ignore) == 1) {
        for_each_credential(argv[2], use);
    } else {
        selector = certpick_selector_new();
        for_each_credential(argv[2], add);
        MUST_BE(certpick_attach(ctx, selector) == CERTPICK_OK);
        certpick_selector_free(selector);
    }
    measure(argv, handshake);
    SSL_CTX_free(ctx);
    return 0;
}
