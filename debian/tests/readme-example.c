/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connects to argv[1], HOST:PORT, with the certificates of the README's example, which is
   included. */
#include "readme.c"

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;
    BIO *bio;
    int connected;

    if (argc != 2 || ctx == NULL || !use_certificates(ctx))
        return 2;
    SSL_CTX_set_default_verify_paths(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    bio = BIO_new_ssl_connect(ctx);
    BIO_get_ssl(bio, &ssl);
    BIO_set_conn_hostname(bio, argv[1]);
    SSL_set1_host(ssl, BIO_get_conn_hostname(bio));
    connected = BIO_do_handshake(bio) == 1;
    printf("%s\n%s", connected ? "connected" : "not connected", certpick_explanation(ssl));
    BIO_free_all(bio);
    SSL_CTX_free(ctx);
    return connected ? 0 : 1;
}
