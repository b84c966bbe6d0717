/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The grammar of the lists: what is a list, what is refused, and which password, key and
   certificate belong together. */
#include "picking.h"

static void is_list(void)
{
    subject("a value that names several certificates is a list");
    CHECK_INT(certpick_is_list("a.crt,b.crt"), 1);
    CHECK_INT(certpick_is_list("a.crt , b.crt"), 1);
    CHECK_INT(certpick_is_list("\"x,y\",z"), 1);
    CHECK_INT(certpick_is_list("missing.crt,"), 1);
    CHECK_INT(certpick_is_list(","), 1);

    subject("a malformed list is a list, so that its error is reported");
    CHECK_INT(certpick_is_list("\"x\"y,z"), 1);
    CHECK_INT(certpick_is_list("\"x,y"), 1);

    subject("a single value is not a list, nor is the name of an existing file with a comma");
    CHECK_INT(certpick_is_list("a.crt"), 0);
    CHECK_INT(certpick_is_list("missing.crt"), 0);
    CHECK_INT(certpick_is_list("\"x,y\""), 0);
    CHECK_INT(certpick_is_list("with,comma.crt"), 0);
    CHECK_INT(certpick_is_list("other,comma.crt"), 1);
}

static void handles(void)
{
    subject("certpick handles lists and configuration files, and leaves one certificate to libpq");
    CHECK_INT(certpick_handles("a.crt,b.crt", NULL), 1);
    CHECK_INT(certpick_handles("certpick:missing.toml", NULL), 1);
    CHECK_INT(certpick_handles(" certpick:missing.toml", ""), 1);
    CHECK_INT(certpick_handles("\"certpick:missing,1.toml\"", "a.key"), 1);
    CHECK_INT(certpick_handles("a.crt", "a.key,b.key"), 0);
    CHECK_INT(certpick_handles("with,comma.crt", NULL), 0);
    CHECK_INT(certpick_handles("./certpick:missing.toml", NULL), 0);
    CHECK_INT(certpick_handles("", "a.key"), 0);
    CHECK_INT(certpick_handles(NULL, "a.key"), 0);
}

static void check_refused(certpick_selector *selector, const char *sslcert, const char *sslkey,
                          const char *sslpassword, const char *start)
{
    CHECK_INT(certpick_selector_add_lists(selector, sslcert, sslkey, sslpassword),
              CERTPICK_ERROR_LIST);
    /* Errors about counts have fixed texts. */
    if (strncmp(start, "entry", 5) == 0)
        CHECK_BEGINS(certpick_selector_error(selector), start);
    else
        CHECK_TEXT(certpick_selector_error(selector), start);
    CHECK_INT(certpick_selector_count(selector), 1);
}

static void entry_counts(void)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);

    subject("the numbers of entries must agree, and the error texts are fixed");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", "1,2,3",
                  "could not match 3 sslpassword to 2 sslkey values");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key,a.key", NULL,
                  "could not match 2 sslcert to 3 sslkey values");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key,a.key", "1,2,3,4",
                  "could not match 2 sslcert to 3 sslkey values");
    check_refused(selector, "a.crt,b.crt", "a.key", NULL,
                  "could not match 2 sslcert to 1 sslkey values");
    check_refused(selector, "a.crt,b.crt", NULL, "1,2,3",
                  "could not match 3 sslpassword to 2 sslcert values");
    check_refused(selector, "a.crt,b.crt", "", "1",
                  "could not match 1 sslpassword to 2 sslcert values");
}

static void grammar(void)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    char commas[100001];

    subject("an empty entry of sslcert is an error that names the entry");
    check_refused(selector, "a.crt,,b.crt", "a.key,b.key,b.key", NULL, "entry 2 of sslcert");
    check_refused(selector, "a.crt, ", "a.key,b.key", NULL, "entry 2 of sslcert");
    check_refused(selector, "\"\",b.crt", "a.key,b.key", NULL, "entry 1 of sslcert");

    subject("text after a closing quote and a missing closing quote are errors");
    check_refused(selector, "a.crt,\"b\".crt", "a.key,b.key", NULL, "entry 2 of sslcert");
    check_refused(selector, "a.crt,\"b.crt", "a.key,b.key", NULL, "entry 2 of sslcert");
    check_refused(selector, "a.crt,b.crt", "\"a.key\"x,b.key", NULL, "entry 1 of sslkey");

    subject("an error in a list of passwords shows no password");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", "\"Schwamm\"drueber,hunter2",
                  "entry 1 of sslpassword");
    CHECK_LACKS(certpick_selector_error(selector), "Schwamm");
    CHECK_LACKS(certpick_selector_error(selector), "drueber");
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", "hunter2,\"Schwamm",
                  "entry 2 of sslpassword");
    CHECK_LACKS(certpick_selector_error(selector), "Schwamm");
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");

    subject("a list of 100,000 commas is an error");
    fill(commas, ',', sizeof(commas));
    CHECK_INT(certpick_is_list(commas), 1);
    check_refused(selector, commas, NULL, NULL, "entry 1 of sslcert");
    check_refused(selector, commas, commas, commas, "entry 1 of sslcert");
    check_refused(selector, "a.crt,b.crt", commas, NULL,
                  "could not match 2 sslcert to 100001 sslkey values");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", commas,
                  "could not match 100001 sslpassword to 2 sslkey values");
    fill(commas, '"', sizeof(commas));
    CHECK(certpick_selector_add_lists(selector, commas, NULL, NULL) != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
}

/* Checks that the lists are valid and each key can be decrypted with its password. */
static void check_valid(const char *sslcert, const char *sslkey, const char *sslpassword, int count)
{
    SCOPED(certpick_selector) *selector = new_selector(sslcert, sslkey, sslpassword);

    CHECK_INT(certpick_selector_count(selector), count);
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_TEXT(certpick_selector_error(selector), "");
}

static void matching_entries(const struct pki *pki)
{
    subject("white space around file names is ignored");
    check_valid(" a.crt ,\tb.crt", "a.key , b.key ", NULL, 2);
    check_valid(" \"a.crt\" , \"b.crt\"", "\"a.key\" ,\t\"b.key\" ", NULL, 2);

    subject("quoted names may contain commas and quotes");
    write_certs("with,comma.crt", pki->b.cert);
    write_key("with,comma \"q\".key", pki->b.key, NULL);
    check_valid("a.crt,\"with,comma.crt\"", "a.key,\"with,comma \"\"q\"\".key\"", NULL, 2);

    subject("with a single certificate, key and password are not split");
    check_valid("with,comma.crt", "with,comma \"q\".key", NULL, 1);
    write_key("b.key", pki->b.key, "\"pass\", word ");
    check_valid("b.crt", "b.key", "\"pass\", word ", 1);

    subject("white space in a list of passwords counts, and a quoted password may contain commas");
    check_valid("a.crt,b.crt", "a.key,b.key", ",\"\"\"pass\"\", word \"", 2);
    write_key("b.key", pki->b.key, " pass\"word ");
    check_valid("a.crt,b.crt", "a.key,b.key", ", pass\"word ", 2);
    check_valid("a.crt,b.crt,a.crt", "a.key,b.key,a.key", ", pass\"word ,", 3);
    write_key("b.key", pki->b.key, "\xff\xfe");
    check_valid("a.crt,b.crt", "a.key,b.key", ",\xff\xfe", 2);

    subject("an empty sslkey entry means that the key is in the certificate's file");
    write_combined("a.pem", pki->a.key, NULL, pki->a.cert);
    write_key("b.key", pki->b.key, NULL);
    check_valid("a.pem", NULL, NULL, 1);
    check_valid("a.pem", "", "", 1);
    check_valid("a.pem,b.crt", ",b.key", NULL, 2);
    check_valid("a.pem,a.pem", NULL, NULL, 2);
    check_valid("a.pem,a.pem", "", "", 2);
    check_valid("a.pem,a.pem", NULL, ",", 2);

    subject("a password for an unencrypted key is ignored");
    check_valid("a.crt,b.crt", "a.key,b.key", "needless,", 2);
}

static void kinds_of_key_files(const struct pki *pki)
{
    subject("PEM and DER keys can be used, encrypted ones with their password");
    write_traditional_key("a.key", pki->a.key, NULL);
    check_valid("a.crt", "a.key", NULL, 1);
    write_traditional_key("a.key", pki->a.key, "secret");
    check_valid("a.crt", "a.key", "secret", 1);
    write_key("a.key", pki->a.key, "secret");
    check_valid("a.crt", "a.key", "secret", 1);
    write_der_key("a.key", pki->a.key);
    check_valid("a.crt", "a.key", NULL, 1);
    check_valid("a.crt", "a.key", "needless", 1);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    write_certs("with,comma.crt", pki.b.cert);
    is_list();
    handles();
    entry_counts();
    grammar();
    matching_entries(&pki);
    kinds_of_key_files(&pki);
    return finish();
}
