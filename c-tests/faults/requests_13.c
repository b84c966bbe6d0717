/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Malformed CertificateRequests of TLS 1.3. They are encrypted and signed, so the test replaces
   them in the client: OpenSSL passes each message to a callback after it is decrypted and hashed,
   and before it is parsed.

   With CERTPICK_BYTE_STEP=n only every n-th byte is tested. */
#include "picking.h"
#include "request_bytes.h"

#include <openssl/err.h>

enum { CERTIFICATE_AUTHORITIES = 47, UNKNOWN_EXTENSION = 0xfafa };

static struct pki pki;
static certpick_selector *selector;

/* --- replacing a request ---------------------------------------------------------------------- */

/* How the next CertificateRequest is changed. */
static struct {
    const struct bytes *authorities; /* replaces the extension's content, unless it is NULL */
    int times;                       /* the number of these extensions */
    size_t place;                    /* without authorities: the byte of the body that is changed */
    unsigned char keep, add;         /* the new value of the byte: & keep, ^ add */
    size_t body;                     /* set to the length of the body */
} change;

/* Replaces the extension. An unknown extension fills the rest, because the length must not
   change. */
static void put_authorities(unsigned char *body, size_t length)
{
    static const unsigned char zeros[4096];
    static struct bytes made;
    size_t at = 1 + (size_t)body[0] + 2;

    MUST(length > at);
    made.length = 0;
    put(&made, body, at);
    while (at + 4 <= length) {
        size_t whole = 4 + number(body + at + 2, 2);

        MUST(at + whole <= length);
        if (number(body + at, 2) != CERTIFICATE_AUTHORITIES)
            put(&made, body + at, whole);
        at += whole;
    }
    for (int i = 0; i < change.times; i++) {
        put_number(&made, CERTIFICATE_AUTHORITIES, 2);
        put_number(&made, change.authorities->length, 2);
        put(&made, change.authorities->at, change.authorities->length);
    }
    MUST(made.length + 4 <= length);
    put_number(&made, UNKNOWN_EXTENSION, 2);
    put_number(&made, length - made.length - 2, 2);
    put(&made, zeros, length - made.length);
    memcpy(body, made.at, length);
}

static void on_message(int is_written, int version, int type, const void *data, size_t length,
                       SSL *ssl, void *arg)
{
    unsigned char *message = (unsigned char *)(uintptr_t)data;

    (void)version, (void)ssl, (void)arg;
    if (is_written || type != SSL3_RT_HANDSHAKE || message[0] != CERTIFICATE_REQUEST)
        return;
    change.body = length - 4;
    if (change.authorities != NULL) {
        put_authorities(message + 4, length - 4);
    } else if (change.place < change.body) {
        message[4 + change.place] &= change.keep;
        message[4 + change.place] ^= change.add;
    }
}

/* Returns 1 if both sides complete the handshake. The caller closes the link. */
static int connect_once(struct link *link, SSL_CTX *server, enum way way)
{
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);

    use_selector(client, selector, way);
    SSL_CTX_set_msg_callback(client, on_message);
    change.body = 0;
    open_link(link, client, server);
    return complete_link(link);
}

/* --- requests --------------------------------------------------------------------------------- */

#define NAME_OF_B "\x00\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "CA B"
#define LIST_OF(length, rest) {"\x00" length rest, sizeof(length) + sizeof(rest) - 1}

static const struct {
    const char *what;
    struct {
        const char *bytes;
        size_t length;
    } authorities;
    int is_accepted; /* by OpenSSL, which refuses most of them */
    size_t chosen;
} requests[] = {
    {"a valid list", LIST_OF("\x13", NAME_OF_B), 1, 1},
    {"an empty extension", {"", 0}, 0, 0},
    {"half a length", {"\x00", 1}, 0, 0},
    {"a list that ends too early", LIST_OF("\x12", NAME_OF_B), 0, 0},
    {"a list that ends too late", LIST_OF("\x14", NAME_OF_B), 0, 0},
    {"half of a name's length at the end", LIST_OF("\x14", NAME_OF_B "\x00"), 0, 0},
    {"a name that continues after the list", LIST_OF("\x04", "\x00\x11\x30\x0f"), 0, 0},
    {"an empty name without a header", LIST_OF("\x02", "\x00\x00"), 0, 0},
    {"an empty name without a header before a valid one", LIST_OF("\x15", "\x00\x00" NAME_OF_B), 0,
     0},
    {"a name with an additional byte",
     LIST_OF("\x14", "\x00\x12"
                     "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04"
                     "CA B"
                     "\x00"),
     0, 0},
    {"a name that is not a SEQUENCE", LIST_OF("\x04", "\x00\x02\x31\x00"), 0, 0},
    {"a name that is an INTEGER", LIST_OF("\x05", "\x00\x03\x02\x01\x01"), 0, 0},
    {"a name whose inner lengths are too long", LIST_OF("\x07", "\x00\x05\x30\x03\x31\x05\x30"), 0,
     0},
    {"a name of indefinite length without an end", LIST_OF("\x06", "\x00\x04\x30\x80\x31\x80"), 0,
     0},
    {"a name with a length of 2^32-1", LIST_OF("\x08", "\x00\x06\x30\x84\xff\xff\xff\xff"), 0, 0},
    {"an attribute type that is not an OBJECT IDENTIFIER",
     LIST_OF("\x0d", "\x00\x0b\x30\x09\x31\x07\x30\x05\x02\x01\x01\x0c\x00"), 0, 0},
    /* Unusual, but OpenSSL accepts most of them. */
    {"an empty list, which accepts every CA", {"\x00\x00", 2}, 1, 0},
    {"the empty name", LIST_OF("\x04", "\x00\x02\x30\x00"), 1, SIZE_MAX},
    {"the empty name before a valid one", LIST_OF("\x17", "\x00\x02\x30\x00" NAME_OF_B), 1, 1},
    {"the same name twice", LIST_OF("\x26", NAME_OF_B NAME_OF_B), 1, 1},
    {"a name with other case and string type",
     LIST_OF("\x13", "\x00\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x13\x04"
                     "ca b"),
     1, 1},
    {"a name that contains a NUL",
     LIST_OF("\x15", "\x00\x13\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06"
                     "CA B\x00x"),
     1, SIZE_MAX},
    {"an attribute value that is an INTEGER",
     LIST_OF("\x10", "\x00\x0e\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x02\x01\x07"), 0, 0},
};

/* Creates a server whose CertificateRequest is longer than every request in the table. */
static SSL_CTX *new_server_with_long_request(void)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    char text[61];

    fill(text, 'x', sizeof(text));
    for (int i = 0; i < 6; i++) {
        X509_NAME *name = X509_NAME_new();

        text[0] = (char)('a' + i);
        MUST(name != NULL && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                        (unsigned char *)text, -1, -1, 0));
        MUST(sk_X509_NAME_push(names, name) > 0);
    }
    SSL_CTX_set_client_CA_list(server, names);
    return server;
}

static void malformed_authorities(enum way way)
{
    SSL_CTX *server = new_server_with_long_request();
    static struct bytes content;
    struct link link;

    for (size_t i = 0; i < COUNT(requests); i++) {
        int done, is_good;

        content.length = 0;
        put(&content, requests[i].authorities.bytes, requests[i].authorities.length);
        change.authorities = &content;
        change.times = 1;
        subject("a malformed list of CA names aborts the handshake");
        done = connect_once(&link, server, way);
        is_good = CHECK(change.body > 0) & CHECK_INT(done, requests[i].is_accepted);
        if (requests[i].is_accepted) {
            size_t chosen = requests[i].chosen;
            X509 *expected = chosen == 0 ? pki.a.cert : chosen == 1 ? pki.b.cert : NULL;

            is_good &= CHECK_INT(certpick_choice(link.client), chosen);
            CHECK_ARRIVED(&link, expected);
            is_good &= CHECK(certpick_explanation(link.client)[0] != '\0');
        } else {
            is_good &= CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
            is_good &= CHECK_TEXT(certpick_explanation(link.client), "");
        }
        if (!is_good)
            printf("    with the CA names: %s\n", requests[i].what);
        close_link(&link);
        ERR_clear_error();
    }

    subject("a duplicate list of CA names aborts the handshake");
    content.length = 0;
    put_number(&content, 2 + 17, 2);
    put_name_of(&content, pki.ca_b.cert);
    change.times = 2;
    CHECK(!connect_once(&link, server, way));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    close_link(&link);

    subject("a request without CA names accepts every CA");
    change.times = 0;
    CHECK(connect_once(&link, server, way));
    CHECK_ARRIVED(&link, pki.a.cert);
    close_link(&link);
    SSL_CTX_free(server);
    ERR_clear_error();
}

/* Checks that the decision agrees with what the server receives. */
static void check_any_request(SSL_CTX *server, enum way way)
{
    struct link link;
    int done = connect_once(&link, server, way);
    int32_t outcome = certpick_outcome(link.client);
    size_t choice = certpick_choice(link.client);

    if (outcome == CERTPICK_OUTCOME_NOT_ASKED) {
        CHECK(!done && certpick_explanation(link.client)[0] == '\0');
    } else {
        CHECK(outcome != CERTPICK_OUTCOME_FAILED && certpick_explanation(link.client)[0] != '\0');
        CHECK((outcome == CERTPICK_OUTCOME_SENT) == (choice < 2));
    }
    if (done)
        CHECK_ARRIVED(&link, choice == 0 ? pki.a.cert : choice == 1 ? pki.b.cert : NULL);
    close_link(&link);
    ERR_clear_error();
}

static void any_byte_changed(enum way way)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const size_t every = (size_t)number_from_environment("CERTPICK_BYTE_STEP", 1);
    struct identity unrelated = new_root("Unrelated");
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &unrelated, &pki.ca_b);

    subject("a request in which a byte is changed does not crash the client");
    change.authorities = NULL;
    change.place = 0;
    do {
        for (size_t i = 0; i < sizeof(values); i++) {
            change.keep = 0;
            change.add = values[i];
            check_any_request(server, way);
        }
        change.keep = 0xff;
        change.add = 0x20;
        check_any_request(server, way);
        CHECK(change.body > 60);
        change.place += every;
    } while (change.place < change.body);
}

int main(void)
{
    set_up_pki(&pki, NULL);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
        malformed_authorities(way);
        if (way != BY_OWN_CERT_CB)
            any_byte_changed(way);
    }
    certpick_selector_free(selector);
    return finish();
}
