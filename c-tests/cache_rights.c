/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What was read with more rights than the process has now is not given to it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

/* setfsuid and setgroups */
#include <grp.h>
#include <sys/fsuid.h>

#include "picking.h"

#include <sys/stat.h>
#include <unistd.h>

enum { OTHER_USER = 65534, GROUP = 54321 };

/* As root the process becomes somebody else; another user takes the right away from himself. */
static int is_root;

static void drop_rights(const char *file)
{
    if (is_root)
        MUST(seteuid(OTHER_USER) == 0);
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

/* In the group, or in none. */
static void join_group(int is_member)
{
    const gid_t group = GROUP;

    MUST(setgroups((size_t)is_member, &group) == 0);
}

/* What may not be opened is refused as it is without the cache, but only where it is to be sent. */
static void what_is_sent_is_opened(SSL_CTX *server, SSL_CTX *server_b)
{
    static const char denied[] =
        "entry 1: could not read certificate file \"full.crt\": Permission denied";
    certpick_selector *selector = empty_selector(0);
    struct link link;

    CHECK_INT(certpick_selector_add_files(selector, "full.crt", "leaf.key", NULL), CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector), denied);
    certpick_selector_free(selector);

    selector = new_selector("full.crt,open.crt", "leaf.key,open.key", NULL);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector), denied);
    CHECK(!connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    CHECK_TEXT(certpick_message(link.client), denied);
    close_link(&link);
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server_b));
    CHECK_INT(certpick_choice(link.client), 1);
    close_link(&link);
    certpick_selector_free(selector);

    selector = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_INT(certpick_selector_add_issuers(selector, "between.crt"), CERTPICK_OK);
    CHECK(!connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_TEXT(certpick_message(link.client),
               "entry 1: could not read certificate file \"between.crt\": Permission denied");
    close_link(&link);
    certpick_selector_free(selector);

    selector = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_INT(certpick_selector_add_issuers(selector, "between.crt"), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_issuers(selector, "open_between.crt"), CERTPICK_OK);
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
    certpick_selector_free(selector);
}

/* Everything is read with all rights, as the same effective user. */
static void fill_cache(SSL_CTX *server)
{
    static const char *const entries[] = {"full.crt", "leaf.crt"};
    struct link link;
    int i;

    certpick_cache_clear();
    for (i = 0; i < 2; i++) {
        certpick_selector *selector = new_selector(entries[i], "leaf.key", NULL);

        CHECK_INT(certpick_selector_add_issuers(selector, "between.crt"), CERTPICK_OK);
        CHECK_INT(certpick_selector_add_issuers(selector, "open_between.crt"), CERTPICK_OK);
        CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
        close_link(&link);
        certpick_selector_free(selector);
    }
    certpick_selector_free(new_selector("full.crt,open.crt", "leaf.key,open.key", NULL));
}

static void write_for(const char *path, uid_t user, gid_t group, mode_t mode)
{
    MUST(chown(path, user, group) == 0 && chmod(path, mode) == 0);
}

/* Rights that do not show in the effective user and group. */
static void other_rights(const struct two *two, SSL_CTX *server_b)
{
    struct identity root = new_root("root"), between = new_intermediate("between", &root);
    struct identity leaf = new_leaf("leaf", &between);
    SSL_CTX *server = new_server(TLS1_3_VERSION, &root, (void *)NULL);

    write_certs("full.crt", leaf.cert, between.cert, (X509 *)NULL);
    write_certs("leaf.crt", leaf.cert, (X509 *)NULL);
    write_certs("between.crt", between.cert, (X509 *)NULL);
    write_certs("open_between.crt", between.cert, (X509 *)NULL);
    write_certs("open.crt", two->b.cert, (X509 *)NULL);
    write_key("leaf.key", leaf.key, NULL);
    write_key("open.key", two->b.key, NULL);
    write_for("full.crt", 0, GROUP, 0640);
    write_for("between.crt", 0, GROUP, 0640);
    write_for("leaf.crt", 0, 0, 0644);
    write_for("open_between.crt", 0, 0, 0644);
    write_for("open.crt", 0, 0, 0644);
    write_for("leaf.key", OTHER_USER, 0, 0600);
    write_for("open.key", OTHER_USER, 0, 0600);
    settle();

    subject("a certificate is not sent after its group was given up");
    join_group(1);
    MUST(seteuid(OTHER_USER) == 0);
    fill_cache(server);
    MUST(seteuid(0) == 0);
    join_group(0);
    MUST(seteuid(OTHER_USER) == 0);
    what_is_sent_is_opened(server, server_b);
    MUST(seteuid(0) == 0);

    subject("nor on behalf of a user of the file system who may not read it");
    fill_cache(server);
    setfsuid(OTHER_USER);
    what_is_sent_is_opened(server, server_b);
    setfsuid(0);

    subject("a selector that has sent a certificate goes on when its files are removed");
    {
        certpick_selector *selector = new_selector("leaf.crt", "leaf.key", NULL);
        certpick_selector *from_cache;
        struct link link;
        int i;

        CHECK_INT(certpick_selector_add_issuers(selector, "open_between.crt"), CERTPICK_OK);
        from_cache = new_selector("leaf.crt", "leaf.key", NULL);
        CHECK_INT(certpick_selector_add_issuers(from_cache, "open_between.crt"), CERTPICK_OK);
        for (i = 0; i < 2; i++) {
            CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
            CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
            close_link(&link);
            if (i == 0)
                MUST(unlink("leaf.crt") == 0 && unlink("open_between.crt") == 0);
        }
        subject("one that has not opened them sends nothing then");
        CHECK(!connect_picking(&link, TLS1_3_VERSION, from_cache, server));
        CHECK_TEXT(certpick_message(link.client),
                   "entry 1: could not read certificate file \"leaf.crt\": No such file or directory");
        close_link(&link);
        certpick_selector_free(selector);
        certpick_selector_free(from_cache);
    }

    subject("a selector that was made with the right keeps what it has read");
    certpick_cache_clear();
    {
        certpick_selector *selector = new_selector("full.crt", "leaf.key", NULL);
        struct link link;

        setfsuid(OTHER_USER);
        CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
        close_link(&link);
        setfsuid(0);
        certpick_selector_free(selector);
    }
    SSL_CTX_free(server);
    free_identity(&root);
    free_identity(&between);
    free_identity(&leaf);
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
    if (is_root)
        other_rights(&two, server);
    else
        printf("groups and the user of the file system can only be changed as root\n");
    SSL_CTX_free(server);
    free_two(&two);
    return finish();
}
