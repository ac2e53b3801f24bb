/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "support/test.h"

#include <stdalign.h>
#include <string.h>

static struct weir_arena arena;

static int set_up(void **state)
{
    (void)state;
    weir_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_arena_free(&arena);
    assert_int_equal(arena.held, 0);
    assert_int_equal(arena.used, 0);
    return 0;
}

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 400 };
    unsigned char *pieces[N];
    for (size_t i = 0; i < N; i++) {
        /* odd copies in between; sizes up to several blocks */
        assert_non_null(weir_arena_copy(&arena, "xyz", i % 4));
        pieces[i] = weir_arena_alloc(&arena, i * i / 2);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xff), i * i / 2);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i * i / 2; j++)
            assert_int_equal(pieces[i][j], i & 0xff);
    assert_true(arena.used <= arena.held);
}

static void a_copy_keeps_nul_bytes_and_ends_with_one(void **state)
{
    (void)state;
    char *copy = weir_arena_copy(&arena, "a\0b", 3);
    assert_memory_equal(copy, "a\0b\0", 4);
    copy = weir_arena_copy(&arena, NULL, 0);
    assert_string_equal(copy, "");
    char *next = weir_arena_copy(&arena, "zz", 2);
    assert_string_equal(copy, "");
    assert_string_equal(next, "zz");
}

static void size_zero_gives_a_pointer(void **state)
{
    (void)state;
    assert_non_null(weir_arena_alloc(&arena, 0));
    assert_int_equal(arena.used, 0);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    for (size_t less = 0; less < 64; less++)
        assert_null(weir_arena_alloc(&arena, SIZE_MAX - less));
    assert_null(weir_arena_copy(&arena, "x", SIZE_MAX));
    assert_non_null(weir_arena_alloc(&arena, 1)); /* and the arena is none the worse */
    for (size_t less = 0; less < 64; less++)
        assert_null(weir_arena_alloc(&arena, SIZE_MAX - less));
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    weir_arena_init(&arena, 1000);
    assert_non_null(weir_arena_alloc(&arena, 600));
    assert_null(weir_arena_alloc(&arena, 1001));
    assert_null(weir_arena_alloc(&arena, 500));
    assert_null(weir_arena_copy(&arena, "x", SIZE_MAX - 1));
    assert_non_null(weir_arena_copy(&arena, "0123456789", 9));
    while (weir_arena_copy(&arena, "", 0))
        assert_true(arena.used <= 1000);
    assert_int_equal(arena.used, 1000);

    weir_arena_reset(&arena, SIZE_MAX);
    assert_non_null(weir_arena_alloc(&arena, 1000));
    assert_null(weir_arena_copy(&arena, "", 0));
}

static void the_limit_counts_padding(void **state)
{
    (void)state;
    for (size_t size = 1; size < 100; size++) {
        weir_arena_init(&arena, 100);
        assert_non_null(weir_arena_copy(&arena, "", 0));
        assert_int_equal(weir_arena_alloc(&arena, size) != NULL, size <= 84);
        assert_true(arena.used <= 100);
        weir_arena_free(&arena);
    }
}

static void a_reset_keeps_memory_for_the_next_use(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_non_null(weir_arena_alloc(&arena, 1000));
    size_t held = arena.held;
    assert_true(held >= 100000);

    for (int round = 0; round < 5; round++) {
        weir_arena_reset(&arena, SIZE_MAX);
        assert_int_equal(arena.used, 0);
        for (int i = 0; i < 100; i++)
            assert_non_null(weir_arena_alloc(&arena, 1000));
        assert_int_equal(arena.held, held); /* nothing was allocated anew */
    }
    weir_arena_reset(&arena, held / 2);
    assert_true(arena.held <= held / 2 && arena.held > 0);
    assert_non_null(weir_arena_alloc(&arena, 1000));
    weir_arena_reset(&arena, 0);
    assert_int_equal(arena.held, 0);
    assert_non_null(weir_arena_alloc(&arena, 1000));
}

static void a_trim_gives_back_what_is_not_in_use(void **state)
{
    (void)state;
    weir_arena_trim(&arena); /* nothing there */
    assert_int_equal(arena.held, 0);
    for (int i = 0; i < 100; i++)
        assert_non_null(weir_arena_alloc(&arena, 1000));
    size_t held = arena.held;
    weir_arena_trim(&arena); /* all of it in use */
    assert_int_equal(arena.held, held);

    weir_arena_reset(&arena, SIZE_MAX);
    char *text = weir_arena_copy(&arena, "kept", 4);
    weir_arena_trim(&arena);
    assert_true(arena.held < held / 10);
    assert_string_equal(text, "kept");
    for (int i = 0; i < 100; i++)
        assert_non_null(weir_arena_alloc(&arena, 1000));
    assert_string_equal(text, "kept");
}

static void what_the_limit_refuses_takes_no_memory(void **state)
{
    (void)state;
    weir_arena_init(&arena, 100000);
    assert_non_null(weir_arena_alloc(&arena, 60000));
    size_t held = arena.held;
    assert_null(weir_arena_alloc(&arena, 50000));
    assert_int_equal(arena.held, held);
}

/* Allocates pieces of these sizes, fills them all, and sees that none has changed another. */
static void fill(const size_t *sizes, size_t n)
{
    unsigned char *pieces[8];
    assert_true(n <= COUNT_OF(pieces));
    for (size_t i = 0; i < n; i++) {
        pieces[i] = weir_arena_alloc(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < n; i++)
        assert_true(pieces[i][0] == i && pieces[i][sizes[i] - 1] == i);
}

static void kept_blocks_are_used_where_they_fit(void **state)
{
    (void)state;
    static const size_t orders[][4] = {
        {10, 100000, 30000, 60000},
        {60000, 30000, 100000, 10},
        {10, 30000, 100000, 60000},
        {100000, 100000, 10, 100000},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(orders); i++) {
        fill(orders[i % COUNT_OF(orders)], 4);
        weir_arena_reset(&arena, SIZE_MAX);
    }
}

int main(void)
{
#define CLEAN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLEAN(pieces_are_aligned_and_do_not_overlap),
        CLEAN(a_copy_keeps_nul_bytes_and_ends_with_one),
        CLEAN(size_zero_gives_a_pointer),
        CLEAN(sizes_that_overflow_are_refused),
        CLEAN(the_limit_is_exact),
        CLEAN(the_limit_counts_padding),
        CLEAN(a_reset_keeps_memory_for_the_next_use),
        CLEAN(a_trim_gives_back_what_is_not_in_use),
        CLEAN(what_the_limit_refuses_takes_no_memory),
        CLEAN(kept_blocks_are_used_where_they_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
