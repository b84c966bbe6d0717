/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The program's entries and marks in OpenSSL's error queue are unchanged, however many there are
   and however many errors OpenSSL raises for a file. */
#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

/* ERR_NUM_ERRORS of openssl/err.h minus the slot that OpenSSL keeps free. */
enum { MAX_ENTRIES = 15 };

static const int depths[] = {0, 1, 3, 8, MAX_ENTRIES - 1, MAX_ENTRIES};
enum { DEPTHS = sizeof depths / sizeof depths[0] };

/* The program sets a mark on its newest entry, and on at most two older ones. */
static int is_marked(int entry, int depth)
{
    return entry == depth || (depth >= 3 && (entry == 1 || entry == depth - 1));
}

/* Empties the queue and adds n entries of the program, each with data, and some with marks. */
static void queue_entries(int n, int with_marks)
{
    int entry;

    ERR_clear_error();
    for (entry = 1; entry <= n; entry++) {
        char data[32];

        snprintf(data, sizeof data, "entry %d", entry);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
        ERR_new();
        ERR_set_debug("program.c", entry, "function");
        ERR_set_error(ERR_LIB_USER, entry, "%s", data);
#else
        ERR_put_error(ERR_LIB_USER, 0, entry, "program.c", entry);
        ERR_add_error_data(1, data);
#endif
        if (with_marks && is_marked(entry, n))
            MUST(ERR_set_mark() == 1);
    }
}

/* Removes the oldest entry and checks that it is the program's n-th one in all its parts. */
static void check_entry(int n)
{
    const char *file = "", *data = "", *function = "function";
    char expected[32];
    int line = 0, flags = 0;
    unsigned long code;

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    code = ERR_get_error_all(&file, &line, &function, &data, &flags);
#else
    code = ERR_get_error_line_data(&file, &line, &data, &flags);
#endif
    snprintf(expected, sizeof expected, "entry %d", n);
    if (!CHECK_INT(ERR_GET_LIB(code), ERR_LIB_USER) || !CHECK_INT(ERR_GET_REASON(code), n))
        return;
    CHECK_TEXT(file, "program.c");
    CHECK_INT(line, n);
    CHECK_TEXT(function, "function");
    CHECK_TEXT(data, expected);
    CHECK((flags & ERR_TXT_STRING) != 0);
}

/* Checks that the newest entry is from certpick and has a reason string. */
static void check_newest_is_from_certpick(void)
{
    unsigned long code = ERR_peek_last_error();

    CHECK(ERR_GET_LIB(code) >= ERR_LIB_USER && ERR_reason_error_string(code) != NULL);
}

/* Checks that the queue contains the program's n entries and, after a failure, one of certpick. If
   that is more than OpenSSL keeps, the oldest one is missing. */
static void check_entries(int n, int failed)
{
    if (failed)
        check_newest_is_from_certpick();
    for (int entry = 1 + (n + failed > MAX_ENTRIES); entry <= n; entry++)
        check_entry(entry);
    if (failed)
        CHECK(ERR_get_error() != 0);
    CHECK_INT(ERR_peek_error(), 0);
}

/* Checks that the marks are on the same entries as before. */
static void check_marks(int n, int failed)
{
    if (failed)
        check_newest_is_from_certpick();
    for (int entry = n; entry > (n + failed > MAX_ENTRIES); entry--) {
        if (!is_marked(entry, n))
            continue;
        CHECK_INT(ERR_pop_to_mark(), 1);
        CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), entry);
    }
    CHECK_INT(ERR_pop_to_mark(), 0);
    CHECK_INT(ERR_peek_error(), 0);
}

/* Calls once for each depth, with and without marks. */
#define AT_EVERY_DEPTH(call, status)                              \
    do {                                                          \
        int i_;                                                   \
        for (i_ = 0; i_ < DEPTHS; i_++) {                         \
            queue_entries(depths[i_], 0);                         \
            CHECK_INT(call, status);                              \
            check_entries(depths[i_], (status) != CERTPICK_OK);   \
            queue_entries(depths[i_], 1);                         \
            CHECK_INT(call, status);                              \
            check_marks(depths[i_], (status) != CERTPICK_OK);     \
        }                                                         \
    } while (0)

static void write_files(const struct pki *pki)
{
    write_der_key("good.der", pki->a.key);
    write_encrypted_der_key("encrypted.der", pki->a.key, "secret", 6);
    write_key("encrypted.pem", pki->a.key, "secret");
    write_traditional_key("old.pem", pki->a.key, "secret");
    copy_part("cut.der", "good.der", 40);
    copy_part("cut_encrypted.der", "encrypted.der", 100);
    copy_part("cut_encrypted.pem", "encrypted.pem", 200);
    copy_changed("changed.der", "good.der", 5, -1);
    copy_changed("changed_encrypted.der", "encrypted.der", 36, -1);
    write_text("empty", "");
    write_text("words", "Neither certificate nor key.\n");
    write_file("zeros", "\0\0\0\0\0\0\0\0", 8, 0600);
    write_file("sequence.der", "\x30\x03\x04\x01\x00", 5, 0600);
    write_file("sequences.der", "\x30\x05\x30\x00\x04\x01\x00", 7, 0600);
    write_text(
        "damaged.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBHDBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQww\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n");
    write_damaged_cert("damaged.crt");
    copy_part("cut.crt", "a.crt", 300);
}

int main(void)
{
    static const struct {
        const char *file, *password;
        certpick_status status;
    } keys[] = {
        {"a.key", NULL, CERTPICK_OK},
        {"good.der", NULL, CERTPICK_OK},
        {"encrypted.der", "secret", CERTPICK_OK},
        {"encrypted.pem", "secret", CERTPICK_OK},
        {"old.pem", "secret", CERTPICK_OK},
        {"encrypted.der", "wrong", CERTPICK_ERROR_PASSWORD_WRONG},
        {"encrypted.pem", "wrong", CERTPICK_ERROR_PASSWORD_WRONG},
        {"old.pem", "wrong", CERTPICK_ERROR_PASSWORD_WRONG},
        {"encrypted.der", NULL, CERTPICK_ERROR_PASSWORD_MISSING},
        {"encrypted.pem", NULL, CERTPICK_ERROR_PASSWORD_MISSING},
        {"old.pem", NULL, CERTPICK_ERROR_PASSWORD_MISSING},
        {"b.key", NULL, CERTPICK_ERROR_KEY_MISMATCH},
        {"cut.der", NULL, CERTPICK_ERROR_KEY},
        {"changed.der", NULL, CERTPICK_ERROR_KEY},
        {"cut_encrypted.der", "secret", CERTPICK_ERROR_KEY},
        {"changed_encrypted.der", "secret", CERTPICK_ERROR_PASSWORD_WRONG},
        {"cut_encrypted.pem", "secret", CERTPICK_ERROR_KEY},
        {"damaged.pem", "secret", CERTPICK_ERROR_KEY},
        {"empty", NULL, CERTPICK_ERROR_KEY},
        {"words", NULL, CERTPICK_ERROR_KEY},
        {"zeros", NULL, CERTPICK_ERROR_KEY},
        {"sequence.der", NULL, CERTPICK_ERROR_KEY},
        {"sequences.der", "secret", CERTPICK_ERROR_KEY},
        {"damaged.crt", NULL, CERTPICK_ERROR_KEY},
    };
    static const char *const certificates[] = {"damaged.crt", "cut.crt", "words", "empty", "zeros"};
    struct pki pki;

    set_up_pki(&pki, NULL);
    write_files(&pki);

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();
        char sentence[100];

        snprintf(sentence, sizeof sentence, "the error queue is unchanged with the key \"%s\" (%s)",
                 keys[i].file, keys[i].password != NULL ? keys[i].password : "no password");
        subject(sentence);
        CHECK_OK(certpick_selector_add_files(selector, "a.crt", keys[i].file, keys[i].password));
        AT_EVERY_DEPTH(certpick_selector_validate(selector), keys[i].status);
    }

    subject("the error queue is unchanged with damaged certificates");
    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();

        AT_EVERY_DEPTH(certpick_selector_add_files(selector, certificates[i], "a.key", NULL),
                       CERTPICK_ERROR_CERTIFICATE);
        AT_EVERY_DEPTH(certpick_selector_add_issuers(selector, certificates[i]),
                       CERTPICK_ERROR_CERTIFICATE);
    }
    return finish();
}
