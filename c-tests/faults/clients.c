/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "clients.h"
#include "pkcs12.h"

#include <openssl/pem.h>
#include <sys/stat.h>

struct identity ca_a, ca_b, middle, clients[4];
struct identity ca_b_with_other_bytes;

#define CREDENTIAL(name, rule) "[[credential]]\n" rule "sslkey='" name ".key'\nsslcert='" name ".crt'\n"
/* Only the last credential may be sent to db.example. */
static const char configuration[] = "issuers='middle.crt'\n"
    CREDENTIAL("a", "hosts=['other.example', '127.0.0.1']\n")
    CREDENTIAL("flawed", "hosts=['*']\n")
    CREDENTIAL("bob", "users=['bob']\n")
    CREDENTIAL("alice", "hosts=['*.example']\nusers=['alice']\nverified=true\nsslpasswordfile='password'\n");

/* Writes a certificate that certpick leaves to OpenSSL, and its key. */
static void write_trusted(const char *name, const struct identity *identity)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s.crt", name);
    file = fopen(path, "w");
    MUST(file != NULL && PEM_write_X509_AUX(file, identity->cert) && fclose(file) == 0);
    snprintf(path, sizeof(path), "%s.key", name);
    write_key(path, identity->key, "secret");
}

/* Writes the same credentials, in the same order, to a directory. The one that is valid longest
   comes first. The directory also has a CA that could be taken for alice. */
static void write_directory(const struct identity *ca)
{
    make_directory("directory");
    write_identity("directory/a", &clients[A], "secret");
    write_trusted("directory/flawed", &clients[FLAWED]);
    write_trusted("directory/bob", &clients[BOB]);
    write_identity("directory/alice", &clients[ALICE], "secret");
    write_trusted("directory/ca", ca);
}

void write_clients(void)
{
    struct traits for_servers = {KEY_P256, "digitalSignature", "serverAuth", 0, 367};
    struct traits for_bob = {KEY_P256, "digitalSignature", "clientAuth", 0, 366};
    struct traits for_clients = {KEY_P256, "digitalSignature", "clientAuth", 0, 0};
    struct traits long_valid = {KEY_P256, NULL, NULL, 0, 368};
    struct identity ca;

    ca_a = new_root("CA A");
    ca_b = new_root("CA B");
    ca_b_with_other_bytes = new_root(" ca  b");
    middle = new_intermediate("Middle", &ca_b);
    ca = new_intermediate("alice", &ca_b);
    clients[A] = new_leaf_with("alice", &ca_a, &long_valid);
    clients[FLAWED] = new_leaf_with("alice", &ca_b, &for_servers);
    clients[BOB] = new_leaf_with("bob", &ca_b, &for_bob);
    clients[ALICE] = new_leaf_with("alice", &middle, &for_clients);
    write_identity("a", &clients[A], NULL);
    write_identity("flawed", &clients[FLAWED], NULL);
    write_identity("bob", &clients[BOB], NULL);
    write_identity("alice", &clients[ALICE], "secret");
    write_certs("middle.crt", middle.cert);
    write_text("password", "secret\n");
    write_text("certpick.toml", configuration);
    write_directory(&ca);
    write_pkcs12("all.p12", "secret", clients, COUNT(clients), middle.cert);
    make_directory("with-p12");
    write_pkcs12("with-p12/all.p12", "secret", clients, COUNT(clients), middle.cert);
    MUST(chmod("password", 0600) == 0 && chmod("certpick.toml", 0600) == 0);
}
