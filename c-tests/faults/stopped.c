/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handshake that stops at each byte of the server's flight, and one whose data arrives byte by
   byte.

   With CERTPICK_BYTE_STEP=n it stops only at every n-th byte. */
#include "picking.h"

#include <openssl/err.h>

static struct pki pki;

/* Connects both sides by memory BIOs, between which the test copies the data. */
static void open_with_memory_bios(struct link *link, SSL_CTX *client, SSL_CTX *server)
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

/* Returns the data that one side has sent. The caller frees it. */
static char *take(SSL *from, size_t *length)
{
    size_t pending = BIO_ctrl_pending(SSL_get_wbio(from));
    char *bytes = malloc(pending + 1);

    MUST(bytes != NULL);
    *length = pending == 0 ? 0 : (size_t)BIO_read(SSL_get_wbio(from), bytes, (int)pending);
    MUST(*length == pending);
    return bytes;
}

static void deliver(SSL *to, const char *bytes, size_t length)
{
    MUST(length == 0 || BIO_write(SSL_get_rbio(to), bytes, (int)length) == (int)length);
}

/* Returns the server's answer to the ClientHello. */
static char *first_flight(struct link *link, size_t *length)
{
    char *hello;

    MUST(handshake_step(link->client) == 0);
    hello = take(link->client, length);
    deliver(link->server, hello, *length);
    free(hello);
    MUST(handshake_step(link->server) == 0);
    return take(link->server, length);
}

/* Stops after this number of bytes. Returns the length of the flight. */
static size_t stop_after(SSL_CTX *client, SSL_CTX *server, size_t bytes, int is_closed)
{
    struct link link;
    size_t length;
    char *flight;
    int32_t outcome;

    open_with_memory_bios(&link, client, server);
    CHECK_OK(certpick_set_peer(link.client, "db.example", "alice"));
    flight = first_flight(&link, &length);
    deliver(link.client, flight, bytes < length ? bytes : length);
    if (is_closed)
        BIO_set_mem_eof_return(SSL_get_rbio(link.client), 0);
    CHECK(handshake_step(link.client) <= (bytes < length ? 0 : 1));
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

    open_with_memory_bios(&link, client, server);
    for (round = 0; round < 10 && !(client_done && server_done); round++) {
        client_done = handshake_step(link.client) == 1;
        bytes = take(link.client, &length);
        deliver(link.server, bytes, length);
        free(bytes);
        server_done = handshake_step(link.server) == 1;
        bytes = take(link.server, &length);
        for (i = 0; i < length && !client_done; i++) {
            deliver(link.client, bytes + i, 1);
            client_done = handshake_step(link.client) == 1;
        }
        deliver(link.client, bytes + i, length - i);
        free(bytes);
    }
    CHECK(client_done && server_done);
    CHECK_ARRIVED(&link, pki.b.cert);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    SSL_free(link.client);
    SSL_free(link.server);
}

int main(void)
{
    const char *text = getenv("CERTPICK_BYTE_STEP");
    size_t every = text != NULL ? strtoul(text, NULL, 10) : 1;

    set_up_pki(&pki, NULL);
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
            SCOPED(SSL_CTX) *client = new_client(tls_versions[i]);
            SCOPED(SSL_CTX) *server = new_server(tls_versions[i], &pki.ca_b);
            size_t bytes = 0, length;

            use_selector(client, selector, way);
            subject("a handshake that stops early has no outcome or has sent the right "
                    "certificate");
            do {
                length = stop_after(client, server, bytes, (int)(bytes % 2));
                bytes += every;
            } while (bytes < length + every);
            subject("a handshake succeeds if its data arrives byte by byte");
            byte_by_byte(client, server);
        }
    }
    return finish();
}
