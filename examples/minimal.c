/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A minimal TLS client with a list of certificates.
 *
 * usage: minimal HOST:PORT ROOTS CERTIFICATES KEYS
 * ROOTS is a file of trusted CAs. CERTIFICATES and KEYS are lists as in libpq: a.crt,b.crt and
 * a.key,b.key. */
#include <certpick.h>
#include <openssl/err.h>
#include <stdio.h>

static int fail(const char *why)
{
    fprintf(stderr, "minimal: %s\n", why);
    ERR_print_errors_fp(stderr);
    return 1;
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    certpick_selector *selector = certpick_selector_new();
    char page[4096];
    SSL *ssl;
    BIO *bio;
    int n;

    if (argc != 5 || ctx == NULL || selector == NULL)
        return fail("usage: minimal HOST:PORT ROOTS CERTIFICATES KEYS");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
        return fail("could not read the trusted CAs");

    if (certpick_selector_add_lists(selector, argv[3], argv[4], NULL) != CERTPICK_OK ||
        certpick_attach(ctx, selector) != CERTPICK_OK)
        return fail(certpick_selector_error(selector));
    certpick_selector_free(selector); /* the SSL_CTX holds its own reference */

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
    return 0;
}
