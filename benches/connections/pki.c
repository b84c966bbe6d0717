/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Creates the certificates of the benchmark in the current directory: pki COUNT

   root.crt, server.crt, server.key      those of the server 127.0.0.1
   ca.crt                                the CA of the client certificates that the server accepts
   site.crt                              a client certificate; its key in three forms: site.key,
                                         site-encrypted.key (PBKDF2 with OpenSSL's default of 2,048
                                         rounds), site-pbkdf2.key (200,000 rounds)
   site.p12                              the same in a PKCS#12 file, with 600,000 rounds for each of
                                         key, certificate and MAC
   rsa.crt, rsa.key                      a client certificate with RSA of 2,048 bits. All of these
                                         are of version 3, the others with P-256.
   1.crt, 1.key ... COUNT.crt, COUNT.key other client certificates, each with its own issuer, of
                                         the kinds below in turn. They share a few keys. */
#include "support.h"

#include "certificates.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define PASSWORD "secret"
#define KEYS_OF_A_KIND 8

/* File N is of kind (N - 1) % 7. pki.py has the names in this order. */
static const struct kind {
    enum key_kind keys[2]; /* of certificate and issuer, in turn */
    enum { PLAIN, MULTI_VALUED, OLD_STRINGS } names;
    /* Like `openssl x509 -req -text` before OpenSSL 3.2, in PostgreSQL's documentation. */
    int version_1;
    int self_signed;
    int sha512;
} kinds[] = {
    {{KEY_P256, KEY_P256}, PLAIN, 0, 0, 0},
    {{KEY_RSA, KEY_P256}, PLAIN, 1, 0, 0},
    {{KEY_RSA, KEY_P256}, PLAIN, 0, 1, 0},
    {{KEY_P256, KEY_P256}, MULTI_VALUED, 0, 0, 0},
    {{KEY_RSA, KEY_P256}, PLAIN, 0, 0, 1},
    {{KEY_RSA_PSS, KEY_RSA_PSS}, PLAIN, 0, 0, 0},
    {{KEY_P256, KEY_P256}, OLD_STRINGS, 0, 0, 0},
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))
static const struct kind usual = {{KEY_P256, KEY_P256}, PLAIN, 0, 0, 0};

/* Returns one of KEYS_OF_A_KIND keys, in turn. */
static EVP_PKEY *some_key(enum key_kind kind)
{
    static EVP_PKEY *keys[KEY_RSA_PSS + 1][KEYS_OF_A_KIND];
    static int turn;
    EVP_PKEY **key = &keys[kind][turn++ % KEYS_OF_A_KIND];

    if (*key == NULL)
        *key = new_key(kind);
    EVP_PKEY_up_ref(*key);
    return *key;
}

static void add_to_name(X509_NAME *name, const char *attribute, int type, const char *value,
                        int len, int set)
{
    MUST(X509_NAME_add_entry_by_txt(name, attribute, type, (const unsigned char *)value, len, -1,
                                    set));
}

static void fill_name(X509_NAME *name, const char *text, const struct kind *kind)
{
    char wide[128];
    size_t i;

    if (kind->names == OLD_STRINGS) {
        MUST(2 * strlen(text) <= sizeof(wide));
        for (i = 0; i < strlen(text); i++) {
            wide[2 * i] = '\0';
            wide[2 * i + 1] = text[i];
        }
        add_to_name(name, "O", V_ASN1_T61STRING, "Ex\xe4mple", -1, 0);
        add_to_name(name, "CN", V_ASN1_BMPSTRING, wide, (int)(2 * strlen(text)), 0);
        return;
    }
    add_to_name(name, "O", MBSTRING_ASC, "Example", -1, 0);
    add_to_name(name, "CN", MBSTRING_ASC, text, -1, 0);
    if (kind->names == MULTI_VALUED)
        add_to_name(name, "OU", MBSTRING_ASC, "Clients", -1, -1); /* -1: in the same RDN */
}

/* Adds the extensions of OpenSSL's default openssl.cnf, or for a self-signed certificate those of
   `openssl req -x509`. */
static void add_extensions(X509 *cert, X509 *issuer, const char *extended_key_usage)
{
    add_extension(cert, issuer, NID_basic_constraints,
                  issuer != cert ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(cert, issuer, NID_subject_key_identifier, "hash");
    if (issuer == cert && extended_key_usage == NULL)
        add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    else
        add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
    if (issuer != cert) {
        add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature");
        add_extension(cert, issuer, NID_ext_key_usage, extended_key_usage);
        if (strcmp(extended_key_usage, "serverAuth") == 0)
            add_extension(cert, issuer, NID_subject_alt_name, "IP:127.0.0.1");
    }
}

/* Issues a certificate, self-signed if there is no issuer, and a root if it also has no extended
   key usage. Takes ownership of the key. */
static struct identity issue(const char *name, const struct kind *kind, EVP_PKEY *key,
                             const struct identity *issuer, const char *extended_key_usage)
{
    static long serial = 1000;
    struct identity new = {X509_new(), key};
    X509 *by = issuer != NULL ? issuer->cert : new.cert;

    MUST(X509_set_version(new.cert, kind->version_1 ? 0 : 2));
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(new.cert), serial++));
    fill_name(X509_get_subject_name(new.cert), name, kind);
    MUST(X509_set_issuer_name(new.cert, X509_get_subject_name(by)));
    MUST(X509_gmtime_adj(X509_getm_notBefore(new.cert), -24L * 3600));
    MUST(X509_time_adj_ex(X509_getm_notAfter(new.cert), 3650, 0, NULL) != NULL);
    MUST(X509_set_pubkey(new.cert, key));
    if (!kind->version_1)
        add_extensions(new.cert, by, extended_key_usage);
    MUST(X509_sign(new.cert, issuer != NULL ? issuer->key : key,
                   kind->sha512 ? EVP_sha512() : EVP_sha256()));
    return new;
}

/* Writes a certificate as `openssl x509 -text` does. */
static void write_with_text(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "w");

    MUST(file != NULL && X509_print_fp(file, cert));
    MUST(PEM_write_X509(file, cert) && fclose(file) == 0);
}

/* Writes a PKCS#8 key that is encrypted with this number of PBKDF2 rounds. */
static void write_encrypted(const char *path, EVP_PKEY *key, int rounds)
{
    FILE *file = fopen(path, "w");
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *encrypted;

    MUST(file != NULL && plain != NULL);
    encrypted = PKCS8_encrypt(-1, EVP_aes_256_cbc(), PASSWORD, (int)strlen(PASSWORD), NULL, 0,
                              rounds, plain);
    MUST(encrypted != NULL && PEM_write_PKCS8(file, encrypted));
    X509_SIG_free(encrypted);
    PKCS8_PRIV_KEY_INFO_free(plain);
    MUST(fclose(file) == 0);
}

/* Writes a PKCS#12 file with this number of rounds for each of key, certificate and MAC. */
static void write_pkcs12(const char *path, const struct identity *identity, int rounds)
{
    FILE *file = fopen(path, "w");
    PKCS12 *p12 = PKCS12_create(PASSWORD, NULL, identity->key, identity->cert, NULL,
                                NID_aes_256_cbc, NID_aes_256_cbc, rounds, -1, 0);

    /* PKCS12_create() uses SHA-1 for the MAC. */
    MUST(file != NULL && p12 != NULL);
    MUST(PKCS12_set_mac(p12, PASSWORD, -1, NULL, 0, rounds, EVP_sha256()));
    MUST(i2d_PKCS12_fp(file, p12) && fclose(file) == 0);
    PKCS12_free(p12);
}

static void others(int count)
{
    char name[64], file[32];
    int i;

    for (i = 0; i < count; i++) {
        const struct kind *kind = &kinds[i % KINDS];
        enum key_kind type = kind->keys[i / KINDS % 2];
        struct identity ca = {NULL, NULL}, client;

        snprintf(name, sizeof(name), "Client CA %d", i + 1);
        if (!kind->self_signed)
            ca = issue(name, kind, some_key(type), NULL, NULL);
        snprintf(name, sizeof(name), "user %d", i + 1);
        client = issue(name, kind, some_key(type), kind->self_signed ? NULL : &ca, "clientAuth");
        snprintf(file, sizeof(file), "%d", i + 1);
        write_identity(file, &client, NULL);
        if (kind->version_1) {
            snprintf(file, sizeof(file), "%d.crt", i + 1);
            write_with_text(file, client.cert);
        }
        free_identity(&client);
        free_identity(&ca);
    }
}

int main(int argc, char **argv)
{
    struct identity root, server, ca, site, rsa;

    umask(077);
    MUST(argc == 2);
    root = issue("Server CA", &usual, new_key(KEY_P256), NULL, NULL);
    server = issue("127.0.0.1", &usual, new_key(KEY_P256), &root, "serverAuth");
    write_certs("root.crt", root.cert, (X509 *)NULL);
    write_identity("server", &server, NULL);
    ca = issue("Client CA 0", &usual, new_key(KEY_P256), NULL, NULL);
    site = issue("user 0", &usual, new_key(KEY_P256), &ca, "clientAuth");
    rsa = issue("user 0", &usual, new_key(KEY_RSA), &ca, "clientAuth");
    write_certs("ca.crt", ca.cert, (X509 *)NULL);
    write_identity("site", &site, NULL);
    write_identity("rsa", &rsa, NULL);
    write_encrypted("site-encrypted.key", site.key, 2048);
    write_encrypted("site-pbkdf2.key", site.key, 200000);
    write_pkcs12("site.p12", &site, 600000);
    others(atoi(argv[1]));
    free_identity(&rsa);
    free_identity(&site);
    free_identity(&ca);
    free_identity(&server);
    free_identity(&root);
    return 0;
}
