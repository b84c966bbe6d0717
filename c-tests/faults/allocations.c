/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each allocation of OpenSSL on the client's side fails once. The client must not crash, leak, send
   a wrong certificate, or leave anything in the cache that breaks the next selector.

   With CERTPICK_ALLOCATION_STEP=n only every n-th allocation fails. */
#include "clients.h"
#include "failing_allocations.h"
#include "rules.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- one run ---------------------------------------------------------------------------------- */

enum scope { OUR_CALLS, WHOLE_CLIENT };
enum source { LISTS, CONFIGURATION, TEXT, DIRECTORY, PKCS12_FILE, PKCS12_IN_DIRECTORY, SOURCES };

/* The first problem of this run, or NULL. */
static const char *problem;
static int is_complete; /* all calls succeeded and the certificate arrived */

static void check_run(int holds, const char *what)
{
    if (!holds && problem == NULL)
        problem = what;
}

/* OpenSSL 1.1.1 may not report that it lacked memory while it decrypted a key or decoded a PKCS#12 file. */
static void check_lack_of_memory(const char *what, const char *text)
{
    static char buffer[512];
    int holds = strstr(text, "out of memory") != NULL;

#if OPENSSL_VERSION_NUMBER < 0x30000000L
    holds = holds || strstr(text, "could not be decrypted") != NULL || strstr(text, "no usable certificate") != NULL ||
            strstr(text, "nested asn1 error") != NULL;
#endif
    if (!holds && problem == NULL) {
        snprintf(buffer, sizeof(buffer), "the %s is not \"out of memory\": %s", what, text);
        problem = buffer;
    }
}

/* Returns 1 if no text shows the password or a part of a key. */
static int is_clean(const char *text)
{
    return strstr(text, "secret") == NULL && strstr(text, "PRIVATE") == NULL;
}

/* Checks the error queue after a call. Returns 1 if the call succeeded. */
static int succeeded(certpick_status status)
{
    unsigned long code = ERR_peek_last_error();

    if (status == CERTPICK_OK) {
        check_run(code == 0, "a successful call left an entry in the error queue");
    } else {
        check_run(failing.has_failed, "a call failed although no allocation failed");
        check_run(code == 0 || ERR_GET_LIB(code) >= ERR_LIB_USER,
                  "the last entry of the error queue is not from certpick");
        check_run(certpick_status_text(status)[0] != '\0', "a status has no text");
        check_lack_of_memory("status", certpick_status_text(status));
        is_complete = 0;
    }
    ERR_clear_error();
    return status == CERTPICK_OK;
}

/* The files of alice's credential, for certpick_selector_add_pem(). */
static char *cert_text, *key_text;
static size_t cert_length, key_length;

static int add_text(certpick_selector *selector)
{
    size_t before = certpick_selector_count(selector);
    int good = succeeded(certpick_selector_add_pem(selector, cert_text, cert_length, key_text,
                                                   key_length, "secret"));

    check_run(certpick_selector_count(selector) == before + (size_t)good,
              "a failed call added a credential");
    return good;
}

static certpick_status add(certpick_selector *selector, enum source source)
{
    static const char lists[] = "a.crt, flawed.crt ,\"bob.crt\",alice.crt";

    switch (source) {
    case CONFIGURATION:
        return certpick_selector_add_config(selector, "certpick.toml");
    case TEXT:
        return certpick_selector_add_lists(selector, "a.crt, flawed.crt ,\"bob.crt\"",
                                           "a.key,flawed.key,bob.key", NULL);
    case DIRECTORY:
        return certpick_selector_add_lists(selector, "directory", NULL, "secret");
    case PKCS12_FILE:
        return certpick_selector_add_lists(selector, "all.p12", NULL, "secret");
    case PKCS12_IN_DIRECTORY:
        return certpick_selector_add_lists(selector, "with-p12", NULL, "secret");
    default:
        return certpick_selector_add_lists(selector, lists, "a.key,flawed.key,bob.key,alice.key",
                                           ",,,secret");
    }
}

static certpick_selector *new_selector_for_alice(enum source source)
{
    certpick_selector *selector;
    int good = 0;

    arm();
    selector = certpick_selector_new();
    if (selector != NULL)
        good = succeeded(add(selector, source));
    disarm();
    if (selector != NULL) {
        /* add_text() adds alice's. */
        size_t count = COUNT(clients) - (source == TEXT);

        check_run(certpick_selector_count(selector) == (good ? count : 0),
                  good ? "the number of credentials is wrong" : "a failed call added credentials");
        check_run(good || is_clean(certpick_selector_error(selector)), "an error shows a secret");
    }
    if (good && source != CONFIGURATION) {
        arm();
        good = (source != TEXT || add_text(selector)) &&
               succeeded(certpick_selector_add_issuers(selector, "middle.crt"));
        disarm();
    }
    if (!good) {
        certpick_selector_free(selector);
        return NULL;
    }
    return selector;
}

static int select_in_own_cert_cb(SSL *ssl, void *selector)
{
    certpick_status status;

    ERR_clear_error();
    arm();
    status = certpick_select(ssl, selector);
    disarm();
    return succeeded(status);
}

static int step(SSL *ssl, int is_armed)
{
    int result;

    if (is_armed)
        arm();
    result = handshake_step(ssl);
    disarm();
    return result;
}

static int run_handshake(struct link *link, enum scope scope)
{
    int client = 0, server = 0;

    for (int round = 0; round < 100; round++) {
        client = step(link->client, scope == WHOLE_CLIENT);
        server = step(link->server, 0);
        if (client == 1 && server == 1)
            return exchange_bytes(link);
        if (client == -1 || server == -1)
            return 0;
    }
    check_run(0, "the handshake does not end");
    return 0;
}

static void check_decision(struct link *link, int done, enum scope scope)
{
    int32_t outcome = certpick_outcome(link->client);
    const char *explanation, *message;
    X509 *peer = SSL_get_peer_certificate(link->server);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(link->server);

    arm();
    explanation = certpick_explanation(link->client);
    message = certpick_message(link->client);
    disarm();
    if (peer != NULL) {
        check_run(X509_cmp(peer, clients[ALICE].cert) == 0, "a wrong certificate arrived");
        check_run(sk_X509_num(chain) == 1 && X509_cmp(sk_X509_value(chain, 0), middle.cert) == 0,
                  "a wrong chain arrived");
        check_run(outcome == CERTPICK_OUTCOME_SENT,
                  "a certificate arrived, but the outcome is not \"sent\"");
        check_run(certpick_choice(link->client) == ALICE, "the choice is wrong");
    } else if (done) {
        /* OpenSSL sends no certificate if an allocation fails while it checks it. */
        check_run(scope == WHOLE_CLIENT && failing.has_failed, "no certificate arrived");
        check_run(outcome != CERTPICK_OUTCOME_SENT,
                  "no certificate arrived, but the outcome is \"sent\"");
    }
    if (done && peer != NULL)
        check_run(strstr(explanation, "certpick sent credential 4 of 4") != NULL,
                  "the explanation does not name the credential that was sent");
    check_run((outcome == CERTPICK_OUTCOME_NOT_ASKED) == (explanation[0] == '\0'),
              "the explanation does not agree with the outcome");
    check_run((outcome == CERTPICK_OUTCOME_FAILED || outcome == CERTPICK_OUTCOME_NONE_SUITABLE) ==
              (message[0] != '\0'),
              "the message does not agree with the outcome");
    check_run(done || failing.has_failed, "the handshake failed although no allocation failed");
    if (!done || peer == NULL)
        is_complete = 0;
    check_run(is_clean(message) && is_clean(explanation), "a text shows a secret");
    if (outcome == CERTPICK_OUTCOME_FAILED)
        check_lack_of_memory("message", message);
    X509_free(peer);
    ERR_clear_error();
}

static void run_once(SSL_CTX *server, int version, enum way way, enum scope scope,
                     enum source source)
{
    certpick_selector *selector;
    SSL_CTX *client = new_client(version);
    struct link link;
    int good;

    problem = NULL;
    is_complete = 1;
    current_run++;
    ERR_clear_error();
    failing.number = 0;
    failing.has_failed = 0;
    trust_server(client);
    selector = new_selector_for_alice(source);
    if (selector != NULL) {
        if (way == BY_OWN_CERT_CB) {
            SSL_CTX_set_cert_cb(client, select_in_own_cert_cb, selector);
            good = 1;
        } else {
            arm();
            good = succeeded(way == BY_CLIENT_CERT_CB ? certpick_attach(client, selector)
                                                      : certpick_attach_cert_cb(client, selector));
            disarm();
        }
        if (good) {
            open_link(&link, client, server);
            MUST(X509_VERIFY_PARAM_set1_host(SSL_get0_param(link.client), "db.example", 0) &&
                 SSL_set_tlsext_host_name(link.client, "db.example"));
            arm();
            good = succeeded(certpick_set_peer(link.client, "db.example", "alice"));
            disarm();
            if (good)
                check_decision(&link, run_handshake(&link, scope), scope);
            close_link(&link);
        }
        certpick_selector_free(selector);
    }
    SSL_CTX_free(client);
    /* Frees the texts of the error queue's entries. */
    OPENSSL_thread_stop();
    check_run(is_complete || failing.has_failed,
              "the run is incomplete although no allocation failed");
}

/* --- all runs --------------------------------------------------------------------------------- */

static long failing_now, runs;
/* Runs that did not send the credential, by source. */
static long incomplete[SOURCES];

static void crashed(int number)
{
    char text[256];
    int length =
        snprintf(text, sizeof(text), "signal %d with allocation %ld (%s:%d) failing\n", number,
                 failing_now, failing.file != NULL ? failing.file : "?", failing.line);

    if (write(STDOUT_FILENO, text, (size_t)length) < 0)
        _exit(3);
    _exit(3);
}

static void report(const char *what)
{
    printf("    with allocation %ld (%s:%d) failing: %s\n", failing_now, failing.file, failing.line,
           what);
}

static void fail_each(int version, enum way way, enum scope scope, enum source source,
                      enum lasting lasting, long every)
{
    SCOPED(SSL_CTX) *server = new_server(version, &ca_b_with_other_bytes);
    long points, failed = 0, leaked = 0, bad = 0;
    size_t expected;

    /* The first error loads the reason strings, which are never freed. */
    MUST(certpick_selector_validate(NULL) == CERTPICK_ERROR_ARGUMENT);
    present(server, KEY_P256, "DNS:db.example");
    subject("without a failing allocation each run is complete");
    failing.fails = 0;
    failing.lasting = ONE;
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    for (int i = 0; i < 3; i++) {
        certpick_cache_clear();
        run_once(server, version, way, scope, source);
        if (!CHECK(problem == NULL && is_complete))
            printf("    %s\n", problem);
    }
    points = failing.number;
    certpick_cache_clear();
    expected = blocks_in_use;

    for (failing_now = 1 + (long)scope; failing_now <= points; failing_now += every) {
        const char *first;

        failing.fails = failing_now;
        failing.lasting = lasting;
        run_once(server, version, way, scope, source);
        failed += !is_complete;
        first = problem;
        failing.fails = 0;
        if (first != NULL) {
            bad++;
            report(first);
        }
        /* The cache now contains what was created while an allocation failed. */
        run_once(server, version, way, scope, source);
        if (problem != NULL || !is_complete) {
            bad++;
            printf("    in the next run, without a failing allocation: ");
            failing.file = failing.file != NULL ? failing.file : "?";
            report(problem != NULL ? problem : "the run is incomplete");
        }
        certpick_cache_clear();
        if (blocks_in_use != expected) {
            printf("    with allocation %ld (%s:%d) failing: %ld additional blocks\n", failing_now,
                   failing.file, failing.line, (long)blocks_in_use - (long)expected);
            show_newest_blocks();
            leaked++;
            expected = blocks_in_use;
        }
    }
    subject("a failing allocation causes an error or has no effect");
    CHECK_INT(bad, 0);
    subject("a failing allocation causes no leak");
    CHECK_INT(leaked, 0);
    printf("TLS %s, way %d, scope %d, source %d, lasting %d: %ld allocations, step %ld; %ld incomplete runs\n",
           version == TLS1_3_VERSION ? "1.3" : "1.2", (int)way, (int)scope, (int)source, (int)lasting, points,
           every, failed);
    incomplete[source] += failed;
    runs += (points - (1 + (long)scope)) / every + 1;
}

int main(void)
{
    const char *text = getenv("CERTPICK_ALLOCATION_STEP");
    const long every = text != NULL ? strtol(text, NULL, 10) : 1;

    if (!install_failing_allocator()) {
        printf("OpenSSL allocated memory before main()\n");
        return 2;
    }
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    enter_work_dir();
    write_clients();
    cert_text = read_file("alice.crt", &cert_length);
    key_text = read_file("alice.key", &key_length);
    for (int i = 0; i < 2; i++) {
        fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, LISTS, ONE, every);
        fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, LISTS, ALL_FOLLOWING, every * 3);
        fail_each(tls_versions[i], BY_CLIENT_CERT_CB, WHOLE_CLIENT, LISTS, ONE, every * 2);
        fail_each(tls_versions[i], BY_CERT_CB, WHOLE_CLIENT, LISTS, ONE, every * 3);
        fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, CONFIGURATION, ONE, every);
        fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, TEXT, ONE, every);
        fail_each(tls_versions[i], BY_CERT_CB, WHOLE_CLIENT, CONFIGURATION, ONE, every * 3);
        for (enum source source = DIRECTORY; source < SOURCES; source++) {
            fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, source, ONE, every);
            fail_each(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, source, ALL_FOLLOWING, every * 3);
        }
        fail_each(tls_versions[i], BY_CERT_CB, WHOLE_CLIENT, PKCS12_IN_DIRECTORY, ONE, every * 3);
    }
    subject("some failing allocations have an effect");
    for (size_t source = 0; source < SOURCES; source++)
        CHECK(incomplete[source] > 0);
    printf("%ld runs with a failing allocation, each followed by one without; %zu blocks in use\n",
           runs, blocks_in_use);
    free(cert_text);
    free(key_text);
    return finish();
}
