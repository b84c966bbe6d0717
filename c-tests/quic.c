/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* QUIC uses the handshake of TLS 1.3 but has another SSL_version(3). The choice is the same as in
   TLS 1.3. OpenSSL has QUIC servers since 3.5. */
#include "picking.h"

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

struct server {
    int fd;
    SSL_CTX *ctx;
    X509 *arrived;
};

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

/* Serves one connection. The client sends a byte after its handshake. */
static void *serve(void *argument)
{
    struct server *server = argument;
    SCOPED(SSL) *listener = SSL_new_listener(server->ctx, 0);
    SSL *connection;
    char byte;

    MUST(listener != NULL && SSL_set_fd(listener, server->fd) && SSL_listen(listener));
    connection = SSL_accept_connection(listener, 0);
    MUST(connection != NULL);
    CHECK(SSL_read(connection, &byte, 1) == 1);
    server->arrived = SSL_get1_peer_certificate(connection);
    MUST(SSL_write(connection, "s", 1) == 1);
    /* Waits until the client closes the connection. */
    CHECK(SSL_read(connection, &byte, 1) <= 0);
    SSL_free(connection);
    return NULL;
}

/* The server names this CA and accepts these signature algorithms. Checks which certificate it
   receives. */
static void check_choice(enum way way, const struct identity *ca, const char *algorithms,
                         X509 *expected)
{
    SCOPED(certpick_selector) *selector =
        new_selector("rsa.crt,a.crt,b.crt", "rsa.key,a.key,b.key", NULL);
    SSL_CTX *client = SSL_CTX_new(OSSL_QUIC_client_method());
    struct identity self = new_leaf("server.example", NULL);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    struct server server = {-1, SSL_CTX_new(OSSL_QUIC_server_method()), NULL};
    BIO_ADDR *address;
    pthread_t thread;
    char byte;
    SSL *ssl;

    MUST(client != NULL && server.ctx != NULL);
    MUST(SSL_CTX_use_certificate(server.ctx, self.cert) &&
         SSL_CTX_use_PrivateKey(server.ctx, self.key));
    SSL_CTX_set_alpn_select_cb(server.ctx, select_protocol, NULL);
    SSL_CTX_set_verify(server.ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(server.ctx, accept_all, NULL);
    MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(ca->cert))) > 0);
    SSL_CTX_set_client_CA_list(server.ctx, names);
    MUST(SSL_CTX_set1_client_sigalgs_list(server.ctx, algorithms));
    server.fd = udp_socket(&address);
    MUST(pthread_create(&thread, NULL, serve, &server) == 0);

    use_selector(client, selector, way);
    ssl = SSL_new(client);
    MUST(ssl != NULL && SSL_set_fd(ssl, udp_socket(NULL)));
    MUST(SSL_set1_initial_peer_addr(ssl, address));
    MUST(SSL_set_alpn_protos(ssl, protocol, sizeof(protocol) - 1) == 0);
    CHECK_INT(SSL_connect(ssl), 1);
    MUST(SSL_write(ssl, "c", 1) == 1);
    CHECK(SSL_read(ssl, &byte, 1) == 1);
    SSL_shutdown_ex(ssl, SSL_SHUTDOWN_FLAG_RAPID, NULL, 0);
    MUST(pthread_join(thread, NULL) == 0);

    CHECK(expected == NULL ? server.arrived == NULL
                           : server.arrived != NULL && X509_cmp(server.arrived, expected) == 0);
    /* OpenSSL calls a cert_cb with an internal SSL, which has the record of the decision. */
    if (way == BY_CLIENT_CERT_CB) {
        CHECK_INT(certpick_outcome(ssl),
                  expected != NULL ? CERTPICK_OUTCOME_SENT : CERTPICK_OUTCOME_NONE_SUITABLE);
        CHECK_HAS(certpick_explanation(ssl), "QUIC");
    }
    CHECK(SSL_get_certificate(ssl) == NULL);
    close(SSL_get_fd(ssl));
    close(server.fd);
    X509_free(server.arrived);
    BIO_ADDR_free(address);
    SSL_free(ssl);
    SSL_CTX_free(client);
    SSL_CTX_free(server.ctx);
}

int main(void)
{
    static const struct traits rsa_traits = {.kind = KEY_RSA};
    struct identity rsa;
    struct pki pki;

    set_up_pki(&pki, NULL);
    rsa = new_leaf_with("rsa", &pki.ca_a, &rsa_traits);
    write_identity("rsa", &rsa, NULL);
    for (int way = 0; way < WAYS; way++) {
        subject("in QUIC the certificate of the CA that the server names is sent");
        check_choice((enum way)way, &pki.ca_b, "ECDSA+SHA256", pki.b.cert);
        subject("in QUIC a credential is not sent if its key fits none of the server's signature "
                "algorithms");
        check_choice((enum way)way, &pki.ca_a, "ECDSA+SHA256", pki.a.cert);
        check_choice((enum way)way, &pki.ca_a, "rsa_pss_rsae_sha256", rsa.cert);
        check_choice((enum way)way, &pki.ca_b, "rsa_pss_rsae_sha256", NULL);
    }
    return finish();
}
