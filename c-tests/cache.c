/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cache: when keys are freed, how much memory is used, which library context its objects belong
   to, and names relative to the working directory. */
#include "picking.h"

#include <malloc.h>
#include <openssl/crypto.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

static certpick_selector *new_selector_a(void)
{
    return new_selector("a.crt", "a.key", NULL);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/* The keys that OpenSSL freed. */
enum { MAX_FREED = 4096 };
static const void *freed[MAX_FREED];
static int freed_count;

static void note_free(void *key, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)ptr, (void)data, (void)index, (void)argl, (void)argp;
    if (freed_count < MAX_FREED)
        freed[freed_count++] = key;
}

/* Connects and returns the address of the key. Only certpick has a reference to it afterwards. */
static const void *connect_a(SSL_CTX *server)
{
    SCOPED_HELD held = connect_holding(new_selector_a(), server);

    return held.key;
}

/* Watches keys of this thread's library context. Keys have no ex_data in OpenSSL 1.1.1. */
static void note_frees(void)
{
    MUST(CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, note_free) >= 0);
}

static int was_freed(const void *key)
{
    for (int i = 0; i < freed_count; i++)
        if (freed[i] == key)
            return 1;
    return 0;
}

static void keys_are_freed(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    struct identity next = new_leaf("a", &pki->ca_a);
    certpick_selector *selector;
    const void *key;

    certpick_cache_clear();
    wait_for_timestamp();
    freed_count = 0;
    subject("the cache keeps a key that is no longer used");
    key = connect_a(server);
    CHECK(!was_freed(key));
    CHECK(connect_a(server) == key);

    subject("certpick_cache_clear frees the key");
    certpick_cache_clear();
    CHECK(was_freed(key));

    subject("a key that a selector uses is freed with the selector");
    selector = new_selector_a();
    CHECK_OK(certpick_selector_validate(selector));
    freed_count = 0;
    key = connect_a(server);
    certpick_cache_clear();
    CHECK(!was_freed(key));
    certpick_selector_free(selector);
    CHECK(was_freed(key));

    subject("the key is freed when its file contains another key");
    key = connect_a(server);
    freed_count = 0;
    write_identity("a", &next, NULL);
    CHECK(connect_a(server) != NULL);
    CHECK(was_freed(key));

    subject("the key is freed when its file is readable by others, or missing");
    wait_for_timestamp();
    key = connect_a(server);
    freed_count = 0;
    MUST(chmod("a.key", 0644) == 0);
    selector = new_selector_a();
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_KEY_PERMISSIONS);
    CHECK(was_freed(key));
    MUST(chmod("a.key", 0600) == 0);
    wait_for_timestamp();
    key = connect_a(server);
    freed_count = 0;
    MUST(rename("a.key", "away") == 0);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);
    CHECK(was_freed(key));
    certpick_selector_free(selector);

    write_identity("a", &pki->a, NULL);
}

#endif

static void cache_option(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    certpick_selector *off = certpick_selector_new();

    certpick_cache_clear();
    wait_for_timestamp();
    subject("by default selectors share what they read from files");
    SCOPED_HELD first = connect_holding(new_selector_a(), server);
    SCOPED_HELD second = connect_holding(new_selector_a(), server);
    CHECK(first.cert == second.cert && first.key == second.key);

    subject("a selector without cache reads the files itself");
    CHECK_OK(certpick_selector_set_option(off, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_OFF));
    CHECK_OK(certpick_selector_add_files(off, "a.crt", "a.key", NULL));
    SCOPED_HELD third = connect_holding(off, server);
    CHECK(third.cert != first.cert && third.key != first.key);
}

static void working_directory(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server_a = new_server(TLS1_3_VERSION, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(TLS1_3_VERSION, &pki->ca_b);
    const char *places[] = {"one", "two", "one", "two"};

    subject("a relative name is resolved in the working directory at the time of use");
    MUST(mkdir("one", 0700) == 0 && mkdir("two", 0700) == 0);
    write_identity("one/a", &pki->a, NULL);
    write_identity("two/a", &pki->b, NULL);
    wait_for_timestamp();
    for (int i = 0; i < 4; i++) {
        MUST(chdir(places[i]) == 0);
        SCOPED_HELD held = connect_holding(new_selector_a(), i % 2 == 0 ? server_a : server_b);
        CHECK(X509_cmp(held.cert, i % 2 == 0 ? pki->a.cert : pki->b.cert) == 0);
        MUST(chdir("..") == 0);
    }
}

static void replace_a(const struct identity *identity)
{
    write_identity("new", identity, NULL);
    MUST(rename("new.crt", "a.crt") == 0 && rename("new.key", "a.key") == 0);
}

/* Returns the allocated bytes, or 0 under valgrind and AddressSanitizer. */
static size_t allocated(void)
{
    return mallinfo2().uordblks;
}

static void memory_is_constant(const struct pki *pki)
{
    /* OpenSSL fills its own tables in the first rounds, so only the last ones are measured. */
    enum { QUICK = 100, WARM = 110, ROUNDS = 150, MAX_BYTES = 256 };
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a, &pki->ca_b);
    struct identity identities[2];
    size_t before = 0, after;
    /* A few rounds of each kind are enough if nothing is measured. */
    int counted = allocated() > 0, rounds = counted ? ROUNDS : QUICK + 5,
        i = counted ? 0 : QUICK - 5;

    subject("replaced files use no additional memory");
    identities[0] = pki->a;
    identities[1] = new_leaf("a", &pki->ca_a);
    certpick_cache_clear();
    for (; i < rounds; i++) {
        if (i == WARM)
            before = allocated();
        replace_a(&identities[i % 2]);
        if (i >= QUICK)
            wait_for_timestamp();
        SCOPED_HELD first =
            connect_holding(new_selector("a.crt,b.crt", "a.key,b.key", NULL), server);
        SCOPED_HELD second =
            connect_holding(new_selector("a.crt,b.crt", "a.key,b.key", NULL), server);
        CHECK(i < QUICK || first.key == second.key);
        CHECK(X509_cmp(first.cert, identities[i % 2].cert) == 0);
    }
    after = allocated();
    if (after > before && !CHECK(after - before < (ROUNDS - WARM) * MAX_BYTES))
        printf("    %ld bytes more after %d rotations\n", (long)(after - before), ROUNDS - WARM);
    replace_a(&pki->a);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static OSSL_LIB_CTX *own, *usual;
static OSSL_PROVIDER *provider;

static void enter_own_context(void)
{
    MUST((own = OSSL_LIB_CTX_new()) != NULL);
    MUST((provider = OSSL_PROVIDER_load(own, "default")) != NULL);
    usual = OSSL_LIB_CTX_set0_default(own);
}

static void free_own_context(void)
{
    OSSL_LIB_CTX_set0_default(usual);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);
}

static void validate_new_selector(void)
{
    SCOPED(certpick_selector) *selector = new_selector_a();

    CHECK_OK(certpick_selector_validate(selector));
}

/* An object of a program's own library context must not be used after that context is freed. */
static void library_context(const struct pki *pki)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    certpick_selector *selector;

    certpick_cache_clear();
    wait_for_timestamp();
    subject("the cache does not keep objects of a thread's own library context");
    enter_own_context();
    validate_new_selector();
    free_own_context();
    SCOPED_HELD earlier = connect_holding(new_selector_a(), server);

    subject("a cached certificate is decoded in the global library context, whichever thread uses "
            "it first");
    certpick_cache_clear();
    selector = new_selector_a();
    enter_own_context();
    CHECK_OK(certpick_selector_validate(selector));
    CHECK(OSSL_LIB_CTX_set0_default(usual) == own);
    certpick_selector_free(selector);
    free_own_context();
    SCOPED_HELD kept = connect_holding(new_selector_a(), server);

    subject("a thread with its own library context gets no cached objects");
    enter_own_context();
    note_frees();
    freed_count = 0;
    validate_new_selector();
    /* The public key of the certificate, and the private key. */
    CHECK(freed_count >= 2);
    free_own_context();

    subject("a thread with the global library context gets the cached objects");
    SCOPED_HELD again = connect_holding(new_selector_a(), server);
    CHECK(again.cert == kept.cert && again.key == kept.key);
}
#endif

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    note_frees();
    keys_are_freed(&pki);
    library_context(&pki);
#endif
    cache_option(&pki);
    working_directory(&pki);
    memory_is_constant(&pki);
    return finish();
}
