/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection pool that replaces its certificates at run time.
 *
 * usage: pool HOST:PORT ROOTS CERTIFICATES KEYS
 *
 * It reads commands from stdin, one per line:
 *     ask      sends a line on the next connection of the pool and prints the server's answer
 *     rotate   reads the files again, as after a renewal
 *
 * rotate creates a new selector and a new SSL_CTX and validates them before they replace the old
 * ones, so that a failed renewal changes nothing. A connection of an old generation is closed when
 * it is used next. In a program with threads, a lock for `current` suffices, because an SSL_CTX is
 * reference-counted (SSL_CTX_up_ref(3)) and an attached selector may be shared. */
#include <certpick.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 3 };

struct pool {
    const char *server, *roots, *certificates, *keys;
    SSL_CTX *current;
    unsigned generation;
    struct {
        BIO *bio; /* NULL: not open */
        unsigned generation;
    } connections[CONNECTIONS];
    unsigned next;
};

static void complain(const char *what, const char *why)
{
    printf("%s: %s\n", what, why);
    ERR_clear_error();
}

/* Returns NULL and prints the reason if the files cannot be used. */
static SSL_CTX *new_context(const struct pool *pool)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    certpick_selector *selector = certpick_selector_new();

    if (ctx == NULL || selector == NULL)
        abort();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, pool->roots, NULL) != 1) {
        complain("not rotated", "could not read the trusted CAs");
        SSL_CTX_free(ctx);
        ctx = NULL;
    } else if (certpick_selector_add_lists(selector, pool->certificates, pool->keys, NULL) !=
                   CERTPICK_OK ||
               certpick_selector_validate(selector) != CERTPICK_OK ||
               certpick_attach(ctx, selector) != CERTPICK_OK) {
        complain("not rotated", certpick_selector_error(selector));
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    certpick_selector_free(selector);
    return ctx;
}

static int rotate(struct pool *pool)
{
    SSL_CTX *ctx = new_context(pool);

    if (ctx == NULL)
        return 0;
    SSL_CTX_free(pool->current); /* connections hold their own references */
    pool->current = ctx;
    pool->generation++;
    return 1;
}

static BIO *connect_to(const struct pool *pool)
{
    BIO *bio = BIO_new_ssl_connect(pool->current);
    SSL *ssl;

    BIO_get_ssl(bio, &ssl);
    BIO_set_conn_hostname(bio, pool->server);
    SSL_set_tlsext_host_name(ssl, BIO_get_conn_hostname(bio));
    SSL_set1_host(ssl, BIO_get_conn_hostname(bio));
    if (BIO_do_handshake(bio) == 1)
        return bio;
    complain("not connected", certpick_message(ssl));
    BIO_free_all(bio);
    return NULL;
}

static void ask(struct pool *pool)
{
    unsigned i = pool->next++ % CONNECTIONS;
    BIO **bio = &pool->connections[i].bio;
    char answer[256];
    int length;

    if (*bio != NULL && pool->connections[i].generation != pool->generation) {
        BIO_free_all(*bio);
        *bio = NULL;
    }
    if (*bio == NULL) {
        *bio = connect_to(pool);
        pool->connections[i].generation = pool->generation;
    }
    if (*bio == NULL)
        return;
    BIO_puts(*bio, "who\n");
    length = BIO_read(*bio, answer, sizeof answer);
    if (length > 0) {
        printf("connection %u: %.*s", i, length, answer);
    } else {
        complain("no answer", "the server has closed the connection");
        BIO_free_all(*bio);
        *bio = NULL;
    }
}

int main(int argc, char **argv)
{
    struct pool pool;
    char command[32];
    int i;

    if (argc != 5) {
        fputs("usage: pool HOST:PORT ROOTS CERTIFICATES KEYS\n", stderr);
        return 2;
    }
    memset(&pool, 0, sizeof pool);
    pool.server = argv[1];
    pool.roots = argv[2];
    pool.certificates = argv[3];
    pool.keys = argv[4];
    if (!rotate(&pool))
        return 1;
    while (fgets(command, sizeof command, stdin) != NULL) {
        if (strcmp(command, "ask\n") == 0)
            ask(&pool);
        else if (strcmp(command, "rotate\n") == 0) {
            if (rotate(&pool))
                puts("rotated");
        } else
            puts("unknown command");
        fflush(stdout);
    }
    for (i = 0; i < CONNECTIONS; i++)
        BIO_free_all(pool.connections[i].bio);
    SSL_CTX_free(pool.current);
    return 0;
}
