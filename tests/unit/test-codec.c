/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/macro.h"
#include "lib/wire/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t out[WIRE_MSG_MAX + 8], gid_storage[64], list_storage[4096];

static WireRequest pam_request(void)
{
        static const uint32_t gids[] = { 65536, 4294967295u };
        WireRequest q = {
                .type = WIRE_PAM,
                .nonce = 0x1122334455667788,
                .phase = WIRE_PHASE_ACCOUNT,
                .mode = WIRE_MODE_ENFORCE,
                .subject_uid = 65536,
                .service = wire_text("sshd"),
                .subject = wire_text("svc-deploy"),
                .target = wire_text("svc-deploy"),
        };

        assert_int_equal(wire_gids_build(gids, 2, gid_storage, sizeof(gid_storage), &q.gids), 0);
        return q;
}

static size_t encoded(const WireRequest *q)
{
        size_t size = 0;

        assert_int_equal(wire_request_encode(q, out, sizeof(out), &size), 0);
        return size;
}

static int decoded(size_t size, WireRequest *ret)
{
        return wire_request_decode(out, size, ret);
}

static bool text_is(WireText t, const char *s)
{
        return t.data && t.size == strlen(s) && !memcmp(t.data, s, t.size);
}

/* The header and the first field, byte for byte: the format must not drift. */
static void a_message_begins_as_the_specification_says(void **state)
{
        static const uint8_t golden[] = {
                'N',  'H',  'I', 'Q',  1,    0,    1,    0,    0 /* size */,
                0,    0,    0,   0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
                0x22, 0x11, 1,   0,    4,    0,    0,    0,    2,
                0,    0,    0, /* PHASE */
                2,    0,    4,   0,    0,    0,    1,    0,    0,
                0, /* MODE */
                3,    0,    4,   0,    0,    0,    's',  's',  'h',
                'd' /* SERVICE */
        };
        WireRequest q = pam_request();
        size_t size = encoded(&q);

        assert_int_equal(out[8] | out[9] << 8, size);
        out[8] = out[9] = 0;
        assert_memory_equal(out, golden, sizeof(golden));
}

static void a_request_survives_the_wire(void **state)
{
        static const char *const args[] = { "payments", "", "a b" };
        WireRequest q = pam_request(), r;
        WireText item;
        size_t pos = 0;

        q.rhost = wire_text("192.0.2.1");
        q.tty = wire_text("");
        q.decision = UINT64_MAX;
        assert_int_equal(decoded(encoded(&q), &r), 0);
        assert_true(r.nonce == q.nonce && r.decision == UINT64_MAX);
        assert_int_equal(r.phase, WIRE_PHASE_ACCOUNT);
        assert_int_equal(r.subject_uid, 65536);
        assert_int_equal(r.real_uid, 0);
        assert_true(text_is(r.subject, "svc-deploy") && text_is(r.rhost, "192.0.2.1"));
        assert_true(r.tty.data && r.tty.size == 0); /* there, and empty */
        assert_null(r.ruser.data);                  /* absent */
        assert_int_equal(r.gids.n, 2);
        assert_true(wire_gids_at(&r.gids, 1) == UINT32_MAX);
        assert_int_equal(wire_gids_at(&r.gids, 0), 65536);

        q.type = WIRE_COMMAND;
        q.phase = 0;
        q.command = wire_text("/usr/bin/pg_dump");
        assert_int_equal(wire_list_build(args, 3, list_storage, sizeof(list_storage), &q.argv), 0);
        assert_int_equal(decoded(encoded(&q), &r), 0);
        assert_int_equal(r.argv.n, 3);
        for (size_t i = 0; i < 3; i++) {
                assert_true(wire_list_next(&r.argv, &pos, &item));
                assert_true(text_is(item, args[i]));
        }
        assert_false(wire_list_next(&r.argv, &pos, &item));
        assert_int_equal(r.edit.n, 0);
}

static void a_reply_survives_the_wire(void **state)
{
        static const char *const keys[] = { "restrict ssh-ed25519 AAAA" };
        WireReply a = { .type = WIRE_VERDICT,
                        .nonce = 7,
                        .verdict = 1,
                        .decision = 9,
                        .until_sec = 1763761800,
                        .subject = wire_text("svc-deploy"),
                        .reason = wire_text("granted"),
                        .jti = wire_text("g-1") },
                  b;
        size_t size;

        assert_int_equal(wire_reply_encode(&a, out, sizeof(out), &size), 0);
        assert_int_equal(wire_reply_decode(out, size, &b), 0);
        assert_true(b.nonce == 7 && b.verdict == 1 && b.decision == 9 && b.until_sec == 1763761800);
        assert_true(text_is(b.jti, "g-1"));
        assert_null(b.message.data);

        a = (WireReply){ .type = WIRE_KEYS_LIST, .subject = wire_text("svc-deploy") };
        assert_int_equal(wire_reply_encode(&a, out, sizeof(out), &size), 0);
        assert_int_equal(wire_reply_decode(out, size, &b), 0);
        assert_int_equal(b.keys.n, 0);
        assert_int_equal(wire_list_build(keys, 1, list_storage, sizeof(list_storage), &a.keys), 0);
        assert_int_equal(wire_reply_encode(&a, out, sizeof(out), &size), 0);
        assert_int_equal(wire_reply_decode(out, size, &b), 0);
        assert_int_equal(b.keys.n, 1);
}

static void every_truncation_is_refused_A06(void **state)
{
        WireRequest q = pam_request(), r;
        size_t size = encoded(&q);

        for (size_t n = 0; n < size; n++)
                assert_int_equal(decoded(n, &r), WIRE_E_MALFORMED);
        /* Also where the header agrees with the shortened length. */
        for (size_t n = WIRE_HEADER_SIZE; n < size; n++) {
                out[8] = (uint8_t)n;
                out[9] = (uint8_t)(n >> 8);
                assert_int_equal(decoded(n, &r), WIRE_E_MALFORMED);
        }
}

static void a_foreign_header_and_trailing_bytes_are_refused_A06(void **state)
{
        static const size_t spoilt[] = { 0, 4, 6, 8, 11 }; /* magic, version, type, size */
        WireRequest q = pam_request(), r = { .nonce = 77 };
        size_t size = encoded(&q);

        for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
                out[spoilt[i]] ^= 0x40;
                assert_int_equal(decoded(size, &r), WIRE_E_MALFORMED);
                out[spoilt[i]] ^= 0x40;
        }
        out[size] = 0;
        assert_int_equal(decoded(size + 1, &r), WIRE_E_MALFORMED);
        out[8]++;
        assert_int_equal(decoded(size + 1, &r), WIRE_E_MALFORMED);
        assert_int_equal(r.nonce, 77); /* outputs on success only */
        assert_int_equal(wire_reply_decode(out, size, &(WireReply){ 0 }), WIRE_E_MALFORMED);
}

/* Append one raw field to an encoded request and decode the whole. */
static int decoded_with(uint16_t tag, const void *data, uint32_t size)
{
        WireRequest q = pam_request(), r;
        size_t begin = encoded(&q);
        Buf b = buf_over(out, sizeof(out)), header = buf_over(out + 8, 4);

        b.pos = begin;
        buf_put_u16(&b, tag);
        buf_put_u32(&b, size);
        buf_put_bytes(&b, data, size);
        assert_false(buf_failed(&b));
        buf_put_u32(&header, (uint32_t)b.pos);
        return decoded(b.pos, &r);
}

static void unknown_repeated_and_foreign_fields_are_refused(void **state)
{
        assert_int_equal(decoded_with(12, "pts/0", 5), 0);                   /* TTY: allowed */
        assert_int_equal(decoded_with(99, "x", 1), WIRE_E_MALFORMED);        /* unknown tag */
        assert_int_equal(decoded_with(3, "sshd", 4), WIRE_E_MALFORMED);      /* again */
        assert_int_equal(decoded_with(15, "/bin/sh", 7), WIRE_E_MALFORMED);  /* COMMAND in PAM */
        assert_int_equal(decoded_with(32, "\1\0\0\0", 4), WIRE_E_MALFORMED); /* a reply's tag */
}

static void a_value_of_the_wrong_shape_is_refused_A06(void **state)
{
        static char long_text[258];

        assert_int_equal(decoded_with(12, "pts\0x", 5), WIRE_E_MALFORMED);  /* NUL inside */
        assert_int_equal(decoded_with(19, "12345678", 8), 0);               /* DECISION */
        assert_int_equal(decoded_with(19, "1234567", 7), WIRE_E_MALFORMED); /* too short */
        assert_int_equal(decoded_with(19, "123456789", 9), WIRE_E_MALFORMED);
        memset(long_text, 'x', sizeof(long_text));
        assert_int_equal(decoded_with(12, long_text, 256), 0);
        assert_int_equal(decoded_with(12, long_text, 257), WIRE_E_MALFORMED);
}

/* A length over what is left, up to the largest there is. */
static void a_field_longer_than_the_message_is_refused_A06(void **state)
{
        WireRequest q = pam_request(), r;
        size_t size = encoded(&q);

        for (unsigned i = 0; i < 4; i++) {
                uint8_t kept = out[WIRE_HEADER_SIZE + 2 + i];

                out[WIRE_HEADER_SIZE + 2 + i] = 0xff;
                assert_int_equal(decoded(size, &r), WIRE_E_MALFORMED);
                out[WIRE_HEADER_SIZE + 2 + i] = kept;
        }
        assert_int_equal(decoded(size, &r), 0);
}

static void lists_must_be_whole(void **state)
{
        static const struct {
                const char *bytes;
                uint32_t size;
                bool good;
        } rows[] = {
                { "\0\0\0\0", 4, true },
                { "\1\0\0\0\1\0\0\0x", 9, true },
                { "\1\0\0\0\0\0\0\0", 8, true },
                { "", 0, false },                          /* no count */
                { "\2\0\0\0\1\0\0\0x", 9, false },         /* one of two */
                { "\0\0\0\0\1\0\0\0x", 9, false },         /* one of none */
                { "\1\0\0\0\2\0\0\0x", 9, false },         /* item too long */
                { "\1\0\0\0\xff\xff\xff\xffx", 9, false }, /* far too long */
                { "\1\0\0\0\1\0\0\0\0", 9, false },        /* NUL in an item */
                { "\1\0\0\0\1\0\0\0xy", 10, false },       /* trailing byte */
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                WireRequest q = pam_request(), r;
                Buf b = buf_over(out, sizeof(out)), header = buf_over(out + 8, 4);
                int result;

                q.type = WIRE_COMMAND;
                q.phase = 0;
                q.command = wire_text("/bin/true");
                b.pos = encoded(&q);
                buf_put_u16(&b, 16);
                buf_put_u32(&b, rows[i].size);
                buf_put_bytes(&b, rows[i].bytes, rows[i].size);
                buf_put_u32(&header, (uint32_t)b.pos);
                result = decoded(b.pos, &r);
                if ((result == 0) != rows[i].good)
                        fail_msg("row %zu: %d", i, result);
        }
}

static void limits_hold_at_n_and_not_at_n_plus_1(void **state)
{
        static uint32_t gids[WIRE_GIDS_MAX + 1];
        static const char *items[WIRE_LIST_MAX + 1];
        static uint8_t storage[4 * (WIRE_GIDS_MAX + 1)];
        WireRequest q = pam_request(), r;
        char text[258];

        for (size_t i = 0; i <= WIRE_LIST_MAX; i++)
                items[i] = "";
        assert_int_equal(wire_gids_build(gids, WIRE_GIDS_MAX, storage, sizeof(storage), &q.gids),
                         0);
        assert_int_equal(decoded(encoded(&q), &r), 0);
        assert_int_equal(r.gids.n, WIRE_GIDS_MAX);
        assert_int_equal(
                wire_gids_build(gids, WIRE_GIDS_MAX + 1, storage, sizeof(storage), &q.gids),
                WIRE_E_TOO_LARGE);
        assert_int_equal(wire_gids_build(gids, 2, storage, 7, &q.gids), WIRE_E_TOO_LARGE);

        q.type = WIRE_COMMAND;
        q.phase = 0;
        q.command = wire_text("/bin/true");
        assert_int_equal(wire_list_build(items, WIRE_LIST_MAX, storage, sizeof(storage), &q.argv),
                         0);
        assert_int_equal(decoded(encoded(&q), &r), 0);
        assert_int_equal(
                wire_list_build(items, WIRE_LIST_MAX + 1, storage, sizeof(storage), &q.argv),
                WIRE_E_TOO_LARGE);

        q = pam_request();
        memset(text, 'x', sizeof(text));
        text[256] = '\0';
        q.tty = wire_text(text);
        assert_int_equal(decoded(encoded(&q), &r), 0);
        text[256] = 'x';
        text[257] = '\0';
        q.tty = wire_text(text);
        assert_int_equal(wire_request_encode(&q, out, sizeof(out), &(size_t){ 0 }),
                         WIRE_E_TOO_LARGE);
}

/* Every text of both directions, by the table in format.h. */
static void every_text_holds_its_limit_and_not_a_byte_more(void **state)
{
        static char text[WIRE_TEXT_MAX + 2];
        static const struct {
                const char *name, *kind;
                size_t offset, limit;
                bool is_reply;
        } fields[] = {
#define ROW(tag, number, kind, member, limit)                                                      \
        { #tag, #kind, offsetof(WireRequest, member), limit, 0 },
                WIRE_REQUEST_FIELDS(ROW)
#undef ROW
#define ROW(tag, number, kind, member, limit)                                                      \
        { #tag, #kind, offsetof(WireReply, member), limit, 1 },
                        WIRE_REPLY_FIELDS(ROW)
#undef ROW
        };
        unsigned n_texts = 0;

        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                for (size_t more = 0; more <= 1 && strcmp(fields[i].kind, "TEXT") == 0; more++) {
                        WireRequest q = pam_request();
                        WireReply a = { .type = WIRE_VERDICT,
                                        .subject = wire_text("s"),
                                        .reason = wire_text("r") };
                        WireText *t =
                                (WireText *)(void *)((uint8_t *)(fields[i].is_reply ? (void *)&a
                                                                                    : (void *)&q) +
                                                     fields[i].offset);
                        size_t size = 0;
                        int r;

                        if (!fields[i].is_reply &&
                            (t == &q.command || t == &q.target_group || t == &q.cwd)) {
                                q.type = WIRE_COMMAND;
                                q.phase = 0;
                                q.command = wire_text("/bin/true");
                        }
                        *t = (WireText){ .data = (uint8_t *)text, .size = fields[i].limit + more };
                        r = fields[i].is_reply ? wire_reply_encode(&a, out, sizeof(out), &size)
                                               : wire_request_encode(&q, out, sizeof(out), &size);
                        if (r != (more ? WIRE_E_TOO_LARGE : 0))
                                fail_msg("%s, %zu more: %d", fields[i].name, more, r);
                        n_texts++;
                }
        assert_int_equal(n_texts, 2 * 14);
}

static void what_is_over_a_whole_message_cannot_be_said(void **state)
{
        static char big[WIRE_MSG_MAX];
        static uint8_t storage[WIRE_MSG_MAX + 8];
        const char *items[] = { big };
        WireRequest q = pam_request();
        size_t size = encoded(&q);

        assert_int_equal(wire_request_encode(&q, out, size - 1, &(size_t){ 0 }), WIRE_E_TOO_LARGE);
        q.type = WIRE_COMMAND;
        q.phase = 0;
        q.command = wire_text("/bin/true");
        memset(big, 'x', sizeof(big) - 1);
        assert_int_equal(wire_list_build(items, 1, storage, sizeof(storage), &q.argv), 0);
        assert_int_equal(wire_request_encode(&q, out, sizeof(out), &(size_t){ 0 }),
                         WIRE_E_TOO_LARGE);
}

static void what_we_would_refuse_we_do_not_send(void **state)
{
        WireRequest good = pam_request(), q;
        WireReply a = { .type = WIRE_VERDICT, .subject = wire_text("x"), .reason = wire_text("y") };
        size_t size;

#define REFUSED(change)                                                                            \
        q = good;                                                                                  \
        change;                                                                                    \
        assert_int_equal(wire_request_encode(&q, out, sizeof(out), &size), WIRE_E_MALFORMED)
        REFUSED(q.type = 0);
        REFUSED(q.type = WIRE_VERDICT);
        REFUSED(q.phase = 0);
        REFUSED(q.phase = WIRE_PHASE_CLOSE_SESSION + 1);
        REFUSED(q.mode = 0);
        REFUSED(q.mode = WIRE_MODE_EXEMPT + 1);
        REFUSED(q.subject = wire_text(""));
        REFUSED(q.subject = wire_text(NULL));
        REFUSED(q.target = wire_text(""));
        REFUSED(q.command = wire_text("/bin/sh"));
        REFUSED(q.tty = ((WireText){ .data = (const uint8_t *)"a\0b", .size = 3 }));
#undef REFUSED
        assert_int_equal(wire_reply_encode(&a, out, sizeof(out), &size), 0);
        a.verdict = 2;
        assert_int_equal(wire_reply_encode(&a, out, sizeof(out), &size), WIRE_E_MALFORMED);
}

/* Each bit of a message, flipped alone: decoded to something lawful or refused, never a crash, and
 * never with a field longer than the message (ASan watches the copies). */
static void flipped_bits_never_leave_the_message(void **state)
{
        WireRequest q = pam_request(), r;
        size_t size = encoded(&q);
        uint8_t *exact = malloc(size);
        char copy[5000];

        assert_non_null(exact);
        for (size_t bit = 0; bit < size * 8; bit++) {
                memcpy(exact, out, size);
                exact[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (wire_request_decode(exact, size, &r) != 0)
                        continue;
                assert_int_equal(wire_text_copy(r.subject, copy, sizeof(copy)), 0);
                assert_int_equal(wire_text_copy(r.service, copy, sizeof(copy)), 0);
                for (uint32_t i = 0; i < r.gids.n; i++)
                        (void)wire_gids_at(&r.gids, i);
        }
        free(exact);
}

static void texts_are_copied_whole_or_not_at_all(void **state)
{
        char buf[5] = "old";

        assert_int_equal(wire_text_copy(wire_text("12345"), buf, sizeof(buf)), -ENAMETOOLONG);
        assert_string_equal(buf, "old");
        assert_int_equal(wire_text_copy(wire_text("1234"), buf, sizeof(buf)), 0);
        assert_string_equal(buf, "1234");
        assert_int_equal(wire_text_copy(wire_text(NULL), buf, sizeof(buf)), 0);
        assert_string_equal(buf, "");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_message_begins_as_the_specification_says),
                cmocka_unit_test(a_request_survives_the_wire),
                cmocka_unit_test(a_reply_survives_the_wire),
                cmocka_unit_test(every_truncation_is_refused_A06),
                cmocka_unit_test(a_foreign_header_and_trailing_bytes_are_refused_A06),
                cmocka_unit_test(unknown_repeated_and_foreign_fields_are_refused),
                cmocka_unit_test(a_value_of_the_wrong_shape_is_refused_A06),
                cmocka_unit_test(a_field_longer_than_the_message_is_refused_A06),
                cmocka_unit_test(lists_must_be_whole),
                cmocka_unit_test(limits_hold_at_n_and_not_at_n_plus_1),
                cmocka_unit_test(every_text_holds_its_limit_and_not_a_byte_more),
                cmocka_unit_test(what_is_over_a_whole_message_cannot_be_said),
                cmocka_unit_test(what_we_would_refuse_we_do_not_send),
                cmocka_unit_test(flipped_bits_never_leave_the_message),
                cmocka_unit_test(texts_are_copied_whole_or_not_at_all),
        };

        return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
