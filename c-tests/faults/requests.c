/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests as large as they can be, and ones that are not well formed. Up to TLS 1.2 a
   CertificateRequest is neither encrypted nor signed, so here it is replaced on its way.

   CERTPICK_BYTE_STEP=n cuts and changes at each n-th byte only. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>

enum { MOST = 65536 + 4096, CERTIFICATE_REQUEST = 13, HANDSHAKE_RECORD = 22, RECORD = 16384 };

static struct two two;
static SSL_CTX *server_12;
static certpick_selector *selector;

/* --- bytes --------------------------------------------------------------------------------------- */

struct bytes {
    unsigned char at[4 * MOST];
    size_t length;
};

static void put(struct bytes *to, const void *data, size_t length)
{
    MUST(to->length + length <= sizeof(to->at));
    if (length > 0)
        memcpy(to->at + to->length, data, length);
    to->length += length;
}

static void put_number(struct bytes *to, size_t value, int bytes)
{
    while (bytes-- > 0) {
        unsigned char byte = (unsigned char)(value >> (8 * bytes));

        put(to, &byte, 1);
    }
}

static size_t number(const unsigned char *at, int bytes)
{
    size_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | *at++;
    return value;
}

/* A name of one attribute without a value: 11 bytes, the shortest there is. OID 1.2.0 to 1.2.127. */
static void put_short_name(struct bytes *to, int n)
{
    const unsigned char name[] = {0x30, 9, 0x31, 7, 0x30, 5, 6, 1, (unsigned char)(n % 128), 0x0c, 0};

    put_number(to, sizeof(name), 2);
    put(to, name, sizeof(name));
}

static void put_name_of(struct bytes *to, X509 *ca)
{
    unsigned char *der = NULL;
    int length = i2d_X509_NAME(X509_get_subject_name(ca), &der);

    MUST(length > 0);
    put_number(to, (size_t)length, 2);
    put(to, der, (size_t)length);
    OPENSSL_free(der);
}

static void put_front(struct bytes *body)
{
    static const unsigned char front[] = {2, 1, 64, 0, 6, 4, 3, 8, 4, 4, 1};

    body->length = 0;
    put(body, front, sizeof(front));
}

/* A CertificateRequest of TLS 1.2 with so many names that nobody has, and one that somebody has. */
static void put_request(struct bytes *body, int strangers, X509 *ca)
{
    static struct bytes names;
    int i;

    names.length = 0;
    for (i = 0; i < strangers; i++)
        put_short_name(&names, i);
    if (ca != NULL)
        put_name_of(&names, ca);
    MUST(names.length <= 65535);
    put_front(body);
    put_number(body, names.length, 2);
    put(body, names.at, names.length);
}

/* --- a request on its way ------------------------------------------------------------------------ */

/* The server's flight with this body in place of its CertificateRequest's. */
static void replace_request(struct bytes *flight, const unsigned char *request, size_t length)
{
    static struct bytes messages, others;
    size_t at = 0;

    messages.length = others.length = 0;
    while (at + 5 <= flight->length) {
        size_t body = number(flight->at + at + 3, 2);

        MUST(flight->at[at] == HANDSHAKE_RECORD && at + 5 + body <= flight->length);
        put(&messages, flight->at + at + 5, body);
        at += 5 + body;
    }
    for (at = 0; at < messages.length;) {
        size_t body = number(messages.at + at + 1, 3);

        if (messages.at[at] == CERTIFICATE_REQUEST) {
            put(&others, messages.at + at, 1);
            put_number(&others, length, 3);
            put(&others, request, length);
        } else {
            put(&others, messages.at + at, 4 + body);
        }
        at += 4 + body;
    }
    flight->length = 0;
    for (at = 0; at < others.length; at += RECORD) {
        static const unsigned char start[] = {HANDSHAKE_RECORD, 3, 3};
        size_t part = others.length - at < RECORD ? others.length - at : RECORD;

        put(flight, start, sizeof(start));
        put_number(flight, part, 2);
        put(flight, others.at + at, part);
    }
}

/* A TLS 1.2 client up to its answer to that request: 0 it answered, -1 it gave up. */
static int ask(struct link *link, const unsigned char *request, size_t length, enum way way)
{
    static struct bytes flight;
    SSL_CTX *client = new_client(TLS1_2_VERSION);
    BIO *to_client = BIO_new(BIO_s_mem()), *to_server = BIO_new(BIO_s_mem());
    int result, error;

    use_selector(client, selector, way);
    memset(link, 0, sizeof(*link));
    link->client = SSL_new(client);
    link->server = SSL_new(server_12);
    SSL_CTX_free(client);
    MUST(link->client != NULL && link->server != NULL && to_client != NULL && to_server != NULL);
    BIO_up_ref(to_client);
    BIO_up_ref(to_server);
    SSL_set_bio(link->client, to_client, to_server);
    SSL_set_bio(link->server, to_server, to_client);
    SSL_set_connect_state(link->client);
    SSL_set_accept_state(link->server);
    MUST(SSL_do_handshake(link->client) != 1 && SSL_do_handshake(link->server) != 1);
    flight.length = BIO_ctrl_pending(to_client);
    MUST(flight.length > 0 && flight.length <= sizeof(flight.at));
    MUST(BIO_read(to_client, flight.at, (int)flight.length) == (int)flight.length);
    replace_request(&flight, request, length);
    MUST(BIO_write(to_client, flight.at, (int)flight.length) == (int)flight.length);
    ERR_clear_error();
    result = SSL_do_handshake(link->client);
    error = SSL_get_error(link->client, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void end(struct link *link)
{
    SSL_free(link->client);
    SSL_free(link->server);
    ERR_clear_error();
}

/* --- what is asked -------------------------------------------------------------------------------- */

static void is_chosen(struct link *link, int answered, size_t expected)
{
    CHECK_INT(answered, 0);
    CHECK_INT(certpick_choice(link->client), expected);
    CHECK_INT(certpick_outcome(link->client),
              expected == SIZE_MAX ? CERTPICK_OUTCOME_NONE_SUITABLE : CERTPICK_OUTCOME_SENT);
}

static void many_names_by_tls12(enum way way)
{
    static struct bytes body;
    struct link link;
    const char *explanation;

    subject("the one name among 5,000 that counts is found, the last one too");
    put_request(&body, 4999, two.ca_b.cert);
    is_chosen(&link, ask(&link, body.at, body.length, way), 1);
    explanation = certpick_explanation(link.client);
    CHECK_HAS(explanation, "below one of these 5000 CAs:\n");
    CHECK_HAS(explanation, "\n    and 4900 more\n");
    CHECK(strlen(explanation) < 20000);
    end(&link);

    subject("where 5,000 names are all strangers', nothing is sent");
    put_request(&body, 5000, NULL);
    is_chosen(&link, ask(&link, body.at, body.length, way), SIZE_MAX);
    end(&link);

    subject("as many names as a request can hold");
    put_request(&body, 65535 / 13, NULL);
    is_chosen(&link, ask(&link, body.at, body.length, way), SIZE_MAX);
    end(&link);

    subject("one name as long as a request can hold");
    {
        static struct bytes name;
        char *common_name = malloc(64000);
        X509_NAME *subject_name = X509_NAME_new();
        unsigned char *der = NULL;
        int length;

        MUST(common_name != NULL && subject_name != NULL);
        memset(common_name, 'x', 64000);
        MUST(X509_NAME_add_entry_by_NID(subject_name, NID_description, V_ASN1_UTF8STRING,
                                        (unsigned char *)common_name, 32000, -1, 0) ||
             X509_NAME_add_entry_by_NID(subject_name, NID_description, V_ASN1_UTF8STRING,
                                        (unsigned char *)common_name, 1000, -1, 0));
        length = i2d_X509_NAME(subject_name, &der);
        MUST(length > 0);
        name.length = 0;
        put_number(&name, (size_t)length, 2);
        put(&name, der, (size_t)length);
        put_name_of(&name, two.ca_a.cert);
        put_front(&body);
        put_number(&body, name.length, 2);
        put(&body, name.at, name.length);
        is_chosen(&link, ask(&link, body.at, body.length, way), 0);
        CHECK(strlen(certpick_explanation(link.client)) < 20000);
        end(&link);
        OPENSSL_free(der);
        X509_NAME_free(subject_name);
        free(common_name);
    }
}

static void many_names_by_tls13(enum way way)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, (void *)NULL), *client = new_client(TLS1_3_VERSION);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    static struct bytes der;
    struct link link;
    int i;

    subject("5,000 names by TLS 1.3");
    for (i = 0; i < 4999; i++) {
        const unsigned char *start = der.at + 2;
        X509_NAME *name;

        der.length = 0;
        put_short_name(&der, i);
        name = d2i_X509_NAME(NULL, &start, (long)der.length - 2);
        MUST(name != NULL && sk_X509_NAME_push(names, name) > 0);
    }
    MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(two.ca_b.cert))) > 0);
    SSL_CTX_set_client_CA_list(server, names);
    use_selector(client, selector, way);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two.b.cert, (X509 *)NULL);
    CHECK_HAS(certpick_explanation(link.client), "below one of these 5000 CAs:\n");
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

/* Whatever it is: never a crash, and never a certificate of a CA that nobody named. */
static void never_bad(const unsigned char *request, size_t length, enum way way)
{
    struct link link;
    int answered = ask(&link, request, length, way);
    int32_t outcome = certpick_outcome(link.client);

    if (outcome == CERTPICK_OUTCOME_NOT_ASKED)
        CHECK(answered == -1 && certpick_explanation(link.client)[0] == '\0');
    else
        CHECK(outcome != CERTPICK_OUTCOME_FAILED && certpick_explanation(link.client)[0] != '\0');
    end(&link);
}

static void ill_formed(enum way way)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const char *text = getenv("CERTPICK_BYTE_STEP");
    size_t every = text != NULL ? strtoul(text, NULL, 10) : 1;
    static struct bytes good, bad;
    size_t i, j;
    struct link link;

    put_request(&good, 1, two.ca_b.cert);
    is_chosen(&link, ask(&link, good.at, good.length, way), 1);
    end(&link);

    subject("a request that is cut short anywhere is refused");
    for (i = 0; i < good.length; i += every) {
        CHECK_INT(ask(&link, good.at, i, way), -1);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
        end(&link);
    }
    subject("so is one with something behind it");
    bad = good;
    put(&bad, "", 1);
    CHECK_INT(ask(&link, bad.at, bad.length, way), -1);
    end(&link);

    subject("a request with any byte changed does no harm");
    for (i = 0; i < good.length; i += every) {
        for (j = 0; j < sizeof(values); j++) {
            bad = good;
            bad.at[i] = values[j];
            never_bad(bad.at, bad.length, way);
        }
        bad = good;
        bad.at[i] ^= 0x20;
        never_bad(bad.at, bad.length, way);
    }
}

int main(void)
{
    enum way way;

    enter_work_dir();
    make_two(&two);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    server_12 = new_server(TLS1_2_VERSION, &two.ca_a, (void *)NULL);
    for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
        many_names_by_tls12(way);
        many_names_by_tls13(way);
        if (way != BY_OWN_CERT_CB)
            ill_formed(way);
    }
    SSL_CTX_free(server_12);
    certpick_selector_free(selector);
    free_two(&two);
    return finish();
}
