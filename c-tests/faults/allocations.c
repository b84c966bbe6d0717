/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One after the other, each of OpenSSL's allocations fails on the client's side: never a crash, never
   another certificate than the right one, never a leak, and nothing bad is kept for the next
   selector.

   CERTPICK_ALLOCATION_STEP=n lets each n-th one fail, not each. */
#include "support.h"

#include "failing_allocations.h"
#include "picking.h"

#include <openssl/err.h>
#include <signal.h>
#include <unistd.h>

/* --- one life ---------------------------------------------------------------------------------- */

enum { A, FLAWED, BOB, ALICE };
static struct identity ca_a, ca_b, middle, who[4];
/* A CA whose name equals that of CA B, in other bytes. */
static struct identity spelled_otherwise;
enum scope { OUR_CALLS, WHOLE_CLIENT };

/* What is wrong with a life, or NULL. */
static const char *fault;
static int is_whole; /* nothing failed at all */

static void make_files(void)
{
    struct traits for_servers = {KEY_P256, "digitalSignature", "serverAuth", 0, 0};
    struct traits for_clients = {KEY_P256, "digitalSignature", "clientAuth", 0, 0};

    ca_a = new_root("CA A");
    ca_b = new_root("CA B");
    spelled_otherwise = new_root(" ca  b");
    middle = new_intermediate("Middle", &ca_b);
    who[A] = new_leaf("alice", &ca_a);
    who[FLAWED] = new_leaf_with("alice", &ca_b, &for_servers);
    who[BOB] = new_leaf_with("bob", &ca_b, &for_clients);
    who[ALICE] = new_leaf_with("alice", &middle, &for_clients);
    write_identity("a", &who[A], NULL);
    write_identity("flawed", &who[FLAWED], NULL);
    write_identity("bob", &who[BOB], NULL);
    write_identity("alice", &who[ALICE], "secret");
    write_certs("middle.crt", middle.cert, (X509 *)NULL);
}

static void check_life(int holds, const char *what)
{
    if (!holds && fault == NULL)
        fault = what;
}

/* A call that failed says so by its status and, where there was memory for it, in the queue. */
static int succeeded(certpick_status status)
{
    unsigned long code = ERR_peek_last_error();

    if (status == CERTPICK_OK) {
        check_life(code == 0, "a call that succeeded left something in the error queue");
    } else {
        check_life(failing.has_failed, "a call failed though no allocation did");
        check_life(code == 0 || ERR_GET_LIB(code) >= ERR_LIB_USER,
                   "the last entry of the error queue is not the library's own");
        check_life(certpick_status_text(status)[0] != '\0', "a status without a text");
        is_whole = 0;
    }
    ERR_clear_error();
    return status == CERTPICK_OK;
}

static certpick_selector *new_alices_selector(void)
{
    certpick_selector *selector;
    int good;

    arm();
    selector = certpick_selector_new();
    good = selector != NULL &&
           succeeded(certpick_selector_add_lists(selector, "a.crt, flawed.crt ,\"bob.crt\",alice.crt",
                                                 "a.key,flawed.key,bob.key,alice.key", ",,,secret"));
    disarm();
    if (good) {
        arm();
        good = succeeded(certpick_selector_add_issuers(selector, "middle.crt"));
        disarm();
    } else if (selector != NULL) {
        check_life(certpick_selector_count(selector) == 0, "a failed list left credentials behind");
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

/* 1 done, 0 goes on, -1 failed */
static int step(SSL *ssl, int is_armed)
{
    int result, error;

    if (is_armed)
        arm();
    result = SSL_do_handshake(ssl);
    disarm();
    error = SSL_get_error(ssl, result);
    ERR_clear_error();
    if (result == 1)
        return 1;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int shake(struct link *link, enum scope scope)
{
    int round, client = 0, server = 0;

    for (round = 0; round < 100; round++) {
        client = step(link->client, scope == WHOLE_CLIENT);
        server = step(link->server, 0);
        if (client == 1 && server == 1)
            return exchange_bytes(link);
        if (client == -1 || server == -1)
            return 0;
    }
    check_life(0, "the handshake does not come to an end");
    return 0;
}

static void look_at(struct link *link, int done, enum scope scope)
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
        check_life(X509_cmp(peer, who[ALICE].cert) == 0, "another certificate arrived");
        check_life(sk_X509_num(chain) == 1 && X509_cmp(sk_X509_value(chain, 0), middle.cert) == 0,
                   "another chain arrived");
        check_life(outcome == CERTPICK_OUTCOME_SENT, "a certificate arrived, but was not sent");
        check_life(certpick_choice(link->client) == ALICE, "the choice is another one");
    } else if (done) {
        /* OpenSSL itself drops a certificate where it has no memory to look at it once more. */
        check_life(scope == WHOLE_CLIENT && failing.has_failed, "no certificate arrived");
        check_life(outcome != CERTPICK_OUTCOME_SENT, "no certificate arrived, but one was sent");
    }
    if (done && peer != NULL)
        check_life(strstr(explanation, "certpick sent credential 4 of 4") != NULL,
                   "the explanation does not say what was sent");
    check_life((outcome == CERTPICK_OUTCOME_NOT_ASKED) == (explanation[0] == '\0'),
               "there is no explanation, or one of nothing");
    check_life((outcome == CERTPICK_OUTCOME_FAILED || outcome == CERTPICK_OUTCOME_NONE_SUITABLE) ==
                   (message[0] != '\0'),
               "there is no message, or one of nothing");
    check_life(done || failing.has_failed, "the handshake failed though no allocation did");
    if (!done || peer == NULL)
        is_whole = 0;
    X509_free(peer);
    ERR_clear_error();
}

static void live_once(SSL_CTX *server, int version, enum way way, enum scope scope)
{
    certpick_selector *selector;
    SSL_CTX *client = new_client(version);
    struct link link;
    int good;

    fault = NULL;
    is_whole = 1;
    current_life++;
    ERR_clear_error();
    failing.number = 0;
    failing.has_failed = 0;
    selector = new_alices_selector();
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
            arm();
            good = succeeded(certpick_set_peer(link.client, "db.example", "alice"));
            disarm();
            if (good)
                look_at(&link, shake(&link, scope), scope);
            close_link(&link);
        }
        certpick_selector_free(selector);
    }
    SSL_CTX_free(client);
    /* Entries of the error queue keep their texts until they are used again. */
    OPENSSL_thread_stop();
    check_life(is_whole || failing.has_failed, "something failed though no allocation did");
}

/* --- all of them -------------------------------------------------------------------------------- */

static long point_now, lives_in_all;

static void crashed(int number)
{
    char text[256];
    int length = snprintf(text, sizeof(text), "signal %d when allocation %ld failed, of %s:%d\n", number,
                          point_now, failing.file != NULL ? failing.file : "?", failing.line);

    if (write(STDOUT_FILENO, text, (size_t)length) < 0)
        _exit(3);
    _exit(3);
}

static void report(const char *what)
{
    printf("    when allocation %ld failed, of %s:%d: %s\n", point_now, failing.file, failing.line, what);
}

static void each_fails(int version, enum way way, enum scope scope, enum lasting lasting, long every)
{
    SSL_CTX *server = new_server(version, &spelled_otherwise, (void *)NULL);
    long points, failed = 0, leaked = 0, bad = 0;
    size_t expected;
    int i;

    /* The texts of the library's errors are loaded with the first one, and stay. */
    MUST(certpick_selector_validate(NULL) == CERTPICK_ERROR_ARGUMENT);
    subject("with all the memory that it wants, each life is the same");
    failing.fails = 0;
    failing.lasting = ONE;
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    for (i = 0; i < 3; i++) {
        certpick_cache_clear();
        live_once(server, version, way, scope);
        if (!CHECK(fault == NULL && is_whole))
            printf("    %s\n", fault);
    }
    points = failing.number;
    certpick_cache_clear();
    expected = blocks_in_use;

    for (point_now = 1 + (long)scope; point_now <= points; point_now += every) {
        const char *first;

        failing.fails = point_now;
        failing.lasting = lasting;
        live_once(server, version, way, scope);
        failed += !is_whole;
        first = fault;
        failing.fails = 0;
        if (first != NULL) {
            bad++;
            report(first);
        }
        /* What is in the cache now was made while memory was short. */
        live_once(server, version, way, scope);
        if (fault != NULL || !is_whole) {
            bad++;
            printf("    and then, with memory again: ");
            failing.file = failing.file != NULL ? failing.file : "?";
            report(fault != NULL ? fault : "it does not work");
        }
        certpick_cache_clear();
        if (blocks_in_use != expected) {
            printf("    when allocation %ld failed, of %s:%d: %ld blocks more than before\n", point_now,
                   failing.file, failing.line, (long)blocks_in_use - (long)expected);
            show_newest_blocks();
            leaked++;
            expected = blocks_in_use;
        }
    }
    subject("an allocation that fails is an error, or does no harm");
    CHECK_INT(bad, 0);
    subject("and nothing leaks");
    CHECK_INT(leaked, 0);
    printf("TLS %s, way %d, scope %d, lasting %d: %ld allocations, step %ld; %ld ended the life early\n",
           version == TLS1_3_VERSION ? "1.3" : "1.2", (int)way, (int)scope, (int)lasting, points, every,
           failed);
    subject("some of them do matter");
    CHECK(failed > 0);
    lives_in_all += (points - (1 + (long)scope)) / every + 1;
    SSL_CTX_free(server);
}

int main(void)
{
    const char *step_text = getenv("CERTPICK_ALLOCATION_STEP");
    long every = step_text != NULL ? strtol(step_text, NULL, 10) : 1;
    int i;

    if (!let_allocations_fail()) {
        printf("OpenSSL has allocated before main\n");
        return 2;
    }
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    enter_work_dir();
    make_files();
    for (i = 0; i < 2; i++) {
        each_fails(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, ONE, every);
        each_fails(tls_versions[i], BY_OWN_CERT_CB, OUR_CALLS, ALL_FROM_THERE, every * 3);
        each_fails(tls_versions[i], BY_CLIENT_CERT_CB, WHOLE_CLIENT, ONE, every * 2);
        each_fails(tls_versions[i], BY_CERT_CB, WHOLE_CLIENT, ONE, every * 3);
    }
    printf("%ld lives with an allocation that fails, each followed by one without; %zu blocks in use\n",
           lives_in_all, blocks_in_use);
    for (i = 0; i < 4; i++)
        free_identity(&who[i]);
    free_identity(&middle);
    free_identity(&ca_a);
    free_identity(&ca_b);
    free_identity(&spelled_otherwise);
    return finish();
}
