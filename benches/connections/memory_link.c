/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "memory_link.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

void give_up(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int accept_any(int preverify_ok, X509_STORE_CTX *ctx)
{
    (void)preverify_ok;
    (void)ctx;
    return 1;
}

SSL_CTX *new_memory_server(const char *certificate, const char *key, STACK_OF(X509_NAME) *names)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    MUST(ctx != NULL && SSL_CTX_use_certificate_file(ctx, certificate, SSL_FILETYPE_PEM) == 1);
    MUST(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
    MUST(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
    SSL_CTX_set_client_CA_list(ctx, names);
    return ctx;
}

void open_memory_link(struct memory_link *link, SSL_CTX *client, SSL_CTX *server)
{
    BIO *ours, *theirs;

    MUST((link->client = SSL_new(client)) != NULL && (link->server = SSL_new(server)) != NULL);
    MUST(BIO_new_bio_pair(&ours, 1 << 17, &theirs, 1 << 17));
    SSL_set_bio(link->client, ours, ours);
    SSL_set_bio(link->server, theirs, theirs);
    SSL_set_connect_state(link->client);
    SSL_set_accept_state(link->server);
}

static int step(SSL *ssl, int *done)
{
    int result;

    if (*done)
        return 1;
    result = SSL_do_handshake(ssl);
    *done = result == 1;
    return *done || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

int shake_hands(struct memory_link *link)
{
    int client_done = 0, server_done = 0;

    while (!client_done || !server_done) {
        if (!step(link->client, &client_done) || !step(link->server, &server_done))
            return 0;
    }
    return 1;
}

void close_memory_link(struct memory_link *link)
{
    SSL_free(link->client);
    SSL_free(link->server);
}
