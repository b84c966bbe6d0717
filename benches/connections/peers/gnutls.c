/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GnuTLS with its own choice among the certificates. See client.h. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "client.h"

static gnutls_certificate_credentials_t credentials;

static void add(const char *certificate, const char *key)
{
    MUST_BE(gnutls_certificate_set_x509_key_file(credentials, certificate, key,
                                                 GNUTLS_X509_FMT_PEM) >= 0);
}

static void handshake(int socket)
{
    gnutls_session_t session;
    char byte;
    int result;

    MUST_BE(gnutls_init(&session, GNUTLS_CLIENT) == 0 && gnutls_set_default_priority(session) == 0);
    MUST_BE(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
    gnutls_session_set_verify_cert(session, "127.0.0.1", 0);
    gnutls_transport_set_int(session, socket);
    do
        result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result != 0)
        fprintf(stderr, "gnutls: %s\n", gnutls_strerror(result));
    MUST_BE(result == 0 && gnutls_record_recv(session, &byte, 1) == 1);
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
}

int main(int argc, char **argv)
{
    MUST_BE(argc == 5 && gnutls_certificate_allocate_credentials(&credentials) == 0);
    MUST_BE(gnutls_certificate_set_x509_trust_file(credentials, "root.crt", GNUTLS_X509_FMT_PEM) ==
            1);
    for_each_credential(argv[2], add);
    measure(argv, handshake);
    gnutls_certificate_free_credentials(credentials);
    return 0;
}
