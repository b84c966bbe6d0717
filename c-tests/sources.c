/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Entries that stand for several credentials: directories, PKCS#12 files and configuration files. */
#include "picking.h"
#include "pkcs12.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "opens it"

static struct pki pki;

static void write_files(void)
{
    make_directory("dir");
    write_identity("dir/a", &pki.a, NULL);
    write_identity("dir/b", &pki.b, NULL);
    make_directory("\"a\", b ");
    write_identity("\"a\", b /b", &pki.b, NULL);
    make_directory("sealed");
    write_identity("sealed/b", &pki.b, SECRET);
    write_pkcs12("b.p12", SECRET, &pki.b, 1, NULL);
    write_pkcs12("open.p12", "", &pki.b, 1, NULL);
    write_text("c.toml", "[[credential]]\nsslcert = 'a.crt'\nsslkey = 'a.key'\n"
                         "[[credential]]\nsslcert = 'dir'\nusers = ['app']\n"
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
    MUST(setenv("CERTPICK_RESTRICT", version == TLS1_3_VERSION ? "files" : "", 1) == 0);
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
    MUST(unsetenv("CERTPICK_RESTRICT") == 0);
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
    write_pkcs12("renamed.crt", SECRET, &pki.a, 1, NULL);
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
int main(void)
{
    set_up_pki(&pki, NULL);
    write_files();
    refused();
    handles();
    for (int i = 0; i < 2; i++) {
        one_entry(tls_versions[i]);
        restricted(tls_versions[i]);
        passwords(tls_versions[i]);
    }
    return finish();
}
