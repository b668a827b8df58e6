/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What sets are kept in: memory of one piece, texts that stand once, records in order. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/intern.h"
#include "nhi-agentd/set/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

DEFINE_CLEANUP(Arena *, arena_free);
#define _cleanup_arena_ _cleanup_(arena_freep)

static void memory_of_an_impossible_size_is_refused(void **state)
{
        _cleanup_arena_ Arena *a = arena_new();
        const size_t before = arena_size(a);

        assert_null(arena_alloc(a, SIZE_MAX, 2));
        assert_null(arena_alloc(a, SIZE_MAX / 2, 3));
        assert_null(arena_alloc(a, 1, SIZE_MAX));
        assert_null(arena_alloc(a, 1, SIZE_MAX / 2 + 1));
        assert_null(arena_alloc(a, 1, SIZE_MAX / 2)); /* rounded up, one too many */
        assert_null(arena_text_size(a, "", SIZE_MAX / 2));
        assert_null(arena_text_size(a, "", SIZE_MAX));
        assert_int_equal(arena_size(a), before);
        assert_string_equal(arena_text(a, "still here"), "still here");
        assert_null(arena_free(NULL));
}

static void memory_is_zeroed_aligned_and_nobody_elses(void **state)
{
        static const size_t sizes[] = { 1, 7, 8, 9, 1000, 4096, 70000, 3 };
        _cleanup_arena_ Arena *a = arena_new();
        unsigned char *blocks[400];
        const char *texts[400];

        for (size_t i = 0; i < ELEMENTSOF(blocks); i++) {
                const size_t size = sizes[i % ELEMENTSOF(sizes)];
                char text[16];

                blocks[i] = arena_alloc(a, 1, size);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % sizeof(uint64_t), 0);
                for (size_t k = 0; k < size; k++)
                        assert_int_equal(blocks[i][k], 0);
                memset(blocks[i], (int)i % 255 + 1, size);
                (void)snprintf(text, sizeof(text), "text %zu", i);
                texts[i] = arena_text(a, text);
        }
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++) {
                const size_t size = sizes[i % ELEMENTSOF(sizes)];
                char text[16];

                assert_int_equal(blocks[i][0], i % 255 + 1);
                assert_int_equal(blocks[i][size - 1], i % 255 + 1);
                (void)snprintf(text, sizeof(text), "text %zu", i);
                assert_string_equal(texts[i], text);
        }
}

#define N_TEXTS 4000u

static char texts[N_TEXTS][16];

static size_t intern_all(Intern *i)
{
        size_t n_found = 0;

        for (size_t k = 0; k < N_TEXTS; k++) {
                (void)snprintf(texts[k], sizeof(texts[k]), "text-%zu", k);
                intern_add(i, texts[k], strlen(texts[k]), texts[k]);
        }
        for (size_t k = 0; k < N_TEXTS; k++) {
                const InternSlot *s = intern_find(i, texts[k], strlen(texts[k]));

                if (!s)
                        continue;
                n_found++;
                assert_ptr_equal(s->value, texts[k]);
        }
        return n_found;
}

/* A table that may not grow gives the first place up: it forgets, and never mistakes. */
static void texts_may_be_forgotten_and_are_never_mistaken(void **state)
{
        Intern wide = { 0 }, narrow = { .capacity_max = 256 }, none = { .capacity_max = 1 };

        assert_true(intern_all(&wide) > N_TEXTS * 9 / 10);
        assert_in_range(intern_all(&narrow), 1, 256);
        assert_int_equal(intern_all(&none), 0);
        assert_null(intern_find(&wide, "text-", 5));
        assert_null(intern_find(&wide, "text-12345", 10));
        intern_done(&wide);
        intern_done(&narrow);
        intern_done(&none);
        assert_null(intern_find(&wide, "text-1", 6));
}

/* Cut from a larger text, with no NUL behind it, or with one within. */
static void texts_are_told_apart_by_their_size(void **state)
{
        static const char text[] = { 'a', 'b', '\0', 'c', 'd' };
        Intern i = { 0 };

        intern_add(&i, text, 2, &i);
        assert_ptr_equal(intern_find(&i, "abx", 2)->value, &i);
        intern_add(&i, text + 3, 1, NULL);
        assert_non_null(intern_find(&i, "c", 1));
        intern_add(&i, text, 5, NULL);
        assert_non_null(intern_find(&i, "ab\0cd", 5));
        assert_null(intern_find(&i, "ab\0cx", 5));
        assert_null(intern_find(&i, "ab", 3));
        intern_done(&i);
}

typedef struct Record {
        int key, place;
} Record;

static int by_key(const void *a, const void *b)
{
        const Record *x = a, *y = b;

        return x->key < y->key ? -1 : x->key > y->key;
}

static void records_of_one_key_keep_their_order_and_the_first_is_found(void **state)
{
        Index i = { .compare = by_key };
        static Record records[300];

        assert_null(index_find(&i, &(Record){ .key = 1 }));
        for (int k = 0; k < 300; k++) {
                records[k] = (Record){ .key = (k * 7) % 10 * 2, .place = k };
                assert_int_equal(index_add(&i, &records[k]), 0);
        }
        index_sort(&i);
        for (size_t k = 1; k < i.n; k++) {
                const Record *before = index_at(&i, k - 1), *r = index_at(&i, k);

                assert_true(before->key < r->key ||
                            (before->key == r->key && before->place < r->place));
        }
        for (int key = -1; key <= 19; key++) {
                const Record *r = index_find(&i, &(Record){ .key = key });

                assert_int_equal(r != NULL, key >= 0 && key % 2 == 0 && key <= 18);
                if (r)
                        assert_true(r->place < 10);
        }
        index_done(&i);
}

static const char *text_of(const void *record)
{
        return record;
}

static void texts_stand_in_the_order_of_strcmp(void **state)
{
        static const char *const samples[] = {
                "", "a", "aaaaaaaa", "aaaaaaaab", "aaaaaaaaaaaaaaaa", "b", "\xff", "aaaaaaaa\x01",
        };
        OrderItem items[200], scratch[200];

        for (size_t n = 0; n <= ELEMENTSOF(items); n += 20) {
                for (size_t i = 0; i < n; i++)
                        items[i].record = samples[i * 5 % ELEMENTSOF(samples)];
                order_by_text(items, scratch, n, text_of);
                for (size_t i = 1; i < n; i++)
                        assert_true(strcmp(items[i - 1].record, items[i].record) <= 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_of_an_impossible_size_is_refused),
                cmocka_unit_test(memory_is_zeroed_aligned_and_nobody_elses),
                cmocka_unit_test(texts_may_be_forgotten_and_are_never_mistaken),
                cmocka_unit_test(texts_are_told_apart_by_their_size),
                cmocka_unit_test(records_of_one_key_keep_their_order_and_the_first_is_found),
                cmocka_unit_test(texts_stand_in_the_order_of_strcmp),
        };

        return cmocka_run_group_tests_name("set-storage", tests, NULL, NULL);
}
