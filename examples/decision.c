/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints the decision of a handshake: outcome, verdicts and explanation.
 *
 * usage: decision HOST:PORT ROOTS CERTIFICATES KEYS */
#include <certpick.h>
#include <openssl/err.h>
#include <stdio.h>

static int fail(const char *why)
{
    fprintf(stderr, "decision: %s\n", why);
    ERR_print_errors_fp(stderr);
    return 1;
}

static void report(const SSL *ssl, const certpick_selector *selector)
{
    size_t index;

    switch (certpick_outcome(ssl)) {
    case CERTPICK_OUTCOME_NOT_ASKED:
        puts("the server did not request a certificate");
        return;
    case CERTPICK_OUTCOME_SENT:
        printf("sent: credential %zu\n", certpick_choice(ssl));
        break;
    default: /* including outcomes that a later version adds */
        printf("not sent: %s\n", certpick_message(ssl));
    }
    for (index = 0; index < certpick_selector_count(selector); index++) {
        uint32_t verdict = certpick_verdict(ssl, index);

        printf("credential %zu: verdict 0x%lx%s\n", index, (unsigned long)verdict,
               verdict & CERTPICK_REASON_EXPIRED ? ", expired" : "");
    }
    printf("\n%s", certpick_explanation(ssl));
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    certpick_selector *selector = certpick_selector_new();
    int connected;
    SSL *ssl;
    BIO *bio;

    if (argc != 5 || ctx == NULL || selector == NULL)
        return fail("usage: decision HOST:PORT ROOTS CERTIFICATES KEYS");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
        return fail("could not read the trusted CAs");
    if (certpick_selector_add_lists(selector, argv[3], argv[4], NULL) != CERTPICK_OK ||
        certpick_attach(ctx, selector) != CERTPICK_OK)
        return fail(certpick_selector_error(selector));

    bio = BIO_new_ssl_connect(ctx);
    BIO_get_ssl(bio, &ssl);
    BIO_set_conn_hostname(bio, argv[1]);
    SSL_set_tlsext_host_name(ssl, BIO_get_conn_hostname(bio));
    SSL_set1_host(ssl, BIO_get_conn_hostname(bio));
    connected = BIO_do_handshake(bio) == 1;
    report(ssl, selector);
    if (!connected)
        fail("not connected");

    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    certpick_selector_free(selector);
    return connected ? 0 : 1;
}
