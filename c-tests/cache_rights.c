/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What was read with more rights than the process has now is not given to it. */
#include "support.h"

#include "picking.h"

#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* As root the process becomes somebody else; another user takes the right away from himself. */
static int is_root;

static void drop_rights(const char *file)
{
    if (is_root)
        MUST(seteuid(NOBODY) == 0);
    else
        MUST(chmod(file, 0) == 0);
}

static void regain_rights(const char *file)
{
    if (is_root)
        MUST(seteuid(0) == 0);
    else
        MUST(chmod(file, 0600) == 0);
}

static certpick_selector *empty_selector(int with_cache)
{
    certpick_selector *selector = certpick_selector_new();

    MUST(selector != NULL);
    MUST(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE,
                                      with_cache ? CERTPICK_CACHE_ON : CERTPICK_CACHE_OFF) ==
         CERTPICK_OK);
    return selector;
}

static void key_is_refused(const char *password)
{
    certpick_selector *with = empty_selector(1), *without = empty_selector(0);
    int i;

    CHECK_INT(certpick_selector_add_files(with, "b.crt", "b.key", password), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_files(without, "b.crt", "b.key", password), CERTPICK_OK);
    for (i = 0; i < 2; i++) {
        CHECK_INT(certpick_selector_validate(without), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_validate(with), CERTPICK_ERROR_FILE);
        CHECK_TEXT(certpick_selector_error(with), certpick_selector_error(without));
        CHECK_TEXT(certpick_selector_error(with),
                   "entry 1: could not load private key file \"b.key\": Permission denied");
    }
    certpick_selector_free(with);
    certpick_selector_free(without);
}

static void certificate_is_refused(void)
{
    certpick_selector *with = empty_selector(1), *without = empty_selector(0);

    CHECK_INT(certpick_selector_add_files(without, "a.crt", "a.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_files(with, "a.crt", "a.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(with), certpick_selector_error(without));
    CHECK_INT(certpick_selector_add_lists(with, "a.crt,b.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK(certpick_selector_add_issuers(with, "a.crt") != CERTPICK_OK);
    certpick_selector_free(with);
    certpick_selector_free(without);
}

static certpick_selector *issuers_and_lists(void)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",secret");

    CHECK_INT(certpick_selector_add_files(selector, "a.crt", "a.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_issuers(selector, "a.crt"), CERTPICK_OK);
    return selector;
}

int main(void)
{
    struct two two;
    SSL_CTX *server;
    struct held first, second;

    enter_work_dir();
    is_root = geteuid() == 0;
    MUST(chmod(".", 0755) == 0);
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    MUST(chmod("a.crt", 0600) == 0 && chmod("b.crt", 0644) == 0);
    server = new_server(TLS1_3_VERSION, &two.ca_b, (void *)NULL);
    settle();

    subject("with all rights everything is read, and kept");
    first = connect_holding(issuers_and_lists(), server);
    second = connect_holding(issuers_and_lists(), server);
    CHECK(first.cert == second.cert && first.key == second.key);
    free_held(&second);

    subject("a key that may not be read any more is refused, in the same words as without the cache");
    drop_rights("b.key");
    key_is_refused("secret");
    key_is_refused("wrong");
    key_is_refused(NULL);
    regain_rights("b.key");

    subject("so is a certificate");
    drop_rights("a.crt");
    certificate_is_refused();
    regain_rights("a.crt");

    subject("with the rights, what was read comes back");
    second = connect_holding(issuers_and_lists(), server);
    if (is_root)
        CHECK(first.cert == second.cert && first.key == second.key);
    free_held(&first);
    free_held(&second);
    SSL_CTX_free(server);
    free_two(&two);
    return finish();
}
