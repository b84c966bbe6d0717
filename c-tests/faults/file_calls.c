/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each call of the library that opens, reads or examines a file or directory fails once, and each
   together with all later ones. The right certificate is sent, or there is one error with the
   system's text; another certificate is never sent, and the next run succeeds. Runs with
   failing_calls.so in LD_PRELOAD.

   With CERTPICK_CALL_STEP=n only every n-th call fails. */
#include "picking.h"
#include "pkcs12.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of failing_calls.so. */
static void (*fail_calls)(long number, long lasting, int error);
static void (*arm)(void);
static long (*disarm)(void);
static const char *(*failed_call)(void);

/* The server names CA B. "c" is also from CA B: it would be sent if "b" were passed over. */
static struct pki pki;
static struct identity second;

/* The places of the three credentials. */
static const struct {
    const char *sslcert, *sslkey, *sslpassword;
} sources[] = {
    {"a.crt,b.crt,c.crt", "a.key,b.key,c.key", NULL},
    {"a.crt,b.p12,c.crt", "a.key,,c.key", ",secret,"},
    {"pairs", NULL, NULL},
    {"combined", NULL, NULL},
    {"certs", "keys", NULL},
    {"p12", NULL, "secret"},
    {"linked", NULL, NULL},
    {"certpick:certpick.toml", NULL, NULL},
};

static const int errors[] = {EIO, ENOMEM, EMFILE};

/* What was done before the calls fail. */
enum state { NEW, IN_CACHE, ATTACHED, STATES };

static void write_p12(const char *path, const struct identity *identity)
{
    write_pkcs12(path, "secret", identity, 1, NULL);
}

static void make_files(void)
{
    struct traits shorter = {KEY_P256, NULL, NULL, 0, 100};

    set_up_pki(&pki, NULL);
    second = new_leaf_with("c", &pki.ca_b, &shorter);
    write_identity("c", &second, NULL);
    write_p12("b.p12", &pki.b);
    MUST(mkdir("pairs", 0700) == 0 && mkdir("combined", 0700) == 0 && mkdir("certs", 0700) == 0 &&
         mkdir("keys", 0700) == 0 && mkdir("p12", 0700) == 0 && mkdir("linked", 0700) == 0);
    write_identity("pairs/a", &pki.a, NULL);
    write_identity("pairs/b", &pki.b, NULL);
    write_identity("pairs/c", &second, NULL);
    write_combined("combined/a.pem", pki.a.key, NULL, pki.a.cert);
    write_combined("combined/b.pem", pki.b.key, NULL, pki.b.cert);
    write_combined("combined/c.pem", second.key, NULL, second.cert);
    write_certs("certs/b.crt", pki.b.cert);
    write_key("keys/b.key", pki.b.key, NULL);
    write_certs("certs/c.crt", second.cert);
    write_key("keys/c.key", second.key, NULL);
    write_p12("p12/a.p12", &pki.a);
    write_p12("p12/b.p12", &pki.b);
    write_p12("p12/c.p12", &second);
    MUST(symlink("../pairs/b.crt", "linked/b.crt") == 0 &&
         symlink("../pairs/b.key", "linked/b.key") == 0 &&
         symlink("../c.crt", "linked/c.crt") == 0 && symlink("../c.key", "linked/c.key") == 0);
    write_text("certpick.toml", "[[credential]]\nsslcert='pairs'\n");
    wait_for_timestamp();
}

/* The first problem of this run, or NULL. */
static char problem[512];
/* Whether the client needed no error, and the text of an error. */
static int is_complete;
static char text[512];

static void check_run(int holds, const char *what)
{
    if (!holds && problem[0] == '\0')
        snprintf(problem, sizeof(problem), "%s", what);
}

static certpick_selector *add(size_t source)
{
    certpick_selector *selector = certpick_selector_new();
    certpick_status status;

    arm();
    status = certpick_selector_add_lists(selector, sources[source].sslcert, sources[source].sslkey,
                                         sources[source].sslpassword);
    disarm();
    if (status == CERTPICK_OK)
        return selector;
    check_run(certpick_selector_count(selector) == 0, "a failed call added credentials");
    check_run(take_queue().length == 1, "there is not one entry in the error queue");
    snprintf(text, sizeof(text), "%s", certpick_selector_error(selector));
    certpick_selector_free(selector);
    return NULL;
}

static void handshake(SSL_CTX *client, SSL_CTX *server)
{
    struct link link;
    int done;

    open_link(&link, client, server);
    arm();
    done = complete_link(&link);
    disarm();
    check_run(arrived(&link, pki.b.cert) || !done, "a handshake succeeds without a certificate");
    check_run(arrived(&link, pki.b.cert) || arrived(&link, NULL), "another certificate arrived");
    if (!done) {
        check_run(certpick_outcome(link.client) == CERTPICK_OUTCOME_FAILED,
                  "the handshake failed, but the outcome is different");
        snprintf(text, sizeof(text), "%s", certpick_message(link.client));
    } else {
        is_complete = 1;
    }
    close_link(&link);
}

/* Returns the number of calls that were counted. */
static long run_once(size_t source, enum state state, int version, SSL_CTX *server, long number,
                     long lasting, int error)
{
    SCOPED(SSL_CTX) *client = new_client(version);
    certpick_selector *selector;
    long calls;

    problem[0] = text[0] = '\0';
    is_complete = 0;
    fail_calls(0, 0, 0);
    certpick_cache_clear();
    if (state != NEW) {
        selector = add(source);
        MUST(selector != NULL);
        use_selector(client, selector, BY_CLIENT_CERT_CB);
        certpick_selector_free(selector);
        handshake(client, server);
        MUST(is_complete);
        is_complete = 0;
    }
    ERR_clear_error();
    fail_calls(number, lasting, error);
    if (state != ATTACHED) {
        selector = add(source);
        if (selector != NULL)
            use_selector(client, selector, BY_CLIENT_CERT_CB);
        certpick_selector_free(selector);
    }
    if (text[0] == '\0')
        handshake(client, server);
    arm();
    calls = disarm();
    if (!is_complete && number != 0)
        check_run(strstr(text, strerror(error)) != NULL, "the error lacks the system's text");
    check_run(is_complete || failed_call() != NULL, "the run fails although no call failed");
    check_run(strstr(text, "secret") == NULL && strstr(text, "BEGIN") == NULL,
              "the error shows a secret");
    return calls;
}

static void fail_each(size_t source, enum state state, int version)
{
    SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_b);
    const char *step = getenv("CERTPICK_CALL_STEP");
    const long every = step != NULL ? strtol(step, NULL, 10) : 1;
    long calls, incomplete = 0, runs = 0;

    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    subject("without a failing call the right certificate is sent");
    calls = run_once(source, state, version, server, 0, 0, 0);
    CHECK(is_complete && problem[0] == '\0' && calls > 0);
    for (size_t i = 0; i < COUNT(errors); i++) {
        for (int lasts = 0; lasts < 2; lasts++) {
            for (long number = 1; number <= calls; number += every, runs++) {
                subject("a failing call causes an error with the system's text, or has no effect");
                run_once(source, state, version, server, number, lasts ? LONG_MAX : 1, errors[i]);
                incomplete += !is_complete;
                if (!CHECK_TEXT(problem, ""))
                    printf("    %s, state %d, call %ld of %ld (%s), %s: %s\n",
                           sources[source].sslcert, (int)state, number, calls, failed_call(),
                           strerror(errors[i]), text);
            }
        }
    }
    printf("%s, state %d: %ld calls, %ld runs, %ld incomplete\n", sources[source].sslcert,
           (int)state, calls, runs, incomplete);
    subject("some failing calls have an effect");
    CHECK(incomplete > 0 || state != NEW);
}

static void *find(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);

    MUST(found != NULL);
    return found;
}

int main(void)
{
    void *found[] = {find("certpick_test_fail_calls"), find("certpick_test_arm"),
                     find("certpick_test_disarm"), find("certpick_test_failed_call")};

    memcpy(&fail_calls, &found[0], sizeof(found[0]));
    memcpy(&arm, &found[1], sizeof(found[0]));
    memcpy(&disarm, &found[2], sizeof(found[0]));
    memcpy(&failed_call, &found[3], sizeof(found[0]));
    make_files();
    for (size_t source = 0; source < COUNT(sources); source++) {
        for (enum state state = NEW; state < STATES; state++)
            fail_each(source, state, tls_versions[(source + state) % 2]);
    }
    return finish();
}
