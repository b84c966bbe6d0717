/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys of a provider that asks for PINs, and other files for which OpenSSL would ask, on a terminal:
   test_token.py looks at what is written there. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *log_name;

/* The events that the provider has written since the last time, each followed by a blank. */
static const char *events(void)
{
    static char text[4096];
    FILE *log = fopen(log_name, "r");
    size_t length = log != NULL ? fread(text, 1, sizeof text - 1, log) : 0, i;

    if (log != NULL)
        fclose(log);
    text[length] = '\0';
    for (i = 0; i < length; i++)
        if (text[i] == '\n')
            text[i] = ' ';
    remove(log_name);
    return text;
}

static void write_pem(const char *path, const char *label, EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int length = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    FILE *file = fopen(path, "w");

    MUST(length > 0 && file != NULL && PEM_write(file, label, "", der, length) > 0);
    fclose(file);
    MUST(chmod(path, 0600) == 0);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
}

/* Encrypted, but under no password at all. */
static void write_key_under_nothing(const char *path, EVP_PKEY *key, int as_der)
{
    BIO *bio = BIO_new_file(path, "w");
    char none[1] = "";

    MUST(bio != NULL);
    if (as_der)
        MUST(i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_128_cbc(), none, 0, NULL, NULL) == 1);
    else
        MUST(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), none, 0, NULL, NULL) == 1);
    BIO_free(bio);
    MUST(chmod(path, 0600) == 0);
}

static void write_sealed(const char *path, const char *label)
{
    FILE *file = fopen(path, "w");

    MUST(file != NULL);
    fprintf(file,
            "-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\n"
            "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
            "AAAAAAAAAAAAAAAAAAAAAA==\n-----END %s-----\n",
            label, label);
    fclose(file);
    MUST(chmod(path, 0600) == 0);
}

static certpick_status validate(const char *key, const char *password, certpick_password_cb callback)
{
    certpick_selector *selector = certpick_selector_new();
    certpick_status status;

    MUST(certpick_selector_add_files(selector, "a.crt", key, password) == CERTPICK_OK);
    MUST(certpick_selector_set_password_callback(selector, callback, NULL) == CERTPICK_OK);
    status = certpick_selector_validate(selector);
    certpick_selector_free(selector);
    ERR_clear_error();
    return status;
}

static int no_answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf;
    (void)size;
    (void)key_file;
    (void)arg;
    return -1;
}

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)key_file;
    (void)arg;
    MUST(size > 4);
    memcpy(buf, "1234", 4);
    return 4;
}

static void passwords(void)
{
    char too_long[5001];

    memset(too_long, '1', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    subject("without a PIN nothing prompts, and the token is not logged in to");
    CHECK_INT(validate("pin.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_LACKS(events(), "login");
    CHECK_INT(validate("pin.key", NULL, no_answer), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_LACKS(events(), "login");
    CHECK_INT(validate("pin.key", too_long, NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_LACKS(events(), "login");
    subject("with the PIN the key is loaded");
    CHECK_INT(validate("pin.key", "1234", NULL), CERTPICK_OK);
    CHECK_INT(validate("pin.key", NULL, answer), CERTPICK_OK);
    CHECK_HAS(events(), "login load ");
    CHECK_INT(validate("pin.key", "4321", NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_LACKS(events(), "load");
    subject("a key that needs no PIN is loaded without one");
    CHECK_INT(validate("token.key", NULL, NULL), CERTPICK_OK);
    CHECK_TEXT(events(), "load ");
    subject("a key that is encrypted under an empty password is not opened without a password");
    CHECK_INT(validate("nothing.pem", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("nothing.der", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("nothing.pem", "", no_answer), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("nothing.pem", too_long, NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    subject("nor is another one");
    CHECK_INT(validate("b.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("sealed.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
}

static void certificates(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("nothing prompts for certificates that are encrypted");
    CHECK_INT(certpick_selector_add_files(selector, "sealed.crt", "a.key", NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(certpick_selector_add_issuers(selector, "sealed.crt"), CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(certpick_selector_add_issuers(selector, "sealed_trusted.crt"), CERTPICK_ERROR_CERTIFICATE);
    certpick_selector_free(selector);
}

static void connect_once(certpick_selector *selector, int version, SSL_CTX *server)
{
    struct link link;

    CHECK(connect_picking(&link, version, selector, server) && exchange_bytes(&link));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
}

/* The parent has the key, in a selector and perhaps in the cache, and the child uses both. */
static void fork_with_key(int version, const struct two *two)
{
    SSL_CTX *server = new_server(version, &two->ca_a, (void *)NULL);
    certpick_selector *selector = new_selector("a.crt", "token.key", NULL);
    pid_t child;
    int status, i;

    subject("a key of a token is loaded once for a selector");
    events();
    connect_once(selector, version, server);
    connect_once(selector, version, server);
    CHECK_TEXT(events(), "load ");
    fflush(stdout);
    child = fork();
    MUST(child >= 0);
    if (child == 0) {
        certpick_selector *own = new_selector("a.crt", "token.key", NULL);

        subject("a forked child loads the token's key anew");
        for (i = 0; i < 2; i++)
            connect_once(selector, version, server);
        connect_once(own, version, server);
        CHECK_LACKS(events(), "another process");
        certpick_selector_free(own);
    } else {
        MUST(waitpid(child, &status, 0) == child);
        subject("the child is content, and the parent goes on with what it has");
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        events();
        connect_once(selector, version, server);
        CHECK_TEXT(events(), "");
    }
    certpick_selector_free(selector);
    SSL_CTX_free(server);
    if (child == 0) {
        struct two mine = *two;

        free_two(&mine);
        exit(finish());
    }
}

int main(int argc, char **argv)
{
    struct two two;
    int i;

    MUST(argc == 2 && (log_name = argv[1]) != NULL);
    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    write_pem("pin.key", "TOKEN KEY WITH PIN", two.a.key);
    write_pem("token.key", "TOKEN KEY", two.a.key);
    write_key_under_nothing("nothing.pem", two.a.key, 0);
    write_key_under_nothing("nothing.der", two.a.key, 1);
    write_sealed("sealed.crt", "CERTIFICATE");
    write_sealed("sealed_trusted.crt", "TRUSTED CERTIFICATE");
    write_sealed("sealed.key", "EC PRIVATE KEY");
    settle();
    passwords();
    certificates();
    for (i = 0; i < 2; i++)
        fork_with_key(tls_versions[i], &two);
    free_two(&two);
    return finish();
}
