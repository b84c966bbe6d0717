/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Passwords that the module reads from a file: this process' memory is searched for one. */
#include "support.h"

#include "passwords.h"
#include "two_cas.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

/* Past stdio, which would keep a copy. An empty line for the first key. */
static void write_passwords(const char *path)
{
    char lines[PASSWORD_LENGTH + 1] = "\n";
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    write_password(lines + 1);
    lines[PASSWORD_LENGTH] = '\n';
    MUST(file >= 0 && write(file, lines, sizeof(lines)) == (ssize_t)sizeof(lines) && close(file) == 0);
    OPENSSL_cleanse(lines, sizeof(lines));
}

int main(void)
{
    struct two two;
    enum form form;
    int i;

    make_two(&two);
    make_password();
    write_passwords("passwords");
    subject("the search does not find what is not there");
    CHECK_INT(copies_in_memory(), 0);
    for (i = 0; i < 2; i++) {
        for (form = PKCS8; form < FORMS; form++) {
            SSL_CTX *server_a = new_server(tls_versions[i], &two.ca_a, (void *)NULL);
            SSL_CTX *server_b = new_server(tls_versions[i], &two.ca_b, (void *)NULL);
            SSL_CTX *client = new_client(tls_versions[i]);

            write_encrypted_key("b.key", two.b.key, form);
            subject("the search finds a password that may still be needed");
            CHECK_MEETING(client, server_a, two.a.cert);
            CHECK(copies_in_memory() > 0);
            subject("when the SSL_CTX is gone, no memory has the password");
            if (form == OTHER_PASSWORD)
                CHECK_FAILURE(client, server_b, "entry 2: could not load private key file \"b.key\": ");
            else
                CHECK_MEETING(client, server_b, two.b.cert);
            SSL_CTX_free(client);
            CHECK_INT(copies_in_memory(), 0);
            SSL_CTX_free(server_a);
            SSL_CTX_free(server_b);
        }
    }
    free_two(&two);
    return finish();
}
