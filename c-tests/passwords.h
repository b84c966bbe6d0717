/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A password that is nowhere in the program's own data, and a search for it in all its memory. */
#ifndef CERTPICK_TESTS_PASSWORDS_H
#define CERTPICK_TESTS_PASSWORDS_H

#include <openssl/evp.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PASSWORD_LENGTH = 24 }; /* with a NUL */

/* First of all. */
void make_password(void);
/* Byte by byte, so that no copy stays in a register or on the stack. No NUL is written. */
void write_password(volatile char *to);
size_t found_in(const unsigned char *memory, size_t length);
/* How often the password stands in the writable memory of this process. */
size_t copies_in_memory(void);

enum form { PKCS8, TRADITIONAL, DER, OTHER_PASSWORD, FORMS };
/* In a child, so that OpenSSL's copies are gone with it. */
void write_encrypted_key(const char *path, EVP_PKEY *key, enum form form);

#ifdef __cplusplus
}
#endif
#endif
