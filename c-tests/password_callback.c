/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The password callback: asked once, for an encrypted key without a password, by the file's name. */
#include "support.h"

#include "picking.h"

struct asked {
    int calls;
    int size;
    char file[256];
    const char *answer; /* NULL: refuse */
    int length;         /* 0: of the answer; otherwise what is returned, whatever was written */
};

static int answer_password(char *buf, int size, const char *key_file, void *arg)
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

static certpick_selector *asking(const char *sslcert, const char *sslkey, const char *sslpassword,
                                 struct asked *asked)
{
    certpick_selector *selector = new_selector(sslcert, sslkey, sslpassword);

    MUST(certpick_selector_set_password_callback(selector, answer_password, asked) == CERTPICK_OK);
    return selector;
}

static void asked_once(const struct two *two, int version, enum way way)
{
    struct asked asked = {0, 0, "", "secret", 0};
    certpick_selector *selector = asking("a.crt,b.crt", "a.key,b.key", NULL, &asked);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *other = new_server(version, &two->ca_a, (void *)NULL);
    struct link link;
    int i;

    subject("nobody is asked before the key is needed, nor for a key that is not chosen");
    use_selector(client, selector, way);
    CHECK(connect_link(&link, client, other) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(asked.calls, 0);
    close_link(&link);

    subject("the callback is asked once per key, by the key file's name");
    for (i = 0; i < 3; i++) {
        CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
        CHECK_LACKS(certpick_explanation(link.client), "secret");
        close_link(&link);
    }
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(asked.calls, 1);
    CHECK_TEXT(asked.file, "b.key");
    CHECK(asked.size >= 64);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    SSL_CTX_free(other);
    certpick_selector_free(selector);
}

static void not_asked(void)
{
    struct asked asked = {0, 0, "", "secret", 0};
    certpick_selector *selector;

    subject("for a key with a password, or one that is not encrypted, nobody is asked");
    selector = asking("a.crt,b.crt", "a.key,b.key", ",secret", &asked);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(asked.calls, 0);
    certpick_selector_free(selector);

    subject("a wrong password is wrong; the callback is not asked for another");
    selector = asking("a.crt,b.crt", "a.key,b.key", ",wrong", &asked);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_INT(asked.calls, 0);
    certpick_selector_free(selector);

    subject("a callback that was taken back is not asked");
    selector = asking("b.crt", "b.key", NULL, &asked);
    CHECK_INT(certpick_selector_set_password_callback(selector, NULL, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(asked.calls, 0);
    certpick_selector_free(selector);
}

static void key_beside_certificate(const struct two *two)
{
    struct asked asked = {0, 0, "", "secret", 0};
    certpick_selector *selector;
    char *cert, *key, *both;
    size_t cert_length, key_length;

    subject("for a key in the certificate's own file that file is named");
    cert = read_file("b.crt", &cert_length);
    key = read_file("b.key", &key_length);
    both = malloc(cert_length + key_length);
    MUST(both != NULL);
    memcpy(both, cert, cert_length);
    memcpy(both + cert_length, key, key_length);
    write_file("b.pem", both, cert_length + key_length, 0600);
    free(cert);
    free(key);
    free(both);
    selector = asking("b.pem", NULL, NULL, &asked);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(asked.calls, 1);
    CHECK_TEXT(asked.file, "b.pem");
    certpick_selector_free(selector);
    (void)two;
}

static void bad_answer(const char *answer, int length, certpick_status status, const char *text)
{
    struct asked asked = {0, 0, "", NULL, 0};
    certpick_selector *selector = asking("a.crt,b.crt", "a.key,b.key", NULL, &asked);

    asked.answer = answer;
    asked.length = length;
    CHECK_INT(certpick_selector_validate(selector), status);
    CHECK_INT(asked.calls, 1);
    CHECK_BEGINS(certpick_selector_error(selector),
                 "entry 2: could not load private key file \"b.key\": ");
    CHECK_HAS(certpick_selector_error(selector), text);
    CHECK_LACKS(certpick_selector_error(selector), "hunter2");
    certpick_selector_free(selector);
}

static void bad_answers(void)
{
    subject("-1 from the callback is a missing password");
    bad_answer(NULL, 0, CERTPICK_ERROR_PASSWORD_MISSING, "no password was given");
    subject("another negative number is the same");
    bad_answer("hunter2", -7, CERTPICK_ERROR_PASSWORD_MISSING, "");
    bad_answer("hunter2", INT32_MIN, CERTPICK_ERROR_PASSWORD_MISSING, "");
    subject("a wrong password from the callback is a wrong password");
    bad_answer("hunter2", 0, CERTPICK_ERROR_PASSWORD_WRONG, "");
}

static void too_long(void)
{
    struct asked asked = {0, 0, "", "secret", INT32_MAX};
    certpick_selector *selector = asking("b.crt", "b.key", NULL, &asked);
    certpick_status status;

    subject("a length beyond the buffer is an error, not a read beyond it");
    status = certpick_selector_validate(selector);
    CHECK(status == CERTPICK_ERROR_PASSWORD_MISSING || status == CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_HAS(certpick_selector_error(selector), "\"b.key\"");
    certpick_selector_free(selector);

    asked.length = asked.size + 1;
    selector = asking("b.crt", "b.key", NULL, &asked);
    status = certpick_selector_validate(selector);
    CHECK(status == CERTPICK_ERROR_PASSWORD_MISSING || status == CERTPICK_ERROR_PASSWORD_WRONG);
    certpick_selector_free(selector);
}

static void empty_answer(void)
{
    struct asked asked = {0, 0, "", "", 0};
    certpick_selector *selector = asking("b.crt", "b.key", NULL, &asked);
    certpick_status status = certpick_selector_validate(selector);

    subject("an empty answer does not open the key");
    CHECK(status == CERTPICK_ERROR_PASSWORD_MISSING || status == CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_INT(asked.calls, 1);
    certpick_selector_free(selector);
}

static void during_a_handshake(const struct two *two, int version, enum way way)
{
    struct asked asked = {0, 0, "", NULL, 0};
    certpick_selector *selector = asking("a.crt,b.crt", "a.key,b.key", NULL, &asked);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;

    subject("a refused password ends the handshake");
    use_selector(client, selector, way);
    CHECK(!connect_link(&link, client, server));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(asked.calls, 1);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    CHECK_TEXT(certpick_message(link.client),
               "entry 2: could not load private key file \"b.key\": it is encrypted and no password "
               "was given");
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

int main(void)
{
    struct two two;
    enum way way;
    int i;

    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    for (i = 0; i < 2; i++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            asked_once(&two, tls_versions[i], way);
            during_a_handshake(&two, tls_versions[i], way);
        }
    }
    not_asked();
    key_beside_certificate(&two);
    bad_answers();
    too_long();
    empty_answer();
    free_two(&two);
    return finish();
}
