/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways to find a client certificate, for comparison. Stock libpq gives no access to its SSL_CTX, so
   an ex_data callback of OpenSSL is used, which is called for each new one.

   naive     reads every file for each connection and takes the first certificate whose issuer the
             server names
   stat      always takes the last certificate. Reads every file of the list once, and calls stat(2)
             on each for every connection: the minimum for a program that detects changed files
   uncached  one selector per connection, with CERTPICK_OPTION_CACHE off
   selector  one selector for the process, as in a program that uses certpick itself */
#include <certpick.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ways.h"

static const char *certificates, *keys; /* comma-separated lists */
static certpick_selector *current;

static void fail(const char *what)
{
    fprintf(stderr, "ways.c: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* Returns the next name of a list and advances the list, or NULL at its end. */
static char *next_name(const char **list)
{
    const char *name = *list, *comma;

    if (name == NULL)
        return NULL;
    comma = strchr(name, ',');
    *list = comma != NULL ? comma + 1 : NULL;
    return strndup(name, comma != NULL ? (size_t)(comma - name) : strlen(name));
}

/* Searches a file for a certificate whose issuer has one of these names, or any name if names is
   NULL. Returns the first one, or NULL. */
static X509 *read_certificate(const char *path, const STACK_OF(X509_NAME) *names)
{
    FILE *file = fopen(path, "r");
    X509 *cert;
    int i;

    if (file == NULL)
        fail(path);
    while ((cert = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        for (i = 0; i < sk_X509_NAME_num(names); i++) {
            if (X509_NAME_cmp(X509_get_issuer_name(cert), sk_X509_NAME_value(names, i)) == 0)
                break;
        }
        if (names == NULL || i < sk_X509_NAME_num(names))
            break;
        X509_free(cert);
    }
    fclose(file);
    ERR_clear_error(); /* PEM_read_X509 reports the end of the file */
    return cert;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

    if (key == NULL)
        fail(path);
    fclose(file);
    return key;
}

static int naive_cb(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    const STACK_OF(X509_NAME) *names = SSL_get_client_CA_list(ssl);
    const char *certs_left = certificates, *keys_left = keys;
    char *cert_file, *key_file;
    int found = 0;

    while (!found && (cert_file = next_name(&certs_left)) != NULL) {
        key_file = next_name(&keys_left);
        *cert = read_certificate(cert_file, names);
        found = *cert != NULL;
        if (found)
            *key = read_key(key_file);
        free(cert_file);
        free(key_file);
    }
    return found;
}

static void read_bytes(const char *path)
{
    char bytes[16384];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (file < 0 || fstat(file, &status) != 0)
        fail(path);
    /* Until the end of the file. */
    while (read(file, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
    close(file);
}

static int stat_cb(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    static char **names;
    static int count;
    static X509 *kept_cert;
    static EVP_PKEY *kept_key;
    static const char *key_file;
    const char *left = certificates;
    struct stat status;
    int i;

    (void)ssl;
    if (names == NULL) {
        names = calloc(strlen(certificates) + 1, sizeof(*names));
        if (names == NULL)
            fail("out of memory");
        while ((names[count] = next_name(&left)) != NULL)
            read_bytes(names[count++]);
        key_file = strrchr(keys, ',') != NULL ? strrchr(keys, ',') + 1 : keys;
        kept_cert = read_certificate(names[count - 1], NULL);
        kept_key = read_key(key_file);
    } else {
        for (i = 0; i < count; i++) {
            if (stat(names[i], &status) != 0)
                fail(names[i]);
        }
        if (stat(key_file, &status) != 0)
            fail(key_file);
    }
    X509_up_ref(*cert = kept_cert);
    EVP_PKEY_up_ref(*key = kept_key);
    return 1;
}

static certpick_selector *new_selector(int64_t cache)
{
    certpick_selector *selector = certpick_selector_new();

    if (certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, cache) != CERTPICK_OK ||
        certpick_selector_add_lists(selector, certificates, keys, NULL) != CERTPICK_OK)
        fail(certpick_selector_error(selector));
    return selector;
}

static int uncached_cb(SSL *ssl, void *arg)
{
    (void)arg;
    current = new_selector(CERTPICK_CACHE_OFF);
    return certpick_select(ssl, current) == CERTPICK_OK;
}

static int selector_cb(SSL *ssl, void *arg)
{
    (void)arg;
    if (current == NULL)
        current = new_selector(CERTPICK_CACHE_ON);
    return certpick_select(ssl, current) == CERTPICK_OK;
}

static const struct way {
    const char *name;
    int (*client_cert_cb)(SSL *, X509 **, EVP_PKEY **);
    int (*cert_cb)(SSL *, void *);
} ways[] = {
    {"naive", naive_cb, NULL},
    {"stat", stat_cb, NULL},
    {"uncached", NULL, uncached_cb},
    {"selector", NULL, selector_cb},
};
static const struct way *chosen;

static void new_context(void *ctx, void *pointer, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp)
{
    (void)pointer;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (chosen->client_cert_cb != NULL)
        SSL_CTX_set_client_cert_cb(ctx, chosen->client_cert_cb);
    else
        SSL_CTX_set_cert_cb(ctx, chosen->cert_cb, NULL);
}

int choose_way(const char *way, const char *certificate_names, const char *key_names)
{
    size_t i;

    certificates = certificate_names;
    keys = key_names;
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, way) == 0)
            chosen = &ways[i];
    }
    return chosen != NULL && certificates != NULL && keys != NULL &&
           SSL_CTX_get_ex_new_index(0, NULL, new_context, NULL, NULL) >= 0;
}

void after_connection(void)
{
    if (chosen != NULL && chosen->cert_cb == uncached_cb) {
        certpick_selector_free(current);
        current = NULL;
    }
}
