/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenSSL's error queue: as it was after success, one entry more after a failure. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>

/* With three entries queued: an expression that succeeds leaves them, and adds none. */
#define SUCCEEDS(expression)         \
    do {                             \
        queue_markers(3);            \
        CHECK(expression);           \
        CHECK_ONLY_MARKERS(3);       \
    } while (0)

/* The same for a failure, which adds one entry of certpick's own. */
#define FAILS(expression, status)           \
    do {                                    \
        queue_markers(3);                   \
        CHECK_INT(expression, status);      \
        CHECK_MARKERS_AND_ONE(3);           \
    } while (0)

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)size;
    (void)key_file;
    (void)arg;
    memcpy(buf, "secret", 6);
    return 6;
}

static void successes(const struct two *two)
{
    certpick_selector *selector;
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl;

    subject("a function that succeeds leaves the error queue as it was");
    SUCCEEDS((selector = certpick_selector_new()) != NULL);
    SUCCEEDS(certpick_version() != NULL && certpick_version_number() != 0);
    SUCCEEDS(certpick_status_text(CERTPICK_ERROR_KEY) != NULL);
    SUCCEEDS(certpick_is_list("a.crt,b.crt") == 1 && certpick_is_list("nowhere") == 0);
    SUCCEEDS(certpick_selector_up_ref(selector) == CERTPICK_OK);
    SUCCEEDS((certpick_selector_free(selector), 1));
    SUCCEEDS((certpick_selector_free(NULL), 1));
    SUCCEEDS(certpick_selector_add_lists(selector, "a.crt,chain.crt", "a.key,b.key", ",secret") ==
             CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_lists(selector, "a.crt", "a.key", NULL) == CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_files(selector, "a.pem", NULL, NULL) == CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_files(selector, "a.crt", "a.der", NULL) == CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_files(selector, "chain.crt", "b.key", NULL) == CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_files(selector, "chain.crt", "b_old.key", "secret") ==
             CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_credential(selector, two->a.cert, two->a.key, NULL) ==
             CERTPICK_OK);
    SUCCEEDS(certpick_selector_add_issuers(selector, "chain.crt") == CERTPICK_OK);
    SUCCEEDS(certpick_selector_set_password_callback(selector, answer, NULL) == CERTPICK_OK);
    SUCCEEDS(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON) ==
             CERTPICK_OK);
    SUCCEEDS(certpick_selector_count(selector) == 8);
    SUCCEEDS(certpick_selector_validate(selector) == CERTPICK_OK);
    SUCCEEDS(strcmp(certpick_selector_error(selector), "") == 0);
    SUCCEEDS(certpick_attach(client, selector) == CERTPICK_OK);
    SUCCEEDS(certpick_attach_cert_cb(client, selector) == CERTPICK_OK);
    ssl = SSL_new(client);
    SUCCEEDS(certpick_set_peer(ssl, "db.example", "alice") == CERTPICK_OK);
    SUCCEEDS(certpick_outcome(ssl) == CERTPICK_OUTCOME_NOT_ASKED);
    SUCCEEDS(certpick_message(ssl) != NULL && certpick_explanation(ssl) != NULL);
    SUCCEEDS(certpick_choice(ssl) == SIZE_MAX && certpick_verdict(ssl, 0) == 0);
    SUCCEEDS((SSL_free(ssl), SSL_CTX_free(client), certpick_selector_free(selector), 1));

    subject("a neutral value for nonsense is no failure");
    SUCCEEDS(certpick_selector_count(NULL) == 0 && certpick_selector_error(NULL) != NULL);
    SUCCEEDS(certpick_outcome(NULL) == CERTPICK_OUTCOME_NOT_ASKED);
    SUCCEEDS(certpick_message(NULL) != NULL && certpick_explanation(NULL) != NULL);
    SUCCEEDS(certpick_choice(NULL) == SIZE_MAX && certpick_verdict(NULL, 0) == 0);
    SUCCEEDS(certpick_is_list(NULL) == 0);
}

static void failures(const struct two *two)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL *ssl = SSL_new(client);

    subject("a function that fails adds one entry, of certpick's own, with a text");
    FAILS(certpick_selector_up_ref(NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(NULL, "a.crt", NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_add_lists(selector, "a.crt,", NULL, NULL), CERTPICK_ERROR_LIST);
    FAILS(certpick_selector_add_lists(selector, "a.crt,a.crt", "a.key", NULL), CERTPICK_ERROR_LIST);
    FAILS(certpick_selector_add_lists(selector, "gone.crt", NULL, NULL), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_lists(selector, "words", NULL, NULL), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_lists(selector, "garbage", "a.key", NULL), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_lists(selector, "a.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    FAILS(certpick_selector_add_files(selector, "gone.crt", NULL, NULL), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_files(selector, "garbage", NULL, NULL), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_issuers(selector, "gone.crt"), CERTPICK_ERROR_FILE);
    FAILS(certpick_selector_add_issuers(selector, "garbage"), CERTPICK_ERROR_CERTIFICATE);
    FAILS(certpick_selector_add_credential(selector, two->a.cert, two->b.key, NULL),
          CERTPICK_ERROR_KEY_MISMATCH);
    FAILS(certpick_selector_add_credential(selector, NULL, NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_option(selector, 99, 0), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, 99), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_set_password_callback(NULL, answer, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_selector_validate(NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_attach(client, NULL), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_attach_cert_cb(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_select(NULL, selector), CERTPICK_ERROR_ARGUMENT);
    FAILS(certpick_set_peer(NULL, "host", "user"), CERTPICK_ERROR_ARGUMENT);

    subject("so does a validation, however many keys are bad");
    MUST(certpick_selector_add_files(selector, "a.crt", "gone.key", NULL) == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "b.key", "wrong") == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "words", NULL) == CERTPICK_OK);
    MUST(certpick_selector_add_files(selector, "b.crt", "a.key", NULL) == CERTPICK_OK);
    FAILS(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);

    subject("so does a change of a selector that is frozen");
    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    FAILS(certpick_selector_add_files(selector, "a.crt", "a.key", NULL), CERTPICK_ERROR_FROZEN);
    FAILS(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON),
          CERTPICK_ERROR_FROZEN);
    SSL_free(ssl);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
}

static void the_callers_mark(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("a mark that the program has set in the queue stays where it is");
    queue_markers(2);
    ERR_set_mark();
    CHECK_INT(certpick_selector_add_files(selector, "chain.crt", "b_old.key", "secret"), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_files(selector, "a.crt", "a.der", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_files(selector, "garbage", NULL, NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(ERR_pop_to_mark(), 1);
    CHECK_ONLY_MARKERS(2);
    certpick_selector_free(selector);
}

static int callbacks; /* how often certpick was called and looked at */

static int select_cb(SSL *ssl, void *selector)
{
    int ok;

    queue_markers(3);
    ok = certpick_select(ssl, (certpick_selector *)selector) == CERTPICK_OK;
    CHECK_ONLY_MARKERS(3);
    callbacks++;
    return ok;
}

static int (*certpicks_cb)(SSL *ssl, X509 **cert, EVP_PKEY **key);

/* Around certpick's own callback: what OpenSSL does to the queue afterwards is not the question. */
static int client_cert_cb(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    int result;

    queue_markers(3);
    result = certpicks_cb(ssl, cert, key);
    CHECK_ONLY_MARKERS(3);
    callbacks++;
    return result;
}

/* Whatever is decided: nothing is added to the queue and nothing lost. */
static int handshake(int version, enum way way, const struct identity *named)
{
    certpick_selector *selector = new_selector("a.crt,chain.crt", "a.der,b_old.key", ",secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, named, (void *)NULL);
    struct link link;
    int outcome;

    callbacks = 0;
    use_selector(client, selector, way);
    if (way == BY_CLIENT_CERT_CB) {
        certpicks_cb = SSL_CTX_get_client_cert_cb(client);
        MUST(certpicks_cb != NULL);
        SSL_CTX_set_client_cert_cb(client, client_cert_cb);
    } else if (way == BY_OWN_CERT_CB) {
        SSL_CTX_set_cert_cb(client, select_cb, selector);
    }
    CHECK(connect_link(&link, client, server));
    CHECK_INT(callbacks, way == BY_CERT_CB ? 0 : 1);
    CHECK_INT(link.client_queue.length, 0);
    outcome = certpick_outcome(link.client);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
    return outcome;
}

int main(void)
{
    static const char *const garbage =
        "-----BEGIN CERTIFICATE-----\nTWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu\n"
        "-----END CERTIFICATE-----\n";
    struct two two;
    enum way way;
    int version;

    enter_work_dir();
    make_two(&two);
    write_combined("a.pem", two.a.key, two.a.cert, (X509 *)NULL);
    write_der_key("a.der", two.a.key);
    write_certs("chain.crt", two.b.cert, two.ca_b.cert, two.ca_a.cert, (X509 *)NULL);
    write_key("b.key", two.b.key, "secret");
    write_traditional_key("b_old.key", two.b.key, "secret");
    write_file("words", "Neither certificate nor key.\n", 29, 0600);
    write_file("garbage", garbage, strlen(garbage), 0600);

    successes(&two);
    failures(&two);
    the_callers_mark();
    for (version = 0; version < 2; version++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            subject("a handshake leaves the queue as it was");
            CHECK_INT(handshake(tls_versions[version], way, &two.ca_a), CERTPICK_OUTCOME_SENT);
            CHECK_INT(handshake(tls_versions[version], way, &two.ca_b), CERTPICK_OUTCOME_SENT);
            CHECK_INT(handshake(tls_versions[version], way, &two.a), CERTPICK_OUTCOME_NONE_SUITABLE);
        }
    }
    free_two(&two);
    return finish();
}
