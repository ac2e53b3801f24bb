/* SPDX-License-Identifier: MIT
 *
 * The msgpack reader, against what msgpack-c writes and what msgpack-c's own reader says of any bytes.
 */
#include "support/test.h"

#include "job/unpack.h"

#include <inttypes.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 88172645463325252u;

static uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Whether the reader sees the same as msgpack-c did, over and over down the tree. */
static void assert_same(struct weir_unpacker *unpacker, const msgpack_object *object)
{
    struct weir_packed value;
    assert_true(weir_unpack(unpacker, &value));
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        assert_int_equal(value.kind, WEIR_PACKED_NIL);
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        assert_true(value.kind == WEIR_PACKED_BOOL && value.as.boolean == object->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(value.kind == WEIR_PACKED_UINT && value.as.u == object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        assert_true(value.kind == WEIR_PACKED_INT && value.as.i == object->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        assert_int_equal(value.kind, WEIR_PACKED_FLOAT);
        assert_true(value.as.f == object->via.f64 || value.as.f != value.as.f);
        break;
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        assert_int_equal(value.kind, object->type == MSGPACK_OBJECT_STR ? WEIR_PACKED_STR : WEIR_PACKED_BIN);
        assert_int_equal(value.n, object->via.str.size);
        assert_true(value.n == 0 || memcmp(value.bytes, object->via.str.ptr, value.n) == 0);
        break;
    case MSGPACK_OBJECT_ARRAY:
        assert_true(value.kind == WEIR_PACKED_ARRAY && value.n == object->via.array.size);
        for (size_t i = 0; i < value.n; i++)
            assert_same(unpacker, &object->via.array.ptr[i]);
        break;
    case MSGPACK_OBJECT_MAP:
        assert_true(value.kind == WEIR_PACKED_MAP && value.n == object->via.map.size);
        for (size_t i = 0; i < value.n; i++) {
            assert_same(unpacker, &object->via.map.ptr[i].key);
            assert_same(unpacker, &object->via.map.ptr[i].val);
        }
        break;
    case MSGPACK_OBJECT_EXT:
        assert_true(value.kind == WEIR_PACKED_EXT && value.n == (size_t)object->via.ext.size + 1);
        break;
    }
}

/* Bytes that are likely msgpack, but don't make msgpack-c allocate by their claims: small lengths. */
static size_t any_bytes(unsigned char *out, size_t most)
{
    static const unsigned char heads[] = {0x00, 0x7f, 0x81, 0x92, 0xa3, 0xc0, 0xc2, 0xc3, 0xc4, 0xc7,
                                          0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3,
                                          0xd4, 0xd5, 0xd6, 0xd9, 0xe0, 0xff, 0x80, 0x90, 0xa0, 0xc1};
    size_t n = 1 + any() % most;
    for (size_t i = 0; i < n; i++)
        out[i] = any() % 2 ? heads[any() % sizeof heads] : (unsigned char)(any() % 4);
    return n;
}

static void msgpack_c_agrees(void **state)
{
    (void)state;
    size_t good = 0, bad = 0;
    for (int i = 0; i < 200000; i++) {
        unsigned char source[24];
        size_t n = any_bytes(source, sizeof source);
        unsigned char *bytes = malloc(n); /* of its own, so that reading beyond is seen */
        memcpy(bytes, source, n);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t end = 0;
        bool fine = msgpack_unpack_next(&unpacked, (const char *)bytes, n, &end) == MSGPACK_UNPACK_SUCCESS;
        struct weir_unpacker skipper = {bytes, bytes + n}, reader = skipper;
        assert_int_equal(weir_unpack_skip(&skipper), fine);
        if (fine) {
            assert_ptr_equal(skipper.at, bytes + end);
            assert_same(&reader, &unpacked.data);
            assert_ptr_equal(reader.at, bytes + end);
            good++;
        } else {
            assert_ptr_equal(skipper.at, bytes);
            bad++;
        }
        msgpack_unpacked_destroy(&unpacked);
        free(bytes);
    }
    assert_true(good > 1000 && bad > 1000);
}

static void claims_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
                                         "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff", "\xdf\x80\x00\x00\x01"};
    for (size_t i = 0; i < COUNT_OF(claims); i++) {
        const unsigned char *bytes = (const unsigned char *)claims[i];
        struct weir_unpacker unpacker = {bytes, bytes + 5};
        struct weir_packed value;
        assert_false(weir_unpack(&unpacker, &value));
        assert_false(weir_unpack_skip(&unpacker));
        assert_ptr_equal(unpacker.at, bytes);
    }
}

static void depth_costs_nothing(void **state)
{
    (void)state;
    size_t n = 10000000;
    unsigned char *bytes = malloc(n);
    memset(bytes, 0x91, n);
    struct weir_unpacker unpacker = {bytes, bytes + n};
    assert_false(weir_unpack_skip(&unpacker)); /* the last one's element is missing */
    bytes[n - 1] = 0xc0;
    assert_true(weir_unpack_skip(&unpacker));
    assert_ptr_equal(unpacker.at, bytes + n);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msgpack_c_agrees),
        cmocka_unit_test(claims_beyond_the_bytes_are_refused),
        cmocka_unit_test(depth_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
