/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client with a non-blocking socket, an event loop (poll(2)) and a timeout.
 *
 * usage: nonblocking HOST PORT ROOTS CERTIFICATES KEYS
 *
 * certpick does not wait for the network. Only loading and decrypting the chosen key can take time
 * in the handshake; certpick_selector_validate() does that beforehand. */
#define _POSIX_C_SOURCE 200809L
#include <certpick.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 20 };

static void fail(const char *why)
{
    fprintf(stderr, "nonblocking: %s\n", why);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void wait_for(int fd, short events, time_t deadline)
{
    struct pollfd poll_fd = {fd, events, 0};
    time_t left = deadline - time(NULL);
    int ready;

    do
        ready = left > 0 ? poll(&poll_fd, 1, (int)left * 1000) : 0;
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        fail("timeout");
}

/* Waits for the socket and returns 1 if the operation must be repeated. */
static int again(SSL *ssl, int result, time_t deadline)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        wait_for(SSL_get_fd(ssl), POLLIN, deadline);
        return 1;
    case SSL_ERROR_WANT_WRITE:
        wait_for(SSL_get_fd(ssl), POLLOUT, deadline);
        return 1;
    default:
        return 0;
    }
}

static int connect_to(const char *host, const char *port, time_t deadline)
{
    struct addrinfo hints, *all, *one;
    int fd = -1, error = 0;
    socklen_t size = sizeof error;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, port, &hints, &all) != 0)
        fail("unknown host");
    for (one = all; one != NULL; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd < 0)
            continue;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        if (connect(fd, one->ai_addr, one->ai_addrlen) == 0)
            break;
        if (errno == EINPROGRESS) {
            wait_for(fd, POLLOUT, deadline);
            if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
                break;
        }
        close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    if (fd < 0)
        fail("could not connect");
    return fd;
}

static SSL_CTX *new_context(char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    certpick_selector *selector = certpick_selector_new();

    if (ctx == NULL || selector == NULL)
        fail("out of memory");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, argv[3], NULL) != 1)
        fail("could not read the trusted CAs");
    if (certpick_selector_add_lists(selector, argv[4], argv[5], NULL) != CERTPICK_OK ||
        certpick_selector_validate(selector) != CERTPICK_OK ||
        certpick_attach(ctx, selector) != CERTPICK_OK)
        fail(certpick_selector_error(selector));
    certpick_selector_free(selector);
    return ctx;
}

int main(int argc, char **argv)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    time_t deadline = time(NULL) + SECONDS;
    char page[4096];
    SSL_CTX *ctx;
    SSL *ssl;
    int fd, result;

    if (argc != 6)
        fail("usage: nonblocking HOST PORT ROOTS CERTIFICATES KEYS");
    ctx = new_context(argv);
    fd = connect_to(argv[1], argv[2], deadline);
    ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        fail("out of memory");
    SSL_set_tlsext_host_name(ssl, argv[1]);
    SSL_set1_host(ssl, argv[1]);

    while ((result = SSL_connect(ssl)) != 1)
        if (!again(ssl, result, deadline))
            fail(certpick_message(ssl));
    while ((result = SSL_write(ssl, request, sizeof request - 1)) <= 0)
        if (!again(ssl, result, deadline))
            fail("could not send the request");
    do {
        while ((result = SSL_read(ssl, page, sizeof page)) > 0)
            fwrite(page, 1, (size_t)result, stdout);
    } while (again(ssl, result, deadline));

    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return 0;
}
