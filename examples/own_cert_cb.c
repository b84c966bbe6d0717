/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program with its own cert_cb (SSL_CTX_set_cert_cb(3)), which sends a certificate to one trusted
 * host only and calls certpick_select() for it.
 *
 * usage: own_cert_cb HOST:PORT ROOTS CERTIFICATES KEYS TRUSTED-HOST */
#include <certpick.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

struct identity {
    certpick_selector *selector; /* must live as long as the callback may be called */
    const char *trusted_host;
};

static int fail(const char *why)
{
    fprintf(stderr, "own_cert_cb: %s\n", why);
    ERR_print_errors_fp(stderr);
    return 1;
}

/* OpenSSL calls it when the server has requested a certificate. 1 continues the handshake, 0 aborts
 * it. */
static int choose(SSL *ssl, void *arg)
{
    const struct identity *identity = arg;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (host == NULL || strcmp(host, identity->trusted_host) != 0) {
        SSL_certs_clear(ssl);
        return 1;
    }
    return certpick_select(ssl, identity->selector) == CERTPICK_OK;
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct identity identity = {certpick_selector_new(), argc == 6 ? argv[5] : NULL};
    char page[4096];
    SSL *ssl;
    BIO *bio;
    int n;

    if (argc != 6 || ctx == NULL || identity.selector == NULL)
        return fail("usage: own_cert_cb HOST:PORT ROOTS CERTIFICATES KEYS TRUSTED-HOST");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
        return fail("could not read the trusted CAs");
    if (certpick_selector_add_lists(identity.selector, argv[3], argv[4], NULL) != CERTPICK_OK)
        return fail(certpick_selector_error(identity.selector));
    SSL_CTX_set_cert_cb(ctx, choose, &identity);

    bio = BIO_new_ssl_connect(ctx);
    BIO_get_ssl(bio, &ssl);
    BIO_set_conn_hostname(bio, argv[1]);
    SSL_set_tlsext_host_name(ssl, BIO_get_conn_hostname(bio));
    SSL_set1_host(ssl, BIO_get_conn_hostname(bio));
    if (BIO_do_handshake(bio) != 1)
        return fail(certpick_message(ssl));
    BIO_puts(bio, "GET / HTTP/1.0\r\n\r\n");
    while ((n = BIO_read(bio, page, sizeof page)) > 0)
        fwrite(page, 1, (size_t)n, stdout);

    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    certpick_selector_free(identity.selector);
    return 0;
}
