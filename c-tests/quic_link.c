/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "quic_link.h"

#include <arpa/inet.h>
#include <openssl/quic.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static const unsigned char protocol[] = "\x08" "certpick";

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *length,
                           const unsigned char *in, unsigned int in_length, void *arg)
{
    (void)ssl, (void)arg;
    return SSL_select_next_proto((unsigned char **)out, length, protocol, sizeof(protocol) - 1, in,
                                 in_length) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int accept_all(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

SSL_CTX *new_quic_server(const struct identity *ca, const char *algorithms)
{
    SSL_CTX *ctx = SSL_CTX_new(OSSL_QUIC_server_method());
    struct identity self = new_leaf("server.example", NULL);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    MUST(ctx != NULL && names != NULL);
    MUST(SSL_CTX_use_certificate(ctx, self.cert) && SSL_CTX_use_PrivateKey(ctx, self.key));
    SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
    if (ca != NULL)
        MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(ca->cert))) > 0);
    SSL_CTX_set_client_CA_list(ctx, names);
    if (algorithms != NULL)
        MUST(SSL_CTX_set1_client_sigalgs_list(ctx, algorithms));
    return ctx;
}

SSL_CTX *new_quic_client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(OSSL_QUIC_client_method());

    MUST(ctx != NULL);
    return ctx;
}

static int udp_socket(BIO_ADDR **address)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(local);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&local, length) == 0);
    if (address != NULL) {
        MUST(getsockname(fd, (struct sockaddr *)&local, &length) == 0);
        MUST((*address = BIO_ADDR_new()) != NULL);
        MUST(BIO_ADDR_rawmake(*address, AF_INET, &local.sin_addr, sizeof(local.sin_addr),
                              local.sin_port));
    }
    return fd;
}

struct server {
    int fd;
    SSL_CTX *ctx;
    X509 *arrived;
};

/* Serves one connection. The client sends a byte after its handshake, or the handshake fails. */
static void *serve(void *argument)
{
    struct server *server = argument;
    SSL *listener = SSL_new_listener(server->ctx, 0);
    SSL *connection;
    char byte;

    MUST(listener != NULL && SSL_set_fd(listener, server->fd) && SSL_listen(listener));
    connection = SSL_accept_connection(listener, 0);
    MUST(connection != NULL);
    if (SSL_read(connection, &byte, 1) == 1) {
        MUST(SSL_write(connection, "s", 1) == 1);
        /* Waits until the client closes the connection. */
        CHECK(SSL_read(connection, &byte, 1) <= 0);
    }
    server->arrived = SSL_get1_peer_certificate(connection);
    SSL_free(connection);
    SSL_free(listener);
    return NULL;
}

void connect_quic(struct quic_link *link, SSL_CTX *client, SSL_CTX *server_ctx,
                  void (*prepare)(SSL *ssl))
{
    struct server server = {-1, server_ctx, NULL};
    BIO_ADDR *address;
    pthread_t thread;
    char byte;

    server.fd = udp_socket(&address);
    MUST(pthread_create(&thread, NULL, serve, &server) == 0);
    link->client = SSL_new(client);
    MUST(link->client != NULL && SSL_set_fd(link->client, udp_socket(NULL)));
    MUST(SSL_set1_initial_peer_addr(link->client, address));
    MUST(SSL_set_alpn_protos(link->client, protocol, sizeof(protocol) - 1) == 0);
    if (prepare != NULL)
        prepare(link->client);
    link->connected = SSL_connect(link->client) == 1;
    link->client_queue = take_queue();
    if (link->connected)
        link->connected = SSL_write(link->client, "c", 1) == 1 && SSL_read(link->client, &byte, 1) == 1;
    SSL_shutdown_ex(link->client, SSL_SHUTDOWN_FLAG_RAPID, NULL, 0);
    MUST(pthread_join(thread, NULL) == 0);
    link->arrived = server.arrived;
    close(server.fd);
    BIO_ADDR_free(address);
}

void close_quic(struct quic_link *link)
{
    close(SSL_get_fd(link->client));
    SSL_free(link->client);
    X509_free(link->arrived);
}

void check_quic_arrived(const struct quic_link *link, X509 *expected, const char *file, int line)
{
    check_true(link->connected, "the connection is complete", file, line);
    check_true(expected == NULL ? link->arrived == NULL
                                : link->arrived != NULL && X509_cmp(link->arrived, expected) == 0,
               "the certificate arrives", file, line);
    check_true(SSL_get_certificate(link->client) == NULL, "no certificate is left", file, line);
}
