/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text of every error: libpq's text if libpq has one, with the number of the entry, and without
   passwords. */
#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE(entry) \
    "entry " entry ": could not read certificate file \"gone.crt\": No such file or directory"
#define PERMISSIONS(file) \
    "entry 2: private key file \"" file "\" has group or world access; file must have " \
    "permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r " \
    "(0640) or less if owned by root"

/* Checks the result of certpick_selector_validate() if the second credential has this key and
   password. */
static void check_key_once(const char *key, const char *password, certpick_status status,
                           const char *start, const char *end)
{
    char keys[128], passwords[128];

    snprintf(keys, sizeof(keys), "a.key,%s", key);
    snprintf(passwords, sizeof(passwords), ",%s", password);
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", keys, passwords);
    CHECK_INT(certpick_selector_validate(selector), status);
    const char *text = certpick_selector_error(selector);
    if (end == NULL) {
        CHECK_TEXT(text, start);
    } else {
        CHECK_BEGINS(text, start);
        CHECK_HAS(text, end);
    }
    if (password[0] != '\0')
        CHECK_LACKS(text, password);
    CHECK(strchr(text, '\n') == NULL);
    take_queue();
}

static void check_key(const char *key, const char *password, certpick_status status,
                      const char *start, const char *end)
{
    check_key_once(key, password, status, start, end);
    /* Earlier entries in OpenSSL's error queue must not change the text. */
    queue_markers(3);
    check_key_once(key, password, status, start, end);
}

static void certificates(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    subject("a certificate file that cannot be read is reported with libpq's text");
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,gone.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector), GONE("2"));
    CHECK_INT(certpick_selector_add_lists(selector, "gone.crt,a.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector), GONE("1"));

    subject("a file without a certificate is reported with libpq's text");
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.key", "a.key,b.key", NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_BEGINS(certpick_selector_error(selector),
                 "entry 2: could not read certificate file \"b.key\": ");
    CHECK_INT(certpick_selector_count(selector), 0);
}

static void keys(const struct pki *pki)
{
    struct identity unrelated =
        new_leaf_with("x", NULL, &(struct traits){KEY_P384, NULL, NULL, 0, 0});
    static const mode_t modes[] = {0644, 0660, 0604, 0650};
    struct stat status;

    subject("a missing key file is reported with libpq's text");
    check_key("gone.key", "", CERTPICK_ERROR_FILE,
              "entry 2: certificate present, but not private key file \"gone.key\"", NULL);

    subject("a key file that others can read is reported with libpq's text");
    for (size_t i = 0; i < COUNT(modes); i++) {
        MUST(chmod("b.key", modes[i]) == 0);
        check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    }

    subject("a key file that its group can read is accepted only if root owns it");
    MUST(chmod("b.key", 0640) == 0 && stat("b.key", &status) == 0);
    if (status.st_uid == 0)
        check_key("b.key", "", CERTPICK_OK, "", NULL);
    else
        check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    /* Root can also test a file that another user owns. */
    if (status.st_uid == 0 && chown("b.key", 65534, (gid_t)-1) == 0) {
        check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
        MUST(chown("b.key", 0, (gid_t)-1) == 0);
    }
    MUST(chmod("b.key", 0400) == 0);
    check_key("b.key", "", CERTPICK_OK, "", NULL);

    subject("the permission rule also applies to a key in the certificate's file");
    write_combined("b.pem", pki->b.key, NULL, pki->b.cert);
    MUST(chmod("b.pem", 0644) == 0);
    {
        SCOPED(certpick_selector) *selector = new_selector("a.crt,b.pem", "a.key,", NULL);

        CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_KEY_PERMISSIONS);
        CHECK_TEXT(certpick_selector_error(selector), PERMISSIONS("b.pem"));
    }

    subject("a key that is not a regular file is reported with libpq's text");
    MUST(mkdir("dir", 0700) == 0);
    check_key("dir", "", CERTPICK_ERROR_FILE,
              "entry 2: private key file \"dir\" is not a regular file", NULL);

    subject("a file without a key is reported");
    write_text("words.key", "Not a key.\n");
    check_key("words.key", "", CERTPICK_ERROR_KEY,
              "entry 2: could not load private key file \"words.key\": ", "");

    subject("a key that belongs to another certificate is reported with libpq's text");
    check_key("a.key", "", CERTPICK_ERROR_KEY_MISMATCH,
              "entry 2: certificate does not match private key file \"a.key\": key values mismatch",
              NULL);
    write_key("other.key", unrelated.key, NULL);
    check_key("other.key", "", CERTPICK_ERROR_KEY_MISMATCH,
              "entry 2: certificate does not match private key file \"other.key\": ", "mismatch");
}

/* With one wrong password in 256 the padding is valid by chance, so OpenSSL does not report "bad
   decrypt". Encrypts with the password "right" until the wrong password is, or is not, this
   case. */
static void write_encrypted_key(const char *path, EVP_PKEY *key, const char *wrong, int by_chance)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    int done = 0;

    for (int i = 0; i < 20000 && !done; i++) {
        X509_SIG *encrypted =
            PKCS8_encrypt(-1, EVP_aes_128_cbc(), "right", 5, NULL, 0, 1, plain);
        PKCS8_PRIV_KEY_INFO *opened = PKCS8_decrypt(encrypted, wrong, (int)strlen(wrong));
        struct queue queue = take_queue();
        size_t j;
        int padding_fits = 1;

        MUST(opened == NULL);
        for (j = 0; j < queue.length; j++)
            if (ERR_reason_error_string(queue.codes[j]) != NULL &&
                strcmp(ERR_reason_error_string(queue.codes[j]), "bad decrypt") == 0)
                padding_fits = 0;
        done = padding_fits == by_chance;
        if (done) {
            BIO *bio = BIO_new(BIO_s_mem());
            char *data;
            long length;

            MUST(PEM_write_bio_PKCS8(bio, encrypted));
            length = BIO_get_mem_data(bio, &data);
            write_file(path, data, (size_t)length, 0600);
            BIO_free(bio);
        }
        X509_SIG_free(encrypted);
    }
    MUST(done);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

static void passwords(const struct pki *pki)
{
    static const char *const missing = "it is encrypted and no password was given";

    subject("an encrypted key without a password is reported");
    write_encrypted_key("b.key", pki->b.key, "Schwamm", 0);
    check_key("b.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
              "entry 2: could not load private key file \"b.key\": it is encrypted and no "
              "password was given", NULL);

    subject("a wrong password is reported");
    check_key("b.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"b.key\": ", "bad decrypt");

    subject("an encrypted key in the traditional format is reported with the same texts");
    write_traditional_key("old.key", pki->b.key, "hunter2");
    check_key("old.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
              "entry 2: could not load private key file \"old.key\": ", missing);
    check_key("old.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"old.key\": ", "");

    subject("a wrong password is reported even if the padding is valid by chance");
    write_encrypted_key("chance.key", pki->b.key, "Schwamm", 1);
    check_key("chance.key", "right", CERTPICK_OK, "", NULL);
    check_key("chance.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"chance.key\": ", "");

    subject("a password of 1 MiB is a wrong password");
    static char longest[1 << 20];
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    fill(longest, 'x', sizeof(longest));
    CHECK_OK(certpick_selector_add_files(selector, "b.crt", "b.key", longest));
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_LACKS(certpick_selector_error(selector), "xxxx");
}

static void several_failures(void)
{
    certpick_selector *selector;

    subject("certpick_selector_validate reports every failure and returns the status of the first");
    MUST(chmod("a.key", 0644) == 0);
    selector = new_selector("a.crt,b.crt,a.crt", "gone.key,b.key,a.key", ",Schwamm,");
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);
    CHECK_HAS(certpick_selector_error(selector),
              "entry 1: certificate present, but not private key file \"gone.key\"");
    CHECK_HAS(certpick_selector_error(selector),
              "entry 2: could not load private key file \"b.key\": ");
    CHECK_HAS(certpick_selector_error(selector), "entry 3: private key file \"a.key\" has group");
    CHECK_LACKS(certpick_selector_error(selector), "Schwamm");
    certpick_selector_free(selector);
    MUST(chmod("a.key", 0600) == 0);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    certificates();
    keys(&pki);
    passwords(&pki);
    several_failures();
    return finish();
}
