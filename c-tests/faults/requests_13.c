/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests of TLS 1.3 that are not well formed. There a CertificateRequest is encrypted and signed, so
   it is not replaced on its way but in the client: OpenSSL shows each message to a callback when it
   has been decrypted and hashed, and before it is read.

   CERTPICK_BYTE_STEP=n changes each n-th byte only. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>

enum { MOST = 4096, CERTIFICATE_REQUEST = 13, CERTIFICATE_AUTHORITIES = 47, UNKNOWN_EXTENSION = 0xfafa };

static struct two two;
static certpick_selector *selector;

/* --- bytes --------------------------------------------------------------------------------------- */

struct bytes {
    unsigned char at[MOST];
    size_t length;
};

static void put(struct bytes *to, const void *data, size_t length)
{
    MUST(to->length + length <= sizeof(to->at));
    if (length > 0)
        memcpy(to->at + to->length, data, length);
    to->length += length;
}

static void put_number(struct bytes *to, size_t value)
{
    const unsigned char two_bytes[] = {(unsigned char)(value >> 8), (unsigned char)value};

    put(to, two_bytes, 2);
}

static size_t number(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void put_name_of(struct bytes *to, X509 *ca)
{
    unsigned char *der = NULL;
    int length = i2d_X509_NAME(X509_get_subject_name(ca), &der);

    MUST(length > 0);
    put_number(to, (size_t)length);
    put(to, der, (size_t)length);
    OPENSSL_free(der);
}

/* --- a request in the client ----------------------------------------------------------------------- */

/* What is done to the next CertificateRequest. */
static struct {
    const struct bytes *authorities; /* stands in the extension's place, if it is not NULL */
    int times;                       /* so often */
    size_t place;                    /* otherwise this byte of the body */
    unsigned char keep, add;         /* is changed so: & keep, ^ add */
    size_t body;                     /* how long the body was */
} change;

/* The same length as before: an extension that nobody knows takes up the rest. */
static void put_authorities(unsigned char *body, size_t length)
{
    static const unsigned char zeros[MOST];
    static struct bytes made;
    size_t at = 1 + (size_t)body[0] + 2;
    int i;

    MUST(length > at);
    made.length = 0;
    put(&made, body, at);
    while (at + 4 <= length) {
        size_t whole = 4 + number(body + at + 2);

        MUST(at + whole <= length);
        if (number(body + at) != CERTIFICATE_AUTHORITIES)
            put(&made, body + at, whole);
        at += whole;
    }
    for (i = 0; i < change.times; i++) {
        put_number(&made, CERTIFICATE_AUTHORITIES);
        put_number(&made, change.authorities->length);
        put(&made, change.authorities->at, change.authorities->length);
    }
    MUST(made.length + 4 <= length);
    put_number(&made, UNKNOWN_EXTENSION);
    put_number(&made, length - made.length - 2);
    put(&made, zeros, length - made.length);
    memcpy(body, made.at, length);
}

static void when_read(int is_written, int version, int type, const void *data, size_t length, SSL *ssl,
                      void *arg)
{
    unsigned char *message = (unsigned char *)(uintptr_t)data;

    (void)version;
    (void)ssl;
    (void)arg;
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

/* 1 where both sides are done; close_link is the caller's. */
static int ask(struct link *link, SSL_CTX *server, enum way way)
{
    SSL_CTX *client = new_client(TLS1_3_VERSION);

    use_selector(client, selector, way);
    SSL_CTX_set_msg_callback(client, when_read);
    change.body = 0;
    open_link(link, client, server);
    SSL_CTX_free(client);
    return shake_hands(link) && exchange_bytes(link);
}

/* --- what is asked ---------------------------------------------------------------------------------- */

#define NAME_OF_B "\x00\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "CA B"
#define LIST_OF(length, rest) {"\x00" length rest, sizeof(length) + sizeof(rest) - 1}

static const struct {
    const char *what;
    struct {
        const char *bytes;
        size_t length;
    } authorities;
    int is_read; /* by OpenSSL, which refuses most of them */
    size_t chosen;
} requests[] = {
    {"a sound one", LIST_OF("\x13", NAME_OF_B), 1, 1},
    {"nothing at all", {"", 0}, 0, 0},
    {"half a length", {"\x00", 1}, 0, 0},
    {"a list that ends too early", LIST_OF("\x12", NAME_OF_B), 0, 0},
    {"a list that ends too late", LIST_OF("\x14", NAME_OF_B), 0, 0},
    {"half a name's length at the end", LIST_OF("\x14", NAME_OF_B "\x00"), 0, 0},
    {"a name that goes on behind the list", LIST_OF("\x04", "\x00\x11\x30\x0f"), 0, 0},
    {"a name of no bytes", LIST_OF("\x02", "\x00\x00"), 0, 0},
    {"a name of no bytes before a sound one", LIST_OF("\x15", "\x00\x00" NAME_OF_B), 0, 0},
    {"a name with something behind it",
     LIST_OF("\x14",
             "\x00\x12" "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04" "CA B" "\x00"), 0, 0},
    {"a name that is no sequence", LIST_OF("\x04", "\x00\x02\x31\x00"), 0, 0},
    {"a name that is an integer", LIST_OF("\x05", "\x00\x03\x02\x01\x01"), 0, 0},
    {"a name whose inner lengths are too long", LIST_OF("\x07", "\x00\x05\x30\x03\x31\x05\x30"), 0, 0},
    {"a name of indefinite length without an end", LIST_OF("\x06", "\x00\x04\x30\x80\x31\x80"), 0, 0},
    {"a name with a length of 2^32-1", LIST_OF("\x08", "\x00\x06\x30\x84\xff\xff\xff\xff"), 0, 0},
    {"a type that is no object identifier",
     LIST_OF("\x0d", "\x00\x0b\x30\x09\x31\x07\x30\x05\x02\x01\x01\x0c\x00"), 0, 0},
    /* Odd, but OpenSSL reads them. */
    {"an empty list, so the server takes all", {"\x00\x00", 2}, 1, 0},
    {"the empty name", LIST_OF("\x04", "\x00\x02\x30\x00"), 1, SIZE_MAX},
    {"the empty name before a sound one", LIST_OF("\x17", "\x00\x02\x30\x00" NAME_OF_B), 1, 1},
    {"the same name twice", LIST_OF("\x26", NAME_OF_B NAME_OF_B), 1, 1},
    {"a name in other letters",
     LIST_OF("\x13", "\x00\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x13\x04" "ca b"), 1, 1},
    {"a name with a NUL in it",
     LIST_OF("\x15",
             "\x00\x13\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06" "CA B\x00x"), 1, SIZE_MAX},
    {"a name whose text is a number",
     LIST_OF("\x10", "\x00\x0e\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x02\x01\x07"), 0, 0},
};

/* A server that names so much that whatever is to be asked has room. */
static SSL_CTX *new_talkative_server(void)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, (void *)NULL);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    char text[61];
    int i;

    memset(text, 'x', 60);
    text[60] = '\0';
    for (i = 0; i < 6; i++) {
        X509_NAME *name = X509_NAME_new();

        text[0] = (char)('a' + i);
        MUST(name != NULL && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (unsigned char *)text,
                                                        -1, -1, 0));
        MUST(sk_X509_NAME_push(names, name) > 0);
    }
    SSL_CTX_set_client_CA_list(server, names);
    return server;
}

static void ill_formed_authorities(enum way way)
{
    SSL_CTX *server = new_talkative_server();
    static struct bytes content;
    struct link link;
    size_t i;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int done, is_good;

        content.length = 0;
        put(&content, requests[i].authorities.bytes, requests[i].authorities.length);
        change.authorities = &content;
        change.times = 1;
        subject("names that are not well formed end the handshake, odd ones are names");
        done = ask(&link, server, way);
        is_good = CHECK(change.body > 0) & CHECK_INT(done, requests[i].is_read);
        if (requests[i].is_read) {
            size_t chosen = requests[i].chosen;
            X509 *expected = chosen == 0 ? two.a.cert : chosen == 1 ? two.b.cert : NULL;

            is_good &= CHECK_INT(certpick_choice(link.client), chosen);
            CHECK_ARRIVED(&link, expected, (X509 *)NULL);
            is_good &= CHECK(certpick_explanation(link.client)[0] != '\0');
        } else {
            is_good &= CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
            is_good &= CHECK_TEXT(certpick_explanation(link.client), "");
        }
        if (!is_good)
            printf("    the names are: %s\n", requests[i].what);
        close_link(&link);
        ERR_clear_error();
    }

    subject("names that come twice end the handshake");
    content.length = 0;
    put_number(&content, 2 + 17);
    put_name_of(&content, two.ca_b.cert);
    change.times = 2;
    CHECK(!ask(&link, server, way));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    close_link(&link);

    subject("a request without names is from a server that takes all");
    change.times = 0;
    CHECK(ask(&link, server, way));
    CHECK_ARRIVED(&link, two.a.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(server);
    ERR_clear_error();
}

/* Whatever was asked: what is told is what arrived. */
static void never_bad(SSL_CTX *server, enum way way)
{
    struct link link;
    int done = ask(&link, server, way);
    int32_t outcome = certpick_outcome(link.client);
    size_t choice = certpick_choice(link.client);

    if (outcome == CERTPICK_OUTCOME_NOT_ASKED) {
        CHECK(!done && certpick_explanation(link.client)[0] == '\0');
    } else {
        CHECK(outcome != CERTPICK_OUTCOME_FAILED && certpick_explanation(link.client)[0] != '\0');
        CHECK((outcome == CERTPICK_OUTCOME_SENT) == (choice < 2));
    }
    if (done)
        CHECK_ARRIVED(&link, choice == 0 ? two.a.cert : choice == 1 ? two.b.cert : NULL, (X509 *)NULL);
    close_link(&link);
    ERR_clear_error();
}

static void any_byte_changed(enum way way)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const char *text = getenv("CERTPICK_BYTE_STEP");
    size_t every = text != NULL ? strtoul(text, NULL, 10) : 1;
    struct identity stranger = new_root("Stranger");
    SSL_CTX *server = new_server(TLS1_3_VERSION, &stranger, &two.ca_b, (void *)NULL);
    size_t i;

    subject("a request with any byte changed does no harm");
    change.authorities = NULL;
    change.place = 0;
    do {
        for (i = 0; i < sizeof(values); i++) {
            change.keep = 0;
            change.add = values[i];
            never_bad(server, way);
        }
        change.keep = 0xff;
        change.add = 0x20;
        never_bad(server, way);
        CHECK(change.body > 60);
        change.place += every;
    } while (change.place < change.body);
    free_identity(&stranger);
    SSL_CTX_free(server);
}

int main(void)
{
    enum way way;

    enter_work_dir();
    make_two(&two);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
        ill_formed_authorities(way);
        if (way != BY_OWN_CERT_CB)
            any_byte_changed(way);
    }
    certpick_selector_free(selector);
    free_two(&two);
    return finish();
}
