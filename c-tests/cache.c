/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cache as a C program sees it: when keys are freed, how much memory it takes, whose library
   context its objects belong to, and names that depend on the working directory. */
#include "support.h"

#include "picking.h"

#include <malloc.h>
#include <openssl/crypto.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

static certpick_selector *select_a(void)
{
    return new_selector("a.crt", "a.key", NULL);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/* The keys that OpenSSL has freed. */
enum { MOST_FREED = 4096 };
static const void *freed[MOST_FREED];
static int freed_count;

static void note_free(void *key, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)ptr, (void)data, (void)index, (void)argl, (void)argp;
    if (freed_count < MOST_FREED)
        freed[freed_count++] = key;
}

/* Connects, and tells where the key was; nobody but certpick has a reference then. */
static const void *use_a(SSL_CTX *server)
{
    struct held held = connect_holding(select_a(), server);
    const void *key = held.key;

    free_held(&held);
    return key;
}

/* Of this thread's library context. In OpenSSL 1.1.1 a key has no ex_data. */
static void note_frees(void)
{
    MUST(CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, note_free) >= 0);
}

static int was_freed(const void *key)
{
    int i;

    for (i = 0; i < freed_count; i++)
        if (freed[i] == key)
            return 1;
    return 0;
}

static void keys_are_freed(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    struct identity next = new_leaf("a", &two->ca_a);
    certpick_selector *selector;
    const void *key;

    certpick_cache_clear();
    settle();
    freed_count = 0;
    subject("a key is kept when nobody uses it any more");
    key = use_a(server);
    CHECK(!was_freed(key));
    CHECK(use_a(server) == key);

    subject("it is freed at once when the cache is emptied");
    certpick_cache_clear();
    CHECK(was_freed(key));

    subject("one that a selector uses is freed with the selector");
    selector = select_a();
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    freed_count = 0;
    key = use_a(server);
    certpick_cache_clear();
    CHECK(!was_freed(key));
    certpick_selector_free(selector);
    CHECK(was_freed(key));

    subject("it is freed when another one has taken its place in the file");
    key = use_a(server);
    freed_count = 0;
    write_identity("a", &next, NULL);
    CHECK(use_a(server) != NULL);
    CHECK(was_freed(key));

    subject("it is freed when its file turns out to be readable by others, or gone");
    settle();
    key = use_a(server);
    freed_count = 0;
    MUST(chmod("a.key", 0644) == 0);
    selector = select_a();
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_KEY_PERMISSIONS);
    CHECK(was_freed(key));
    MUST(chmod("a.key", 0600) == 0);
    settle();
    key = use_a(server);
    freed_count = 0;
    MUST(rename("a.key", "away") == 0);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_FILE);
    CHECK(was_freed(key));
    certpick_selector_free(selector);

    write_identity("a", &two->a, NULL);
    free_identity(&next);
    SSL_CTX_free(server);
}

#endif

static void option(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    certpick_selector *off = certpick_selector_new();
    struct held first, second, third;

    certpick_cache_clear();
    settle();
    subject("by default what one selector has read is given to the next");
    first = connect_holding(select_a(), server);
    second = connect_holding(select_a(), server);
    CHECK(first.cert == second.cert && first.key == second.key);

    subject("a selector that is told to do without reads for itself");
    CHECK_INT(certpick_selector_set_option(off, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_OFF),
              CERTPICK_OK);
    CHECK_INT(certpick_selector_add_files(off, "a.crt", "a.key", NULL), CERTPICK_OK);
    third = connect_holding(off, server);
    CHECK(third.cert != first.cert && third.key != first.key);
    free_held(&first);
    free_held(&second);
    free_held(&third);
    SSL_CTX_free(server);
}

static void working_directory(const struct two *two)
{
    SSL_CTX *server_a = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    const char *places[] = {"one", "two", "one", "two"};
    struct held held[4];
    int i;

    subject("a name means the file in the directory where the process is then");
    MUST(mkdir("one", 0700) == 0 && mkdir("two", 0700) == 0);
    write_identity("one/a", &two->a, NULL);
    write_identity("two/a", &two->b, NULL);
    settle();
    for (i = 0; i < 4; i++) {
        MUST(chdir(places[i]) == 0);
        held[i] = connect_holding(select_a(), i % 2 == 0 ? server_a : server_b);
        CHECK(X509_cmp(held[i].cert, i % 2 == 0 ? two->a.cert : two->b.cert) == 0);
        MUST(chdir("..") == 0);
    }
    for (i = 0; i < 4; i++)
        free_held(&held[i]);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void replace_a(const struct identity *identity)
{
    write_identity("new", identity, NULL);
    MUST(rename("new.crt", "a.crt") == 0 && rename("new.key", "a.key") == 0);
}

/* What is allocated, in bytes; valgrind and AddressSanitizer say 0 always. */
static size_t allocated(void)
{
    return mallinfo2().uordblks;
}

static void memory_stays_level(const struct two *two)
{
    /* The first rounds are for OpenSSL's own tables; the last ones are counted. */
    enum { QUICK = 100, WARM = 110, ROUNDS = 150, MOST_A_ROUND = 256 };
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, &two->ca_b, (void *)NULL);
    struct identity identities[2];
    size_t before = 0, after;
    /* Where nothing is counted a few of each kind do. */
    int counted = allocated() > 0, rounds = counted ? ROUNDS : QUICK + 5, i = counted ? 0 : QUICK - 5;

    subject("rotations leave nothing behind");
    identities[0] = two->a;
    identities[1] = new_leaf("a", &two->ca_a);
    certpick_cache_clear();
    for (; i < rounds; i++) {
        struct held first, second;

        if (i == WARM)
            before = allocated();
        replace_a(&identities[i % 2]);
        if (i >= QUICK)
            settle();
        first = connect_holding(new_selector("a.crt,b.crt", "a.key,b.key", NULL), server);
        second = connect_holding(new_selector("a.crt,b.crt", "a.key,b.key", NULL), server);
        CHECK(i < QUICK || first.key == second.key);
        CHECK(X509_cmp(first.cert, identities[i % 2].cert) == 0);
        free_held(&first);
        free_held(&second);
    }
    after = allocated();
    if (after > before && !CHECK(after - before < (ROUNDS - WARM) * MOST_A_ROUND))
        printf("    %ld bytes more after %d rotations\n", (long)(after - before), ROUNDS - WARM);
    replace_a(&two->a);
    free_identity(&identities[1]);
    SSL_CTX_free(server);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/* What is made under a program's own library context must not be found when that is gone. */
static void library_context(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new(), *usual;
    OSSL_PROVIDER *provider;
    certpick_selector *selector;
    struct held kept, again;

    MUST(own != NULL);
    MUST((provider = OSSL_PROVIDER_load(own, "default")) != NULL);
    certpick_cache_clear();
    settle();
    subject("what a thread reads under its own library context is not kept");
    usual = OSSL_LIB_CTX_set0_default(own);
    selector = select_a();
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
    OSSL_LIB_CTX_set0_default(usual);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);
    kept = connect_holding(select_a(), server);

    subject("a certificate that is in the cache is decoded for it, whoever uses it first");
    certpick_cache_clear();
    selector = select_a();
    own = OSSL_LIB_CTX_new();
    MUST(own != NULL && (provider = OSSL_PROVIDER_load(own, "default")) != NULL);
    usual = OSSL_LIB_CTX_set0_default(own);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK(OSSL_LIB_CTX_set0_default(usual) == own);
    certpick_selector_free(selector);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);
    free_held(&kept);
    kept = connect_holding(select_a(), server);

    subject("a thread with its own library context is not given what was kept");
    own = OSSL_LIB_CTX_new();
    MUST(own != NULL && (provider = OSSL_PROVIDER_load(own, "default")) != NULL);
    usual = OSSL_LIB_CTX_set0_default(own);
    note_frees();
    freed_count = 0;
    selector = select_a();
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
    /* Its own certificate's public key and its own private key. */
    CHECK(freed_count >= 2);
    OSSL_LIB_CTX_set0_default(usual);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(own);

    subject("the global context's thread goes on with what it had");
    again = connect_holding(select_a(), server);
    CHECK(again.cert == kept.cert && again.key == kept.key);
    free_held(&kept);
    free_held(&again);
    SSL_CTX_free(server);
}
#endif

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    note_frees();
    keys_are_freed(&two);
    library_context(&two);
#endif
    option(&two);
    working_directory(&two);
    memory_stays_level(&two);
    free_two(&two);
    return finish();
}
