/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Entries that stand for several credentials: directories, PKCS#12 files and configuration files. */
#include "picking.h"

#include "parallel.h"

#include <fcntl.h>
#include <openssl/pkcs12.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "opens it"

static struct pki pki;

static void make_directory(const char *name)
{
    MUST(mkdir(name, 0700) == 0);
}

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

static void write_pkcs12(const char *path, const struct identity *identity, const char *password)
{
    PKCS12 *p12 = PKCS12_create(password, "name", identity->key, identity->cert, NULL, NID_aes_256_cbc,
                                NID_aes_256_cbc, 1000, 1000, 0);
    unsigned char *der = NULL;
    int length = i2d_PKCS12(p12, &der);

    MUST(length > 0);
    write_file(path, der, (size_t)length, 0600);
    OPENSSL_free(der);
    PKCS12_free(p12);
}

static void write_files(void)
{
    make_directory("dir");
    write_identity("dir/a", &pki.a, NULL);
    write_identity("dir/b", &pki.b, NULL);
    make_directory("\"a\", b ");
    write_identity("\"a\", b /b", &pki.b, NULL);
    make_directory("sealed");
    write_identity("sealed/b", &pki.b, SECRET);
    write_pkcs12("b.p12", &pki.b, SECRET);
    write_pkcs12("open.p12", &pki.b, "");
    write_text("c.toml", "[[credential]]\nsslcert = 'a.crt'\nsslkey = 'a.key'\n"
                         "[[credential]]\nsslcert = 'dir'\nusers = ['nobody']\n"
                         "[[credential]]\nsslcert = 'open.p12'\n");
    write_text("pkcs11:object=a", "");
}

static void one_entry(int version)
{
    static const struct {
        const char *sslcert, *sslkey, *password;
        size_t count;
    } cases[] = {
        {"b.crt", "b.key", NULL, 1},     {"dir", NULL, NULL, 2},          {"./dir/", "", "", 2},
        {"dir", "dir", NULL, 2},         {"\"a\", b ", NULL, NULL, 1},    {"sealed", NULL, SECRET, 1},
        {"b.p12", NULL, SECRET, 1},      {"open.p12", NULL, NULL, 1},     
        {"certpick:c.toml", NULL, NULL, 4}, {"dir/b.crt", "dir/b.key", NULL, 1},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_b);

    subject("certpick_selector_add_source adds every credential of one entry");
    for (size_t i = 0; i < COUNT(cases); i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();

        if (!CHECK_OK(certpick_selector_add_source(selector, cases[i].sslcert, cases[i].sslkey,
                                                   cases[i].password)))
            printf("%s: %s\n", cases[i].sslcert, certpick_selector_error(selector));
        CHECK_INT(certpick_selector_count(selector), cases[i].count);
        CHECK_OK(certpick_selector_validate(selector));
        CHECK_SELECTOR_SENDS(version, selector, server, pki.b.cert);
    }
}

static void refused(void)
{
    static const struct {
        const char *sslcert, *sslkey, *password;
        certpick_status status;
        const char *text;
    } cases[] = {
        {NULL, "b.key", NULL, CERTPICK_ERROR_ARGUMENT, ""},
        {"", "b.key", NULL, CERTPICK_ERROR_ARGUMENT, ""},
        {"a.crt,b.crt", "a.key,b.key", NULL, CERTPICK_ERROR_FILE, "entry 2: "},
        {" b.crt", "b.key", NULL, CERTPICK_ERROR_FILE, "entry 2: "},
        {"b.p12", NULL, NULL, CERTPICK_ERROR_PASSWORD_MISSING, "entry 2: "},
        {"b.p12", NULL, "", CERTPICK_ERROR_PASSWORD_MISSING, "entry 2: "},
        {"b.p12", NULL, "wrong", CERTPICK_ERROR_PASSWORD_WRONG, "entry 2: "},
        {"b.p12", "b.key", SECRET, CERTPICK_ERROR_LIST, "entry 2: "},
        {"dir", "b.key", NULL, CERTPICK_ERROR_FILE, "entry 2: "},
        {"certpick:c.toml", "b.key", NULL, CERTPICK_ERROR_LIST, "entry 2: "},
        {"certpick:c.toml", NULL, SECRET, CERTPICK_ERROR_LIST, "entry 2: "},
        {"certpick:gone.toml", NULL, NULL, CERTPICK_ERROR_FILE, "gone.toml"},
    };
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);

    subject("an entry that cannot be used is one error and adds nothing");
    CHECK_INT(certpick_selector_add_source(NULL, "dir", NULL, NULL), CERTPICK_ERROR_ARGUMENT);
    take_queue();
    for (size_t i = 0; i < COUNT(cases); i++) {
        queue_markers(2);
        if (!CHECK_INT(certpick_selector_add_source(selector, cases[i].sslcert, cases[i].sslkey,
                                                    cases[i].password),
                       cases[i].status))
            printf("%s: %s\n", cases[i].sslcert, certpick_selector_error(selector));
        CHECK_MARKERS_AND_ONE(2);
        CHECK_HAS(certpick_selector_error(selector), cases[i].text);
        CHECK_LACKS(certpick_selector_error(selector), SECRET);
        CHECK_INT(certpick_selector_count(selector), 1);
    }
    CHECK_OK(certpick_attach(client, selector));
    CHECK_INT(certpick_selector_add_source(selector, "dir", NULL, NULL), CERTPICK_ERROR_FROZEN);
    take_queue();
}

static void restricted(int version)
{
    static const char *const entries[] = {
        "dir", "b.p12", "certpick:c.toml", "certpick:gone.toml", "pkcs11:object=a", "handle:0x81000000",
    };
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_b);
    char list[64];

    subject("with CERTPICK_RESTRICT only PEM files are accepted from users");
    MUST(setenv("CERTPICK_RESTRICT", "files", 1) == 0);
    for (size_t i = 0; i < COUNT(entries); i++) {
        CHECK_INT(certpick_selector_add_source(selector, entries[i], NULL, NULL), CERTPICK_ERROR_LIST);
        CHECK_HAS(certpick_selector_error(selector), "CERTPICK_RESTRICT");
        CHECK_INT(certpick_selector_add_lists(selector, entries[i], NULL, NULL), CERTPICK_ERROR_LIST);
        CHECK_HAS(certpick_selector_error(selector), "CERTPICK_RESTRICT");
        sprintf(list, "b.crt,%s", entries[i]);
        CHECK_INT(certpick_selector_add_lists(selector, list, "b.key,", NULL), CERTPICK_ERROR_LIST);
        CHECK_BEGINS(certpick_selector_error(selector), "entry 3: ");
        CHECK_HAS(certpick_selector_error(selector), "CERTPICK_RESTRICT");
    }
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", "pkcs11:object=a", NULL), CERTPICK_ERROR_LIST);
    CHECK_INT(certpick_selector_count(selector), 1);
    take_queue();

    subject("with CERTPICK_RESTRICT no file is opened to find out what libpq can use");
    CHECK_INT(certpick_handles("dir", NULL), 0);
    CHECK_INT(certpick_handles("b.p12", NULL), 0);
    CHECK_INT(certpick_handles("b.crt", "uri.key"), 0);
    CHECK_INT(certpick_handles("b.crt", "engine:key"), 0);
    CHECK_INT(certpick_handles("a.crt,b.crt", NULL), 1);
    CHECK_INT(certpick_handles("certpick:c.toml", NULL), 1);
    CHECK_INT(certpick_handles("pkcs11:object=a", NULL), 1);
    CHECK_INT(certpick_handles(NULL, "handle:0x81000000"), 1);

    subject("with CERTPICK_RESTRICT lists of PEM files are used, and what the program itself names");
    CHECK_OK(certpick_selector_add_source(selector, "b.crt", "b.key", NULL));
    CHECK_OK(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL));
    CHECK_OK(certpick_selector_add_files(selector, "b.p12", NULL, SECRET));
    CHECK_OK(certpick_selector_add_config(selector, "c.toml"));
    CHECK_INT(certpick_selector_count(selector), 9);
    CHECK_SELECTOR_SENDS(version, selector, server, pki.b.cert);

    subject("what was added before is not served from the cache to a restricted process");
    MUST(setenv("CERTPICK_RESTRICT", "", 1) == 0);
    {
        SCOPED(certpick_selector) *before = new_selector("dir,b.p12", NULL, "," SECRET);

        CHECK_SELECTOR_SENDS(version, before, server, pki.b.cert);
    }
    MUST(setenv("CERTPICK_RESTRICT", "0", 1) == 0);
    {
        SCOPED(certpick_selector) *after = certpick_selector_new();

        CHECK_INT(certpick_selector_add_lists(after, "dir,b.p12", NULL, "," SECRET), CERTPICK_ERROR_LIST);
        take_queue();
    }
    MUST(unsetenv("CERTPICK_RESTRICT") == 0);
}

static void handles(void)
{
    static const struct {
        const char *sslcert, *sslkey;
        int handled;
    } cases[] = {
        {NULL, NULL, 0},          {"", "", 0},             {"a.crt", "a.key", 0},
        {"dir", NULL, 1},         {"dir/", "", 1},         {" dir", NULL, 1},
        {"b.p12", NULL, 1},       {"b.p12", "b.key", 1},   {"gone.p12", NULL, 0},
        {"renamed.crt", NULL, 1}, {"pem.p12", NULL, 0},    {"pkcs11:object=b", NULL, 1},
        {"pkcs11:object=a", NULL, 1}, {NULL, "pkcs11:object=b", 1}, {"", "pkcs11:object=b", 1},
        {"a.crt", "pkcs11:object=b?pin-source=/pin", 1},   {"a.crt", "handle:0x81000000", 1},
        {"a.crt", "pkcs11:label_b", 0}, {"a.crt", "engine:key", 0}, {NULL, "engine:key", 0},
        {"a.crt", "uri.key", 1},  {NULL, "uri.key", 1},    {"a.crt", "b.p12", 0},
        {"a.crt", "dir", 0},      {"fifo", "fifo", 0},     {"/dev/zero", "/dev/zero", 0},
    };
    char file[32], pipe_name[32];
    int ends[2], regular, read_end;

    subject("certpick_handles returns 1 for what stock libpq cannot use");
    write_pkcs12("renamed.crt", &pki.a, SECRET);
    write_certs("pem.p12", pki.a.cert);
    write_text("uri.key", "-----BEGIN PKCS#11 PROVIDER URI-----\n");
    MUST(mkfifo("fifo", 0600) == 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!CHECK_INT(certpick_handles(cases[i].sslcert, cases[i].sslkey), cases[i].handled))
            printf("sslcert=%s sslkey=%s\n", cases[i].sslcert, cases[i].sslkey);

    subject("certpick_handles reads nothing from a pipe, and does not move the offset of a file");
    regular = open("b.p12", O_RDONLY);
    MUST(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3 && regular >= 0);
    read_end = ends[0];
    sprintf(pipe_name, "/dev/fd/%d", read_end);
    sprintf(file, "/dev/fd/%d", regular);
    CHECK_INT(certpick_handles(pipe_name, pipe_name), 0);
    CHECK_INT(read(read_end, pipe_name, sizeof(pipe_name)), 3);
    CHECK_INT(certpick_handles(file, file), 1);
    CHECK_INT(lseek(regular, 0, SEEK_CUR), 0);
    close(regular);
    close(ends[0]);
    close(ends[1]);
    CHECK_ONLY_MARKERS(0);
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

static void passwords(int version)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_b);
    static const char *const wrong[] = {"wrong", "opens it ", NULL};

    subject("a PKCS#12 file from the cache is served only for its password");
    certpick_cache_clear();
    wait_for_timestamp();
    for (int i = 0; i < 3; i++) {
        SCOPED(certpick_selector) *right = new_selector("b.p12", NULL, SECRET);

        CHECK_SELECTOR_SENDS(version, right, server, pki.b.cert);
        CHECK_INT(certpick_selector_add_lists(selector, "b.p12", NULL, wrong[i]),
                  wrong[i] != NULL ? CERTPICK_ERROR_PASSWORD_WRONG : CERTPICK_ERROR_PASSWORD_MISSING);
        CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.p12", "a.key,", ",wrong"),
                  CERTPICK_ERROR_PASSWORD_WRONG);
        CHECK_INT(certpick_selector_count(selector), 0);
        take_queue();
    }
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
    write_files();
    refused();
    handles();
    make_directory("ruled");
    write_identity("ruled/a", &pki.a, NULL);
    write_identity("ruled/b", &pki.b, NULL);
    for (int i = 0; i < 2; i++) {
        one_entry(tls_versions[i]);
        restricted(tls_versions[i]);
        followed(tls_versions[i], 0);
        followed(tls_versions[i], 1);
        rules(tls_versions[i]);
        passwords(tls_versions[i]);
        forked(tls_versions[i]);
    }
    threads();
    return finish();
}
