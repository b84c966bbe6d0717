/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Passwords that the module reads from a file are wiped from the memory of the process. */
#include "passwords.h"
#include "two_cas.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

/* Not written by stdio, whose buffer would keep a copy. The first key has an empty line. */
static void write_passwords(const char *path)
{
    char lines[PASSWORD_LENGTH + 1] = "\n";
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    write_password(lines + 1);
    lines[PASSWORD_LENGTH] = '\n';
    MUST(file >= 0 && write(file, lines, sizeof(lines)) == (ssize_t)sizeof(lines) &&
         close(file) == 0);
    OPENSSL_cleanse(lines, sizeof(lines));
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    make_password();
    write_passwords("passwords");
    subject("the search finds nothing before the password is used");
    CHECK_INT(copies_in_memory(), 0);
    for (int i = 0; i < 2; i++) {
        for (enum form form = PKCS8; form < FORMS; form++) {
            SCOPED(SSL_CTX) *server_a = new_server(tls_versions[i], &pki.ca_a);
            SCOPED(SSL_CTX) *server_b = new_server(tls_versions[i], &pki.ca_b);
            SSL_CTX *client = new_client(tls_versions[i]);

            write_encrypted_key("b.key", pki.b.key, form);
            subject("the search finds a password that may still be used");
            CHECK_SENDS(client, server_a, pki.a.cert);
            CHECK(copies_in_memory() > 0);
            subject("memory does not contain the password after the SSL_CTX is freed");
            if (form == OTHER_PASSWORD)
                CHECK_FAILURE(client, server_b,
                              "entry 2: could not load private key file \"b.key\": ");
            else
                CHECK_SENDS(client, server_b, pki.b.cert);
            SSL_CTX_free(client);
            CHECK_INT(copies_in_memory(), 0);
        }
    }
    return finish();
}
