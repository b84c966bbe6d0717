/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Disks that fail: reads of one file fail with EIO, or return one byte at a time and are
   interrupted. Runs with failing_reads.so in LD_PRELOAD. */
#include "picking.h"

#include <dlfcn.h>

/* Sets the end of the file name, and the error. 0: one byte at a time, and EINTR. NULL: no
   faults. */
static void (*fail_reads)(const char *file, int error);

static void certificates(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    certpick_cache_clear();
    subject("a read error of a certificate is reported with the system's text");
    fail_reads("/b.crt", 5);
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector),
               "entry 2: could not read certificate file \"b.crt\": Input/output error");
    CHECK_INT(certpick_selector_count(selector), 0);
    CHECK_INT(certpick_selector_add_issuers(selector, "b.crt"), CERTPICK_ERROR_FILE);

    subject("the cache keeps nothing of the failure");
    fail_reads(NULL, 0);
    CHECK_OK(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL));
    CHECK_OK(certpick_selector_validate(selector));
}

static void keys(const struct pki *pki, int version)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);

    certpick_cache_clear();
    subject("a read error of a key aborts the handshake and is reported with the system's text");
    fail_reads("/b.key", 5);
    CHECK_SELECTOR_FAILS(version, selector, server,
                         "entry 2: could not load private key file \"b.key\": Input/output error");

    subject("the handshake succeeds when the file can be read again");
    fail_reads(NULL, 0);
    CHECK_SELECTOR_SENDS(version, selector, server, pki->b.cert);
}

static void slow_reads(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);
    certpick_selector *selector;

    subject("interrupted and short reads are continued");
    certpick_cache_clear();
    fail_reads("/b.crt", 0);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    fail_reads("/b.key", 0);
    CHECK_SELECTOR_SENDS(version, selector, server, pki->b.cert);
    fail_reads(NULL, 0);
    certpick_selector_free(selector);
}

int main(void)
{
    struct pki pki;
    void *found = dlsym(RTLD_DEFAULT, "certpick_test_fail_reads");

    subject("failing_reads.so is loaded");
    MUST(found != NULL);
    memcpy(&fail_reads, &found, sizeof(found));
    set_up_pki(&pki, NULL);
    for (int i = 0; i < 2; i++) {
        certificates();
        keys(&pki, tls_versions[i]);
        slow_reads(&pki, tls_versions[i]);
    }
    return finish();
}
