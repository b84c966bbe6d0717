/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client whose certificates have rules: each is sent only to the hosts that it is for.
 *
 * usage: rules HOST:PORT ROOTS CONFIG
 *        rules HOST:PORT ROOTS CERTIFICATE KEY HOSTS
 *
 * CONFIG is a configuration file, see certpick.toml(5). HOSTS is a list of patterns:
 * redis1.example:6379,*.north.example. certpick compares the rules with the names that the program gives to
 * OpenSSL and to certpick_set_peer(): a program that gives none has no host that a name could match. */
#include <certpick.h>
#include <openssl/err.h>
#include <stdio.h>

static int fail(const char *why)
{
    fprintf(stderr, "rules: %s\n", why);
    ERR_print_errors_fp(stderr);
    return 1;
}

/* Adds a certificate for verified servers at these hosts. */
static certpick_status add(certpick_selector *selector, const char *cert, const char *key, const char *hosts)
{
    size_t index = certpick_selector_count(selector);
    certpick_status status = certpick_selector_add_files(selector, cert, key, NULL);

    if (status == CERTPICK_OK)
        status = certpick_selector_set_rule(selector, index, CERTPICK_RULE_HOSTS, hosts);
    if (status == CERTPICK_OK)
        status = certpick_selector_set_rule(selector, index, CERTPICK_RULE_VERIFIED, "1");
    return status;
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    certpick_selector *selector = certpick_selector_new();
    certpick_status status;
    char page[4096];
    SSL *ssl;
    BIO *bio;
    int n;

    if ((argc != 4 && argc != 6) || ctx == NULL || selector == NULL)
        return fail("usage: rules HOST:PORT ROOTS CONFIG | CERTIFICATE KEY HOSTS");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
        return fail("could not read the trusted CAs");

    if (argc == 4)
        status = certpick_selector_add_config(selector, argv[3]);
    else
        status = add(selector, argv[3], argv[4], argv[5]);
    if (status != CERTPICK_OK || certpick_attach(ctx, selector) != CERTPICK_OK)
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
    fputs(certpick_explanation(ssl), stderr);
    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    return 0;
}
