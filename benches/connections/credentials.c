/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "credentials.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory_link.h"

X509_NAME *stranger(int number)
{
    X509_NAME *name = X509_NAME_new();
    char text[64];

    snprintf(text, sizeof(text), "Other CA %d", number);
    MUST(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1,
                                    -1, 0));
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1,
                                    0));
    return name;
}

char *list_names(int count, const char *suffix)
{
    char *text = malloc((size_t)count * 16 + 16), *end = text;
    int i;

    MUST(text != NULL);
    for (i = 1; i < count; i++)
        end += sprintf(end, "%d%s,", i, suffix);
    sprintf(end, "site%s", suffix);
    return text;
}

X509 *read_certificate(const char *name)
{
    FILE *file = fopen(name, "r");
    X509 *cert = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    MUST(cert != NULL);
    fclose(file);
    return cert;
}

certpick_selector *build_selector(const char *certificates, const char *keys)
{
    certpick_selector *selector = certpick_selector_new();

    if (certpick_selector_add_lists(selector, certificates, keys, NULL) != CERTPICK_OK) {
        fprintf(stderr, "selector: %s\n", certpick_selector_error(selector));
        exit(1);
    }
    return selector;
}

void warm_up(SSL_CTX *ctx)
{
    certpick_selector *selector = build_selector("rsa.crt", "rsa.key");

    MUST(certpick_selector_validate(selector) == CERTPICK_OK);
    MUST(certpick_attach(ctx, selector) == CERTPICK_OK);
    certpick_selector_free(selector);
}
