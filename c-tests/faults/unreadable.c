/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Disks that fail: reads of one file end with EIO, or give a byte at a time and are interrupted. To
   be run with failing_reads.so preloaded. */
#include "support.h"

#include "picking.h"

#include <dlfcn.h>

/* The name's end, and the error; 0: one byte at a time, with EINTR between. NULL: all is well. */
static void (*fail_reads)(const char *file, int error);

static void certificates(void)
{
    certpick_selector *selector = certpick_selector_new();

    certpick_cache_clear();
    subject("a certificate that cannot be read is an error with the system's words");
    fail_reads("/b.crt", 5);
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL),
              CERTPICK_ERROR_FILE);
    CHECK_TEXT(certpick_selector_error(selector),
               "entry 2: could not read certificate file \"b.crt\": Input/output error");
    CHECK_INT(certpick_selector_count(selector), 0);
    CHECK_INT(certpick_selector_add_issuers(selector, "b.crt"), CERTPICK_ERROR_FILE);

    subject("nothing of the failure is kept");
    fail_reads(NULL, 0);
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
}

static void keys(const struct two *two, int version)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;

    certpick_cache_clear();
    subject("a key that cannot be read ends the handshake, with the system's words");
    fail_reads("/b.key", 5);
    CHECK(!connect_picking(&link, version, selector, server));
    CHECK_TEXT(certpick_message(link.client),
               "entry 2: could not load private key file \"b.key\": Input/output error");
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    CHECK_ARRIVED(&link, (X509 *)NULL);
    close_link(&link);

    subject("when the disk is well again, so is the handshake");
    fail_reads(NULL, 0);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
}

static void slow_reads(const struct two *two, int version)
{
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    certpick_selector *selector;
    struct link link;

    subject("reads that are interrupted and give a byte at a time do");
    certpick_cache_clear();
    fail_reads("/b.crt", 0);
    selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    fail_reads("/b.key", 0);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    fail_reads(NULL, 0);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;
    void *found = dlsym(RTLD_DEFAULT, "certpick_test_fail_reads");
    int i;

    subject("the library that lets reads fail is there");
    MUST(found != NULL);
    memcpy(&fail_reads, &found, sizeof(found));
    enter_work_dir();
    make_two(&two);
    for (i = 0; i < 2; i++) {
        certificates();
        keys(&two, tls_versions[i]);
        slow_reads(&two, tls_versions[i]);
    }
    free_two(&two);
    return finish();
}
