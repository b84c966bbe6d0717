/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures selectors without a connection. Runs in the directory of the certificates:

       selector build N              counts, under callgrind, the instructions of a selector of N
                                     credentials: the first in the process, and a second one
       selector time N               the same in microseconds of CPU time; then the times of reading
                                     and parsing the certificates, of reading them, and of stat(2)
       selector parse[-keys] N       reads and parses N certificates, and their keys
       selector memory N files|keys  prints bytes per credential, without or with loaded keys:
                                     growth of the resident size, allocated bytes, and allocated
                                     bytes of a second selector */
#include <certpick.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counting.h"
#include "cpu.h"
#include "credentials.h"
#include "memory_link.h"

/* --- building ------------------------------------------------------------------------------ */

/* Builds, attaches (which builds the index) and frees a selector, as libpq does for a connection. */
static void build_once(SSL_CTX *ctx, const char *certificates, const char *keys)
{
    certpick_selector *selector = build_selector(certificates, keys);

    MUST(certpick_attach(ctx, selector) == CERTPICK_OK);
    certpick_selector_free(selector);
    SSL_CTX_free(ctx);
}

static SSL_CTX *new_client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    MUST(ctx != NULL);
    return ctx;
}

static void count_building(int n)
{
    char *certificates = list_names(n, ".crt"), *keys = list_names(n, ".key");
    SSL_CTX *ctx = new_client();

    warm_up(ctx);
    SSL_CTX_free(ctx);
    ctx = new_client();
    COUNT_BEGIN();
    build_once(ctx, certificates, keys);
    COUNT_END("cold");
    ctx = new_client();
    COUNT_BEGIN();
    build_once(ctx, certificates, keys);
    COUNT_END("warm");
    free(certificates);
    free(keys);
}

static void parse(const char *path)
{
    X509_free(read_certificate(path));
}

/* Reads a file without parsing it. */
static void just_read(const char *path)
{
    char bytes[16384];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    MUST(file >= 0 && fstat(file, &status) == 0);
    /* Until the end of the file. */
    while (read(file, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
    close(file);
}

/* The check of a selector for a changed file. */
static void just_stat(const char *path)
{
    struct stat status;

    MUST(stat(path, &status) == 0);
}

/* Returns the CPU time of calling a function with every name, in microseconds. */
static double of_each(char (*names)[16], int n, int times, void (*what)(const char *))
{
    long long begin = cpu();
    int i, j;

    for (j = 0; j < times; j++) {
        for (i = 0; i < n; i++)
            what(names[i]);
    }
    return (double)(cpu() - begin) / times;
}

static void time_building(int n)
{
    char *certificates = list_names(n, ".crt"), *keys = list_names(n, ".key");
    SSL_CTX *ctx = new_client();
    long long begin, cold, warm = 0;
    char(*names)[16] = calloc((size_t)n, sizeof(*names));
    int i, times = n > 1000 ? 1 : n == 1000 ? 3 : 2000 / n;

    MUST(names != NULL);
    for (i = 0; i < n - 1; i++)
        snprintf(names[i], sizeof(names[i]), "%d.crt", i + 1);
    strcpy(names[i], "site.crt");
    warm_up(ctx);
    SSL_CTX_free(ctx);
    ctx = new_client();
    begin = cpu();
    build_once(ctx, certificates, keys);
    cold = cpu() - begin;
    for (i = 0; i < times; i++) {
        ctx = new_client();
        begin = cpu();
        build_once(ctx, certificates, keys);
        warm += cpu() - begin;
    }
    printf("%lld %.1f ", cold, (double)warm / times);
    printf("%.1f %.1f %.1f\n", of_each(names, n, times, parse), of_each(names, n, times, just_read),
           of_each(names, n, times, just_stat));
    free(names);
    free(certificates);
    free(keys);
}

/* Reads and parses all certificates, for comparison. */
static void parse_all(int n, int with_keys)
{
    char path[32];
    int i;

    for (i = 1; i <= n; i++) {
        snprintf(path, sizeof(path), "%d.crt", i);
        parse(path);
        if (with_keys) {
            FILE *file;
            EVP_PKEY *key;

            snprintf(path, sizeof(path), "%d.key", i);
            MUST((file = fopen(path, "r")) != NULL);
            MUST((key = PEM_read_PrivateKey(file, NULL, NULL, NULL)) != NULL);
            fclose(file);
            EVP_PKEY_free(key);
        }
    }
}

/* --- memory -------------------------------------------------------------------------------- */

static long long allocated(void)
{
    struct mallinfo2 now = mallinfo2();

    return (long long)(now.uordblks + now.hblkhd);
}

static long long resident(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    MUST(file != NULL && fscanf(file, "%*d %lld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Both selectors exist at the end. The first one replaces the small selector of warm_up(). */
static void memory(int n, int with_keys)
{
    char *certificates = list_names(n, ".crt"), *keys = list_names(n, ".key");
    SSL_CTX *ctx[2] = {new_client(), new_client()};
    certpick_selector *selector;
    long long at[3], resident_before;
    int i;

    warm_up(ctx[0]);
    resident_before = resident();
    at[0] = allocated();
    for (i = 0; i < 2; i++) {
        selector = build_selector(certificates, keys);
        if (with_keys)
            MUST(certpick_selector_validate(selector) == CERTPICK_OK);
        MUST(certpick_attach(ctx[i], selector) == CERTPICK_OK);
        certpick_selector_free(selector);
        at[i + 1] = allocated();
        if (i == 0)
            printf("%.0f ", (double)(resident() - resident_before) / n);
    }
    printf("%.0f %.0f\n", (double)(at[1] - at[0]) / n, (double)(at[2] - at[1]) / n);
    for (i = 0; i < 2; i++)
        SSL_CTX_free(ctx[i]);
    free(certificates);
    free(keys);
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[2]) : 0;

    if (argc == 3 && strcmp(argv[1], "build") == 0)
        count_building(n);
    else if (argc == 3 && strcmp(argv[1], "time") == 0)
        time_building(n);
    else if (argc == 3 && strcmp(argv[1], "parse") == 0)
        parse_all(n, 0);
    else if (argc == 3 && strcmp(argv[1], "parse-keys") == 0)
        parse_all(n, 1);
    else if (argc == 4 && strcmp(argv[1], "memory") == 0)
        memory(n, strcmp(argv[3], "keys") == 0);
    else
        return 2;
    return 0;
}
