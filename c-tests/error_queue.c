/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenSSL's error queue: unchanged after success, one additional entry after a failure. */
#include "picking.h"

#include <openssl/err.h>

/* Checks that an expression succeeds and leaves the three entries of the queue unchanged. */
#define SUCCEEDS(expression)         \
    do {                             \
        queue_markers(3);            \
        CHECK(expression);           \
        CHECK_ONLY_MARKERS(3);       \
    } while (0)
#define SUCCEEDS_OK(call) SUCCEEDS((call) == CERTPICK_OK)

/* Checks that an expression fails and adds one entry of certpick behind the three. */
#define FAILS(expression, status)           \
    do {                                    \
        queue_markers(3);                   \
        CHECK_INT(expression, status);      \
        CHECK_MARKERS_AND_ONE(3);           \
    } while (0)

static char password[] = "secret";

static void successes(const struct pki *pki)
{
    certpick_selector *selector;
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl;

    subject("a function that succeeds leaves the error queue unchanged");
    SUCCEEDS((selector = certpick_selector_new()) != NULL);
    SUCCEEDS(certpick_version() != NULL && certpick_version_number() != 0);
    SUCCEEDS(certpick_status_text(CERTPICK_ERROR_KEY) != NULL);
    SUCCEEDS(certpick_is_list("a.crt,b.crt") == 1 && certpick_is_list("nowhere") == 0);
    SUCCEEDS_OK(certpick_selector_up_ref(selector));
    SUCCEEDS((certpick_selector_free(selector), 1));
    SUCCEEDS((certpick_selector_free(NULL), 1));
    SUCCEEDS_OK(certpick_selector_add_lists(selector, "a.crt,chain.crt", "a.key,b.key", ",secret"));
    SUCCEEDS_OK(certpick_selector_add_lists(selector, "a.crt", "a.key", NULL));
    SUCCEEDS_OK(certpick_selector_add_files(selector, "a.pem", NULL, NULL));
    SUCCEEDS_OK(certpick_selector_add_files(selector, "a.crt", "a.der", NULL));
    SUCCEEDS_OK(certpick_selector_add_files(selector, "chain.crt", "b.key", NULL));
    SUCCEEDS_OK(certpick_selector_add_files(selector, "chain.crt", "b_old.key", "secret"));
    SUCCEEDS_OK(certpick_selector_add_credential(selector, pki->a.cert, pki->a.key, NULL));
    SUCCEEDS_OK(certpick_selector_add_issuers(selector, "chain.crt"));
    SUCCEEDS_OK(certpick_selector_set_password_callback(selector, answer_password, password));
    SUCCEEDS_OK(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON));
    SUCCEEDS(certpick_selector_count(selector) == 8);
    SUCCEEDS_OK(certpick_selector_validate(selector));
    SUCCEEDS(strcmp(certpick_selector_error(selector), "") == 0);
    SUCCEEDS_OK(certpick_attach(client, selector));
    SUCCEEDS_OK(certpick_attach_cert_cb(client, selector));
    ssl = SSL_new(client);
    SUCCEEDS_OK(certpick_set_peer(ssl, "db.example", "alice"));
    SUCCEEDS(certpick_outcome(ssl) == CERTPICK_OUTCOME_NOT_ASKED);
    SUCCEEDS(certpick_message(ssl) != NULL && certpick_explanation(ssl) != NULL);
    SUCCEEDS(certpick_choice(ssl) == SIZE_MAX && certpick_verdict(ssl, 0) == 0);
    SUCCEEDS((SSL_free(ssl), SSL_CTX_free(client), certpick_selector_free(selector), 1));

    subject("a neutral value for an invalid argument is not a failure");
    SUCCEEDS(certpick_selector_count(NULL) == 0 && certpick_selector_error(NULL) != NULL);
    SUCCEEDS(certpick_outcome(NULL) == CERTPICK_OUTCOME_NOT_ASKED);
    SUCCEEDS(certpick_message(NULL) != NULL && certpick_explanation(NULL) != NULL);
    SUCCEEDS(certpick_choice(NULL) == SIZE_MAX && certpick_verdict(NULL, 0) == 0);
    SUCCEEDS(certpick_is_list(NULL) == 0);
}

static void failures(const struct pki *pki)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL) *ssl = SSL_new(client);

    subject("a function that fails adds one entry of certpick with a reason string");
    FAILS(certpick_selector_up_ref(NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(NULL, "a.crt", NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(selector, "a.crt,", NULL, NULL), CERTPICK_ERROR_LIST);
    FAILS(certpick_selector_add_lists(selector, "a.crt,a.crt", "a.key", NULL), CERTPICK_ERROR_LIST);
    FAILS(certpick_selector_add_lists(selector, "gone.crt", NULL, NULL), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_lists(selector, "words", NULL, NULL), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_lists(selector, "damaged", "a.key", NULL),
          CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_lists(selector, "a.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    FAILS(certpick_selector_add_files(selector, "gone.crt", NULL, NULL), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_files(selector, "damaged", NULL, NULL), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_issuers(selector, "gone.crt"), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_issuers(selector, "damaged"), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_credential(selector, pki->a.cert, pki->b.key, NULL),
          CERTPICK_ERROR_KEY_MISMATCH);
    FAILS(certpick_selector_add_credential(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_option(selector, 99, 0), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, 99),
          CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_password_callback(NULL, answer_password, password),
          CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_validate(NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_attach(client, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_attach_cert_cb(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_select(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_set_peer(NULL, "host", "user"), CERTPICK_ERROR_ARGUMENT);

    subject("certpick_selector_validate adds one entry, however many keys fail");
    MUST(certpick_selector_add_files(selector, "a.crt", "gone.key", NULL) == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "b.key", "wrong") == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "words", NULL) == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "a.key", NULL) == CERTPICK_OK);
    FAILS(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);

    subject("a change of a frozen selector adds one entry");
    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    FAILS(certpick_selector_add_files(selector, "a.crt", "a.key", NULL), CERTPICK_ERROR_FROZEN);
    FAILS(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON),
          CERTPICK_ERROR_FROZEN);
}

static void mark_of_the_program(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    subject("a mark that the program has set in the queue is unchanged");
    queue_markers(2);
    ERR_set_mark();
    CHECK_OK(certpick_selector_add_files(selector, "chain.crt", "b_old.key", "secret"));
    CHECK_OK(certpick_selector_add_files(selector, "a.crt", "a.der", NULL));
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_INT(certpick_selector_add_files(selector, "damaged", NULL, NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(ERR_pop_to_mark(), 1);
    CHECK_ONLY_MARKERS(2);
}

static int callbacks; /* the number of checked calls of certpick */

static int select_cb(SSL *ssl, void *selector)
{
    int ok;

    queue_markers(3);
    ok = certpick_select(ssl, (certpick_selector *)selector) == CERTPICK_OK;
    CHECK_ONLY_MARKERS(3);
    callbacks++;
    return ok;
}

static int (*certpick_cb)(SSL *ssl, X509 **cert, EVP_PKEY **key);

/* Checks the queue directly after certpick's callback, because OpenSSL changes it later. */
static int client_cert_cb(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    int result;

    queue_markers(3);
    result = certpick_cb(ssl, cert, key);
    CHECK_ONLY_MARKERS(3);
    callbacks++;
    return result;
}

/* Connects, checks that the queue is unchanged, and returns the outcome. */
static int handshake(int version, enum way way, const struct identity *named)
{
    SCOPED(certpick_selector) *selector =
        new_selector("a.crt,chain.crt", "a.der,b_old.key", ",secret");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, named);
    struct link link;
    int outcome;

    callbacks = 0;
    use_selector(client, selector, way);
    if (way == BY_CLIENT_CERT_CB) {
        certpick_cb = SSL_CTX_get_client_cert_cb(client);
        MUST(certpick_cb != NULL);
        SSL_CTX_set_client_cert_cb(client, client_cert_cb);
    } else if (way == BY_OWN_CERT_CB) {
        SSL_CTX_set_cert_cb(client, select_cb, selector);
    }
    CHECK(connect_link(&link, client, server));
    CHECK_INT(callbacks, way == BY_CERT_CB ? 0 : 1);
    CHECK_INT(link.client_queue.length, 0);
    outcome = certpick_outcome(link.client);
    close_link(&link);
    return outcome;
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    write_combined("a.pem", pki.a.key, NULL, pki.a.cert);
    write_der_key("a.der", pki.a.key);
    write_certs("chain.crt", pki.b.cert, pki.ca_b.cert, pki.ca_a.cert);
    write_key("b.key", pki.b.key, "secret");
    write_traditional_key("b_old.key", pki.b.key, "secret");
    write_text("words", "Neither certificate nor key.\n");
    write_damaged_cert("damaged");

    successes(&pki);
    failures(&pki);
    mark_of_the_program();
    for (int version = 0; version < 2; version++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            subject("a handshake leaves the queue unchanged");
            CHECK_INT(handshake(tls_versions[version], way, &pki.ca_a), CERTPICK_OUTCOME_SENT);
            CHECK_INT(handshake(tls_versions[version], way, &pki.ca_b), CERTPICK_OUTCOME_SENT);
            CHECK_INT(handshake(tls_versions[version], way, &pki.a),
                      CERTPICK_OUTCOME_NONE_SUITABLE);
        }
    }
    return finish();
}
