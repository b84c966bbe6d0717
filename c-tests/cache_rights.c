/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process that dropped privileges gets nothing from the cache that it may no longer read. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* setfsuid and setgroups */
#include <grp.h>
#include <sys/fsuid.h>

#include "picking.h"

#include <sys/stat.h>
#include <unistd.h>

enum { OTHER_USER = 65534, GROUP = 54321 };

/* Root changes its effective user ID. Another user changes the permissions of the file. */
static int is_root;

static void drop_permission(const char *file)
{
    if (is_root)
        MUST(seteuid(OTHER_USER) == 0);
    else
        MUST(chmod(file, 0) == 0);
}

static void regain_permission(const char *file)
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
    SCOPED(certpick_selector) *with = empty_selector(1), *without = empty_selector(0);

    CHECK_OK(certpick_selector_add_files(with, "b.crt", "b.key", password));
    CHECK_OK(certpick_selector_add_files(without, "b.crt", "b.key", password));
    for (int i = 0; i < 2; i++) {
        CHECK_INT(certpick_selector_validate(without), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_validate(with), CERTPICK_ERROR_FILE);
        CHECK_TEXT(certpick_selector_error(with), certpick_selector_error(without));
        CHECK_TEXT(certpick_selector_error(with),
                   "entry 1: could not load private key file \"b.key\": Permission denied");
    }
}

static void certificate_is_refused(void)
{
    SCOPED(certpick_selector) *with = empty_selector(1), *without = empty_selector(0);

    CHECK_INT(certpick_selector_add_files(without, "a.crt", "a.key", NULL), CERTPICK_ERROR_FILE);
    CHECK_INT(certpick_selector_add_files(with, "a.crt", "a.key", NULL), CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(with), certpick_selector_error(without));
    CHECK_INT(certpick_selector_add_lists(with, "a.crt,b.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK(certpick_selector_add_issuers(with, "a.crt") != CERTPICK_OK);
}

static certpick_selector *issuers_and_lists(void)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",secret");

    CHECK_OK(certpick_selector_add_files(selector, "a.crt", "a.key", NULL));
    CHECK_OK(certpick_selector_add_issuers(selector, "a.crt"));
    return selector;
}

/* Joins the group, or leaves all groups. */
static void join_group(int is_member)
{
    const gid_t group = GROUP;

    MUST(setgroups((size_t)is_member, &group) == 0);
}

/* Checks that the only credential of the selector is sent. */
static void check_sent(certpick_selector *selector, SSL_CTX *server)
{
    struct link link;

    CHECK(connect_selector(&link, TLS1_3_VERSION, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
}

/* A cached file that may not be opened fails as it does without the cache, but only if it is
   sent. */
static void check_sent_files_are_opened(SSL_CTX *server, SSL_CTX *server_b)
{
    static const char denied[] =
        "entry 1: could not read certificate file \"full.crt\": Permission denied";
    SCOPED(certpick_selector) *uncached = empty_selector(0);
    SCOPED(certpick_selector) *selector =
        new_selector("full.crt,open.crt", "leaf.key,open.key", NULL);
    SCOPED(certpick_selector) *with_issuers = new_selector("leaf.crt", "leaf.key", NULL);
    struct link link;

    CHECK_INT(certpick_selector_add_files(uncached, "full.crt", "leaf.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(uncached), denied);

    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector), denied);
    CHECK_SELECTOR_FAILS(TLS1_3_VERSION, selector, server, denied);
    CHECK(connect_selector(&link, TLS1_3_VERSION, selector, server_b));
    CHECK_INT(certpick_choice(link.client), 1);
    close_link(&link);

    CHECK_OK(certpick_selector_add_issuers(with_issuers, "between.crt"));
    CHECK_SELECTOR_FAILS(
        TLS1_3_VERSION, with_issuers, server,
        "entry 1: could not read certificate file \"between.crt\": Permission denied");

    SCOPED(certpick_selector) *open_issuers = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_OK(certpick_selector_add_issuers(open_issuers, "between.crt"));
    CHECK_OK(certpick_selector_add_issuers(open_issuers, "open_between.crt"));
    check_sent(open_issuers, server);
}

/* Reads all files with all permissions, as the same effective user. */
static void fill_cache(SSL_CTX *server)
{
    static const char *const entries[] = {"full.crt", "leaf.crt"};

    certpick_cache_clear();
    for (int i = 0; i < 2; i++) {
        SCOPED(certpick_selector) *selector = new_selector(entries[i], "leaf.key", NULL);

        CHECK_OK(certpick_selector_add_issuers(selector, "between.crt"));
        CHECK_OK(certpick_selector_add_issuers(selector, "open_between.crt"));
        check_sent(selector, server);
    }
    certpick_selector_free(new_selector("full.crt,open.crt", "leaf.key,open.key", NULL));
}

/* Permissions that do not depend on the effective user and group. */
static void other_permissions(const struct pki *pki, SSL_CTX *server_b)
{
    struct identity root = new_root("root"), between = new_intermediate("between", &root);
    struct identity leaf = new_leaf("leaf", &between);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &root);

    write_certs("full.crt", leaf.cert, between.cert);
    write_certs("leaf.crt", leaf.cert);
    write_certs("between.crt", between.cert);
    write_certs("open_between.crt", between.cert);
    write_certs("open.crt", pki->b.cert);
    write_key("leaf.key", leaf.key, NULL);
    write_key("open.key", pki->b.key, NULL);
    MUST(chown("full.crt", 0, GROUP) == 0 && chmod("full.crt", 0640) == 0);
    MUST(chown("between.crt", 0, GROUP) == 0 && chmod("between.crt", 0640) == 0);
    MUST(chown("leaf.key", OTHER_USER, 0) == 0 && chown("open.key", OTHER_USER, 0) == 0);
    wait_for_timestamp();

    subject("a certificate is not sent after the process left the group that may read it");
    join_group(1);
    MUST(seteuid(OTHER_USER) == 0);
    fill_cache(server);
    MUST(seteuid(0) == 0);
    join_group(0);
    MUST(seteuid(OTHER_USER) == 0);
    check_sent_files_are_opened(server, server_b);
    MUST(seteuid(0) == 0);

    subject("a certificate is not sent if the file system user ID may not read it");
    fill_cache(server);
    setfsuid(OTHER_USER);
    check_sent_files_are_opened(server, server_b);
    setfsuid(0);

    subject("a selector that has sent a certificate continues after its files are removed");
    SCOPED(certpick_selector) *selector = new_selector("leaf.crt", "leaf.key", NULL);
    SCOPED(certpick_selector) *unused = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_OK(certpick_selector_add_issuers(selector, "open_between.crt"));
    CHECK_OK(certpick_selector_add_issuers(unused, "open_between.crt"));
    check_sent(selector, server);
    MUST(unlink("leaf.crt") == 0 && unlink("open_between.crt") == 0);
    check_sent(selector, server);
    subject("a selector that has not opened the removed files sends nothing");
    CHECK_SELECTOR_FAILS(
        TLS1_3_VERSION, unused, server,
        "entry 1: could not read certificate file \"leaf.crt\": No such file or directory");

    subject("a selector keeps what it read while it had the permission");
    certpick_cache_clear();
    SCOPED(certpick_selector) *full = new_selector("full.crt", "leaf.key", NULL);
    setfsuid(OTHER_USER);
    check_sent(full, server);
    setfsuid(0);
}

int main(void)
{
    struct pki pki;

    is_root = geteuid() == 0;
    set_up_pki(&pki, "secret");
    MUST(chmod(".", 0755) == 0);
    MUST(chmod("a.crt", 0600) == 0 && chmod("b.crt", 0644) == 0);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    wait_for_timestamp();

    subject("a process with all permissions reads and caches the files");
    SCOPED_HELD first = connect_holding(issuers_and_lists(), server);
    SCOPED_HELD second = connect_holding(issuers_and_lists(), server);
    CHECK(first.cert == second.cert && first.key == second.key);

    subject("a key that may no longer be read is refused with the same text as without the cache");
    drop_permission("b.key");
    key_is_refused("secret");
    key_is_refused("wrong");
    key_is_refused(NULL);
    regain_permission("b.key");

    subject("a certificate that may no longer be read is refused with the same text as without the "
            "cache");
    drop_permission("a.crt");
    certificate_is_refused();
    regain_permission("a.crt");

    subject("the cache is used again after the process regains its permissions");
    SCOPED_HELD third = connect_holding(issuers_and_lists(), server);
    if (is_root)
        CHECK(first.cert == third.cert && first.key == third.key);
    if (is_root)
        other_permissions(&pki, server);
    else
        printf("not run: only root can change groups and the file system user ID\n");
    return finish();
}
