/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes and reads the bytes of a CertificateRequest. */
#ifndef CERTPICK_TESTS_REQUEST_BYTES_H
#define CERTPICK_TESTS_REQUEST_BYTES_H

#include "support.h"

#include <openssl/x509.h>

enum { MAX_REQUEST = 65536 + 4096, CERTIFICATE_REQUEST = 13 };

struct bytes {
    unsigned char at[4 * MAX_REQUEST];
    size_t length;
};

static inline void put(struct bytes *to, const void *data, size_t length)
{
    MUST(to->length + length <= sizeof(to->at));
    if (length > 0)
        memcpy(to->at + to->length, data, length);
    to->length += length;
}

static inline void put_number(struct bytes *to, size_t value, int bytes)
{
    while (bytes-- > 0) {
        unsigned char byte = (unsigned char)(value >> (8 * bytes));

        put(to, &byte, 1);
    }
}

static inline size_t number(const unsigned char *at, int bytes)
{
    size_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | *at++;
    return value;
}

/* Appends a distinguished name with its length. */
static inline void put_name(struct bytes *to, const X509_NAME *name)
{
    unsigned char *der = NULL;
    int length = i2d_X509_NAME((X509_NAME *)name, &der); /* not const in OpenSSL 1.1.1 */

    MUST(length > 0);
    put_number(to, (size_t)length, 2);
    put(to, der, (size_t)length);
    OPENSSL_free(der);
}

static inline void put_name_of(struct bytes *to, X509 *ca)
{
    put_name(to, X509_get_subject_name(ca));
}

/* Returns the number in an environment variable, or the default. */
static inline long number_from_environment(const char *name, long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

#endif
