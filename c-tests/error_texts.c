/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words of every error: libpq's own where libpq has them, with the number of the entry, and
   never a password. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERMISSIONS(file) \
    "entry 2: private key file \"" file "\" has group or world access; file must have " \
    "permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r " \
    "(0640) or less if owned by root"

/* The second of two credentials has this key and password: what validate says of it. */
static void check_key_once(const char *key, const char *password, certpick_status status,
                           const char *start, const char *end)
{
    char keys[128], passwords[128];
    const char *text;
    certpick_selector *selector;

    snprintf(keys, sizeof(keys), "a.key,%s", key);
    snprintf(passwords, sizeof(passwords), ",%s", password);
    selector = new_selector("a.crt,b.crt", keys, passwords);
    CHECK_INT(certpick_selector_validate(selector), status);
    text = certpick_selector_error(selector);
    if (end == NULL) {
        CHECK_TEXT(text, start);
    } else {
        CHECK_BEGINS(text, start);
        CHECK_HAS(text, end);
    }
    if (password[0] != '\0')
        CHECK_LACKS(text, password);
    CHECK(strchr(text, '\n') == NULL);
    certpick_selector_free(selector);
    take_queue();
}

static void check_key(const char *key, const char *password, certpick_status status,
                      const char *start, const char *end)
{
    check_key_once(key, password, status, start, end);
    /* What the program has left in OpenSSL's error queue must not change the words. */
    queue_markers(3);
    check_key_once(key, password, status, start, end);
}

static void certificates(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("a certificate file that cannot be read: libpq's words");
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,gone.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector),
               "entry 2: could not read certificate file \"gone.crt\": No such file or directory");
    CHECK_INT(certpick_selector_add_lists(selector, "gone.crt,a.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector),
               "entry 1: could not read certificate file \"gone.crt\": No such file or directory");

    subject("a file that holds no certificate: libpq's words");
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.key", "a.key,b.key", NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_BEGINS(certpick_selector_error(selector),
                 "entry 2: could not read certificate file \"b.key\": ");
    CHECK_INT(certpick_selector_count(selector), 0);
    certpick_selector_free(selector);
}

static void keys(const struct two *two)
{
    struct identity stranger = new_leaf_with("x", NULL, &(struct traits){KEY_P384, NULL, NULL, 0, 0});
    struct stat status;

    subject("a key file that is missing: libpq's words");
    check_key("gone.key", "", CERTPICK_ERROR_FILE,
              "entry 2: certificate present, but not private key file \"gone.key\"", NULL);

    subject("a key file that others can read: libpq's words");
    MUST(chmod("b.key", 0644) == 0);
    check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    MUST(chmod("b.key", 0660) == 0);
    check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    MUST(chmod("b.key", 0604) == 0);
    check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    MUST(chmod("b.key", 0650) == 0);
    check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);

    subject("a key file that its group can read is good where root owns it, and only there");
    MUST(chmod("b.key", 0640) == 0 && stat("b.key", &status) == 0);
    if (status.st_uid == 0)
        check_key("b.key", "", CERTPICK_OK, "", NULL);
    else
        check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
    /* Root can try what it is for a file that is not root's. */
    if (status.st_uid == 0 && chown("b.key", 65534, (gid_t)-1) == 0) {
        check_key("b.key", "", CERTPICK_ERROR_KEY_PERMISSIONS, PERMISSIONS("b.key"), NULL);
        MUST(chown("b.key", 0, (gid_t)-1) == 0);
    }
    MUST(chmod("b.key", 0400) == 0);
    check_key("b.key", "", CERTPICK_OK, "", NULL);

    subject("the rule holds for a key in the certificate's own file");
    write_combined("b.pem", two->b.key, two->b.cert, (X509 *)NULL);
    MUST(chmod("b.pem", 0644) == 0);
    {
        certpick_selector *selector = new_selector("a.crt,b.pem", "a.key,", NULL);

        CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_KEY_PERMISSIONS);
        CHECK_TEXT(certpick_selector_error(selector), PERMISSIONS("b.pem"));
        certpick_selector_free(selector);
    }

    subject("a key that is not a regular file: libpq's words");
    MUST(mkdir("dir", 0700) == 0);
    check_key("dir", "", CERTPICK_ERROR_FILE, "entry 2: private key file \"dir\" is not a regular file",
              NULL);

    subject("a file without a key");
    write_file("words.key", "Not a key.\n", 11, 0600);
    check_key("words.key", "", CERTPICK_ERROR_KEY,
              "entry 2: could not load private key file \"words.key\": ", "");

    subject("a key that belongs to another certificate: libpq's words");
    check_key("a.key", "", CERTPICK_ERROR_KEY_MISMATCH,
              "entry 2: certificate does not match private key file \"a.key\": key values mismatch",
              NULL);
    write_key("other.key", stranger.key, NULL);
    check_key("other.key", "", CERTPICK_ERROR_KEY_MISMATCH,
              "entry 2: certificate does not match private key file \"other.key\": ", "mismatch");
    free_identity(&stranger);
}

/* One wrong password in 256 yields good padding by chance, and then nothing says "bad decrypt".
   Encrypt with the password "right" until the wrong one is, or is not, such a case. */
static void write_sealed_key(const char *path, EVP_PKEY *key, const char *wrong, int by_chance)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    int i, done = 0;

    for (i = 0; i < 20000 && !done; i++) {
        X509_SIG *sealed =
            PKCS8_encrypt(-1, EVP_aes_128_cbc(), "right", 5, NULL, 0, 1, plain);
        PKCS8_PRIV_KEY_INFO *opened = PKCS8_decrypt(sealed, wrong, (int)strlen(wrong));
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

            MUST(PEM_write_bio_PKCS8(bio, sealed));
            length = BIO_get_mem_data(bio, &data);
            write_file(path, data, (size_t)length, 0600);
            BIO_free(bio);
        }
        X509_SIG_free(sealed);
    }
    MUST(done);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

static void passwords(const struct two *two)
{
    static const char *const missing = "it is encrypted and no password was given";

    subject("an encrypted key without a password");
    write_sealed_key("b.key", two->b.key, "Schwamm", 0);
    check_key("b.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
              "entry 2: could not load private key file \"b.key\": it is encrypted and no "
              "password was given", NULL);

    subject("a wrong password");
    check_key("b.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"b.key\": ", "bad decrypt");

    subject("the same for the older form of encrypted keys");
    write_traditional_key("old.key", two->b.key, "hunter2");
    check_key("old.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
              "entry 2: could not load private key file \"old.key\": ", missing);
    check_key("old.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"old.key\": ", "");

    subject("a wrong password whose padding fits by chance is a wrong password all the same");
    write_sealed_key("chance.key", two->b.key, "Schwamm", 1);
    check_key("chance.key", "right", CERTPICK_OK, "", NULL);
    check_key("chance.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
              "entry 2: could not load private key file \"chance.key\": ", "");

    subject("an overlong password is wrong, not a crash");
    {
        char *longest = malloc(1 << 20);
        certpick_selector *selector = certpick_selector_new();

        MUST(longest != NULL);
        memset(longest, 'x', (1 << 20) - 1);
        longest[(1 << 20) - 1] = '\0';
        CHECK_INT(certpick_selector_add_files(selector, "b.crt", "b.key", longest), CERTPICK_OK);
        CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
        CHECK_LACKS(certpick_selector_error(selector), "xxxx");
        certpick_selector_free(selector);
        free(longest);
    }
}

static void all_at_once(void)
{
    certpick_selector *selector;

    subject("validate tells of every failure, and its status is the first one's");
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
    struct two two;

    enter_work_dir();
    make_two(&two);
    certificates();
    keys(&two);
    passwords(&two);
    all_at_once();
    free_two(&two);
    return finish();
}
