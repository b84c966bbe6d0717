/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library is loaded at run time, attached and unloaded. Its callbacks work after that. This
   program is not linked with certpick and uses only constants and types of its header. */
#include "handshake.h"

#include <certpick.h>
#include <dlfcn.h>

/* ISO C has no conversion from an object pointer to a function pointer. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    MUST(found != NULL);
    memcpy(function, &found, sizeof(found));
}

static void load_attach_unload(SSL_CTX *client, int by_cert_cb)
{
    certpick_selector *(*new_selector)(void);
    void (*free_selector)(certpick_selector *);
    certpick_status (*add_lists)(certpick_selector *, const char *, const char *, const char *);
    certpick_status (*attach)(SSL_CTX *, certpick_selector *);
    certpick_selector *selector;
    void *library = dlopen(CERTPICK_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        printf("%s\n", dlerror());
    MUST(library != NULL);
    find(library, "certpick_selector_new", &new_selector);
    find(library, "certpick_selector_free", &free_selector);
    find(library, "certpick_selector_add_lists", &add_lists);
    find(library, by_cert_cb ? "certpick_attach_cert_cb" : "certpick_attach", &attach);
    selector = new_selector();
    CHECK_INT(add_lists(selector, "a.crt,b.crt", "a.key,b.key", ",secret"), CERTPICK_OK);
    CHECK_INT(attach(client, selector), CERTPICK_OK);
    free_selector(selector);
    CHECK_INT(dlclose(library), 0);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 4; i++) {
        SCOPED(SSL_CTX) *client = new_client(tls_versions[i / 2]);
        SCOPED(SSL_CTX) *server = new_server(tls_versions[i / 2], &pki.ca_b);

        subject("a handshake after dlclose sends a certificate");
        load_attach_unload(client, i % 2);
        CHECK_SENDS(client, server, pki.b.cert);
    }
    return finish();
}
