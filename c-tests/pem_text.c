/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Credentials from PEM text in memory. */
#include "picking.h"

#define SECRET "opens it"

/* A file in memory. The byte after the text cannot be read, if a checker runs. */
struct text {
    char *start;
    size_t length;
};

static struct text read_text(const char *file)
{
    struct text text;
    char *content = read_file(file, &text.length);

    text.start = malloc(text.length);
    MUST(text.start != NULL);
    memcpy(text.start, content, text.length);
    free(content);
    return text;
}

static void free_text(struct text *text)
{
    free(text->start);
}
#define SCOPED_TEXT __attribute__((cleanup(free_text))) struct text

static certpick_status add(certpick_selector *selector, const struct text *cert,
                           const struct text *key, const char *password)
{
    return certpick_selector_add_pem(selector, cert->start, cert->length,
                                     key != NULL ? key->start : NULL,
                                     key != NULL ? key->length : 0, password);
}

/* Writes a file of each kind for the second certificate. */
static void write_files(const struct pki *pki)
{
    write_combined("both.pem", pki->b.key, NULL, pki->b.cert);
    write_key("sealed.key", pki->b.key, SECRET);
    write_traditional_key("old.key", pki->b.key, SECRET);
    write_der_key("der.key", pki->b.key);
    write_encrypted_der_key("sealed-der.key", pki->b.key, SECRET, strlen(SECRET));
    write_combined("both-sealed.pem", pki->b.key, SECRET, pki->b.cert);
}

static void sent(const struct pki *pki, int version)
{
    static const struct {
        const char *cert, *key, *password;
    } cases[] = {
        {"b.crt", "b.key", NULL},           {"b.crt", "b.key", ""},
        {"b.crt", "b.key", "unused"},       {"both.pem", NULL, NULL},
        {"b.crt", "both.pem", NULL},        {"b.crt", "sealed.key", SECRET},
        {"b.crt", "old.key", SECRET},       {"b.crt", "der.key", NULL},
        {"b.crt", "sealed-der.key", SECRET}, {"both-sealed.pem", NULL, SECRET},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);

    subject("a credential from text in memory is sent");
    for (size_t i = 0; i < COUNT(cases); i++) {
        SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
        SCOPED_TEXT cert = read_text(cases[i].cert);
        SCOPED_TEXT key = read_text(cases[i].key != NULL ? cases[i].key : "b.key");

        CHECK_OK(add(selector, &cert, cases[i].key != NULL ? &key : NULL, cases[i].password));
        CHECK_INT(certpick_selector_count(selector), 2);
        CHECK_OK(certpick_selector_validate(selector));
        /* The caller may wipe its text now. */
        memset(cert.start, 'x', cert.length);
        memset(key.start, 'x', key.length);
        CHECK_SELECTOR_SENDS(version, selector, server, pki->b.cert);
    }
}

static void chains(int version)
{
    struct chain c = new_chain();
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(version, &c.root);

    subject("intermediates may be in any order, and text between the blocks is skipped");
    write_certs("chain.crt", c.outer.cert, c.inner.cert, c.leaf.cert);
    write_key("chain.key", c.leaf.key, NULL);
    SCOPED_TEXT cert = read_text("chain.crt"), key = read_text("chain.key");
    char *with_text = malloc(cert.length + 8);
    MUST(with_text != NULL);
    memcpy(with_text, "subject\n", 8);
    memcpy(with_text + 8, cert.start, cert.length);
    CHECK_OK(certpick_selector_add_pem(selector, with_text, cert.length + 8, key.start, key.length, NULL));
    free(with_text);
    CHECK_SELECTOR_SENDS(version, selector, server, c.leaf.cert, c.inner.cert, c.outer.cert);
}

static int never_called(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf, (void)size, (void)key_file;
    ++*(int *)arg;
    return -1;
}

static void write_der_cert(const char *path, X509 *cert)
{
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);

    MUST(length > 0);
    write_file(path, der, (size_t)length, 0600);
    OPENSSL_free(der);
}

static void refused(const struct pki *pki)
{
    static const char memory[] = "the private key held in memory";
    static const struct {
        const char *cert, *key, *password;
        certpick_status status;
        const char *text;
    } cases[] = {
        {"b.crt", "sealed.key", NULL, CERTPICK_ERROR_PASSWORD_MISSING, memory},
        {"b.crt", "sealed.key", "", CERTPICK_ERROR_PASSWORD_MISSING, memory},
        {"b.crt", "sealed.key", "wrong", CERTPICK_ERROR_PASSWORD_WRONG, memory},
        {"b.crt", "old.key", NULL, CERTPICK_ERROR_PASSWORD_MISSING, memory},
        {"b.crt", "old.key", "wrong", CERTPICK_ERROR_PASSWORD_WRONG, memory},
        {"b.crt", "sealed-der.key", "wrong", CERTPICK_ERROR_PASSWORD_WRONG, memory},
        {"both-sealed.pem", NULL, NULL, CERTPICK_ERROR_PASSWORD_MISSING, memory},
        {"b.crt", "a.key", NULL, CERTPICK_ERROR_KEY_MISMATCH, memory},
        {"b.crt", "b.crt", NULL, CERTPICK_ERROR_KEY, memory},
        {"b.crt", "garbage", NULL, CERTPICK_ERROR_KEY, memory},
        {"b.crt", "uri.key", NULL, CERTPICK_ERROR_KEY, "URI"},
        {"b.crt", "uri.key", "1234", CERTPICK_ERROR_KEY, "URI"},
        {"b.crt", NULL, NULL, CERTPICK_ERROR_KEY, "no key is given"},
        {"b.der", "b.key", NULL, CERTPICK_ERROR_CERTIFICATE, "certificate held in memory"},
        {"b.key", "b.key", NULL, CERTPICK_ERROR_CERTIFICATE, "certificate held in memory"},
        {"garbage", "b.key", NULL, CERTPICK_ERROR_CERTIFICATE, "certificate held in memory"},
        {"damaged", "b.key", NULL, CERTPICK_ERROR_CERTIFICATE, "certificate held in memory"},
        {"many", "b.key", NULL, CERTPICK_ERROR_CERTIFICATE, "more than 1000 certificates"},
    };
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    int calls = 0;

    subject("text that cannot be used is one error, which names no file, and adds nothing");
    write_der_cert("b.der", pki->b.cert);
    write_text("garbage", "hunter2");
    write_damaged_cert("damaged");
    write_text("uri.key", "-----BEGIN PKCS#11 PROVIDER URI-----\nMAA=\n-----END PKCS#11 PROVIDER URI-----\n");
    {
        SCOPED_TEXT one = read_text("b.crt");
        FILE *many = fopen("many", "w");

        MUST(many != NULL);
        for (int i = 0; i < 1001; i++)
            MUST(fwrite(one.start, 1, one.length, many) == one.length);
        MUST(fclose(many) == 0);
    }
    CHECK_OK(certpick_selector_set_password_callback(selector, never_called, &calls));
    for (size_t i = 0; i < COUNT(cases); i++) {
        SCOPED_TEXT cert = read_text(cases[i].cert);
        SCOPED_TEXT key = read_text(cases[i].key != NULL ? cases[i].key : "b.key");
        const char *error;

        queue_markers(2);
        if (!CHECK_INT(add(selector, &cert, cases[i].key != NULL ? &key : NULL, cases[i].password),
                       cases[i].status))
            printf("cert %s, key %s\n", cases[i].cert, cases[i].key);
        CHECK_MARKERS_AND_ONE(2);
        error = certpick_selector_error(selector);
        CHECK_BEGINS(error, "entry 2: ");
        CHECK_HAS(error, cases[i].text);
        CHECK_LACKS(error, "\"\"");
        CHECK_LACKS(error, "wrong\"");
        CHECK_LACKS(error, "hunter2");
        CHECK_INT(certpick_selector_count(selector), 1);
    }
    CHECK_INT(calls, 0);
}

static void arguments(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED_TEXT cert = read_text("b.crt"), key = read_text("b.key");
    const char empty[1] = "";

    subject("NULL, empty and impossibly long text is an argument error");
#define REFUSED(...) CHECK_INT(certpick_selector_add_pem(__VA_ARGS__), CERTPICK_ERROR_ARGUMENT)
    REFUSED(NULL, cert.start, cert.length, key.start, key.length, NULL);
    REFUSED(selector, NULL, 0, key.start, key.length, NULL);
    REFUSED(selector, NULL, cert.length, key.start, key.length, NULL);
    REFUSED(selector, empty, 0, key.start, key.length, NULL);
    REFUSED(selector, cert.start, cert.length, NULL, 1, NULL);
    REFUSED(selector, cert.start, SIZE_MAX, key.start, key.length, NULL);
    REFUSED(selector, cert.start, cert.length, key.start, SIZE_MAX, NULL);
    REFUSED(selector, cert.start, SIZE_MAX / 2 + 1, key.start, key.length, NULL);
    REFUSED(selector, cert.start, (size_t)(16 << 20) + 1, key.start, key.length, NULL);
    CHECK_INT(certpick_selector_count(selector), 0);
    CHECK_OK(certpick_selector_add_pem(selector, cert.start, cert.length, key.start, key.length, NULL));
    CHECK_INT(certpick_selector_add_pem(selector, cert.start, cert.length, empty, 0, NULL),
              CERTPICK_ERROR_KEY);

    subject("an attached selector is not changed");
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    CHECK_OK(certpick_attach(client, selector));
    CHECK_INT(add(selector, &cert, &key, NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_count(selector), 1);
    take_queue();
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    write_files(&pki);
    for (int i = 0; i < 2; i++) {
        sent(&pki, tls_versions[i]);
        chains(tls_versions[i]);
    }
    refused(&pki);
    arguments();
    return finish();
}
