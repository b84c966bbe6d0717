/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pkcs12.h"

#include <openssl/pkcs12.h>

enum { ITERATIONS = 10 };

static void identify(PKCS12_SAFEBAG *bag, size_t number)
{
    unsigned char id[2] = {(unsigned char)(number >> 8), (unsigned char)number};

    MUST(bag != NULL && PKCS12_add_localkeyid(bag, id, (int)sizeof(id)));
}

void write_pkcs12(const char *path, const char *password, const struct identity *identities,
                  size_t n, X509 *other)
{
    STACK_OF(PKCS12_SAFEBAG) *certs = NULL, *keys = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    unsigned char *der = NULL;
    PKCS12 *file;
    int length;

    for (size_t i = 0; i < n; i++) {
        identify(PKCS12_add_cert(&certs, identities[i].cert), i);
        identify(PKCS12_add_key(&keys, identities[i].key, 0, ITERATIONS, NID_aes_256_cbc, password),
                 i);
    }
    if (other != NULL)
        MUST(PKCS12_add_cert(&certs, other) != NULL);
    MUST(PKCS12_add_safe(&safes, certs, NID_aes_256_cbc, ITERATIONS, password) &&
         PKCS12_add_safe(&safes, keys, -1, 0, NULL));
    file = PKCS12_add_safes(safes, 0);
    MUST(file != NULL && PKCS12_set_mac(file, password, -1, NULL, 0, ITERATIONS, EVP_sha256()));
    length = i2d_PKCS12(file, &der);
    MUST(length > 0);
    write_file(path, der, (size_t)length, 0600);
    OPENSSL_free(der);
    PKCS12_free(file);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(certs, PKCS12_SAFEBAG_free);
    sk_PKCS12_SAFEBAG_pop_free(keys, PKCS12_SAFEBAG_free);
}
