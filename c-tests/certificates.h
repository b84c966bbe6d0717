/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CAs, certificates and keys, made in process and written to files. */
#ifndef CERTPICK_TESTS_CERTIFICATES_H
#define CERTPICK_TESTS_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum key_kind { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA, KEY_RSA_1024, KEY_RSA_PSS };

/* RSA keys take valgrind fifteen seconds to make. Where CERTPICK_TEST_KEYS names a directory, there
   is one of each RSA kind, kept there. */
EVP_PKEY *new_key(enum key_kind kind);

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

/* What may differ from an ordinary client certificate; all zero is one. */
struct traits {
    enum key_kind kind;
    const char *key_usage;          /* as in openssl.cnf; NULL: no extension */
    const char *extended_key_usage; /* the same */
    int starts_in_days;             /* 0: yesterday */
    int ends_in_days;               /* 0: in a year */
};

struct identity new_root(const char *name);
struct identity new_intermediate(const char *name, const struct identity *issuer);
/* Without an issuer: signed by itself. */
struct identity new_leaf(const char *name, const struct identity *issuer);
struct identity new_leaf_with(const char *name, const struct identity *issuer,
                              const struct traits *traits);
/* Another certificate for the same key. */
struct identity renew(const char *name, const struct identity *old, const struct identity *issuer);
/* A second certificate of a CA's name and key, issued by another CA. */
X509 *cross_sign(const char *name, const struct identity *ca, const struct identity *issuer);
/* Adds an extension with a value in the syntax of openssl.cnf. Does nothing if the value is NULL. */
void add_extension(X509 *cert, X509 *issuer, int nid, const char *value);
void free_identity(struct identity *identity);

/* Write the certificates up to the NULL as PEM, in this order. */
void write_certs(const char *path, ...);
/* PKCS#8 in PEM; encrypted where there is a password. */
void write_key(const char *path, EVP_PKEY *key, const char *password);
/* The older PEM forms ("EC PRIVATE KEY"), encrypted where there is a password. */
void write_traditional_key(const char *path, EVP_PKEY *key, const char *password);
void write_der_key(const char *path, EVP_PKEY *key);
/* Certificates up to the NULL and the key behind them, in one file. */
void write_combined(const char *path, EVP_PKEY *key, ...);
/* "name.crt" and "name.key", the key encrypted where there is a password. */
void write_identity(const char *name, const struct identity *identity, const char *password);

#ifdef __cplusplus
}
#endif
#endif
