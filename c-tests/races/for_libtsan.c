/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions that rustc calls in a library instrumented for ThreadSanitizer and that gcc's libtsan
   lacks. Linked into that library.

   Rust's standard library is not instrumented. Before Arc frees its value, it decrements its
   counter and then uses a fence, and ThreadSanitizer does not support fences. This fence acquires
   the counter that the thread has decremented last, which has the same effect. */
#include <sanitizer/tsan_interface.h>
#include <stddef.h>
#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t length);
void *__tsan_memmove(void *to, const void *from, size_t length);
void *__tsan_memset(void *to, int byte, size_t length);
long long __tsan_atomic64_fetch_add(volatile long long *at, long long value, int order);
long long __tsan_atomic64_fetch_sub(volatile long long *at, long long value, int order);
void __tsan_atomic_thread_fence(int order);

static __thread void *last_decremented;

void *__tsan_memcpy(void *to, const void *from, size_t length)
{
    return memcpy(to, from, length);
}

void *__tsan_memmove(void *to, const void *from, size_t length)
{
    return memmove(to, from, length);
}

void *__tsan_memset(void *to, int byte, size_t length)
{
    return memset(to, byte, length);
}

long long __tsan_atomic64_fetch_sub(volatile long long *at, long long value, int order)
{
    last_decremented = (void *)at;
    return __tsan_atomic64_fetch_add(at, -value, order);
}

void __tsan_atomic_thread_fence(int order)
{
    if (last_decremented != NULL && order != 0 && order != 3) /* neither relaxed nor release */
        __tsan_acquire(last_decremented);
    last_decremented = NULL;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
