/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An allocator for OpenSSL that counts allocations, records the run of each, and can fail any. */
#include "failing_allocations.h"

#include "support.h"

#include <openssl/crypto.h>

struct block {
    struct block *next, *previous;
    const char *file;
    size_t size;
    unsigned long run;
    long line;
};
static struct block blocks = {&blocks, &blocks, "", 0, 0, 0};
size_t blocks_in_use;
unsigned long current_run;
struct failing failing;

static int must_fail(const char *file, int line)
{
    if (!failing.armed)
        return 0;
    failing.number++;
    if (failing.number != failing.fails &&
        (failing.lasting == ONE || failing.fails == 0 || failing.number < failing.fails))
        return 0;
    if (!failing.has_failed) {
        failing.has_failed = 1;
        failing.file = file;
        failing.line = line;
    }
    return 1;
}

static void link_block(struct block *block)
{
    block->next = blocks.next;
    block->previous = &blocks;
    block->next->previous = block;
    blocks.next = block;
}

static void *allocate(size_t size, const char *file, int line)
{
    struct block *block;

    if (size == 0 || must_fail(file, line) || (block = malloc(sizeof(*block) + size)) == NULL)
        return NULL;
    block->file = file;
    block->line = line;
    block->size = size;
    block->run = current_run;
    link_block(block);
    blocks_in_use++;
    return block + 1;
}

static void release(void *pointer, const char *file, int line)
{
    struct block *block;

    (void)file, (void)line;
    if (pointer == NULL)
        return;
    block = (struct block *)pointer - 1;
    block->next->previous = block->previous;
    block->previous->next = block->next;
    blocks_in_use--;
    free(block);
}

static void *reallocate(void *pointer, size_t size, const char *file, int line)
{
    struct block *block;

    /* Like OpenSSL's own function. OpenSSL reports this failure, but not one of a program's realloc. */
    if (pointer == NULL)
        return CRYPTO_malloc(size, file, line);
    if (size == 0) {
        release(pointer, file, line);
        return NULL;
    }
    if (must_fail(file, line))
        return NULL;
    block = (struct block *)pointer - 1;
    block->next->previous = block->previous;
    block->previous->next = block->next;
    block = realloc(block, sizeof(*block) + size);
    MUST(block != NULL);
    block->size = size;
    link_block(block);
    return block + 1;
}

void arm(void)
{
    failing.armed = 1;
}

void disarm(void)
{
    failing.armed = 0;
}

int install_failing_allocator(void)
{
    return CRYPTO_set_mem_functions(allocate, reallocate, release);
}

void show_newest_blocks(void)
{
    struct block *block;
    int shown = 0;

    for (block = blocks.next; block != &blocks && shown < 8; block = block->next) {
        if (block->run + 1 >= current_run) {
            printf("        %zu bytes of %s:%ld\n", block->size, block->file, block->line);
            shown++;
        }
    }
}
