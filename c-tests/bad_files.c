/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a file should be there is something else: a status, a text that names the entry, no hang,
   no unbounded memory, and the selector as it was. */
#include "support.h"

#include "picking.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_sparse(const char *path, mode_t mode)
{
    write_file(path, "", 0, mode);
    MUST(truncate(path, (off_t)1 << 40) == 0);
}

/* A copy of the file with one byte replaced, or cut there where the replacement is negative. */
static void spoil(const char *from, const char *to, size_t at, int replacement, mode_t mode)
{
    size_t length;
    char *data = read_file(from, &length);

    MUST(at < length);
    if (replacement < 0)
        length = at;
    else
        data[at] = (char)replacement;
    write_file(to, data, length, mode);
    free(data);
}

static void make_bad_files(void)
{
    static char zeros[4096];
    static const char *const empty_pem =
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    static const char *const garbage =
        "-----BEGIN CERTIFICATE-----\nTWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu\n"
        "-----END CERTIFICATE-----\n";
    size_t length;
    char *text;

    MUST(mkdir("dir", 0700) == 0);
    MUST(mkfifo("fifo", 0600) == 0);
    make_sparse("huge", 0600);
    write_file("empty", "", 0, 0600);
    write_file("zeros", zeros, sizeof(zeros), 0600);
    write_file("empty_pem", empty_pem, strlen(empty_pem), 0600);
    write_file("garbage", garbage, strlen(garbage), 0600);
    write_file("words", "Not a certificate.\n", 19, 0600);
    spoil("a.crt", "cut", 200, -1, 0600);
    spoil("a.crt", "nul", 200, 0, 0600);
    spoil("a.key", "cut.key", 100, -1, 0600);
    spoil("a.key", "nul.key", 100, 0, 0600);

    text = read_file("a.crt", &length);
    text = realloc(text, 2 * length);
    MUST(text != NULL);
    /* The second certificate in the file is cut: a chain that would lose its end in silence. */
    memcpy(text + length, text, 200);
    write_file("cut_chain", text, length + 200, 0600);
    free(text);
}

struct bad {
    const char *path;
    certpick_status status;
};

static void bad_certificates(void)
{
    static const struct bad bad[] = {
        {"missing", CERTPICK_ERROR_FILE},
        {"dir", CERTPICK_ERROR_FILE},
        {"dir/", CERTPICK_ERROR_FILE},
        {"a.crt/under", CERTPICK_ERROR_FILE},
        {"fifo", CERTPICK_ERROR_FILE},
        {"/dev/null", CERTPICK_ERROR_FILE},
        {"/dev/zero", CERTPICK_ERROR_FILE},
        {"huge", CERTPICK_ERROR_FILE},
        {"empty", CERTPICK_ERROR_CERTIFICATE},
        {"zeros", CERTPICK_ERROR_CERTIFICATE},
        {"words", CERTPICK_ERROR_CERTIFICATE},
        {"empty_pem", CERTPICK_ERROR_CERTIFICATE},
        {"garbage", CERTPICK_ERROR_CERTIFICATE},
        {"cut", CERTPICK_ERROR_CERTIFICATE},
        {"nul", CERTPICK_ERROR_CERTIFICATE},
        {"cut_chain", CERTPICK_ERROR_CERTIFICATE},
        {"b.key", CERTPICK_ERROR_CERTIFICATE},
    };
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    char list[256], keys[] = "a.key,b.key,a.key", quoted[256];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        certpick_selector *empty = certpick_selector_new();

        subject(bad[i].path);
        snprintf(quoted, sizeof(quoted), "\"%s\"", bad[i].path);
        snprintf(list, sizeof(list), "a.crt,%s,a.crt", bad[i].path);
        CHECK_INT(certpick_selector_add_lists(empty, list, keys, NULL), bad[i].status);
        CHECK_BEGINS(certpick_selector_error(empty), "entry 2: ");
        CHECK_HAS(certpick_selector_error(empty), quoted);
        CHECK_INT(certpick_selector_count(empty), 0);
        certpick_selector_free(empty);

        CHECK_INT(certpick_selector_add_lists(selector, list, keys, NULL), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);

        CHECK_INT(certpick_selector_add_files(selector, bad[i].path, "b.key", NULL), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);

        CHECK_INT(certpick_selector_add_files(selector, bad[i].path, NULL, NULL), bad[i].status);
        CHECK_INT(certpick_selector_add_issuers(selector, bad[i].path), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);
        CHECK_INT(certpick_selector_count(selector), 1);
    }
    subject("after every failure the first credential is as good as before");
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
}

static void bad_keys(const struct two *two)
{
    static const struct bad bad[] = {
        {"missing", CERTPICK_ERROR_FILE},
        {"dir", CERTPICK_ERROR_FILE},
        {"fifo", CERTPICK_ERROR_FILE},
        {"/dev/null", CERTPICK_ERROR_FILE},
        {"/dev/zero", CERTPICK_ERROR_FILE},
        {"huge", CERTPICK_ERROR_FILE},
        {"empty", CERTPICK_ERROR_KEY},
        {"zeros", CERTPICK_ERROR_KEY},
        {"words", CERTPICK_ERROR_KEY},
        {"cut.key", CERTPICK_ERROR_KEY},
        {"nul.key", CERTPICK_ERROR_KEY},
        {"garbage", CERTPICK_ERROR_KEY},
    };
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    char keys[256], quoted[256];
    struct link link;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        certpick_selector *selector;

        subject(bad[i].path);
        snprintf(quoted, sizeof(quoted), "\"%s\"", bad[i].path);
        snprintf(keys, sizeof(keys), "a.key,%s", bad[i].path);
        selector = new_selector("a.crt,b.crt", keys, NULL);
        CHECK_INT(certpick_selector_validate(selector), bad[i].status);
        CHECK_BEGINS(certpick_selector_error(selector), "entry 2: ");
        CHECK_HAS(certpick_selector_error(selector), quoted);
        CHECK_INT(certpick_selector_count(selector), 2);

        CHECK(!connect_picking(&link, TLS1_3_VERSION, selector, server));
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
        CHECK_BEGINS(certpick_message(link.client), "entry 2: ");
        CHECK_HAS(certpick_message(link.client), quoted);
        close_link(&link);
        certpick_selector_free(selector);
    }
    SSL_CTX_free(server);
}

static void certificate_without_key(const struct two *two)
{
    certpick_selector *empty = certpick_selector_new();
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *server = new_server(TLS1_2_VERSION, &two->ca_a, (void *)NULL);
    struct link link;

    subject("a certificate whose own file should hold its key, and does not, is refused");
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    CHECK_HAS(certpick_selector_error(selector), "\"b.crt\"");
    CHECK_INT(certpick_selector_add_lists(empty, "a.crt,b.crt", "a.key,", NULL), CERTPICK_ERROR_KEY);
    CHECK_BEGINS(certpick_selector_error(empty), "entry 2: ");
    CHECK_INT(certpick_selector_count(empty), 0);
    certpick_selector_free(empty);
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("after failures the earlier credential is still sent");
    CHECK(connect_picking(&link, TLS1_2_VERSION, selector, server));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(certpick_choice(link.client), 0);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void paths_that_are_no_text(const struct two *two)
{
    static const char *const cert = "caf\xe9 \xff\xfe.crt", *const key = "caf\xe9 \xff\xfe.key";
    certpick_selector *selector;
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    subject("a path that is not UTF-8 works");
    MUST(rename("b.crt", cert) == 0 && rename("b.key", key) == 0);
    selector = new_selector("a.crt,caf\xe9 \xff\xfe.crt", "a.key,caf\xe9 \xff\xfe.key", NULL);
    CHECK_INT(certpick_selector_add_files(selector, cert, key, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_issuers(selector, cert), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(certpick_is_list("caf\xe9,\xff\xfe"), 1);
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_HAS(certpick_explanation(link.client), "caf");
    close_link(&link);
    certpick_selector_free(selector);

    subject("a path that is not UTF-8 and leads nowhere is named");
    selector = certpick_selector_new();
    CHECK_INT(certpick_selector_add_files(selector, "\xff\xfe.crt", NULL, NULL),
              CERTPICK_ERROR_FILE);
    CHECK_HAS(certpick_selector_error(selector), ".crt\": No such file or directory");
    certpick_selector_free(selector);

    subject("an overlong path is an error");
    {
        char *path = malloc(100001);

        MUST(path != NULL);
        memset(path, 'x', 100000);
        path[100000] = '\0';
        selector = new_selector("a.crt", "a.key", NULL);
        CHECK_INT(certpick_selector_add_files(selector, path, NULL, NULL), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_add_lists(selector, path, path, path), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_add_issuers(selector, path), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_is_list(path), 0);
        CHECK_INT(certpick_selector_count(selector), 1);
        certpick_selector_free(selector);
        free(path);
    }
    MUST(rename(cert, "b.crt") == 0 && rename(key, "b.key") == 0);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    make_bad_files();
    bad_certificates();
    bad_keys(&two);
    certificate_without_key(&two);
    paths_that_are_no_text(&two);
    free_two(&two);
    return finish();
}
