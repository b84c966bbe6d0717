/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Directories and PKCS#12 files at their limits and beyond them. */
#include "entries.h"

#include <unistd.h>

static struct pki pki;

static void many_files(void)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    char name[64];

    make_directory("many");
    for (int i = 1; i <= 1000; i++) {
        snprintf(name, sizeof(name), "%04d", i);
        make_pair("many", name, i == 777 ? &pki.b : &pki.a);
    }
    subject("a directory may have 1,000 files with certificates");
    CHECK_OK(status_of("many", NULL, NULL, NULL));
    check_new("many", NULL, server, pki.b.cert);
    make_pair("many", "1001", &pki.b);
    subject("a directory with more files is refused");
    CHECK_INT(status_of("many", NULL, NULL, "\"many\": it holds more than 1000 files"),
              CERTPICK_ERROR_FILE);

    make_directory("names");
    make_pair("names", "b", &pki.b);
    for (int i = 3; i <= 10000; i++) {
        snprintf(name, sizeof(name), "names/%d", i);
        write_text(name, "");
    }
    subject("a directory may have 10,000 files");
    CHECK_OK(status_of("names", NULL, NULL, NULL));
    write_text("names/.hidden", "");
    CHECK_INT(status_of("names", NULL, NULL, "it holds more than 10000 files"),
              CERTPICK_ERROR_FILE);
}

/* Writes a file of this length without data. */
static void write_long(const char *path, off_t length)
{
    static const char start[] = "\x30\x84\x7f\xff\xff\xff\x02\x01\x03\x30";

    write_file(path, start, sizeof(start) - 1, 0600);
    MUST(truncate(path, length) == 0);
}

/* Returns a SafeContents bag that contains n others, each in the previous one. */
static unsigned char *nested(int n, size_t *length)
{
    static const unsigned char oid[] = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x06";
    unsigned char *der = calloc(1, (size_t)n * 40 + 64), head[40];
    size_t size = 0;

    MUST(der != NULL);
    /* Each step puts what there is into [0], a bag, and a SafeContents. */
    for (int i = 0; i < n; i++) {
        size_t used = 0, inner = size;
        const size_t sizes[] = {inner, inner + 6 + 13, inner + 6 + 13 + 6};
        const unsigned char tags[] = {0xa0, 0x30, 0x30};

        for (int j = 2; j >= 0; j--) {
            head[used++] = tags[j];
            head[used++] = 0x84;
            for (int shift = 24; shift >= 0; shift -= 8)
                head[used++] = (unsigned char)(sizes[j] >> shift);
            if (j == 1) {
                memcpy(head + used, oid, 13);
                used += 13;
            }
        }
        memmove(der + used, der, size);
        memcpy(der, head, used);
        size += used;
    }
    *length = size;
    return der;
}

/* Writes a PFX with this AuthenticatedSafe content. */
static void write_pfx(const char *path, const unsigned char *safe_contents, size_t length)
{
    static const unsigned char data[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    unsigned char *der = calloc(1, length + 128);
    size_t size = length;
    /* OCTET STRING, [0], ContentInfo, AuthenticatedSafe, OCTET STRING, [0], ContentInfo. */
    static const struct {
        unsigned char tag;
        int has_oid;
    } steps[] = {{0x04, 0}, {0xa0, 1}, {0x30, 0}, {0x30, 0},
                 {0x04, 0}, {0xa0, 1}, {0x30, 2}, {0x30, 0}};

    MUST(der != NULL);
    memcpy(der, safe_contents, length);
    for (size_t i = 0; i < COUNT(steps); i++) {
        unsigned char head[32];
        size_t used = 0;

        if (steps[i].has_oid == 1) {
            memcpy(head, data, 11);
            used = 11;
        }
        head[used++] = steps[i].tag;
        head[used++] = 0x84;
        for (int shift = 24; shift >= 0; shift -= 8)
            head[used++] = (unsigned char)(size >> shift);
        if (steps[i].has_oid == 2) {
            memmove(head + 3, head, used);
            memcpy(head, "\x02\x01\x03", 3);
            used += 3;
        }
        memmove(der + used, der, size);
        memcpy(der, head, used);
        size += used;
    }
    write_file(path, der, size, 0600);
    free(der);
}

static void large_pkcs12(void)
{
    struct identity ids[257];
    struct identity ca = new_root("CA C");
    size_t length;
    unsigned char *der;

    subject("a PKCS#12 file that is too long is refused");
    write_long("long.p12", (16 << 20) + 1);
    CHECK_INT(status_of("long.p12", NULL, NULL, "it is larger than 16 MiB"), CERTPICK_ERROR_FILE);
    write_long("long.p12", 16 << 20);
    CHECK_INT(status_of("long.p12", NULL, NULL, "it is damaged, or not a PKCS#12 file"),
              CERTPICK_ERROR_CERTIFICATE);
    subject("a PKCS#12 file with very deep bags is refused");
    for (int depth = 1; depth <= 30000; depth = depth * 10 + 1) {
        der = nested(depth, &length);
        write_pfx("deep.p12", der, length);
        CHECK(status_of("deep.p12", NULL, NULL, "\"deep.p12\": ") != CERTPICK_OK);
        free(der);
    }
    subject("a PKCS#12 file may have 256 keys");
    for (size_t i = 0; i < COUNT(ids); i++)
        ids[i] = new_leaf("one of many", i == 99 ? &pki.ca_b : &ca);
    write_pkcs12("keys.p12", "secret", ids, 256, NULL);
    CHECK_OK(status_of("keys.p12", NULL, "secret", NULL));
    {
        SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
        SCOPED(certpick_selector) *selector = new_selector("keys.p12", NULL, "secret");

        CHECK_INT(certpick_selector_count(selector), 256);
        CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, ids[99].cert);
    }
    write_pkcs12("keys.p12", "secret", ids, 257, NULL);
    CHECK_INT(status_of("keys.p12", NULL, "secret", "it holds more than 256 private keys"),
              CERTPICK_ERROR_CERTIFICATE);
    for (size_t i = 0; i < COUNT(ids); i++)
        free_identity(&ids[i]);
}

int main(void)
{
    set_up_pki(&pki, NULL);
    many_files();
    large_pkcs12();
    return finish();
}
