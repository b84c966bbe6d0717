/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The password callback: called once for each encrypted key without a password, with the file
   name. */
#include "picking.h"

struct asked {
    int calls;
    int size;
    char file[256];
    const char *answer; /* NULL: the callback returns -1 */
    int length;         /* the return value, or 0 for the length of the answer */
};

static int answer_and_count(char *buf, int size, const char *key_file, void *arg)
{
    struct asked *asked = arg;
    int length;

    asked->calls++;
    asked->size = size;
    snprintf(asked->file, sizeof(asked->file), "%s", key_file != NULL ? key_file : "(NULL)");
    if (asked->answer == NULL)
        return -1;
    length = (int)strlen(asked->answer);
    if (length <= size)
        memcpy(buf, asked->answer, (size_t)length);
    return asked->length != 0 ? asked->length : length;
}

static certpick_selector *new_asking_selector(const char *sslcert, const char *sslkey,
                                              const char *sslpassword, struct asked *asked)
{
    certpick_selector *selector = new_selector(sslcert, sslkey, sslpassword);

    MUST(certpick_selector_set_password_callback(selector, answer_and_count, asked) == CERTPICK_OK);
    return selector;
}

static void called_once(const struct pki *pki, int version, enum way way)
{
    struct asked asked = {0, 0, "", "secret", 0};
    SCOPED(certpick_selector) *selector =
        new_asking_selector("a.crt,b.crt", "a.key,b.key", NULL, &asked);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki->ca_b);
    SCOPED(SSL_CTX) *other = new_server(version, &pki->ca_a);
    struct link link;

    subject("the callback is not called for a key that is not chosen");
    use_selector(client, selector, way);
    CHECK_CONNECTS(&link, client, other, pki->a.cert);
    CHECK_INT(asked.calls, 0);
    close_link(&link);

    subject("the callback is called once for a key, with the name of the key file");
    for (int i = 0; i < 3; i++) {
        CHECK_CONNECTS(&link, client, server, pki->b.cert);
        CHECK_LACKS(certpick_explanation(link.client), "secret");
        close_link(&link);
    }
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_INT(asked.calls, 1);
    CHECK_TEXT(asked.file, "b.key");
    CHECK(asked.size >= 64);
}

/* Validates the selector and checks the status and the number of calls. */
static void check_calls(certpick_selector *selector, struct asked *asked, certpick_status status,
                        int calls)
{
    asked->calls = 0;
    CHECK_INT(certpick_selector_validate(selector), status);
    CHECK_INT(asked->calls, calls);
    certpick_selector_free(selector);
}

static void not_called(void)
{
    struct asked asked = {0, 0, "", "secret", 0};
    certpick_selector *selector;

    subject("the callback is not called for a key with a password or an unencrypted key");
    selector = new_asking_selector("a.crt,b.crt", "a.key,b.key", ",secret", &asked);
    check_calls(selector, &asked, CERTPICK_OK, 0);

    subject("the callback is not called after a wrong password");
    selector = new_asking_selector("a.crt,b.crt", "a.key,b.key", ",wrong", &asked);
    check_calls(selector, &asked, CERTPICK_ERROR_PASSWORD_WRONG, 0);

    subject("a callback that was removed is not called");
    selector = new_asking_selector("b.crt", "b.key", NULL, &asked);
    CHECK_OK(certpick_selector_set_password_callback(selector, NULL, NULL));
    check_calls(selector, &asked, CERTPICK_ERROR_PASSWORD_MISSING, 0);
}

static void key_in_certificate_file(const struct pki *pki)
{
    struct asked asked = {0, 0, "", "secret", 0};

    subject("for a key in the certificate's file the callback gets the name of that file");
    write_combined("b.pem", pki->b.key, "secret", pki->b.cert);
    check_calls(new_asking_selector("b.pem", NULL, NULL, &asked), &asked, CERTPICK_OK, 1);
    CHECK_TEXT(asked.file, "b.pem");
}

static void bad_answer(const char *answer, int length, certpick_status status, const char *text)
{
    struct asked asked = {0, 0, "", answer, length};
    SCOPED(certpick_selector) *selector =
        new_asking_selector("a.crt,b.crt", "a.key,b.key", NULL, &asked);

    CHECK_INT(certpick_selector_validate(selector), status);
    CHECK_INT(asked.calls, 1);
    CHECK_BEGINS(certpick_selector_error(selector),
                 "entry 2: could not load private key file \"b.key\": ");
    CHECK_HAS(certpick_selector_error(selector), text);
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");
}

static void bad_answers(void)
{
    subject("-1 from the callback means that the password is missing");
    bad_answer(NULL, 0, CERTPICK_ERROR_PASSWORD_MISSING, "no password was given");
    subject("any negative number means that the password is missing");
    bad_answer("hunter2", -7, CERTPICK_ERROR_PASSWORD_MISSING, "");
    bad_answer("hunter2", INT32_MIN, CERTPICK_ERROR_PASSWORD_MISSING, "");
    subject("a wrong password from the callback is a wrong password");
    bad_answer("hunter2", 0, CERTPICK_ERROR_PASSWORD_WRONG, "");
}

/* Checks that this answer is a missing or a wrong password. */
static void check_not_accepted(struct asked *asked)
{
    SCOPED(certpick_selector) *selector = new_asking_selector("b.crt", "b.key", NULL, asked);
    const certpick_status status = certpick_selector_validate(selector);

    CHECK(status == CERTPICK_ERROR_PASSWORD_MISSING || status == CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_HAS(certpick_selector_error(selector), "\"b.key\"");
    CHECK_INT(asked->calls, 1);
}

static void unusual_lengths(void)
{
    struct asked longest = {0, 0, "", "secret", INT32_MAX}, longer = {0, 0, "", "secret", 0};
    struct asked empty = {0, 0, "", "", 0};

    subject("a length greater than the buffer is an error");
    check_not_accepted(&longest);
    longer.length = longest.size + 1;
    check_not_accepted(&longer);

    subject("an empty answer does not decrypt the key");
    check_not_accepted(&empty);
}

static void during_a_handshake(const struct pki *pki, int version, enum way way)
{
    struct asked asked = {0, 0, "", NULL, 0};
    SCOPED(certpick_selector) *selector =
        new_asking_selector("a.crt,b.crt", "a.key,b.key", NULL, &asked);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki->ca_b);
    struct link link;

    subject("-1 from the callback aborts the handshake");
    use_selector(client, selector, way);
    open_link(&link, client, server);
    CHECK_FAILS(
        &link,
        "entry 2: could not load private key file \"b.key\": it is encrypted and no password "
        "was given");
    CHECK_INT(asked.calls, 1);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            called_once(&pki, tls_versions[i], way);
            during_a_handshake(&pki, tls_versions[i], way);
        }
    }
    not_called();
    key_in_certificate_file(&pki);
    bad_answers();
    unusual_lengths();
    return finish();
}
