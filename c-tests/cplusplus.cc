// SPDX-License-Identifier: MIT OR Apache-2.0
// The header, and a handshake, in C++.
#include "picking.h"

#include <memory>
#include <string>

namespace {

struct FreeSelector {
    void operator()(certpick_selector *selector) const { certpick_selector_free(selector); }
};

int answer(char *buf, int size, const char *key_file, void *arg)
{
    const std::string &password = *static_cast<const std::string *>(arg);

    if (std::string(key_file) != "b.key" || static_cast<std::size_t>(size) < password.size())
        return -1;
    return static_cast<int>(password.copy(buf, password.size()));
}

void handshake(const pki &pki, int version)
{
    std::unique_ptr<certpick_selector, FreeSelector> selector(certpick_selector_new());
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki.ca_b);
    std::string password = "secret";
    struct link link;

    subject("a C++ program sends its certificate");
    CHECK_OK(certpick_selector_set_password_callback(selector.get(), answer, &password));
    CHECK_OK(certpick_selector_add_lists(selector.get(), "a.crt,b.crt", "a.key,b.key", nullptr));
    CHECK_OK(certpick_attach(client, selector.get()));
    CHECK_CONNECTS(&link, client, server, pki.b.cert);
    CHECK_DECISION(link.client, CERTPICK_OUTCOME_SENT, 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

} // namespace

int main()
{
    pki pki;

    set_up_pki(&pki, "secret");
    subject("header and library have the same version");
    CHECK_TEXT(certpick_version(), CERTPICK_VERSION);
    CHECK_INT(certpick_version_number(), CERTPICK_VERSION_NUMBER);
    handshake(pki, TLS1_2_VERSION);
    handshake(pki, TLS1_3_VERSION);
    return finish();
}
