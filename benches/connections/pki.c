/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes what the benchmark connects with, in the current directory: pki COUNT

   root.crt, server.crt, server.key      the server's own, for 127.0.0.1
   ca.crt                                the CA whose client certificates the server takes
   site.crt                              one of them; its key in three forms: site.key,
                                         site-encrypted.key (PBKDF2 with OpenSSL's usual 2,048
                                         rounds), site-pbkdf2.key (200,000 rounds)
   rsa.crt, rsa.key                      another, with RSA of 2,048 bits; these are of version 3, P-256
                                         but for this one
   1.crt, 1.key ... COUNT.crt, COUNT.key others, each from an issuer of its own, of the kinds below in
                                         turn. A few keys serve for all of them. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWORD "secret"
#define KEYS_OF_A_TYPE 8
#define MUST(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

/* File N is of kind (N - 1) % 7: pki.py has their names in this order. */
static const struct kind {
    int types[2]; /* of the key, in turn; that of the issuer is of the same type */
    enum { PLAIN, MULTI_VALUED, OLD_STRINGS } names;
    int version_1; /* as by `openssl x509 -req -text` before OpenSSL 3.2: PostgreSQL's documentation */
    int self_signed;
    int sha512;
} kinds[] = {
    {{EVP_PKEY_EC, EVP_PKEY_EC}, PLAIN, 0, 0, 0},
    {{EVP_PKEY_RSA, EVP_PKEY_EC}, PLAIN, 1, 0, 0},
    {{EVP_PKEY_RSA, EVP_PKEY_EC}, PLAIN, 0, 1, 0},
    {{EVP_PKEY_EC, EVP_PKEY_EC}, MULTI_VALUED, 0, 0, 0},
    {{EVP_PKEY_RSA, EVP_PKEY_EC}, PLAIN, 0, 0, 1},
    {{EVP_PKEY_RSA_PSS, EVP_PKEY_RSA_PSS}, PLAIN, 0, 0, 0},
    {{EVP_PKEY_EC, EVP_PKEY_EC}, OLD_STRINGS, 0, 0, 0},
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))
static const struct kind usual = {{EVP_PKEY_EC, EVP_PKEY_EC}, PLAIN, 0, 0, 0};

static void fail(const char *what, int line)
{
    fprintf(stderr, "pki.c:%d: %s\n", line, what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

static EVP_PKEY *new_key(int type)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
    EVP_PKEY *key = NULL;

    MUST(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    if (type == EVP_PKEY_EC)
        MUST(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0);
    else
        MUST(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
    MUST(EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* One of a few of this type. */
static EVP_PKEY *some_key(int type)
{
    static EVP_PKEY *keys[3][KEYS_OF_A_TYPE];
    static int turn;
    EVP_PKEY **key = &keys[type == EVP_PKEY_EC ? 0 : type == EVP_PKEY_RSA ? 1 : 2][turn++ % KEYS_OF_A_TYPE];

    if (*key == NULL)
        *key = new_key(type);
    EVP_PKEY_up_ref(*key);
    return *key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(extension != NULL && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

static void add_to_name(X509_NAME *name, const char *attribute, int type, const char *value, int len, int set)
{
    MUST(X509_NAME_add_entry_by_txt(name, attribute, type, (const unsigned char *)value, len, -1, set));
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

/* As with openssl.cnf, and as `openssl req -x509` does for a certificate that signs itself. */
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

/* Takes over the key. Without an issuer: self-signed, a root if it has no extended key usage. */
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
    MUST(X509_sign(new.cert, issuer != NULL ? issuer->key : key, kind->sha512 ? EVP_sha512() : EVP_sha256()));
    return new;
}

static void drop(struct identity *identity)
{
    X509_free(identity->cert);
    EVP_PKEY_free(identity->key);
}

static FILE *create(const char *name, const char *suffix)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s%s", name, suffix);
    remove(path);
    MUST((file = fopen(path, "w")) != NULL);
    return file;
}

static void write_certificate(const char *name, X509 *cert, int with_text)
{
    FILE *file = create(name, ".crt");

    MUST(!with_text || X509_print_fp(file, cert));
    MUST(PEM_write_X509(file, cert) && fclose(file) == 0);
}

/* In PKCS#8, encrypted where there are rounds. */
static void write_key(const char *name, EVP_PKEY *key, int rounds)
{
    FILE *file = create(name, ".key");
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *encrypted;

    MUST(plain != NULL);
    if (rounds == 0) {
        MUST(PEM_write_PKCS8_PRIV_KEY_INFO(file, plain));
    } else {
        encrypted = PKCS8_encrypt(-1, EVP_aes_256_cbc(), PASSWORD, (int)strlen(PASSWORD), NULL, 0, rounds,
                                  plain);
        MUST(encrypted != NULL && PEM_write_PKCS8(file, encrypted));
        X509_SIG_free(encrypted);
    }
    PKCS8_PRIV_KEY_INFO_free(plain);
    MUST(fclose(file) == 0);
}

static void others(int count)
{
    char name[64], file[32];
    int i;

    for (i = 0; i < count; i++) {
        const struct kind *kind = &kinds[i % KINDS];
        int type = kind->types[i / KINDS % 2];
        struct identity ca = {NULL, NULL}, client;

        snprintf(name, sizeof(name), "Client CA %d", i + 1);
        if (!kind->self_signed)
            ca = issue(name, kind, some_key(type), NULL, NULL);
        snprintf(name, sizeof(name), "user %d", i + 1);
        client = issue(name, kind, some_key(type), kind->self_signed ? NULL : &ca, "clientAuth");
        snprintf(file, sizeof(file), "%d", i + 1);
        write_certificate(file, client.cert, kind->version_1);
        write_key(file, client.key, 0);
        drop(&client);
        drop(&ca);
    }
}

int main(int argc, char **argv)
{
    struct identity root, server, ca, site, rsa;

    umask(077);
    MUST(argc == 2);
    root = issue("Server CA", &usual, new_key(EVP_PKEY_EC), NULL, NULL);
    server = issue("127.0.0.1", &usual, new_key(EVP_PKEY_EC), &root, "serverAuth");
    write_certificate("root", root.cert, 0);
    write_certificate("server", server.cert, 0);
    write_key("server", server.key, 0);
    ca = issue("Client CA 0", &usual, new_key(EVP_PKEY_EC), NULL, NULL);
    site = issue("user 0", &usual, new_key(EVP_PKEY_EC), &ca, "clientAuth");
    rsa = issue("user 0", &usual, new_key(EVP_PKEY_RSA), &ca, "clientAuth");
    write_certificate("ca", ca.cert, 0);
    write_certificate("site", site.cert, 0);
    write_certificate("rsa", rsa.cert, 0);
    write_key("site", site.key, 0);
    write_key("site-encrypted", site.key, 2048);
    write_key("site-pbkdf2", site.key, 200000);
    write_key("rsa", rsa.key, 0);
    others(atoi(argv[1]));
    drop(&rsa);
    drop(&site);
    drop(&ca);
    drop(&server);
    drop(&root);
    return 0;
}
