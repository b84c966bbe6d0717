/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a selector costs, apart from any connection. In the directory of the certificates:

       selector choice N M one|all   instructions, under callgrind, of choosing among N credentials
                                     for a server that names M CAs, of which one or all issued one;
                                     M 0: as many as fit in a request. Prints M.
       selector build N              instructions, under callgrind, of a selector of N credentials:
                                     the first in the process, and one after that
       selector time N               the same in microseconds of CPU (user and system); then those of
                                     reading and parsing the certificates, of reading their bytes,
                                     of stat(2) on each
       selector parse[-keys] N       reads and parses N certificates, and their keys
       selector memory N files|keys  bytes per credential: by how much the process grows for a
                                     selector of N, how much of it is allocated, and how much more
                                     for a second one; with all keys loaded or without */
#include <certpick.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "memory_link.h"

/* A request's extensions have at most 65,535 bytes, of which the names get these. */
#define MOST_NAME_BYTES 65000
#define SITE_ISSUER "Client CA 0"

#define COUNT_BEGIN()                                                                              \
    do {                                                                                           \
        CALLGRIND_START_INSTRUMENTATION;                                                           \
        CALLGRIND_ZERO_STATS;                                                                      \
    } while (0)
#define COUNT_END(name)                                                                            \
    do {                                                                                           \
        CALLGRIND_STOP_INSTRUMENTATION;                                                            \
        CALLGRIND_DUMP_STATS_AT(name);                                                             \
    } while (0)

/* "1.crt,2.crt,...,site.crt": count names, the last of which is that of the site. */
static char *list(int count, const char *suffix)
{
    char *text = malloc((size_t)count * 16 + 16), *end = text;
    int i;

    MUST(text != NULL);
    for (i = 1; i < count; i++)
        end += sprintf(end, "%d%s,", i, suffix);
    sprintf(end, "site%s", suffix);
    return text;
}

static certpick_selector *build(const char *certificates, const char *keys)
{
    certpick_selector *selector = certpick_selector_new();

    if (certpick_selector_add_lists(selector, certificates, keys, NULL) != CERTPICK_OK) {
        fprintf(stderr, "selector: %s\n", certpick_selector_error(selector));
        exit(1);
    }
    return selector;
}

/* So that what OpenSSL does once in a process has been done. */
static void warm_up(SSL_CTX *ctx)
{
    certpick_selector *selector = build("rsa.crt", "rsa.key");

    MUST(certpick_selector_validate(selector) == CERTPICK_OK);
    MUST(certpick_attach(ctx, selector) == CERTPICK_OK);
    certpick_selector_free(selector);
}

/* --- the choice ---------------------------------------------------------------------------- */

static struct {
    certpick_selector *selector;
    X509 **leaves; /* for comparing each with each */
    int count;
    enum { QUIETLY, CHOICE, EACH_WITH_EACH } now;
} choosing;

static int each_with_each(SSL *ssl)
{
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
    int i, j, found = 0;

    for (i = 0; i < choosing.count; i++) {
        for (j = 0; j < sk_X509_NAME_num(names); j++) {
            if (X509_NAME_cmp(X509_get_issuer_name(choosing.leaves[i]), sk_X509_NAME_value(names, j)) == 0) {
                found++;
                break;
            }
        }
    }
    return found;
}

static int choose(SSL *ssl, void *arg)
{
    certpick_status status;

    (void)arg;
    if (choosing.now == EACH_WITH_EACH) {
        COUNT_BEGIN();
        MUST(each_with_each(ssl) > 0);
        COUNT_END("each with each");
    }
    if (choosing.now == CHOICE)
        COUNT_BEGIN();
    status = certpick_select(ssl, choosing.selector);
    if (choosing.now == CHOICE)
        COUNT_END("choice");
    return status == CERTPICK_OK;
}

static X509 *read_certificate(const char *name)
{
    FILE *file = fopen(name, "r");
    X509 *cert = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    MUST(cert != NULL);
    fclose(file);
    return cert;
}

static X509_NAME *ca_name(const char *words, int number)
{
    X509_NAME *name = X509_NAME_new();
    char text[64];

    snprintf(text, sizeof(text), "%s CA %d", words, number);
    MUST(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1, -1, 0));
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0));
    return name;
}

/* Strangers, and the site's at the end; or those of the credentials. 0: as many as fit. */
static STACK_OF(X509_NAME) *ca_names(int count, int all)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    int i, bytes = 0;

    for (i = 1; count == 0 ? bytes < MOST_NAME_BYTES - 256 : i < count; i++) {
        X509_NAME *name = ca_name(all ? "Client" : "Other", i);

        bytes += 2 + i2d_X509_NAME(name, NULL);
        MUST(sk_X509_NAME_push(names, name) > 0);
    }
    MUST(sk_X509_NAME_push(names, ca_name("Client", 0)) > 0);
    MUST(bytes < MOST_NAME_BYTES);
    return names;
}

/* The client's part of one handshake. */
static void handshake(SSL_CTX *client, SSL_CTX *server)
{
    struct memory_link link;

    open_memory_link(&link, client, server);
    MUST(shake_hands(&link));
    MUST(certpick_outcome(link.client) == CERTPICK_OUTCOME_SENT);
    close_memory_link(&link);
}

static void choice(int n, int m, int all)
{
    char *certificates = list(n, ".crt"), *keys = list(n, ".key"), *left = certificates, *name;
    STACK_OF(X509_NAME) *names = ca_names(m, all);
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server = new_memory_server("server.crt", "server.key", names);
    certpick_selector *selector = build(certificates, keys);

    m = sk_X509_NAME_num(names);
    choosing.selector = selector;
    choosing.count = n;
    MUST((choosing.leaves = calloc((size_t)n, sizeof(*choosing.leaves))) != NULL);
    for (n = 0; n < choosing.count; n++) {
        name = left;
        if ((left = strchr(left, ',')) != NULL)
            *left++ = '\0';
        choosing.leaves[n] = read_certificate(name);
    }
    SSL_CTX_set_cert_cb(client, choose, NULL);
    handshake(client, server); /* loads the key */
    choosing.now = CHOICE;
    handshake(client, server);
    if ((long)m * choosing.count <= 1000000) {
        choosing.now = EACH_WITH_EACH;
        handshake(client, server);
    }
    printf("%d\n", m);
    for (n = 0; n < choosing.count; n++)
        X509_free(choosing.leaves[n]);
    free(choosing.leaves);
    certpick_selector_free(selector);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    free(certificates);
    free(keys);
}

/* --- building ------------------------------------------------------------------------------ */

/* As for a connection of libpq: built, attached (which makes the index), freed. */
static void build_once(SSL_CTX *ctx, const char *certificates, const char *keys)
{
    certpick_selector *selector = build(certificates, keys);

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
    char *certificates = list(n, ".crt"), *keys = list(n, ".key");
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

static long long cpu(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return 1000000LL * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
}

static void parse(const char *path)
{
    X509_free(read_certificate(path));
}

/* The bytes alone, with the system calls that it takes. */
static void just_read(const char *path)
{
    char bytes[16384];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    MUST(file >= 0 && fstat(file, &status) == 0);
    while (read(file, bytes, sizeof(bytes)) > 0)
        ;
    close(file);
}

/* What a selector does to see that nothing has changed. */
static void just_look(const char *path)
{
    struct stat status;

    MUST(stat(path, &status) == 0);
}

/* CPU time of doing it with all of them, in microseconds. */
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
    char *certificates = list(n, ".crt"), *keys = list(n, ".key");
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
           of_each(names, n, times, just_look));
    free(names);
    free(certificates);
    free(keys);
}

/* The plain way of whoever looks at all of them. */
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

/* Both selectors live at the end. ctx[0] was the one to warm up with: it replaces a small selector. */
static void memory(int n, int with_keys)
{
    char *certificates = list(n, ".crt"), *keys = list(n, ".key");
    SSL_CTX *ctx[2] = {new_client(), new_client()};
    certpick_selector *selector;
    long long at[3], resident_before;
    int i;

    warm_up(ctx[0]);
    resident_before = resident();
    at[0] = allocated();
    for (i = 0; i < 2; i++) {
        selector = build(certificates, keys);
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

    if (argc == 5 && strcmp(argv[1], "choice") == 0)
        choice(n, atoi(argv[3]), strcmp(argv[4], "all") == 0);
    else if (argc == 3 && strcmp(argv[1], "build") == 0)
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
