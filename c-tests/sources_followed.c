/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Changes of directories, PKCS#12 files and configuration files are seen by the next connection. */
#include "picking.h"
#include "parallel.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki pki;

static void delete_pair(const char *name)
{
    char path[64];

    sprintf(path, "%s.crt", name);
    MUST(unlink(path) == 0);
    sprintf(path, "%s.key", name);
    MUST(unlink(path) == 0);
}

/* Replaces a symbolic link as renewers do. */
static void point(const char *link, const char *to)
{
    MUST(symlink(to, "new") == 0 && rename("new", link) == 0);
}

/* Checks the certificate, and which credential was chosen. */
static void check_chosen(SSL_CTX *client, SSL_CTX *server, X509 *expected, size_t choice)
{
    struct link link;

    CHECK_CONNECTS(&link, client, server, expected);
    CHECK_INT(link.client_queue.length, 0);
    CHECK(certpick_choice(link.client) == choice);
    close_link(&link);
}

/* Connects by a selector with a new SSL_CTX, as libpq does, and by one that is attached for long. */
static void check_both(certpick_selector *lasting, SSL_CTX *client, SSL_CTX *server, const char *list,
                       size_t count, X509 *expected, size_t choice)
{
    SCOPED(certpick_selector) *fresh = new_selector(list, NULL, NULL);
    SCOPED(SSL_CTX) *own = new_client(SSL_CTX_get_max_proto_version(client));

    CHECK_INT(certpick_selector_count(fresh), count);
    CHECK_OK(certpick_attach(own, fresh));
    check_chosen(own, server, expected, choice);
    check_chosen(client, server, expected, choice);
    CHECK_INT(certpick_selector_count(lasting), count);
}

static void followed(int version, int is_cached)
{
    const struct traits long_lived = {.ends_in_days = 400}, longer = {.ends_in_days = 500};
    struct identity renewed = new_leaf_with("renewed", &pki.ca_b, &long_lived);
    struct identity longest = new_leaf_with("longest", &pki.ca_b, &longer);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki.ca_b);
    certpick_selector *selector;

    make_directory("followed");
    make_directory("one");
    make_directory("two");
    write_identity("followed/a", &pki.a, NULL);
    write_identity("one/b", &pki.b, NULL);
    write_identity("two/renewed", &renewed, NULL);
    point("link", "one");
    if (is_cached)
        wait_for_timestamp();
#define CHECK_BOTH(count, ...) check_both(selector, client, server, "followed,link", (count), __VA_ARGS__)
    selector = new_selector("followed,link", NULL, NULL);
    CHECK_OK(certpick_attach(client, selector));

    subject("the next connection uses the present files of a directory");
    CHECK_BOTH(2, pki.b.cert, 1);
    write_identity("followed/renewed", &renewed, NULL);
    CHECK_BOTH(3, renewed.cert, 0);
    write_identity("followed/renewed", &longest, NULL);
    if (is_cached)
        wait_for_timestamp();
    CHECK_BOTH(3, longest.cert, 0);
    delete_pair("followed/renewed");
    CHECK_BOTH(2, pki.b.cert, 1);
    point("link", "two");
    CHECK_BOTH(2, renewed.cert, 1);
    point("followed/tls.crt", "../two/renewed.crt");
    point("followed/tls.key", "../two/renewed.key");
    CHECK_BOTH(3, renewed.cert, 0);
    MUST(unlink("followed/tls.crt") == 0 && unlink("followed/tls.key") == 0);
    CHECK_BOTH(2, renewed.cert, 1);

    subject("a directory without a credential is an error that does not list its files");
    delete_pair("two/renewed");
    write_text("two/hidden-name.txt", "hunter2");
    {
        struct link link;

        open_link(&link, client, server);
        CHECK(!complete_link(&link));
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
        CHECK_BEGINS(certpick_message(link.client), "entry 2: ");
        CHECK_LACKS(certpick_message(link.client), "hidden-name");
        CHECK_LACKS(certpick_message(link.client), "hunter2");
        close_link(&link);
    }
    write_identity("two/b", &pki.b, NULL);
    CHECK_BOTH(2, pki.b.cert, 1);
    unlink("two/hidden-name.txt");
    delete_pair("two/b");
    delete_pair("one/b");
    delete_pair("followed/a");
    unlink("link");
    MUST(rmdir("one") == 0 && rmdir("two") == 0 && rmdir("followed") == 0);
    certpick_selector_free(selector);
    certpick_cache_clear();
}

static void check_host(SSL_CTX *client, SSL_CTX *server, const char *host, X509 *expected)
{
    struct link link;

    open_link(&link, client, server);
    MUST(SSL_set_tlsext_host_name(link.client, host));
    CHECK_COMPLETES(&link, expected);
    close_link(&link);
}

static void rules(int version)
{
    struct identity ca = new_root("Another"), c = new_leaf("c", &ca);
    SCOPED(certpick_selector) *selector = new_selector("a.crt,ruled", "a.key,", NULL);
    SCOPED(SSL_CTX) *client = new_client(version);
    SCOPED(SSL_CTX) *of_b = new_server(version, &pki.ca_b), *of_c = new_server(version, &ca);
    SCOPED(SSL_CTX) *of_a = new_server(version, &pki.ca_a);

    subject("a rule of one credential of a directory applies to the directory, also to later files");
    CHECK_INT(certpick_selector_count(selector), 3);
    CHECK_OK(certpick_selector_set_rule(selector, 2, CERTPICK_RULE_HOSTS, "db.example"));
    CHECK_INT(certpick_selector_set_rule(selector, 3, CERTPICK_RULE_HOSTS, "db.example"),
              CERTPICK_ERROR_ARGUMENT);
    take_queue();
    CHECK_OK(certpick_attach(client, selector));
    check_host(client, of_b, "db.example", pki.b.cert);
    check_host(client, of_b, "other.example", NULL);
    check_host(client, of_a, "other.example", pki.a.cert);
    write_identity("ruled/c", &c, NULL);
    check_host(client, of_c, "db.example", c.cert);
    check_host(client, of_c, "other.example", NULL);
    check_host(client, of_a, "other.example", pki.a.cert);
    CHECK_INT(certpick_selector_count(selector), 4);
    delete_pair("ruled/c");
    check_host(client, of_b, "other.example", NULL);
    check_host(client, of_b, "db.example", pki.b.cert);
}

static void forked(int version)
{
    SCOPED(certpick_selector) *selector = new_selector("ruled", NULL, NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki.ca_b);
    const struct traits long_lived = {.ends_in_days = 400};
    struct identity newer = new_leaf_with("newer", &pki.ca_b, &long_lived);

    subject("a child process uses the present files of a directory");
    CHECK_OK(certpick_attach(client, selector));
    for (int i = 0; i < 4; i++) {
        X509 *expected = i % 2 == 1 ? newer.cert : pki.b.cert;
        pid_t child;

        if (i % 2 == 1)
            write_identity("ruled/newer", &newer, NULL);
        child = fork_child();
        if (child == 0) {
            ignore_open_files();
            check_host(client, server, "db.example", expected);
            _exit(finish());
        }
        check_child(child);
        check_host(client, server, "db.example", expected);
        if (i % 2 == 1)
            delete_pair("ruled/newer");
    }
}

enum { THREADS = 4, GENERATIONS = 12 };
static struct identity generations[GENERATIONS];
static int newest, finished;
static SSL_CTX *shared_client, *shared_server;

struct counts {
    int connections, bad;
};

static void *connect_many(void *arg)
{
    struct counts *counts = arg;

    do {
        int oldest = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), found = 0;
        struct link link;

        open_link(&link, shared_client, shared_server);
        complete_link(&link);
        for (int i = oldest; i < GENERATIONS; i++)
            found |= arrived(&link, generations[i].cert);
        __atomic_add_fetch(&counts->connections, 1, __ATOMIC_SEQ_CST);
        if (!found)
            printf("%s\n", certpick_message(link.client));
        counts->bad += !found;
        close_link(&link);
    } while (!__atomic_load_n(&finished, __ATOMIC_SEQ_CST));
    return NULL;
}

static void threads(void)
{
    SCOPED(certpick_selector) *selector;
    struct counts counts[THREADS];
    pthread_t ids[THREADS];
    char name[32], directory[16];

    subject("threads that connect while a link to a directory is switched get the new files");
    for (int i = 0; i < GENERATIONS; i++) {
        generations[i] = new_leaf("generation", &pki.ca_b);
        sprintf(directory, "gen%d", i);
        make_directory(directory);
        sprintf(name, "gen%d/tls", i);
        write_identity(name, &generations[i], NULL);
    }
    point("live", "gen0");
    selector = new_selector("live", NULL, NULL);
    shared_client = new_client(TLS1_3_VERSION);
    shared_server = new_server(TLS1_3_VERSION, &pki.ca_b);
    CHECK_OK(certpick_attach(shared_client, selector));
    memset(counts, 0, sizeof(counts));
    start_threads(ids, THREADS, connect_many, counts, sizeof(counts[0]));
    for (int i = 1; i < GENERATIONS; i++) {
        sprintf(directory, "gen%d", i);
        point("live", directory);
        __atomic_store_n(&newest, i, __ATOMIC_SEQ_CST);
        wait_for_timestamp();
        /* A handshake that sees a change at each of its attempts fails. */
        for (int j = 0; j < THREADS; j++) {
            int before = __atomic_load_n(&counts[j].connections, __ATOMIC_SEQ_CST);

            while (__atomic_load_n(&counts[j].connections, __ATOMIC_SEQ_CST) < before + 2)
                sched_yield();
        }
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    join_threads(ids, THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(counts[i].bad, 0);
    SSL_CTX_free(shared_client);
    SSL_CTX_free(shared_server);
}

int main(void)
{
    set_up_pki(&pki, NULL);
    make_directory("ruled");
    write_identity("ruled/a", &pki.a, NULL);
    write_identity("ruled/b", &pki.b, NULL);
    for (int i = 0; i < 2; i++) {
        followed(tls_versions[i], 0);
        followed(tls_versions[i], 1);
        rules(tls_versions[i]);
        forked(tls_versions[i]);
    }
    threads();
    return finish();
}
