/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TLS 1.3 server on 127.0.0.1 for the clients in this directory: server M

   Names M CAs, of which the last issued site.crt, and exits if a client sends another certificate.
   Issues no session tickets and writes one byte after each handshake. Prints its port, and exits at
   the end of standard input. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../credentials.h"
#include "../memory_link.h"

static int listen_on_a_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(listen(listener, 16) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void serve(SSL_CTX *ctx, int socket, const X509 *wanted)
{
    SSL *ssl = SSL_new(ctx);
    X509 *sent;
    char byte;

    MUST(ssl != NULL && SSL_set_fd(ssl, socket) == 1 && SSL_accept(ssl) == 1);
    MUST((sent = SSL_get_peer_certificate(ssl)) != NULL && X509_cmp(sent, wanted) == 0);
    MUST(SSL_write(ssl, "!", 1) == 1);
    while (SSL_read(ssl, &byte, 1) > 0) /* the client closes first */
        ;
    ERR_clear_error();
    X509_free(sent);
    SSL_free(ssl);
    close(socket);
}

int main(int argc, char **argv)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    X509 *site = read_certificate("site.crt");
    struct pollfd waiting[2] = {{0, POLLIN, 0}, {0, POLLIN, 0}};
    SSL_CTX *ctx;
    int i;

    MUST(argc == 2);
    for (i = 1; i < atoi(argv[1]); i++)
        MUST(sk_X509_NAME_push(names, stranger(i)) > 0);
    MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_issuer_name(site))) > 0);
    ctx = new_memory_server("server.crt", "server.key", names);
    SSL_CTX_set_num_tickets(ctx, 0);
    waiting[1].fd = listen_on_a_free_port();
    while (poll(waiting, 2, -1) > 0 && waiting[0].revents == 0) {
        if (waiting[1].revents != 0)
            serve(ctx, accept(waiting[1].fd, NULL, NULL), site);
    }
    SSL_CTX_free(ctx);
    X509_free(site);
    return 0;
}
