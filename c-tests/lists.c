/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The grammar of the lists, seen from C: what is a list, what is refused, and which password,
   key and certificate belong together. */
#include "support.h"

#include "picking.h"

static void what_is_a_list(void)
{
    subject("a value that names several certificates is a list");
    CHECK_INT(certpick_is_list("a.crt,b.crt"), 1);
    CHECK_INT(certpick_is_list("a.crt , b.crt"), 1);
    CHECK_INT(certpick_is_list("\"x,y\",z"), 1);
    CHECK_INT(certpick_is_list("missing.crt,"), 1);
    CHECK_INT(certpick_is_list(","), 1);

    subject("a list with an error in it is a list, so that the error is seen");
    CHECK_INT(certpick_is_list("\"x\"y,z"), 1);
    CHECK_INT(certpick_is_list("\"x,y"), 1);

    subject("a single value is no list, nor is a file whose name has a comma");
    CHECK_INT(certpick_is_list("a.crt"), 0);
    CHECK_INT(certpick_is_list("missing.crt"), 0);
    CHECK_INT(certpick_is_list("\"x,y\""), 0);
    CHECK_INT(certpick_is_list("with,comma.crt"), 0);
    CHECK_INT(certpick_is_list("other,comma.crt"), 1);
}

static void check_refused(certpick_selector *selector, const char *sslcert, const char *sslkey,
                          const char *sslpassword, const char *text)
{
    CHECK_INT(certpick_selector_add_lists(selector, sslcert, sslkey, sslpassword),
              CERTPICK_ERROR_LIST);
    if (text != NULL)
        CHECK_TEXT(certpick_selector_error(selector), text);
    CHECK(certpick_selector_error(selector)[0] != '\0');
    CHECK_INT(certpick_selector_count(selector), 1);
}

static void counts(void)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);

    subject("counts must agree, and the words are fixed");
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
    certpick_selector_free(selector);
}

static void grammar(void)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    char *commas = malloc(100001);

    subject("an empty entry of sslcert is an error that names the entry");
    check_refused(selector, "a.crt,,b.crt", "a.key,b.key,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 2 of sslcert");
    check_refused(selector, "a.crt, ", "a.key,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 2 of sslcert");
    check_refused(selector, "\"\",b.crt", "a.key,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 1 of sslcert");

    subject("text after a closing quote, and a quote that is not closed, are errors");
    check_refused(selector, "a.crt,\"b\".crt", "a.key,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 2 of sslcert");
    check_refused(selector, "a.crt,\"b.crt", "a.key,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 2 of sslcert");
    check_refused(selector, "a.crt,b.crt", "\"a.key\"x,b.key", NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 1 of sslkey");

    subject("an error in a list of passwords shows none of them");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", "\"Schwamm\"drueber,hunter2", NULL);
    CHECK_LACKS(certpick_selector_error(selector), "Schwamm");
    CHECK_LACKS(certpick_selector_error(selector), "drueber");
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", "hunter2,\"Schwamm", NULL);
    CHECK_LACKS(certpick_selector_error(selector), "Schwamm");
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");

    subject("a hundred thousand commas are an error like any other");
    MUST(commas != NULL);
    memset(commas, ',', 100000);
    commas[100000] = '\0';
    CHECK_INT(certpick_is_list(commas), 1);
    check_refused(selector, commas, NULL, NULL, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 1 of sslcert");
    check_refused(selector, commas, commas, commas, NULL);
    CHECK_BEGINS(certpick_selector_error(selector), "entry 1 of sslcert");
    check_refused(selector, "a.crt,b.crt", commas, NULL,
                  "could not match 2 sslcert to 100001 sslkey values");
    check_refused(selector, "a.crt,b.crt", "a.key,b.key", commas,
                  "could not match 100001 sslpassword to 2 sslkey values");
    memset(commas, '"', 100000);
    CHECK(certpick_selector_add_lists(selector, commas, NULL, NULL) != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
    free(commas);
    certpick_selector_free(selector);
}

/* Everything in the lists fits together: each key is found and opens with its password. */
static void check_fits(const char *sslcert, const char *sslkey, const char *sslpassword, int count)
{
    certpick_selector *selector = new_selector(sslcert, sslkey, sslpassword);

    CHECK_INT(certpick_selector_count(selector), count);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_TEXT(certpick_selector_error(selector), "");
    certpick_selector_free(selector);
}

static void what_belongs_together(const struct two *two)
{
    subject("white space around file names does not count");
    check_fits(" a.crt ,\tb.crt", "a.key , b.key ", NULL, 2);
    check_fits(" \"a.crt\" , \"b.crt\"", "\"a.key\" ,\t\"b.key\" ", NULL, 2);

    subject("quoted names may hold commas and quotes");
    write_certs("with,comma.crt", two->b.cert, (X509 *)NULL);
    write_key("with,comma \"q\".key", two->b.key, NULL);
    check_fits("a.crt,\"with,comma.crt\"", "a.key,\"with,comma \"\"q\"\".key\"", NULL, 2);

    subject("a single certificate's key and password are taken whole");
    check_fits("with,comma.crt", "with,comma \"q\".key", NULL, 1);
    write_key("b.key", two->b.key, "\"pass\", word ");
    check_fits("b.crt", "b.key", "\"pass\", word ", 1);

    subject("in a list of passwords every byte counts, and a quoted one may hold commas");
    check_fits("a.crt,b.crt", "a.key,b.key", ",\"\"\"pass\"\", word \"", 2);
    write_key("b.key", two->b.key, " pass\"word ");
    check_fits("a.crt,b.crt", "a.key,b.key", ", pass\"word ", 2);
    check_fits("a.crt,b.crt,a.crt", "a.key,b.key,a.key", ", pass\"word ,", 3);
    write_key("b.key", two->b.key, "\xff\xfe");
    check_fits("a.crt,b.crt", "a.key,b.key", ",\xff\xfe", 2);

    subject("without a key's name the key is in the certificate's file");
    write_combined("a.pem", two->a.key, two->a.cert, (X509 *)NULL);
    write_key("b.key", two->b.key, NULL);
    check_fits("a.pem", NULL, NULL, 1);
    check_fits("a.pem", "", "", 1);
    check_fits("a.pem,b.crt", ",b.key", NULL, 2);
    check_fits("a.pem,a.pem", NULL, NULL, 2);
    check_fits("a.pem,a.pem", "", "", 2);
    check_fits("a.pem,a.pem", NULL, ",", 2);

    subject("a password that is not needed does no harm");
    check_fits("a.crt,b.crt", "a.key,b.key", "needless,", 2);
}

static void kinds_of_key_files(const struct two *two)
{
    subject("PEM and DER keys work, encrypted ones with their password");
    write_traditional_key("a.key", two->a.key, NULL);
    check_fits("a.crt", "a.key", NULL, 1);
    write_traditional_key("a.key", two->a.key, "secret");
    check_fits("a.crt", "a.key", "secret", 1);
    write_key("a.key", two->a.key, "secret");
    check_fits("a.crt", "a.key", "secret", 1);
    write_der_key("a.key", two->a.key);
    check_fits("a.crt", "a.key", NULL, 1);
    check_fits("a.crt", "a.key", "needless", 1);
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    write_certs("with,comma.crt", two.b.cert, (X509 *)NULL);
    what_is_a_list();
    counts();
    grammar();
    what_belongs_together(&two);
    kinds_of_key_files(&two);
    free_two(&two);
    return finish();
}
