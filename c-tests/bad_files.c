/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files that contain no certificate or no key: the call fails with a text that names the entry,
   does not block, uses bounded memory, and leaves the selector unchanged. */
#include "picking.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_bad_files(void)
{
    static char zeros[4096];
    size_t length;
    char *text;

    MUST(mkdir("dir", 0700) == 0);
    MUST(mkfifo("fifo", 0600) == 0);
    write_sparse("huge");
    write_text("empty", "");
    write_file("zeros", zeros, sizeof(zeros), 0600);
    write_text("empty_pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
    write_damaged_cert("damaged");
    write_text("words", "Not a certificate.\n");
    copy_part("cut", "a.crt", 200);
    copy_changed("nul", "a.crt", 200, 0);
    copy_part("cut.key", "a.key", 100);
    copy_changed("nul.key", "a.key", 100, 0);

    text = read_file("a.crt", &length);
    text = realloc(text, 2 * length);
    MUST(text != NULL);
    /* The second certificate in the file is truncated. It must not be dropped silently. */
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
        {"damaged", CERTPICK_ERROR_CERTIFICATE},
        {"cut", CERTPICK_ERROR_CERTIFICATE},
        {"nul", CERTPICK_ERROR_CERTIFICATE},
        {"cut_chain", CERTPICK_ERROR_CERTIFICATE},
        {"b.key", CERTPICK_ERROR_CERTIFICATE},
    };
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    char list[256], keys[] = "a.key,b.key,a.key", quoted[256];

    for (size_t i = 0; i < COUNT(bad); i++) {
        SCOPED(certpick_selector) *empty = certpick_selector_new();

        subject(bad[i].path);
        snprintf(quoted, sizeof(quoted), "\"%s\"", bad[i].path);
        snprintf(list, sizeof(list), "a.crt,%s,a.crt", bad[i].path);
        CHECK_INT(certpick_selector_add_lists(empty, list, keys, NULL), bad[i].status);
        CHECK_BEGINS(certpick_selector_error(empty), "entry 2: ");
        CHECK_HAS(certpick_selector_error(empty), quoted);
        CHECK_INT(certpick_selector_count(empty), 0);

        CHECK_INT(certpick_selector_add_lists(selector, list, keys, NULL), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);

        CHECK_INT(certpick_selector_add_files(selector, bad[i].path, "b.key", NULL), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);

        CHECK_INT(certpick_selector_add_files(selector, bad[i].path, NULL, NULL), bad[i].status);
        CHECK_INT(certpick_selector_add_issuers(selector, bad[i].path), bad[i].status);
        CHECK_HAS(certpick_selector_error(selector), quoted);
        CHECK_INT(certpick_selector_count(selector), 1);
    }
    subject("failed calls do not change the first credential");
    CHECK_OK(certpick_selector_validate(selector));
}

static void bad_keys(const struct pki *pki)
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
        {"damaged", CERTPICK_ERROR_KEY},
    };
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    char keys[256], quoted[256];
    struct link link;

    for (size_t i = 0; i < COUNT(bad); i++) {
        subject(bad[i].path);
        snprintf(quoted, sizeof(quoted), "\"%s\"", bad[i].path);
        snprintf(keys, sizeof(keys), "a.key,%s", bad[i].path);
        SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", keys, NULL);
        CHECK_INT(certpick_selector_validate(selector), bad[i].status);
        CHECK_BEGINS(certpick_selector_error(selector), "entry 2: ");
        CHECK_HAS(certpick_selector_error(selector), quoted);
        CHECK_INT(certpick_selector_count(selector), 2);

        CHECK(!connect_selector(&link, TLS1_3_VERSION, selector, server));
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
        CHECK_BEGINS(certpick_message(link.client), "entry 2: ");
        CHECK_HAS(certpick_message(link.client), quoted);
        close_link(&link);
    }
}

static void certificate_without_key(const struct pki *pki)
{
    SCOPED(certpick_selector) *empty = certpick_selector_new();
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(TLS1_2_VERSION, &pki->ca_a);
    struct link link;

    subject("a certificate is refused if neither sslkey nor its own file has a key");
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    CHECK_HAS(certpick_selector_error(selector), "\"b.crt\"");
    CHECK_INT(certpick_selector_add_lists(empty, "a.crt,b.crt", "a.key,", NULL),
              CERTPICK_ERROR_KEY);
    CHECK_BEGINS(certpick_selector_error(empty), "entry 2: ");
    CHECK_INT(certpick_selector_count(empty), 0);
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", NULL, NULL), CERTPICK_ERROR_KEY);
    CHECK_INT(certpick_selector_count(selector), 1);

    subject("the earlier credential is sent after failed calls");
    CHECK_SELECTOR_CONNECTS(&link, TLS1_2_VERSION, selector, server, pki->a.cert);
    CHECK_INT(certpick_choice(link.client), 0);
    close_link(&link);
}

static void paths_that_are_not_utf8(const struct pki *pki)
{
    static const char *const cert = "caf\xe9 \xff\xfe.crt", *const key = "caf\xe9 \xff\xfe.key";
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    SCOPED(certpick_selector) *empty = certpick_selector_new();
    struct link link;
    char path[100001];

    subject("a path that is not UTF-8 can be used");
    MUST(rename("b.crt", cert) == 0 && rename("b.key", key) == 0);
    SCOPED(certpick_selector) *selector =
        new_selector("a.crt,caf\xe9 \xff\xfe.crt", "a.key,caf\xe9 \xff\xfe.key", NULL);
    CHECK_OK(certpick_selector_add_files(selector, cert, key, NULL));
    CHECK_OK(certpick_selector_add_issuers(selector, cert));
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_INT(certpick_is_list("caf\xe9,\xff\xfe"), 1);
    CHECK_SELECTOR_CONNECTS(&link, TLS1_3_VERSION, selector, server, pki->b.cert);
    CHECK_HAS(certpick_explanation(link.client), "caf");
    close_link(&link);

    subject("the error text names a missing path that is not UTF-8");
    CHECK_INT(certpick_selector_add_files(empty, "\xff\xfe.crt", NULL, NULL), CERTPICK_ERROR_FILE);
    CHECK_HAS(certpick_selector_error(empty), ".crt\": No such file or directory");

    subject("an overlong path is an error");
    fill(path, 'x', sizeof(path));
    CHECK_INT(certpick_selector_add_files(empty, path, NULL, NULL), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_lists(empty, path, path, path), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_issuers(empty, path), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_is_list(path), 0);
    CHECK_INT(certpick_selector_count(empty), 0);
    MUST(rename(cert, "b.crt") == 0 && rename(key, "b.key") == 0);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    make_bad_files();
    bad_certificates();
    bad_keys(&pki);
    certificate_without_key(&pki);
    paths_that_are_not_utf8(&pki);
    return finish();
}
