/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A selector whose key is in a token. The arguments are the part, the file of the certificate, the
   key's URI, the PIN, and the file of the CA. */
#include "parallel.h"
#include "picking.h"

#include <openssl/err.h>
#include <openssl/pem.h>

enum { HANDSHAKES = 40 };

static const char *cert_file, *uri, *pin;
static X509 *cert;
static struct identity ca;
static SSL_CTX *servers[2];

static void connect_twice(certpick_selector *selector)
{
    for (int i = 0; i < 2; i++)
        CHECK_SELECTOR_SENDS(tls_versions[i], selector, servers[i], cert);
}

static void once(void)
{
    SCOPED(certpick_selector) *selector = new_selector(cert_file, uri, pin);
    SCOPED(certpick_selector) *other = new_selector(cert_file, uri, pin);

    subject("a process logs in once");
    CHECK_OK(certpick_selector_validate(selector));
    connect_twice(selector);
    connect_twice(other);
}

static void forked(void)
{
    SCOPED(certpick_selector) *selector = new_selector(cert_file, uri, pin);
    pid_t child;

    connect_twice(selector);
    child = fork_child();
    subject(child == 0 ? "the child process uses the token" : "the parent process uses the token");
    connect_twice(selector);
    if (child == 0) {
        SCOPED(certpick_selector) *own = new_selector(cert_file, uri, pin);

        connect_twice(own);
        ignore_open_files();
        exit(finish());
    }
    check_child(child);
    connect_twice(selector);
}

/* Each thread uses the shared selector and its own one. The provider queues errors while a thread
   signs, although the handshake succeeds, so the queue is not checked. */
static void *connect_often(void *job)
{
    certpick_selector *shared = *(certpick_selector **)job;

    for (int i = 0; i < HANDSHAKES; i++) {
        SCOPED(certpick_selector) *own = new_selector(cert_file, uri, pin);
        struct link link;

        CHECK(connect_selector(&link, tls_versions[i % 2], i / 2 % 2 == 0 ? shared : own,
                               servers[i % 2]));
        CHECK_ARRIVED(&link, cert);
        close_link(&link);
    }
    return NULL;
}

static void run_threads(certpick_selector *selector)
{
    certpick_selector *jobs[MAX_THREADS];

    for (int i = 0; i < MAX_THREADS; i++)
        jobs[i] = selector;
    run_in_threads(MAX_THREADS, connect_often, jobs, sizeof jobs[0]);
}

static void threads(void)
{
    SCOPED(certpick_selector) *selector = new_selector(cert_file, uri, pin);

    subject("threads that load keys of a token at the same time can connect");
    run_threads(selector);
}

static void threads_later(void)
{
    SCOPED(certpick_selector) *selector = new_selector(cert_file, uri, pin);

    subject("threads that use a loaded key of a token at the same time can connect");
    connect_twice(selector);
    run_threads(selector);
}

static void wrong(void)
{
    subject("a PIN that the token has refused is not tried again");
    for (int i = 0; i < 2; i++) {
        SCOPED(certpick_selector) *selector = new_selector(cert_file, uri, pin);

        CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
        ERR_clear_error();
        CHECK_SELECTOR_FAILS(tls_versions[i], selector, servers[i], "");
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {
        {"once", once},
        {"fork", forked},
        {"threads", threads},
        {"threads later", threads_later},
        {"wrong", wrong},
    };

    MUST(argc == 6);
    cert_file = argv[2];
    uri = argv[3];
    pin = argv[4];
    /* The first selector opens the token. If the process had used an EC key before, the provider
       would verify the servers' signatures, unless openssl.cnf loads the module early. */
    certpick_selector_free(new_selector(cert_file, uri, pin));
    cert = read_certificate(argv[2]);
    ca.cert = read_certificate(argv[5]);
    for (int i = 0; i < 2; i++)
        servers[i] = new_server(tls_versions[i], &ca);
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            parts[i].run();
    for (int i = 0; i < 2; i++)
        SSL_CTX_free(servers[i]);
    X509_free(cert);
    X509_free(ca.cert);
    ignore_open_files(); /* the token's */
    return finish();
}
