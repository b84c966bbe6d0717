/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts, under callgrind, the instructions of the choice among N credentials for a server that
   names M CAs. Runs in the directory of the certificates:

       choice N M one|all [CONFIG]   the CAs issued one or all of the credentials. With M = 0 the request
                                     names as many CAs as fit, with M = none it names none. Prints the
                                     number. CONFIG has the same credentials with rules; the host is
                                     dbN.example. */
#include <certpick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "credentials.h"
#include "memory_link.h"

/* The extensions of a request have at most 65,535 bytes, which leaves room for two more names. */
#define MAX_NAME_BYTES 64700

static struct {
    certpick_selector *selector;
    char host[32]; /* for rules, or empty */
    X509 **leaves; /* for each_with_each() */
    int count;
    enum { QUIETLY, CHOICE, EACH_WITH_EACH } now;
} choosing;

static int each_with_each(SSL *ssl)
{
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
    int i, j, found = 0;

    for (i = 0; i < choosing.count; i++) {
        for (j = 0; j < sk_X509_NAME_num(names); j++) {
            if (X509_NAME_cmp(X509_get_issuer_name(choosing.leaves[i]),
                              sk_X509_NAME_value(names, j)) == 0) {
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

/* Returns the issuers of all credentials, or names of other CAs followed by the issuer of the last
   credential. If count is 0, as many as fit. */
static STACK_OF(X509_NAME) *ca_names(int count, int all)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    int last = choosing.count - 1, i, bytes = 0;

    if (all && (count == 0 || count > choosing.count))
        count = choosing.count;
    for (i = 0; bytes < MAX_NAME_BYTES && (count == 0 || i < count - 1); i++) {
        X509_NAME *name =
            all ? X509_NAME_dup(X509_get_issuer_name(choosing.leaves[i])) : stranger(i + 1);

        bytes += 2 + i2d_X509_NAME(name, NULL);
        MUST(sk_X509_NAME_push(names, name) > 0);
    }
    MUST(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_issuer_name(choosing.leaves[last]))) > 0);
    return names;
}

/* Performs one handshake. */
static void handshake(SSL_CTX *client, SSL_CTX *server)
{
    struct memory_link link;

    open_memory_link(&link, client, server);
    if (choosing.host[0] != '\0')
        MUST(certpick_set_peer(link.client, choosing.host, "app") == CERTPICK_OK);
    MUST(shake_hands(&link));
    MUST(certpick_outcome(link.client) == CERTPICK_OUTCOME_SENT);
    close_memory_link(&link);
}

static void read_leaves(const char *certificates)
{
    char *copy = strdup(certificates), *name = strtok(copy, ",");

    for (; name != NULL; name = strtok(NULL, ",")) {
        choosing.leaves =
            realloc(choosing.leaves, ((size_t)choosing.count + 1) * sizeof(*choosing.leaves));
        MUST(choosing.leaves != NULL);
        choosing.leaves[choosing.count++] = read_certificate(name);
    }
    free(copy);
}

static certpick_selector *build_with_rules(const char *config)
{
    certpick_selector *selector = certpick_selector_new();

    if (certpick_selector_add_config(selector, config) != CERTPICK_OK) {
        fprintf(stderr, "choice: %s\n", certpick_selector_error(selector));
        exit(1);
    }
    return selector;
}

static void choice(int n, int m, int all, const char *config)
{
    char *certificates = list_names(n, ".crt"), *keys = list_names(n, ".key");
    STACK_OF(X509_NAME) *names;
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server;
    int i;

    choosing.selector = config != NULL ? build_with_rules(config) : build_selector(certificates, keys);
    if (config != NULL)
        snprintf(choosing.host, sizeof(choosing.host), "db%d.example", n);
    read_leaves(certificates);
    names = m >= 0 ? ca_names(m, all) : sk_X509_NAME_new_null();
    m = sk_X509_NAME_num(names);
    server = new_memory_server("server.crt", "server.key", names);
    SSL_CTX_set_cert_cb(client, choose, NULL);
    handshake(client, server); /* loads the key */
    choosing.now = CHOICE;
    handshake(client, server);
    if (m > 0 && (long)m * choosing.count <= 1000000) {
        choosing.now = EACH_WITH_EACH;
        handshake(client, server);
    }
    printf("%d\n", m);
    for (i = 0; i < choosing.count; i++)
        X509_free(choosing.leaves[i]);
    free(choosing.leaves);
    certpick_selector_free(choosing.selector);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    free(certificates);
    free(keys);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: choice N M|none one|all [CONFIG]\n");
        return 2;
    }
    choice(atoi(argv[1]), strcmp(argv[2], "none") == 0 ? -1 : atoi(argv[2]), strcmp(argv[3], "all") == 0, argv[4]);
    return 0;
}
