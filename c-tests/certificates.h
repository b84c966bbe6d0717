/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Issues certificates and writes them and their keys to files. */
#ifndef CERTPICK_TESTS_CERTIFICATES_H
#define CERTPICK_TESTS_CERTIFICATES_H

#include "support.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#ifdef __cplusplus
extern "C" {
#endif

enum key_kind { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA, KEY_RSA_1024, KEY_RSA_PSS };

/* Generates a key. RSA keys are kept in the directory that CERTPICK_TEST_KEYS names and used again,
   because valgrind needs fifteen seconds for one. The caller frees the key. */
EVP_PKEY *new_key(enum key_kind kind);

/* A certificate and its key. Both are freed at exit, or earlier by free_identity(). */
struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

/* How a certificate differs from an ordinary client certificate. */
struct traits {
    enum key_kind kind;
    const char *key_usage;          /* as in openssl.cnf; NULL: no extension */
    const char *extended_key_usage; /* as in openssl.cnf; NULL: no extension */
    int starts_in_days;             /* 0: yesterday */
    int ends_in_days;               /* 0: in a year */
};

struct identity new_root(const char *name);
struct identity new_intermediate(const char *name, const struct identity *issuer);
/* Issues an end-entity certificate. Without an issuer it is self-signed. */
struct identity new_leaf(const char *name, const struct identity *issuer);
struct identity new_leaf_with(const char *name, const struct identity *issuer,
                              const struct traits *traits);
/* Issues another certificate for the same key. */
struct identity renew(const char *name, const struct identity *old, const struct identity *issuer);
/* Issues another certificate for the name and key of a CA, signed by a different CA. */
X509 *cross_sign(const char *name, const struct identity *ca, const struct identity *issuer);
/* Adds an extension with a value in the syntax of openssl.cnf. Does nothing if the value is
   NULL. */
void add_extension(X509 *cert, X509 *issuer, int nid, const char *value);
void free_identity(struct identity *identity);

/* A chain of certificates, each of which issued the next one. */
struct chain {
    struct identity root, outer, inner, leaf;
};
struct chain new_chain(void);

/* Writes certificates as PEM, in this order. */
#define write_certs(...) write_certs_to(__VA_ARGS__, (X509 *)NULL)
void write_certs_to(const char *path, ...);
/* Returns the first certificate of a PEM file. */
X509 *read_certificate(const char *path);
/* Writes a key as PKCS#8 in PEM, encrypted if there is a password. */
void write_key(const char *path, EVP_PKEY *key, const char *password);
/* Writes a key in a traditional PEM format ("EC PRIVATE KEY"), encrypted if there is a password. */
void write_traditional_key(const char *path, EVP_PKEY *key, const char *password);
void write_der_key(const char *path, EVP_PKEY *key);
/* Writes a key as PKCS#8 in DER, encrypted with a password of this length. */
void write_encrypted_der_key(const char *path, EVP_PKEY *key, const char *password, size_t length);
/* Writes one PEM file with certificates and then the key, which is encrypted if there is a
   password: write_combined(path, key, password, cert, ...). */
#define write_combined(...) write_combined_to(__VA_ARGS__, (X509 *)NULL)
void write_combined_to(const char *path, EVP_PKEY *key, const char *password, ...);
/* Writes NAME.crt and NAME.key. The key is encrypted if there is a password. */
void write_identity(const char *name, const struct identity *identity, const char *password);
/* Writes a CERTIFICATE block that contains text instead of DER. */
void write_damaged_cert(const char *path);

/* Two CAs, and a certificate from each of them. */
struct pki {
    struct identity ca_a, ca_b, a, b;
};
/* Enters a work directory and writes a.crt, a.key, b.crt and b.key to it. The password, if there is
   one, encrypts b.key. */
void set_up_pki(struct pki *pki, const char *password);

/* For SCOPED(X509). */
void free_X509(X509 **cert);

#ifdef __cplusplus
}
#endif
#endif
