/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Passwords are wiped: the memory of the process does not contain a password that was used. */
#include "passwords.h"
#include "picking.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

static int has_password(const char *text)
{
    return found_in((const unsigned char *)text, strlen(text)) > 0;
}

static int error_has_password(const char *line, size_t length, void *found)
{
    (void)length;
    *(int *)found |= has_password(line);
    return 1;
}

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)key_file, (void)arg;
    if (size < PASSWORD_LENGTH)
        return -1;
    write_password(buf);
    return PASSWORD_LENGTH - 1;
}

/* Adds lists. The list of passwords has the password between these texts. */
static certpick_status add(certpick_selector *selector, const char *start, const char *end)
{
    char list[256];
    certpick_status status;

    sprintf(list, "%s%*s%s", start, PASSWORD_LENGTH - 1, "", end);
    write_password(list + strlen(start));
    status = certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", list);
    OPENSSL_cleanse(list, sizeof(list));
    return status;
}

static void from_lists(const struct pki *pki, const char *start, const char *end)
{
    certpick_selector *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    struct link link;

    CHECK_INT(add(selector, start, end), CERTPICK_OK);
    subject("the search finds a password that may still be used");
    CHECK(copies_in_memory() > 0);

    subject("memory does not contain a used password after the selector is freed");
    CHECK_SELECTOR_CONNECTS(&link, TLS1_3_VERSION, selector, server, pki->b.cert);
    CHECK(certpick_explanation(link.client)[0] != '\0');
    close_link(&link);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
}

/* Checks that no text contains the password, and neither does memory after the selector is
   freed. */
static void not_in_texts(const struct pki *pki, enum form form)
{
    certpick_selector *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    int is_good = form != OTHER_PASSWORD, in_queue = 0;
    struct link link;

    write_encrypted_key("b.key", pki->b.key, form);
    CHECK_OK(add(selector, ",", ""));
    CHECK_INT(certpick_selector_validate(selector),
              is_good ? CERTPICK_OK : CERTPICK_ERROR_PASSWORD_WRONG);
    subject("no text contains the password");
    CHECK_INT(certpick_selector_error(selector)[0] == '\0', is_good);
    CHECK(!has_password(certpick_selector_error(selector)));
    ERR_print_errors_cb(error_has_password, &in_queue);
    CHECK(!in_queue);
    CHECK_INT(connect_selector(&link, TLS1_3_VERSION, selector, server), is_good);
    CHECK(!has_password(certpick_message(link.client)) &&
          !has_password(certpick_explanation(link.client)));
    CHECK_INT(certpick_message(link.client)[0] == '\0', is_good);
    close_link(&link);
    subject("memory does not contain the password after the selector is freed");
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
}

/* Adds lists and, if they are valid, checks the keys. Memory must not contain the password
   afterwards. */
static void check_wiped(const char *start, const char *end, certpick_status added,
                        certpick_status validated)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_INT(add(selector, start, end), added);
    if (added == CERTPICK_OK)
        CHECK_INT(certpick_selector_validate(selector), validated);
    else
        CHECK_INT(copies_in_memory(), 0);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
}

static void never_sent(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("memory does not contain an unused password after the selector is freed");
    CHECK_OK(add(selector, ",", ""));
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);

    subject("memory does not contain a wrong password after the selector is freed");
    check_wiped(",x", "y", CERTPICK_OK, CERTPICK_ERROR_PASSWORD_WRONG);
    check_wiped(",\"\"\"", "\"\"\"", CERTPICK_OK, CERTPICK_ERROR_PASSWORD_WRONG);

    subject("memory does not contain a password of a malformed list");
    check_wiped(",", ",", CERTPICK_ERROR_LIST, CERTPICK_OK);
    check_wiped("\"", "\"x,", CERTPICK_ERROR_LIST, CERTPICK_OK);
}

static void from_callback(const struct pki *pki, enum form form, certpick_status status)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);

    subject("memory does not contain a password from the callback after it was used");
    write_encrypted_key("b.key", pki->b.key, form);
    CHECK_OK(certpick_selector_set_password_callback(selector, answer, NULL));
    CHECK_INT(certpick_selector_validate(selector), status);
    CHECK(!has_password(certpick_selector_error(selector)));
    CHECK_INT(copies_in_memory(), 0);
}

/* Returns text that ends with the password, after a file's content if there is one. */
static unsigned char *with_password(const char *file, size_t *length)
{
    char *content = read_file(file, length);
    unsigned char *text = malloc(*length + PASSWORD_LENGTH);

    MUST(text != NULL);
    memcpy(text, content, *length);
    write_password((char *)text + *length);
    *length += PASSWORD_LENGTH - 1;
    free(content);
    return text;
}

/* Adds texts from memory that contain the password outside of the PEM blocks, so that a copy of a text is
   found. */
static void from_text(const struct pki *pki, enum form form, const char *key_file,
                      certpick_status expected)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    char password[PASSWORD_LENGTH] = {0};
    size_t cert_length, key_length;
    unsigned char *cert, *key;

    subject("memory does not contain a text that was added, nor its password");
    write_encrypted_key("b.key", pki->b.key, form);
    cert = with_password("b.crt", &cert_length);
    key = with_password(key_file, &key_length);
    write_password(password);
    CHECK_INT(certpick_selector_add_pem(selector, cert, cert_length, key, key_length, password),
              expected);
    OPENSSL_cleanse(password, sizeof(password));
    OPENSSL_cleanse(cert, cert_length);
    OPENSSL_cleanse(key, key_length);
    free(cert);
    free(key);
    CHECK_INT(copies_in_memory(), 0);
    CHECK(!has_password(certpick_selector_error(selector)));
    CHECK_INT(certpick_selector_error(selector)[0] == '\0', expected == CERTPICK_OK);
    if (expected == CERTPICK_OK)
        CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, pki->b.cert);
    CHECK_INT(copies_in_memory(), 0);
    ERR_clear_error();
}

static struct held use_password(SSL_CTX *server)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_OK(add(selector, ",", ""));
    return connect_holding(selector, server);
}

static void with_a_cached_key(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);

    subject("the cache accepts the password again without storing it");
    wait_for_timestamp();
    SCOPED_HELD first = use_password(server);
    CHECK_INT(copies_in_memory(), 0);
    SCOPED_HELD second = use_password(server);
    CHECK(first.key == second.key);
    CHECK_INT(copies_in_memory(), 0);
    subject("memory does not contain a wrong password that was tried on a cached key");
    check_wiped(",x", "y", CERTPICK_OK, CERTPICK_ERROR_PASSWORD_WRONG);
    subject("memory does not contain the password after the cache is cleared");
    certpick_cache_clear();
    CHECK_INT(copies_in_memory(), 0);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    make_password();
    write_encrypted_key("b.key", pki.b.key, PKCS8);
    subject("the search finds nothing before the password is used");
    CHECK_INT(copies_in_memory(), 0);
    from_lists(&pki, ",", "");
    from_lists(&pki, ",\"", "\"");
    never_sent();
    from_callback(&pki, PKCS8, CERTPICK_OK);
    from_callback(&pki, OTHER_PASSWORD, CERTPICK_ERROR_PASSWORD_WRONG);
    for (enum form form = PKCS8; form < FORMS; form++)
        not_in_texts(&pki, form);
    for (enum form form = PKCS8; form < FORMS; form++)
        from_text(&pki, form, "b.key", form != OTHER_PASSWORD ? CERTPICK_OK : CERTPICK_ERROR_PASSWORD_WRONG);
    from_text(&pki, PKCS8, "a.key", CERTPICK_ERROR_KEY_MISMATCH);
    from_text(&pki, PKCS8, "b.crt", CERTPICK_ERROR_KEY);
    write_encrypted_key("b.key", pki.b.key, PKCS8);
    with_a_cached_key(&pki);
    return finish();
}
