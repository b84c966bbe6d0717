/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "handshake.h"

#include <openssl/err.h>
#include <stdarg.h>

const int tls_versions[2] = {TLS1_2_VERSION, TLS1_3_VERSION};

void free_SSL_CTX(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

void free_SSL(SSL **ssl)
{
    SSL_free(*ssl);
}

static int accept_all(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static SSL_CTX *new_context(const SSL_METHOD *method, int tls_version)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    MUST(ctx != NULL);
    MUST(SSL_CTX_set_min_proto_version(ctx, tls_version));
    MUST(SSL_CTX_set_max_proto_version(ctx, tls_version));
    return ctx;
}

SSL_CTX *new_client(int tls_version)
{
    return new_context(TLS_client_method(), tls_version);
}

static STACK_OF(X509_NAME) *subjects(va_list identities)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    const struct identity *ca;

    MUST(names != NULL);
    while ((ca = va_arg(identities, const struct identity *)) != NULL)
        MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(ca->cert))) > 0);
    return names;
}

SSL_CTX *new_server_naming(int tls_version, ...)
{
    static const unsigned char context[] = "certpick tests";
    SSL_CTX *ctx = new_context(TLS_server_method(), tls_version);
    struct identity self = new_leaf("server.example", NULL);
    va_list cas;

    MUST(SSL_CTX_use_certificate(ctx, self.cert) && SSL_CTX_use_PrivateKey(ctx, self.key));
    free_identity(&self);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
    MUST(SSL_CTX_set_session_id_context(ctx, context, sizeof(context)));
    va_start(cas, tls_version);
    SSL_CTX_set_client_CA_list(ctx, subjects(cas));
    va_end(cas);
    return ctx;
}

void name_cas_of(SSL *server, ...)
{
    va_list cas;

    va_start(cas, server);
    SSL_set_client_CA_list(server, subjects(cas));
    va_end(cas);
}

void join_link(struct link *link, SSL *client, SSL_CTX *server)
{
    BIO *near_end, *far_end;

    memset(link, 0, sizeof(*link));
    link->client = client;
    link->server = SSL_new(server);
    MUST(link->client != NULL && link->server != NULL);
    MUST(BIO_new_bio_pair(&near_end, 0, &far_end, 0));
    SSL_set_bio(link->client, near_end, near_end);
    SSL_set_bio(link->server, far_end, far_end);
    SSL_set_connect_state(link->client);
    SSL_set_accept_state(link->server);
}

void open_link(struct link *link, SSL_CTX *client, SSL_CTX *server)
{
    join_link(link, SSL_new(client), server);
}

/* Returns 1 if the handshake is complete, 0 if it waits for data, -1 if it failed. */
static int client_step(struct link *link)
{
    int result, error;

    if (link->client_failed)
        return -1;
    /* The next step of OpenSSL would clear the queue. */
    result = SSL_do_handshake(link->client);
    error = SSL_get_error(link->client, result);
    if (ERR_peek_error() != 0)
        link->client_queue = take_queue();
    if (result == 1)
        return 1;
    /* With markers in the queue SSL_get_error(3) returns SSL_ERROR_SSL even if OpenSSL only
       waits. */
    if (SSL_want_read(link->client) || SSL_want_write(link->client))
        return 0;
    link->client_failed = 1;
    link->client_error = error;
    return -1;
}

int handshake_step(SSL *ssl)
{
    int result = SSL_do_handshake(ssl);
    int error = SSL_get_error(ssl, result);

    ERR_clear_error();
    if (result == 1)
        return 1;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int shake_hands(struct link *link)
{
    int client = 0, server = 0;

    for (int round = 0; round < 1000; round++) {
        client = client_step(link);
        server = handshake_step(link->server);
        if (client == 1 && server == 1)
            return 1;
        if (client == -1 || server == -1)
            return 0;
    }
    MUST(!"the handshake ends after 1000 rounds");
    return 0;
}

int exchange_bytes(struct link *link)
{
    int from_server = 0, from_client = 0, to_client = 0, to_server = 0;
    char byte;

    /* SSL_write(3) fails during a renegotiation. */
    for (int round = 0; round < 20 && !(to_client && to_server); round++) {
        if (!from_server)
            from_server = SSL_write(link->server, "s", 1) == 1;
        if (SSL_read(link->client, &byte, 1) == 1)
            to_client = byte == 's';
        if (!from_client)
            from_client = SSL_write(link->client, "c", 1) == 1;
        if (SSL_read(link->server, &byte, 1) == 1)
            to_server = byte == 'c';
        ERR_clear_error();
    }
    return to_client && to_server;
}

int complete_link(struct link *link)
{
    return shake_hands(link) && exchange_bytes(link);
}

int connect_link(struct link *link, SSL_CTX *client, SSL_CTX *server)
{
    open_link(link, client, server);
    return complete_link(link);
}

int request_again(struct link *link)
{
    if (SSL_version(link->server) == TLS1_3_VERSION)
        MUST(SSL_verify_client_post_handshake(link->server) == 1);
    else
        MUST(SSL_renegotiate(link->server) == 1);
    MUST(SSL_do_handshake(link->server) == 1);
    /* The bytes may arrive before the client's answer to the HelloRequest. */
    for (int round = 0; round < 10 && SSL_renegotiate_pending(link->server); round++)
        if (!exchange_bytes(link))
            return 0;
    return exchange_bytes(link);
}

void close_link(struct link *link)
{
    /* Without SSL_shutdown(3) the session would not be resumed. */
    if (SSL_is_init_finished(link->client))
        SSL_shutdown(link->client);
    if (SSL_is_init_finished(link->server))
        SSL_shutdown(link->server);
    SSL_free(link->client);
    SSL_free(link->server);
    ERR_clear_error();
    link->client = link->server = NULL;
}

int arrived(struct link *link, X509 *leaf)
{
    X509 *peer = SSL_get_peer_certificate(link->server);
    int same = leaf == NULL ? peer == NULL : peer != NULL && X509_cmp(peer, leaf) == 0;

    X509_free(peer);
    return same;
}

/* The list of intermediates ends with NULL. */
static void check_chain(const char *file, int line, struct link *link, X509 *leaf, va_list list)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(link->server);
    X509 *intermediate;
    int n = 0;

    check_true(arrived(link, leaf),
               leaf != NULL ? "the expected certificate arrives" : "no certificate arrives", file,
               line);
    if (leaf == NULL)
        return;
    while ((intermediate = va_arg(list, X509 *)) != NULL) {
        check_true(n < sk_X509_num(chain) && X509_cmp(sk_X509_value(chain, n), intermediate) == 0,
                   "the expected intermediate arrives at this position", file, line);
        n++;
    }
    check_int(chain == NULL ? 0 : sk_X509_num(chain), n, "the number of intermediates", file, line);
}

void check_arrived(const char *file, int line, struct link *link, X509 *leaf, ...)
{
    va_list list;

    va_start(list, leaf);
    check_chain(file, line, link, leaf, list);
    va_end(list);
}

void check_completes(const char *file, int line, struct link *link, X509 *leaf, ...)
{
    va_list list;

    check_true(complete_link(link), "the connection succeeds", file, line);
    va_start(list, leaf);
    check_chain(file, line, link, leaf, list);
    va_end(list);
}

void check_sends(const char *file, int line, SSL_CTX *client, SSL_CTX *server, X509 *leaf, ...)
{
    struct link link;
    va_list list;

    check_true(connect_link(&link, client, server), "the connection succeeds", file, line);
    va_start(list, leaf);
    check_chain(file, line, &link, leaf, list);
    va_end(list);
    check_int((long long)link.client_queue.length, 0, "the number of errors in the queue", file,
              line);
    close_link(&link);
}
