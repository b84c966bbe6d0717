/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Between what rustc puts into a library for ThreadSanitizer and gcc's libtsan, which lacks some of
   it; linked into that library.

   The standard library comes compiled, and not for ThreadSanitizer: there Arc lets go of a value by
   a fence after it has counted down, and ThreadSanitizer knows no fences. Here a fence acquires what
   others released at the counter that this thread counted down last, which is what it means. */
#include <sanitizer/tsan_interface.h>
#include <stddef.h>
#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t length);
void *__tsan_memmove(void *to, const void *from, size_t length);
void *__tsan_memset(void *to, int byte, size_t length);
long long __tsan_atomic64_fetch_add(volatile long long *at, long long value, int order);
long long __tsan_atomic64_fetch_sub(volatile long long *at, long long value, int order);
void __tsan_atomic_thread_fence(int order);

static __thread void *counted_down;

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
    counted_down = (void *)at;
    return __tsan_atomic64_fetch_add(at, -value, order);
}

void __tsan_atomic_thread_fence(int order)
{
    if (counted_down != NULL && order != 0 && order != 3) /* neither relaxed nor release alone */
        __tsan_acquire(counted_down);
    counted_down = NULL;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
