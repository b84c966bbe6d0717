/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The credentials, and what rules are compared with: names, connected sockets, the server's certificate. */
#ifndef CERTPICK_TESTS_RULES_H
#define CERTPICK_TESTS_RULES_H

#include "picking.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

/* The CA of the client's credentials, and the two credentials. In most tests only `ruled` has a rule. */
static struct identity ca, plain, ruled;

/* Creates the credentials and writes their files. */
static inline void write_credentials(void)
{
    ca = new_root("CA");
    plain = new_leaf("plain", &ca);
    ruled = new_leaf("ruled", &ca);
    write_identity("plain", &plain, NULL);
    write_identity("ruled", &ruled, NULL);
}

/* What a client knows about the server; NULL: unknown. */
struct known {
    const char *host, *user;  /* certpick_set_peer() */
    const char *server_name;  /* SSL_set_tlsext_host_name(3) */
    const char *verify_name;  /* X509_VERIFY_PARAM_set1_host(3) or _ip */
};

/* Creates a client's SSL and sets what it knows. */
/* Like SSL_set1_host(3), which OpenSSL 4.0 deprecates. */
static inline void set_verify_name(X509_VERIFY_PARAM *param, const char *name)
{
    MUST(X509_VERIFY_PARAM_set1_ip_asc(param, name) || X509_VERIFY_PARAM_set1_host(param, name, 0));
}

static inline SSL *new_ssl(SSL_CTX *client, const struct known *known)
{
    SSL *ssl = SSL_new(client);

    MUST(ssl != NULL);
    if (known->host != NULL || known->user != NULL)
        CHECK_OK(certpick_set_peer(ssl, known->host, known->user));
    if (known->server_name != NULL)
        MUST(SSL_set_tlsext_host_name(ssl, known->server_name));
    if (known->verify_name != NULL)
        set_verify_name(SSL_get0_param(ssl), known->verify_name);
    return ssl;
}

/* The CA of the servers' certificates. */
static struct identity server_ca;

/* Gives a server a new certificate with these subject alternative names. */
static inline void present(SSL_CTX *server, enum key_kind kind, const char *names)
{
    const struct traits traits = {kind, NULL, NULL, 0, 0};
    struct identity made;

    if (server_ca.cert == NULL)
        server_ca = new_root("server CA");
    made = new_leaf_with("server", &server_ca, &traits);
    add_extension(made.cert, server_ca.cert, NID_subject_alt_name, names);
    MUST(X509_sign(made.cert, server_ca.key, EVP_sha256()));
    MUST(SSL_CTX_use_certificate(server, made.cert) && SSL_CTX_use_PrivateKey(server, made.key));
    free_identity(&made);
}

/* Lets a client verify the servers of present(). */
static inline void trust_server(SSL_CTX *client)
{
    MUST(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), server_ca.cert));
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
}

/* Two connected TCP sockets. */
struct sockets {
    int client, server, port;
};

/* Connects to a listening socket with this address and another port than this one. Returns 0 if the machine
   has no such address. */
static inline int open_sockets(struct sockets *sockets, const char *address, int not_port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } at;
    int is_ipv6 = strchr(address, ':') != NULL, is_other = 0, listener = -1, taken = -1;
    socklen_t length = is_ipv6 ? sizeof(at.ipv6) : sizeof(at.ipv4);

    memset(sockets, 0, sizeof(*sockets));
    while (!is_other) {
        memset(&at, 0, sizeof(at));
        at.any.sa_family = is_ipv6 ? AF_INET6 : AF_INET;
        MUST(inet_pton(at.any.sa_family, address,
                       is_ipv6 ? (void *)&at.ipv6.sin6_addr : &at.ipv4.sin_addr) == 1);
        if (taken >= 0)
            close(taken);
        taken = listener;
        listener = socket(at.any.sa_family, SOCK_STREAM, 0);
        if (listener < 0 || bind(listener, &at.any, length) != 0) {
            if (listener >= 0)
                close(listener);
            return 0;
        }
        MUST(listen(listener, 1) == 0 && getsockname(listener, &at.any, &length) == 0);
        sockets->port = ntohs(is_ipv6 ? at.ipv6.sin6_port : at.ipv4.sin_port);
        is_other = sockets->port != not_port;
    }
    if (taken >= 0)
        close(taken);
    sockets->client = socket(at.any.sa_family, SOCK_STREAM, 0);
    MUST(sockets->client >= 0 && connect(sockets->client, &at.any, length) == 0);
    sockets->server = accept(listener, NULL, NULL);
    MUST(sockets->server >= 0);
    MUST(fcntl(sockets->client, F_SETFL, O_NONBLOCK) == 0 && fcntl(sockets->server, F_SETFL,
        O_NONBLOCK) == 0);
    close(listener);
    return 1;
}

/* Connects a link by sockets instead of a BIO pair. */
static inline void use_sockets(struct link *link, const struct sockets *sockets)
{
    MUST(SSL_set_fd(link->client, sockets->client) && SSL_set_fd(link->server, sockets->server));
}

static inline void close_sockets(const struct sockets *sockets)
{
    close(sockets->client);
    close(sockets->server);
}

#endif
