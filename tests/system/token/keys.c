/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys of a provider that prompts for PINs, and other files for which OpenSSL would prompt. Runs on
   a terminal, whose output test_token.py checks. */
#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *log_name;
static char pin[] = "1234";

/* Returns the events that the provider has logged since the last call, each followed by a space. */
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

/* Encrypts the key with an empty password. */
static void write_key_with_empty_password(const char *path, EVP_PKEY *key, int as_der)
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

static void write_encrypted_block(const char *path, const char *label)
{
    char text[512];

    snprintf(text, sizeof text,
             "-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\n"
             "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
             "AAAAAAAAAAAAAAAAAAAAAA==\n-----END %s-----\n",
             label, label);
    write_text(path, text);
}

static certpick_status validate(const char *key, const char *password,
                                certpick_password_cb callback)
{
    certpick_selector *selector = certpick_selector_new();
    certpick_status status;

    MUST(certpick_selector_add_files(selector, "a.crt", key, password) == CERTPICK_OK);
    MUST(certpick_selector_set_password_callback(selector, callback, pin) == CERTPICK_OK);
    status = certpick_selector_validate(selector);
    certpick_selector_free(selector);
    ERR_clear_error();
    return status;
}

static void passwords(void)
{
    char too_long[5001];

    fill(too_long, '1', sizeof too_long);
    subject("without a PIN there is no prompt and no login to the token");
    CHECK_INT(validate("pin.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_LACKS(events(), "login");
    CHECK_INT(validate("pin.key", NULL, refuse_password), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_LACKS(events(), "login");
    CHECK_INT(validate("pin.key", too_long, NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_LACKS(events(), "login");
    subject("the key is loaded with its PIN");
    CHECK_INT(validate("pin.key", "1234", NULL), CERTPICK_OK);
    CHECK_INT(validate("pin.key", NULL, answer_password), CERTPICK_OK);
    CHECK_HAS(events(), "login load ");
    CHECK_INT(validate("pin.key", "4321", NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    CHECK_LACKS(events(), "load");
    subject("a key without a PIN is loaded without login");
    CHECK_INT(validate("token.key", NULL, NULL), CERTPICK_OK);
    CHECK_TEXT(events(), "load ");
    subject("a key that is encrypted with an empty password is not decrypted without a password");
    CHECK_INT(validate("empty_password.pem", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("empty_password.der", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("empty_password.pem", "", refuse_password), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("empty_password.pem", too_long, NULL), CERTPICK_ERROR_PASSWORD_WRONG);
    subject("an encrypted key is not decrypted without a password");
    CHECK_INT(validate("b.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
    CHECK_INT(validate("encrypted.key", NULL, NULL), CERTPICK_ERROR_PASSWORD_MISSING);
}

static void certificates(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    subject("there is no prompt for encrypted certificates");
    CHECK_INT(certpick_selector_add_files(selector, "encrypted.crt", "a.key", NULL),
              CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(certpick_selector_add_issuers(selector, "encrypted.crt"), CERTPICK_ERROR_CERTIFICATE);
    CHECK_INT(certpick_selector_add_issuers(selector, "encrypted_trusted.crt"),
              CERTPICK_ERROR_CERTIFICATE);
}

/* The parent has the key in a selector and perhaps in the cache. The child uses both. */
static void fork_with_key(int version, const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_a);
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "token.key", NULL);
    pid_t child;

    subject("a selector loads a token's key once");
    events();
    CHECK_SELECTOR_SENDS(version, selector, server, pki->a.cert);
    CHECK_SELECTOR_SENDS(version, selector, server, pki->a.cert);
    CHECK_TEXT(events(), "load ");
    child = fork_child();
    if (child == 0) {
        SCOPED(certpick_selector) *own = new_selector("a.crt", "token.key", NULL);

        subject("a child process loads the token's key again");
        for (int i = 0; i < 2; i++)
            CHECK_SELECTOR_SENDS(version, selector, server, pki->a.cert);
        CHECK_SELECTOR_SENDS(version, own, server, pki->a.cert);
        CHECK_LACKS(events(), "another process");
        exit(finish());
    }
    check_child(child);
    subject("the parent uses its loaded key after the fork");
    events();
    CHECK_SELECTOR_SENDS(version, selector, server, pki->a.cert);
    CHECK_TEXT(events(), "");
}

int main(int argc, char **argv)
{
    struct pki pki;

    MUST(argc == 2 && (log_name = argv[1]) != NULL);
    set_up_pki(&pki, "secret");
    write_pem("pin.key", "TOKEN KEY WITH PIN", pki.a.key);
    write_pem("token.key", "TOKEN KEY", pki.a.key);
    write_key_with_empty_password("empty_password.pem", pki.a.key, 0);
    write_key_with_empty_password("empty_password.der", pki.a.key, 1);
    write_encrypted_block("encrypted.crt", "CERTIFICATE");
    write_encrypted_block("encrypted_trusted.crt", "TRUSTED CERTIFICATE");
    write_encrypted_block("encrypted.key", "EC PRIVATE KEY");
    wait_for_timestamp();
    passwords();
    certificates();
    for (int i = 0; i < 2; i++)
        fork_with_key(tls_versions[i], &pki);
    return finish();
}
