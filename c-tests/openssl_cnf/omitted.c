/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* If OpenSSL does not send the chosen certificate, an explanation says so. The argument is the file of the
   setting explain_file; explain is "always". */
#include "two_cas.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *explained;

/* Reads what was written since the last call. */
static void read_explanations(const char *path)
{
    size_t length;

    free(explained);
    explained = read_file(path, &length);
    MUST(unlink(path) == 0);
}

static int count(const char *part)
{
    int found = 0;

    for (const char *at = explained; (at = strstr(at, part)) != NULL; at++)
        found++;
    return found;
}

/* Adds signature_algorithms_cert (RFC 8446, section 4.2.3), which OpenSSL's servers do not send. OpenSSL's
   clients compare it with the signature of the certificate after the callbacks. */
static int only_sha384(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                       size_t *length, X509 *x, size_t index, int *alert, void *arg)
{
    static const unsigned char ecdsa_secp384r1_sha384[] = {0, 2, 5, 3};

    (void)ssl, (void)type, (void)context, (void)x, (void)index, (void)alert, (void)arg;
    *out = ecdsa_secp384r1_sha384;
    *length = sizeof(ecdsa_secp384r1_sha384);
    return 1;
}

int main(int argc, char **argv)
{
    struct pki pki;

    MUST(argc == 2);
    set_up_pki(&pki, "secret");

    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL_CTX) *server_a = new_server(TLS1_3_VERSION, &pki.ca_a);
    SCOPED(SSL_CTX) *sha384 = new_server(TLS1_3_VERSION, &pki.ca_a);

    MUST(SSL_CTX_add_custom_ext(sha384, TLSEXT_TYPE_signature_algorithms_cert,
                                SSL_EXT_TLS1_3_CERTIFICATE_REQUEST, only_sha384, NULL, NULL, NULL,
                                NULL));
    for (int i = 0; i < 2; i++) {
        subject("a certificate that was sent is explained once");
        CHECK_SENDS(client, server_a, pki.a.cert);
        read_explanations(argv[1]);
        CHECK_INT(count("certpick sent credential 1 of 2."), 1);
        CHECK_INT(count("certpick sent no certificate."), 0);

        subject("a second explanation says that OpenSSL did not send the certificate");
        CHECK_SENDS(client, sha384, NULL);
        read_explanations(argv[1]);
        CHECK_INT(count("certpick sent credential 1 of 2."), 1);
        CHECK_INT(count("certpick sent no certificate."), 1);
        CHECK_INT(count("it was chosen, but OpenSSL did not send it"), 1);
    }
    free(explained);
    return finish();
}
