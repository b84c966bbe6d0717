/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CertificateRequests of maximum size, and malformed ones. Up to TLS 1.2 a CertificateRequest is
   neither encrypted nor signed, so the test replaces it between server and client.

   With CERTPICK_BYTE_STEP=n only every n-th byte is tested. */
#include "picking.h"
#include "request_bytes.h"

#include <openssl/err.h>

enum { HANDSHAKE_RECORD = 22, MAX_RECORD = 16384 };

static struct pki pki;
static SSL_CTX *server_12;
static certpick_selector *selector;

/* Appends a name of minimum size, 11 bytes: one attribute (OID 1.2.0 to 1.2.127) without a
   value. */
static void put_short_name(struct bytes *to, int n)
{
    const unsigned char name[] = {0x30, 9, 0x31, 7, 0x30, 5, 6, 1, (unsigned char)(n % 128),
                                  0x0c, 0};

    put_number(to, sizeof(name), 2);
    put(to, name, sizeof(name));
}

static void put_front(struct bytes *body)
{
    static const unsigned char front[] = {2, 1, 64, 0, 6, 4, 3, 8, 4, 4, 1};

    body->length = 0;
    put(body, front, sizeof(front));
}

/* Writes a CertificateRequest of TLS 1.2 with this number of unknown names, and then the name of a
   CA. */
static void put_request(struct bytes *body, int unknown, X509 *ca)
{
    static struct bytes names;

    names.length = 0;
    for (int i = 0; i < unknown; i++)
        put_short_name(&names, i);
    if (ca != NULL)
        put_name_of(&names, ca);
    MUST(names.length <= 65535);
    put_front(body);
    put_number(body, names.length, 2);
    put(body, names.at, names.length);
}

/* --- replacing a request ---------------------------------------------------------------------- */

/* Replaces the body of the CertificateRequest in the server's flight. */
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
    for (at = 0; at < others.length; at += MAX_RECORD) {
        static const unsigned char start[] = {HANDSHAKE_RECORD, 3, 3};
        size_t part = others.length - at < MAX_RECORD ? others.length - at : MAX_RECORD;

        put(flight, start, sizeof(start));
        put_number(flight, part, 2);
        put(flight, others.at + at, part);
    }
}

/* Runs a TLS 1.2 client until it answers the request (0) or fails (-1). The caller calls
   free_link(). */
static int answer(struct link *link, const unsigned char *request, size_t length, enum way way)
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

static void free_link(struct link *link)
{
    SSL_free(link->client);
    SSL_free(link->server);
    ERR_clear_error();
}

/* --- requests --------------------------------------------------------------------------------- */

/* Checks the choice for a request. Returns the length of the explanation. */
static size_t check_choice(const struct bytes *request, enum way way, size_t expected)
{
    struct link link;
    size_t length;

    CHECK_INT(answer(&link, request->at, request->length, way), 0);
    CHECK_INT(certpick_choice(link.client), expected);
    CHECK_INT(certpick_outcome(link.client),
              expected == SIZE_MAX ? CERTPICK_OUTCOME_NONE_SUITABLE : CERTPICK_OUTCOME_SENT);
    length = strlen(certpick_explanation(link.client));
    free_link(&link);
    return length;
}

static void many_names_by_tls12(enum way way)
{
    static struct bytes body;
    struct link link;
    const char *explanation;

    subject("the last of 5,000 names is found");
    put_request(&body, 4999, pki.ca_b.cert);
    CHECK(check_choice(&body, way, 1) < 20000);
    CHECK_INT(answer(&link, body.at, body.length, way), 0);
    explanation = certpick_explanation(link.client);
    CHECK_HAS(explanation, "chain to one of these 5000 CAs:\n");
    CHECK_HAS(explanation, "\n    and 4900 more\n");
    free_link(&link);

    subject("nothing is sent for 5,000 unknown names");
    put_request(&body, 5000, NULL);
    check_choice(&body, way, SIZE_MAX);

    subject("nothing is sent for the maximum number of unknown names");
    put_request(&body, 65535 / 13, NULL);
    check_choice(&body, way, SIZE_MAX);

    subject("a name after a name of maximum length is found");
    static char description[32001];
    X509_NAME *long_name = X509_NAME_new();
    const int nid = NID_description, type = V_ASN1_UTF8STRING;
    fill(description, 'x', sizeof(description));
    MUST(long_name != NULL);
    /* Some versions of OpenSSL have a limit. */
    MUST(X509_NAME_add_entry_by_NID(long_name, nid, type, (unsigned char *)description, 32000, -1,
                                    0) ||
         X509_NAME_add_entry_by_NID(long_name, nid, type, (unsigned char *)description, 1000, -1,
                                    0));
    static struct bytes names;
    names.length = 0;
    put_name(&names, long_name);
    put_name_of(&names, pki.ca_a.cert);
    put_front(&body);
    put_number(&body, names.length, 2);
    put(&body, names.at, names.length);
    CHECK(check_choice(&body, way, 0) < 20000);
    X509_NAME_free(long_name);
}

static void many_names_by_tls13(enum way way)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION), *client = new_client(TLS1_3_VERSION);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    static struct bytes der;
    struct link link;

    subject("the last of 5,000 names is found in TLS 1.3");
    for (int i = 0; i < 4999; i++) {
        const unsigned char *start = der.at + 2;
        X509_NAME *name;

        der.length = 0;
        put_short_name(&der, i);
        name = d2i_X509_NAME(NULL, &start, (long)der.length - 2);
        MUST(name != NULL && sk_X509_NAME_push(names, name) > 0);
    }
    MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(pki.ca_b.cert))) > 0);
    SSL_CTX_set_client_CA_list(server, names);
    use_selector(client, selector, way);
    CHECK_CONNECTS(&link, client, server, pki.b.cert);
    CHECK_HAS(certpick_explanation(link.client), "chain to one of these 5000 CAs:\n");
    close_link(&link);
}

/* Checks that the client does not crash and that outcome and explanation agree. */
static void check_any_request(const unsigned char *request, size_t length, enum way way)
{
    struct link link;
    int answered = answer(&link, request, length, way);
    int32_t outcome = certpick_outcome(link.client);

    if (outcome == CERTPICK_OUTCOME_NOT_ASKED)
        CHECK(answered == -1 && certpick_explanation(link.client)[0] == '\0');
    else
        CHECK(outcome != CERTPICK_OUTCOME_FAILED && certpick_explanation(link.client)[0] != '\0');
    free_link(&link);
}

static void malformed_requests(enum way way)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const size_t every = (size_t)number_from_environment("CERTPICK_BYTE_STEP", 1);
    static struct bytes good, bad;
    struct link link;

    put_request(&good, 1, pki.ca_b.cert);
    check_choice(&good, way, 1);

    subject("a truncated request is refused");
    for (size_t i = 0; i < good.length; i += every) {
        CHECK_INT(answer(&link, good.at, i, way), -1);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
        free_link(&link);
    }
    subject("a request with an additional byte is refused");
    bad = good;
    put(&bad, "", 1);
    CHECK_INT(answer(&link, bad.at, bad.length, way), -1);
    free_link(&link);

    subject("a request in which a byte is changed does not crash the client");
    for (size_t i = 0; i < good.length; i += every) {
        for (size_t j = 0; j < sizeof(values); j++) {
            bad = good;
            bad.at[i] = values[j];
            check_any_request(bad.at, bad.length, way);
        }
        bad = good;
        bad.at[i] ^= 0x20;
        check_any_request(bad.at, bad.length, way);
    }
}

int main(void)
{
    set_up_pki(&pki, NULL);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    server_12 = new_server(TLS1_2_VERSION, &pki.ca_a);
    for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
        many_names_by_tls12(way);
        many_names_by_tls13(way);
        if (way != BY_OWN_CERT_CB)
            malformed_requests(way);
    }
    SSL_CTX_free(server_12);
    certpick_selector_free(selector);
    return finish();
}
