/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Passwords are wiped: the memory of this process is searched for one that was used. */
#include "support.h"

#include "passwords.h"
#include "picking.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

static int tells(const char *text)
{
    return found_in((const unsigned char *)text, strlen(text)) > 0;
}

static int tells_error(const char *line, size_t length, void *found)
{
    (void)length;
    *(int *)found |= tells(line);
    return 1;
}

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)key_file;
    (void)arg;
    if (size < PASSWORD_LENGTH)
        return -1;
    write_password(buf);
    return PASSWORD_LENGTH - 1;
}

/* A list with the password in it, in a buffer that the caller wipes. */
static void write_list(char *list, const char *start, const char *end)
{
    sprintf(list, "%s%*s%s", start, PASSWORD_LENGTH - 1, "", end);
    write_password(list + strlen(start));
}

static certpick_status add(certpick_selector *selector, const char *keys, const char *start,
                           const char *end)
{
    char list[256];
    certpick_status status;

    write_list(list, start, end);
    status = certpick_selector_add_lists(selector, "a.crt,b.crt", keys, list);
    OPENSSL_cleanse(list, sizeof(list));
    return status;
}

static void from_lists(const struct two *two, const char *start, const char *end)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    CHECK_INT(add(selector, "a.key,b.key", start, end), CERTPICK_OK);
    subject("the search finds a password that is still needed");
    CHECK(copies_in_memory() > 0);

    subject("a password that was used is nowhere in memory when the selector is gone");
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK(certpick_explanation(link.client)[0] != '\0');
    close_link(&link);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
    SSL_CTX_free(server);
}

/* A password that is used, or does not open the key: no text has it, and in the end no memory. */
static void never_told(const struct two *two, enum form form)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    int is_good = form != OTHER_PASSWORD, in_queue = 0;
    struct link link;

    write_encrypted_key("b.key", two->b.key, form);
    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), is_good ? CERTPICK_OK : CERTPICK_ERROR_PASSWORD_WRONG);
    subject("no text has the password");
    CHECK_INT(certpick_selector_error(selector)[0] == '\0', is_good);
    CHECK(!tells(certpick_selector_error(selector)));
    ERR_print_errors_cb(tells_error, &in_queue);
    CHECK(!in_queue);
    CHECK_INT(connect_picking(&link, TLS1_3_VERSION, selector, server), is_good);
    CHECK(!tells(certpick_message(link.client)) && !tells(certpick_explanation(link.client)));
    CHECK_INT(certpick_message(link.client)[0] == '\0', is_good);
    close_link(&link);
    subject("and no memory, when the selector is gone");
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
    SSL_CTX_free(server);
}

static void never_used(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("a password that was not used is nowhere in memory when the selector is gone");
    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);

    subject("nor is a wrong one");
    selector = certpick_selector_new();
    CHECK_INT(add(selector, "a.key,b.key", ",x", "y"), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);

    subject("nor is one of a list that was refused, even before");
    selector = certpick_selector_new();
    CHECK_INT(add(selector, "a.key,b.key", ",", ","), CERTPICK_ERROR_LIST);
    CHECK_INT(copies_in_memory(), 0);
    CHECK_INT(add(selector, "a.key,b.key", "\"", "\"x,"), CERTPICK_ERROR_LIST);
    CHECK_INT(copies_in_memory(), 0);
    CHECK_INT(add(selector, "a.key,b.key", ",\"\"\"", "\"\"\""), CERTPICK_OK);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
}

static void from_the_callback(const struct two *two)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);

    subject("a password from the callback is nowhere in memory once the key is loaded");
    CHECK_INT(certpick_selector_set_password_callback(selector, answer, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(copies_in_memory(), 0);
    certpick_selector_free(selector);

    subject("nor is one that does not open it");
    write_encrypted_key("b.key", two->b.key, OTHER_PASSWORD);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    CHECK_INT(certpick_selector_set_password_callback(selector, answer, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK(!tells(certpick_selector_error(selector)));
    CHECK_INT(copies_in_memory(), 0);
    certpick_selector_free(selector);
    write_encrypted_key("b.key", two->b.key, PKCS8);
}

static struct held use_password(SSL_CTX *server)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    return connect_holding(selector, server);
}

static void with_a_kept_key(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct held first, second;
    certpick_selector *selector;

    subject("nor is it in the cache, which knows it again");
    settle();
    first = use_password(server);
    CHECK_INT(copies_in_memory(), 0);
    second = use_password(server);
    CHECK(first.key == second.key);
    CHECK_INT(copies_in_memory(), 0);
    subject("nor is a wrong one that was tried on a key that is kept");
    selector = certpick_selector_new();
    CHECK_INT(add(selector, "a.key,b.key", ",x", "y"), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
    subject("nor is one in what a cache that is cleared has left");
    certpick_cache_clear();
    CHECK_INT(copies_in_memory(), 0);
    free_held(&first);
    free_held(&second);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;
    enum form form;

    enter_work_dir();
    make_two(&two);
    make_password();
    write_encrypted_key("b.key", two.b.key, PKCS8);
    subject("the search does not find what is not there");
    CHECK_INT(copies_in_memory(), 0);
    from_lists(&two, ",", "");
    from_lists(&two, ",\"", "\"");
    never_used();
    from_the_callback(&two);
    for (form = PKCS8; form < FORMS; form++)
        never_told(&two, form);
    write_encrypted_key("b.key", two.b.key, PKCS8);
    with_a_kept_key(&two);
    free_two(&two);
    return finish();
}
