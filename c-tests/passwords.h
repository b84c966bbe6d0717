/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A password that is not in the program's data, and a search for it in the memory of the
   process. */
#ifndef CERTPICK_TESTS_PASSWORDS_H
#define CERTPICK_TESTS_PASSWORDS_H

#include "support.h"

#include <openssl/evp.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PASSWORD_LENGTH = 24 }; /* with a NUL */

/* Must be called before all other functions. */
void make_password(void);
/* Writes byte by byte, so that no copy remains in a register or on the stack. Writes no NUL. */
void write_password(volatile char *to);
/* Returns the number of copies of the password in this memory. */
size_t found_in(const unsigned char *memory, size_t length);
/* Returns the number of copies in the writable memory of the process. */
size_t copies_in_memory(void);

enum form { PKCS8, TRADITIONAL, DER, OTHER_PASSWORD, FORMS };
/* Writes the key in a child process, so that OpenSSL's copies of the password do not remain. */
void write_encrypted_key(const char *path, EVP_PKEY *key, enum form form);

#ifdef __cplusplus
}
#endif
#endif
