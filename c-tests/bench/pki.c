/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes what the benchmark connects with, in the current directory: pki COUNT

   root.crt, server.crt, server.key      the server's own, for 127.0.0.1
   ca.crt                                the CA whose client certificates the server takes
   site.crt                              one of them; its key in three forms: site.key,
                                         site-encrypted.key (PBKDF2 with OpenSSL's usual 2,048
                                         rounds), site-pbkdf2.key (200,000 rounds)
   rsa.crt, rsa.key                      another, with RSA of 2,048 bits; all else is P-256
   1.crt, 1.key ... COUNT.crt, COUNT.key others, each from a CA of its own, "Client CA N" */
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
#define MUST(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

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

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(extension != NULL && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Without an issuer: a root. Usages as in openssl.cnf. */
static struct identity issue(const char *name, int type, const struct identity *issuer,
                             const char *extended_key_usage)
{
    static long serial = 1000;
    struct identity new = {X509_new(), new_key(type)};
    X509 *by = issuer != NULL ? issuer->cert : new.cert;
    X509_NAME *subject = X509_get_subject_name(new.cert);

    MUST(X509_set_version(new.cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(new.cert), serial++));
    MUST(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1,
                                    -1, 0));
    MUST(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                    0));
    MUST(X509_set_issuer_name(new.cert, X509_get_subject_name(by)));
    MUST(X509_gmtime_adj(X509_getm_notBefore(new.cert), -24L * 3600));
    MUST(X509_time_adj_ex(X509_getm_notAfter(new.cert), 3650, 0, NULL) != NULL);
    MUST(X509_set_pubkey(new.cert, new.key));
    add_extension(new.cert, by, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(new.cert, by, NID_subject_key_identifier, "hash");
    if (issuer != NULL) {
        add_extension(new.cert, by, NID_authority_key_identifier, "keyid:always");
        add_extension(new.cert, by, NID_key_usage, "critical,digitalSignature");
        add_extension(new.cert, by, NID_ext_key_usage, extended_key_usage);
    } else {
        add_extension(new.cert, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (issuer != NULL && strcmp(extended_key_usage, "serverAuth") == 0)
        add_extension(new.cert, by, NID_subject_alt_name, "IP:127.0.0.1");
    MUST(X509_sign(new.cert, issuer != NULL ? issuer->key : new.key, EVP_sha256()));
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

static void write_certificate(const char *name, X509 *cert)
{
    FILE *file = create(name, ".crt");

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
    struct identity ca, client;
    int i;

    for (i = 1; i <= count; i++) {
        snprintf(name, sizeof(name), "Client CA %d", i);
        ca = issue(name, EVP_PKEY_EC, NULL, NULL);
        snprintf(name, sizeof(name), "user %d", i);
        client = issue(name, EVP_PKEY_EC, &ca, "clientAuth");
        snprintf(file, sizeof(file), "%d", i);
        write_certificate(file, client.cert);
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
    root = issue("Server CA", EVP_PKEY_EC, NULL, NULL);
    server = issue("127.0.0.1", EVP_PKEY_EC, &root, "serverAuth");
    write_certificate("root", root.cert);
    write_certificate("server", server.cert);
    write_key("server", server.key, 0);
    ca = issue("Client CA 0", EVP_PKEY_EC, NULL, NULL);
    site = issue("user 0", EVP_PKEY_EC, &ca, "clientAuth");
    rsa = issue("user 0", EVP_PKEY_RSA, &ca, "clientAuth");
    write_certificate("ca", ca.cert);
    write_certificate("site", site.cert);
    write_certificate("rsa", rsa.cert);
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
