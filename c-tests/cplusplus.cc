// SPDX-License-Identifier: MIT OR Apache-2.0
// The header and a handshake from C++.
#include "support.h"

#include "picking.h"

#include <memory>
#include <string>

namespace {

struct FreeSelector {
    void operator()(certpick_selector *selector) const { certpick_selector_free(selector); }
};
struct FreeContext {
    void operator()(SSL_CTX *ctx) const { SSL_CTX_free(ctx); }
};

int answer(char *buf, int size, const char *key_file, void *arg)
{
    const std::string &password = *static_cast<const std::string *>(arg);

    if (std::string(key_file) != "b.key" || static_cast<std::size_t>(size) < password.size())
        return -1;
    return static_cast<int>(password.copy(buf, password.size()));
}

void handshake(const two &two, int version)
{
    std::unique_ptr<certpick_selector, FreeSelector> selector(certpick_selector_new());
    std::unique_ptr<SSL_CTX, FreeContext> client(new_client(version));
    std::unique_ptr<SSL_CTX, FreeContext> server(
        new_server(version, &two.ca_b, static_cast<void *>(nullptr)));
    std::string password = "secret";
    struct link link;

    subject("a C++ program gets its certificate sent");
    CHECK_INT(certpick_selector_set_password_callback(selector.get(), answer, &password),
              CERTPICK_OK);
    CHECK_INT(certpick_selector_add_lists(selector.get(), "a.crt,b.crt", "a.key,b.key", nullptr),
              CERTPICK_OK);
    CHECK_INT(certpick_attach(client.get(), selector.get()), CERTPICK_OK);
    CHECK(connect_link(&link, client.get(), server.get()) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two.b.cert, static_cast<X509 *>(nullptr));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_choice(link.client), 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

} // namespace

int main()
{
    two two;

    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    subject("header and library are of one version");
    CHECK_TEXT(certpick_version(), CERTPICK_VERSION);
    CHECK_INT(certpick_version_number(), CERTPICK_VERSION_NUMBER);
    handshake(two, TLS1_2_VERSION);
    handshake(two, TLS1_3_VERSION);
    free_two(&two);
    return finish();
}
