/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handshake that stops at each byte of what the server says, and one that comes byte by byte.

   CERTPICK_BYTE_STEP=n stops at each n-th one only. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>

static struct two two;

/* Joined by two memory BIOs each, so that what goes over is ours to hand on. */
static void open_by_hand(struct link *link, SSL_CTX *client, SSL_CTX *server)
{
    memset(link, 0, sizeof(*link));
    link->client = SSL_new(client);
    link->server = SSL_new(server);
    MUST(link->client != NULL && link->server != NULL);
    SSL_set_bio(link->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_bio(link->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(link->client), -1);
    BIO_set_mem_eof_return(SSL_get_rbio(link->server), -1);
    SSL_set_connect_state(link->client);
    SSL_set_accept_state(link->server);
}

/* What one side has said; the caller frees it. */
static char *take(SSL *from, size_t *length)
{
    size_t pending = BIO_ctrl_pending(SSL_get_wbio(from));
    char *bytes = malloc(pending + 1);

    MUST(bytes != NULL);
    *length = pending == 0 ? 0 : (size_t)BIO_read(SSL_get_wbio(from), bytes, (int)pending);
    MUST(*length == pending);
    return bytes;
}

static int shake(SSL *ssl)
{
    int result = SSL_do_handshake(ssl);
    int error = SSL_get_error(ssl, result);

    ERR_clear_error();
    if (result == 1)
        return 1;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void hand_over(SSL *to, const char *bytes, size_t length)
{
    MUST(length == 0 || BIO_write(SSL_get_rbio(to), bytes, (int)length) == (int)length);
}

/* The server's answer to the client's first words. */
static char *first_flight(struct link *link, size_t *length)
{
    char *hello;

    MUST(shake(link->client) == 0);
    hello = take(link->client, length);
    hand_over(link->server, hello, *length);
    free(hello);
    MUST(shake(link->server) == 0);
    return take(link->server, length);
}

/* Stops behind `bytes`; gives the length of the flight. */
static size_t stop_behind(SSL_CTX *client, SSL_CTX *server, size_t bytes, int is_closed)
{
    struct link link;
    size_t length;
    char *flight;
    int32_t outcome;

    open_by_hand(&link, client, server);
    CHECK_INT(certpick_set_peer(link.client, "db.example", "alice"), CERTPICK_OK);
    flight = first_flight(&link, &length);
    hand_over(link.client, flight, bytes < length ? bytes : length);
    if (is_closed)
        BIO_set_mem_eof_return(SSL_get_rbio(link.client), 0);
    CHECK(shake(link.client) <= (bytes < length ? 0 : 1));
    outcome = certpick_outcome(link.client);
    if (outcome == CERTPICK_OUTCOME_NOT_ASKED) {
        CHECK_TEXT(certpick_explanation(link.client), "");
        CHECK_INT(certpick_choice(link.client), SIZE_MAX);
    } else {
        CHECK_INT(outcome, CERTPICK_OUTCOME_SENT);
        CHECK_INT(certpick_choice(link.client), 1);
        CHECK_BEGINS(certpick_explanation(link.client), "certpick sent credential 2 of 2.\n");
    }
    CHECK_TEXT(certpick_message(link.client), "");
    free(flight);
    SSL_free(link.client);
    SSL_free(link.server);
    ERR_clear_error();
    return length;
}

static void byte_by_byte(SSL_CTX *client, SSL_CTX *server)
{
    struct link link;
    size_t length, i;
    char *bytes;
    int client_done = 0, server_done = 0, round;

    open_by_hand(&link, client, server);
    for (round = 0; round < 10 && !(client_done && server_done); round++) {
        client_done = shake(link.client) == 1;
        bytes = take(link.client, &length);
        hand_over(link.server, bytes, length);
        free(bytes);
        server_done = shake(link.server) == 1;
        bytes = take(link.server, &length);
        for (i = 0; i < length && !client_done; i++) {
            hand_over(link.client, bytes + i, 1);
            client_done = shake(link.client) == 1;
        }
        hand_over(link.client, bytes + i, length - i);
        free(bytes);
    }
    CHECK(client_done && server_done);
    CHECK_ARRIVED(&link, two.b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    SSL_free(link.client);
    SSL_free(link.server);
}

int main(void)
{
    const char *text = getenv("CERTPICK_BYTE_STEP");
    size_t every = text != NULL ? strtoul(text, NULL, 10) : 1;
    enum way way;
    int i;

    enter_work_dir();
    make_two(&two);
    for (i = 0; i < 2; i++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
            SSL_CTX *client = new_client(tls_versions[i]);
            SSL_CTX *server = new_server(tls_versions[i], &two.ca_b, (void *)NULL);
            size_t bytes = 0, length;

            use_selector(client, selector, way);
            subject("a handshake that stops half-way leaves nothing behind");
            do {
                length = stop_behind(client, server, bytes, (int)(bytes % 2));
                bytes += every;
            } while (bytes < length + every);
            subject("a handshake that comes byte by byte is like any other");
            byte_by_byte(client, server);
            SSL_CTX_free(client);
            SSL_CTX_free(server);
            certpick_selector_free(selector);
        }
    }
    free_two(&two);
    return finish();
}
