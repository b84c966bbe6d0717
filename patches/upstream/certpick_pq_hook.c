/* SPDX-License-Identifier: PostgreSQL */
/* Lists of client certificates for a libpq that has PQsetSSLClientCertHook_OpenSSL (see README.md).
   A program calls PQsetSSLClientCertHook_OpenSSL(certpick_pq_hook) before it connects. Compiled as a
   shared library that is loaded by LD_PRELOAD or dlopen(3), this file does that itself:

       cc -shared -fPIC -o certpick_pq_hook.so certpick_pq_hook.c -lcertpick -lpq */
#include <certpick.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program that loads this file may start another whose libpq has no hook. */
#pragma weak PQsetSSLClientCertHook_OpenSSL
#pragma weak PQgetSSLClientCertHook_OpenSSL

static int key_password(char *buf, int size, const char *key_file, void *conn)
{
    PQsslKeyPassHook_OpenSSL_type hook = PQgetSSLKeyPassHook_OpenSSL();
    int length = hook != NULL ? hook(buf, size, conn) : 0;

    (void)key_file;
    return length > 0 ? length : -1;
}

/* The value of a connection parameter, or NULL. */
static const char *value(const PQconninfoOption *option, const char *keyword)
{
    for (; option != NULL && option->keyword != NULL; option++)
        if (strcmp(option->keyword, keyword) == 0)
            return option->val != NULL && option->val[0] != '\0' ? option->val : NULL;
    return NULL;
}

int certpick_pq_hook(PGsslClientCertEvent event, PGconn *conn, void *ssl, char *errbuf, int size)
{
    if (event == PQSSLCLIENTCERT_DONE) {
        int32_t outcome = certpick_outcome(ssl);

        if (outcome == CERTPICK_OUTCOME_NONE_SUITABLE || outcome == CERTPICK_OUTCOME_FAILED)
            snprintf(errbuf, (size_t)size, "%s", certpick_message(ssl));
        return outcome == CERTPICK_OUTCOME_FAILED ? -1 : 1;
    }

    PQconninfoOption *options = PQconninfo(conn);
    const char *cert = value(options, "sslcert"), *key = value(options, "sslkey");
    const char *home = getenv("HOME");
    char file[4096];
    int result = 0;

    if (options == NULL) /* out of memory */
        return -1;
    if (certpick_handles(cert, key) && cert == NULL && home == NULL) {
        snprintf(errbuf, (size_t)size, "could not find the certificate file: HOME and sslcert are not set");
        result = -1;
    } else if (certpick_handles(cert, key)) {
        certpick_selector *selector = certpick_selector_new();
        certpick_status status = selector != NULL ? CERTPICK_OK : CERTPICK_ERROR_MEMORY;

        if (status == CERTPICK_OK && PQgetSSLKeyPassHook_OpenSSL() != NULL)
            status = certpick_selector_set_password_callback(selector, key_password, conn);
        if (status == CERTPICK_OK && cert != NULL)
            status = certpick_selector_add_lists(selector, cert, key, value(options, "sslpassword"));
        else if (status == CERTPICK_OK) { /* a URI in sslkey: libpq's default certificate */
            snprintf(file, sizeof(file), "%s/.postgresql/postgresql.crt", home);
            status = certpick_selector_add_source(selector, file, key, value(options, "sslpassword"));
        }
        if (status == CERTPICK_OK)
            status = certpick_attach(SSL_get_SSL_CTX(ssl), selector); /* keeps a reference */
        if (status == CERTPICK_OK)
            status = certpick_set_peer(ssl, PQhost(conn), PQuser(conn));
        if (status != CERTPICK_OK) {
            const char *text = certpick_selector_error(selector);

            snprintf(errbuf, (size_t)size, "%s", *text != '\0' ? text : certpick_status_text(status));
        }
        certpick_selector_free(selector);
        result = status == CERTPICK_OK ? 1 : -1;
    }
    PQconninfoFree(options);
    return result;
}

__attribute__((constructor)) static void install(void)
{
    if (PQsetSSLClientCertHook_OpenSSL != NULL && PQgetSSLClientCertHook_OpenSSL() == NULL)
        PQsetSSLClientCertHook_OpenSSL(certpick_pq_hook);
}
