/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static EVP_PKEY *make_key(enum key_kind kind)
{
    static const int types[] = {EVP_PKEY_EC,  EVP_PKEY_EC,  EVP_PKEY_ED25519,
                                EVP_PKEY_RSA, EVP_PKEY_RSA, EVP_PKEY_RSA_PSS};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(types[kind], NULL);
    EVP_PKEY *key = NULL;

    MUST(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    if (kind == KEY_P256)
        MUST(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0);
    else if (kind == KEY_P384)
        MUST(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_secp384r1) > 0);
    else if (kind != KEY_ED25519)
        MUST(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, kind == KEY_RSA_1024 ? 1024 : 2048) > 0);
    MUST(EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *new_key(enum key_kind kind)
{
    const char *kept = getenv("CERTPICK_TEST_KEYS");
    char path[4096], unfinished[4096 + 32];
    EVP_PKEY *key;
    FILE *file;

    if (kept == NULL || kind < KEY_RSA)
        return make_key(kind);
    snprintf(path, sizeof(path), "%s/kind-%d.pem", kept, (int)kind);
    if ((file = fopen(path, "r")) != NULL) {
        key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
        MUST(key != NULL);
        return key;
    }
    key = make_key(kind);
    snprintf(unfinished, sizeof(unfinished), "%s.%ld", path, (long)getpid());
    write_key(unfinished, key, NULL);
    MUST(rename(unfinished, path) == 0);
    return key;
}

void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(extension != NULL && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

/* The identities that are freed at exit. */
struct owned {
    struct owned *next;
    X509 *cert;
    EVP_PKEY *key;
};
static struct owned *owned;

void free_identity(struct identity *identity)
{
    struct owned **at = &owned, *found;

    while (*at != NULL && (*at)->cert != identity->cert)
        at = &(*at)->next;
    found = *at;
    if (found != NULL)
        *at = found->next;
    free(found);
    X509_free(identity->cert);
    EVP_PKEY_free(identity->key);
}

static void free_identities(void)
{
    while (owned != NULL) {
        struct identity identity = {owned->cert, owned->key};

        free_identity(&identity);
    }
}

static void free_at_exit(const struct identity *identity)
{
    static int is_registered;
    struct owned *added = malloc(sizeof(*added));

    MUST(added != NULL && (is_registered || atexit(free_identities) == 0));
    is_registered = 1;
    added->next = owned;
    added->cert = identity->cert;
    added->key = identity->key;
    owned = added;
}

/* Takes ownership of the key. Generates one if it is NULL. */
static struct identity issue(EVP_PKEY *key, const char *name, const struct identity *issuer,
                             int is_ca, const struct traits *traits)
{
    static long serial;
    static time_t now; /* the same for all, because a test may depend on the order of their dates */
    static const struct traits ordinary = {KEY_P256, NULL, NULL, 0, 0};
    const struct traits *t = traits != NULL ? traits : &ordinary;
    int starts = t->starts_in_days != 0 ? t->starts_in_days : -1;
    int ends = t->ends_in_days != 0 ? t->ends_in_days : 365;
    struct identity made;
    const struct identity *signer;
    X509_NAME *subject_name = X509_NAME_new();
    EVP_PKEY *signing_key;

    made.key = key != NULL ? key : new_key(t->kind);
    made.cert = X509_new();
    signer = issuer != NULL ? issuer : &made;
    MUST(made.cert != NULL && subject_name != NULL);
    MUST(X509_NAME_add_entry_by_txt(subject_name, "CN", MBSTRING_UTF8, (const unsigned char *)name,
                                    -1, -1, 0));
    MUST(X509_set_version(made.cert, 2));
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial));
    MUST(X509_set_subject_name(made.cert, subject_name));
    MUST(X509_set_issuer_name(made.cert, issuer != NULL ? X509_get_subject_name(issuer->cert)
                                                        : subject_name));
    if (now == 0)
        now = time(NULL);
    MUST(X509_time_adj_ex(X509_getm_notBefore(made.cert), starts, 0, &now));
    MUST(X509_time_adj_ex(X509_getm_notAfter(made.cert), ends, 0, &now));
    MUST(X509_set_pubkey(made.cert, made.key));
    add_extension(made.cert, signer->cert, NID_basic_constraints,
                  is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(made.cert, signer->cert, NID_key_usage, is_ca ? "keyCertSign" : t->key_usage);
    add_extension(made.cert, signer->cert, NID_ext_key_usage, t->extended_key_usage);
    signing_key = signer->key;
    MUST(X509_sign(made.cert, signing_key,
                   EVP_PKEY_base_id(signing_key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()));
    X509_NAME_free(subject_name);
    free_at_exit(&made);
    return made;
}

struct identity renew(const char *name, const struct identity *old, const struct identity *issuer)
{
    MUST(EVP_PKEY_up_ref(old->key));
    return issue(old->key, name, issuer, 0, NULL);
}

X509 *cross_sign(const char *name, const struct identity *ca, const struct identity *issuer)
{
    MUST(EVP_PKEY_up_ref(ca->key));
    return issue(ca->key, name, issuer, 1, NULL).cert;
}

struct identity new_root(const char *name)
{
    return issue(NULL, name, NULL, 1, NULL);
}

struct identity new_intermediate(const char *name, const struct identity *issuer)
{
    return issue(NULL, name, issuer, 1, NULL);
}

struct identity new_leaf(const char *name, const struct identity *issuer)
{
    return issue(NULL, name, issuer, 0, NULL);
}

struct identity new_leaf_with(const char *name, const struct identity *issuer,
                              const struct traits *traits)
{
    return issue(NULL, name, issuer, 0, traits);
}

struct chain new_chain(void)
{
    struct chain made;

    made.root = new_root("Root");
    made.outer = new_intermediate("Outer", &made.root);
    made.inner = new_intermediate("Inner", &made.outer);
    made.leaf = new_leaf("leaf", &made.inner);
    return made;
}

static void save(const char *path, BIO *bio, mode_t mode)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);

    MUST(length > 0);
    write_file(path, data, (size_t)length, mode);
    BIO_free(bio);
}

static void put_certs(BIO *bio, va_list certs)
{
    X509 *cert;

    while ((cert = va_arg(certs, X509 *)) != NULL)
        MUST(PEM_write_bio_X509(bio, cert));
}

static void put_key(BIO *bio, EVP_PKEY *key, const char *password)
{
    MUST(PEM_write_bio_PKCS8PrivateKey(bio, key, password != NULL ? EVP_aes_128_cbc() : NULL, NULL,
                                       0, NULL, (void *)(uintptr_t)password));
}

static BIO *new_memory(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    MUST(bio != NULL);
    return bio;
}

void write_certs_to(const char *path, ...)
{
    BIO *bio = new_memory();
    va_list certs;

    va_start(certs, path);
    put_certs(bio, certs);
    va_end(certs);
    save(path, bio, 0644);
}

X509 *read_certificate(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *read = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    MUST(read != NULL);
    BIO_free(bio);
    return read;
}

void write_key(const char *path, EVP_PKEY *key, const char *password)
{
    BIO *bio = new_memory();

    put_key(bio, key, password);
    save(path, bio, 0600);
}

void write_traditional_key(const char *path, EVP_PKEY *key, const char *password)
{
    BIO *bio = new_memory();

    MUST(PEM_write_bio_PrivateKey_traditional(bio, key, password != NULL ? EVP_aes_128_cbc() : NULL,
                                              NULL, 0, NULL, (void *)(uintptr_t)password));
    save(path, bio, 0600);
}

void write_der_key(const char *path, EVP_PKEY *key)
{
    BIO *bio = new_memory();

    MUST(i2d_PrivateKey_bio(bio, key));
    save(path, bio, 0600);
}

void write_encrypted_der_key(const char *path, EVP_PKEY *key, const char *password, size_t length)
{
    BIO *bio = new_memory();

    MUST(i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_128_cbc(), (char *)(uintptr_t)password,
                                 (int)length, NULL, NULL));
    save(path, bio, 0600);
}

void write_combined_to(const char *path, EVP_PKEY *key, const char *password, ...)
{
    BIO *bio = new_memory();
    va_list certs;

    va_start(certs, password);
    put_certs(bio, certs);
    va_end(certs);
    put_key(bio, key, password);
    save(path, bio, 0600);
}

void write_identity(const char *name, const struct identity *identity, const char *password)
{
    char path[256];

    snprintf(path, sizeof(path), "%s.crt", name);
    write_certs(path, identity->cert);
    snprintf(path, sizeof(path), "%s.key", name);
    write_key(path, identity->key, password);
}

void write_damaged_cert(const char *path)
{
    write_text(path, "-----BEGIN CERTIFICATE-----\nTWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu\n"
               "-----END CERTIFICATE-----\n");
}

void set_up_pki(struct pki *pki, const char *password)
{
    enter_work_dir();
    pki->ca_a = new_root("CA A");
    pki->ca_b = new_root("CA B");
    pki->a = new_leaf("a", &pki->ca_a);
    pki->b = new_leaf("b", &pki->ca_b);
    write_identity("a", &pki->a, NULL);
    write_identity("b", &pki->b, password);
    ERR_clear_error();
}

void free_X509(X509 **cert)
{
    X509_free(*cert);
}
