/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Configuration files in a selector: each handshake uses the present content, or is aborted. */
#include "picking.h"

#include "parallel.h"
#include "rules.h"

#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN "[[credential]]\nsslcert = 'plain.crt'\nsslkey = 'plain.key'\n"
#define RULED(hosts) "[[credential]]\nhosts = [" hosts "]\nsslcert = 'ruled.crt'\nsslkey = 'ruled.key'\n"
#define FILE_NAME "certpick.toml"

static void replace(const char *content)
{
    write_text("new", content);
    MUST(rename("new", FILE_NAME) == 0);
}

static certpick_selector *configured(const char *content)
{
    certpick_selector *selector = certpick_selector_new();

    replace(content);
    CHECK_OK(certpick_selector_add_config(selector, FILE_NAME));
    return selector;
}

static void open_to(struct link *link, SSL_CTX *client, SSL_CTX *server, const char *host)
{
    open_link(link, client, server);
    MUST(SSL_set_tlsext_host_name(link->client, host));
}

static void check_sent(SSL_CTX *client, SSL_CTX *server, const char *host, X509 *expected)
{
    struct link link;

    open_to(&link, client, server, host);
    CHECK_COMPLETES(&link, expected);
    CHECK_INT(link.client_queue.length, 0);
    close_link(&link);
}

/* Checks that the handshake fails with one error of certpick, and that its message has this text. */
static void check_aborted(SSL_CTX *client, SSL_CTX *server, const char *text)
{
    struct link link;

    open_to(&link, client, server, "db.example");
    CHECK(!complete_link(&link));
    CHECK(arrived(&link, NULL));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    CHECK_HAS(certpick_message(link.client), text);
    CHECK_HAS(certpick_message(link.client), FILE_NAME);
    CHECK(link.client_queue.length >= 1);
    close_link(&link);
}

static void all_or_nothing(void)
{
    static const struct {
        const char *content, *error;
    } cases[] = {
        {"", "line 1"},
        {RULED("'db.example'") "[[credential]]\nsslcert = 'gone.crt'\n", "gone.crt"},
        {RULED("'db.example'") "[[credential]]\nsslcert = 'plain.crt'\nhost = ['a']\n",
         "line 7, column 1: unknown key \"host\""},
        {RULED("'db.example', '10.1.*'"), "line 2"},
        {RULED(""), "line 2"},
        {RULED("'db.example'") "verified = 'yes'\n", "line 5"},
        {RULED("'a\\u0000b'"), "pattern"},
        {RULED("\"a\\u0000b\""), "line 2"},
        {"issuers = 'gone.pem'\n" PLAIN, "gone.pem"},
        {PLAIN "[[credential]]\nsslcert = 'certpick:other'\n", "line 5"},
        {PLAIN "[[credential]]\nsslcert = 'plain.crt,ruled.crt'\n", "line 5"},
    };
    SCOPED(certpick_selector) *selector = new_selector("plain.crt", "plain.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &ca);

    subject("a configuration file is added as a whole, or not at all");
    CHECK_INT(certpick_selector_add_config(NULL, FILE_NAME), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_config(selector, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_config(selector, ""), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_add_config(selector, "no-such-file"), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_config(selector, "."), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_config(selector, "/dev/zero"), CERTPICK_ERROR_FILE);
    ERR_clear_error();
    for (size_t i = 0; i < COUNT(cases); i++) {
        replace(cases[i].content);
        for (int by_list = 0; by_list < 2; by_list++) {
            certpick_status status =
                by_list ? certpick_selector_add_lists(selector, "ruled.crt,certpick:" FILE_NAME,
                                                      "ruled.key,", NULL)
                        : certpick_selector_add_config(selector, FILE_NAME);

            if (!CHECK(status != CERTPICK_OK))
                printf("%s\n", cases[i].content);
            CHECK_HAS(certpick_selector_error(selector), cases[i].error);
            CHECK_MARKERS_AND_ONE(0);
            CHECK_INT(certpick_selector_count(selector), 1);
        }
    }
    replace(PLAIN);
    CHECK(chmod(FILE_NAME, 0620) == 0);
    CHECK_INT(certpick_selector_add_config(selector, FILE_NAME), CERTPICK_ERROR_FILE);
    ERR_clear_error();

    subject("the rule of a credential of a configuration file is in that file");
    replace(RULED("'db.example'") PLAIN);
    CHECK_OK(certpick_selector_add_lists(selector, "certpick:" FILE_NAME ",ruled.crt", ",ruled.key", NULL));
    CHECK_INT(certpick_selector_count(selector), 4);
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "a"));
    CHECK_INT(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_HOSTS, NULL), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_rule(selector, 2, CERTPICK_RULE_HOSTS, "a"), CERTPICK_ERROR_ARGUMENT);
    CHECK_OK(certpick_selector_set_rule(selector, 3, CERTPICK_RULE_HOSTS, "a"));
    CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, plain.cert);
    ERR_clear_error();
}

static void replaced(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = configured(RULED("'db.example', 'other.example'") PLAIN);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &ca);
    struct link link;

    use_selector(client, selector, way);
    check_sent(client, server, "db.example", ruled.cert);
    check_sent(client, server, "other.example", ruled.cert);

    subject("a rule that is narrowed acts at the next handshake");
    replace(RULED("'other.example'") PLAIN);
    check_sent(client, server, "db.example", plain.cert);
    check_sent(client, server, "other.example", ruled.cert);

    subject("a file that is written again in place is noticed");
    write_text(FILE_NAME, RULED("'third.example'") PLAIN);
    check_sent(client, server, "other.example", plain.cert);
    write_text(FILE_NAME, RULED("'fifth.example'") PLAIN);
    check_sent(client, server, "third.example", plain.cert);
    check_sent(client, server, "fifth.example", ruled.cert);

    subject("a request later on the same connection uses the new rules");
    SSL_CTX_set_post_handshake_auth(client, 1);
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    open_to(&link, client, server, "fifth.example");
    CHECK_COMPLETES(&link, ruled.cert);
    replace(RULED("'db.example'"));
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_HOST);
    close_link(&link);

    subject("credentials that are added to the file are used");
    replace(PLAIN PLAIN RULED("'db.example'"));
    open_to(&link, client, server, "db.example");
    CHECK_COMPLETES(&link, ruled.cert);
    CHECK_INT(certpick_choice(link.client), 2);
    CHECK_HAS(certpick_explanation(link.client), "it is for this host");
    close_link(&link);

    subject("a file with an error aborts the handshake");
    replace(RULED("'db.example'") "\n[[credential]]\nsslcert = 7\n");
    check_aborted(client, server, "line 7, column 11: ");
    replace(RULED("'db.example'") "users");
    check_aborted(client, server, "line 5, column ");
    replace("");
    check_aborted(client, server, "line 1, column 1: ");
    replace(RULED("'db.example'"));
    MUST(chmod(FILE_NAME, 0602) == 0);
    check_aborted(client, server, "");
    MUST(unlink(FILE_NAME) == 0);
    check_aborted(client, server, "No such file or directory");
    MUST(mkdir(FILE_NAME, 0700) == 0);
    check_aborted(client, server, "");
    MUST(rmdir(FILE_NAME) == 0);
    replace(RULED("'db.example'") "[[credential]]\nsslcert = 'gone.crt'\n");
    open_to(&link, client, server, "db.example");
    CHECK_FAILS(&link, "entry 2: could not read certificate file");

    subject("a file that is correct again is used");
    replace(RULED("'db.example'"));
    check_sent(client, server, "db.example", ruled.cert);
    check_sent(client, server, "fifth.example", NULL);
}

static void snapshot(int version)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &ca);

    subject("with CACHE_OFF a selector keeps the content that was read when it was added");
    replace(RULED("'db.example'") PLAIN);
    CHECK_OK(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_OFF));
    CHECK_OK(certpick_selector_add_config(selector, FILE_NAME));
    CHECK_OK(certpick_attach(client, selector));
    replace(RULED("'other.example'") PLAIN);
    check_sent(client, server, "db.example", ruled.cert);
    MUST(unlink(FILE_NAME) == 0);
    check_sent(client, server, "db.example", ruled.cert);
    check_sent(client, server, "other.example", plain.cert);
}

static void mixed(int version)
{
    SCOPED(certpick_selector) *selector = new_selector("plain.crt", "plain.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &ca);

    subject("rules that the program set remain when a configuration file changes");
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "plain.example"));
    replace(RULED("'db.example'"));
    CHECK_OK(certpick_selector_add_config(selector, FILE_NAME));
    CHECK_OK(certpick_attach(client, selector));
    check_sent(client, server, "plain.example", plain.cert);
    replace(RULED("'other.example'"));
    check_sent(client, server, "db.example", NULL);
    check_sent(client, server, "plain.example", plain.cert);
    check_sent(client, server, "other.example", ruled.cert);
}

static void certificate_replaced(int version)
{
    SCOPED(certpick_selector) *selector = configured(RULED("'db.example'"));
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &ca);
    struct identity renewed = renew("renewed", &ruled, &ca);

    subject("a certificate that is replaced keeps the rule of the file, and the file is still followed");
    CHECK_OK(certpick_attach(client, selector));
    check_sent(client, server, "db.example", ruled.cert);
    write_certs("new", renewed.cert);
    MUST(rename("new", "ruled.crt") == 0);
    check_sent(client, server, "other.example", NULL);
    check_sent(client, server, "db.example", renewed.cert);
    check_sent(client, server, "other.example", NULL);
    replace(RULED("'other.example'"));
    check_sent(client, server, "db.example", NULL);
    check_sent(client, server, "other.example", renewed.cert);
    write_certs("ruled.crt", ruled.cert);
    certpick_cache_clear();
}

static void forked(int version)
{
    SCOPED(certpick_selector) *selector = configured(RULED("'db.example'"));
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &ca);

    subject("a child process uses the present content");
    CHECK_OK(certpick_attach(client, selector));
    check_sent(client, server, "db.example", ruled.cert);
    for (int i = 0; i < 3; i++) {
        pid_t child;

        replace(i % 2 == 0 ? RULED("'other.example'") : RULED("'db.example'"));
        child = fork_child();
        if (child == 0) {
            ignore_open_files();
            check_sent(client, server, "db.example", i % 2 == 0 ? NULL : ruled.cert);
            check_sent(client, server, "other.example", i % 2 == 0 ? ruled.cert : NULL);
            _exit(finish());
        }
        check_child(child);
    }
}

/* Generation N permits host gN alone. */
enum { THREADS = 4, GENERATIONS = 20 };
static int newest, finished;
static SSL_CTX *shared_client, *shared_server;

struct counts {
    int sent, bad;
};

static void write_generation(int n)
{
    char content[256];

    snprintf(content, sizeof(content), RULED("'g%d.example'"), n);
    replace(content);
}

static void *connect_many(void *arg)
{
    struct counts *counts = arg;

    for (int i = 0; i < 10 || !__atomic_load_n(&finished, __ATOMIC_SEQ_CST); i++) {
        int least = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), generation = least - i % 2;
        char host[64];
        struct link link;

        snprintf(host, sizeof(host), "g%d.example", generation);
        open_to(&link, shared_client, shared_server, host);
        if (!complete_link(&link))
            counts->bad++;
        else if (arrived(&link, ruled.cert))
            generation < least ? counts->bad++ : counts->sent++;
        else if (!arrived(&link, NULL) ||
                 (generation == least && __atomic_load_n(&newest, __ATOMIC_SEQ_CST) == least && finished))
            counts->bad++;
        close_link(&link);
    }
    return NULL;
}

static void threads(void)
{
    SCOPED(certpick_selector) *selector = NULL;
    struct counts counts[THREADS];
    pthread_t ids[MAX_THREADS];
    int sent = 0;

    subject("threads use no rule that was replaced before their connection");
    write_generation(1);
    newest = 1;
    selector = certpick_selector_new();
    CHECK_OK(certpick_selector_add_config(selector, FILE_NAME));
    shared_client = new_client(TLS1_3_VERSION);
    shared_server = new_server(TLS1_3_VERSION, &ca);
    CHECK_OK(certpick_attach(shared_client, selector));
    memset(counts, 0, sizeof(counts));
    start_threads(ids, THREADS, connect_many, counts, sizeof(counts[0]));
    for (int i = 2; i <= GENERATIONS; i++) {
        write_generation(i);
        __atomic_store_n(&newest, i, __ATOMIC_SEQ_CST);
        wait_for_timestamp();
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    join_threads(ids, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(counts[i].bad, 0);
        sent += counts[i].sent;
    }
    CHECK(sent >= 1);
    SSL_CTX_free(shared_client);
    SSL_CTX_free(shared_server);
}

/* Writes a file with many credentials for different hosts. */
static void write_many(int count)
{
    FILE *file = fopen("new", "w");

    MUST(file != NULL && chmod("new", 0600) == 0);
    for (int i = 0; i < count; i++)
        fprintf(file, "[[credential]]\nhosts = ['db%d.example', '*.%d.example']\nsslcert = '%s.crt'\nsslkey = '%s.key'\n",
                i, i, i % 2 == 0 ? "plain" : "ruled", i % 2 == 0 ? "plain" : "ruled");
    MUST(fclose(file) == 0 && rename("new", FILE_NAME) == 0);
}

static void many(int version)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);

    subject("a file with 1,000 credentials is used and followed");
    write_many(1000);
    CHECK_OK(certpick_selector_add_config(selector, FILE_NAME));
    CHECK_INT(certpick_selector_count(selector), 1000);
    CHECK_OK(certpick_attach(client, selector));
    check_sent(client, server, "db998.example", plain.cert);
    check_sent(client, server, "x.999.example", ruled.cert);
    check_sent(client, server, "db1000.example", NULL);
    write_many(999);
    check_sent(client, server, "x.999.example", NULL);
    check_sent(client, server, "db998.example", plain.cert);
}

int main(void)
{
    enter_work_dir();
    write_credentials();
    all_or_nothing();
    threads();
    for (int i = 0; i < 2; i++) {
        for (int way = 0; way < WAYS; way++)
            replaced(tls_versions[i], (enum way)way);
        snapshot(tls_versions[i]);
        mixed(tls_versions[i]);
        certificate_replaced(tls_versions[i]);
        forked(tls_versions[i]);
        many(tls_versions[i]);
    }
    return finish();
}
