/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises Y2 and Y3 of nhictl/log/verify.h, J1 of nhictl/log/heads.h, and nhictl log verify as
 * an auditor meets it. */

/* Before cmocka.h, which has a macro of the name of fail(). */
#include "nhictl/log/config.h"
#include "nhictl/log/heads-local.h"
#include "nhictl/verb.h"

#include "tests/unit/verify-fixture.h"

/* ---- against a head ----------------------------------------------------------------------------
 */

/* U02: whole lines are gone, which the chain alone cannot tell. */
static void a_tail_that_is_cut_at_a_record_shows_against_a_head(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 8);
        Bytes *b = &w.files[0];
        size_t begin = 0;

        for (size_t i = 1; line_at(b, i, &begin) > 0; i++) {
                const uint64_t seq = seq_at(b, begin);
                VerifyReport r;

                write_bytes(&w.dir, b->name, b->data, begin);
                r = verify_alone(&w);
                assert_whole(&r);
                assert_int_equal(r.n_heads, 0);
                assert_int_equal(r.last_seq, seq - 1);
                r = verify_against(&w, &w.head, 1);
                assert_bad(r, VERIFY_CUT, seq);
                assert_int_equal(r.n_problems, 1);
        }
        world_free(&w);
}

/* U03: log and head of the state, together: a head that is elsewhere knows more. */
static void a_log_that_is_rolled_back_shows_against_a_later_head(void **state)
{
        World w = world_new(1200, 20);
        LogHead then = w.head;
        LogStore *s = log_dir_open(&w.dir, NULL, 0);
        VerifyReport r;

        append_n(s, 20);
        log_store_head(s, &w.head);
        log_store_free(s);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        r = verify_against(&w, &then, 1);
        assert_whole(&r);
        assert_int_equal(r.head_seq, then.chain.seq);

        {
                LogSegments list = {};

                assert_int_equal(log_segments_list(w.dir.fd, &list), 0);
                for (size_t i = 0; i < list.n; i++)
                        (void)unlinkat(w.dir.fd, list.items[i].name, 0);
                log_segments_done(&list);
        }
        for (size_t i = 0; i < w.n_files; i++)
                restore(&w, i);
        r = verify_against(&w, &then, 1);
        assert_whole(&r);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_CUT, then.chain.seq + 1);
        world_free(&w);
}

/* The chain made anew from a record on, so that every prev fits. */
static void a_chain_that_is_made_anew_shows_against_a_head(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 10);
        Bytes *b = &w.files[0];
        char *all = malloc(b->size + 4 * LOG_LINE_MAX);
        size_t begin = 0, n;

        for (size_t changed = 1; line_at(b, changed, &begin) > 0; changed++) {
                const uint64_t seq = seq_at(b, begin);
                LogChain chain = {};
                size_t used = 0, size = 0;
                VerifyReport r;

                for (size_t i = 0; (n = line_at(b, i, &begin)) > 0; i++) {
                        _cleanup_free_ char *line = strndup(b->data + begin, n - 1);
                        int64_t time = 0;
                        char *body = strstr(line, "\"event\"");

                        assert_int_equal(log_time_parse(strstr(line, "\"time\":\"") + 8,
                                                        LOG_TIME_SIZE, &time),
                                         0);
                        if (i == changed)
                                *strstr(body, "detail") = 'D';
                        assert_int_equal(log_line_make(&chain, time, body, strlen(body), all + used,
                                                       LOG_LINE_MAX, &size),
                                         0);
                        used += size;
                }
                write_bytes(&w.dir, b->name, all, used);
                r = verify_alone(&w);
                assert_whole(&r);
                r = verify_against(&w, &w.head, 1);
                assert_bad(r, VERIFY_REWRITTEN, w.head.chain.seq);
                assert_true(seq <= w.head.chain.seq);
        }
        free(all);
        world_free(&w);
}

/* Heads in between narrow it down. */
static void of_many_heads_the_first_that_does_not_fit_is_named(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 2);
        LogStore *s = log_dir_open(&w.dir, NULL, 0);
        LogHeads heads = {};
        LogSource *source = NULL;
        VerifyReport r;
        LogHead h[3];

        for (size_t i = 0; i < 3; i++) {
                append_n(s, 3);
                log_store_head(s, &h[i]);
                if (i > 0)
                        h[i].chain.hash[5] ^= 1;
                assert_int_equal(log_heads_give(&heads, &h[i], "test"), 0);
        }
        log_store_free(s);
        log_heads_sort(&heads);
        assert_int_equal(log_source_open(w.dir.path, &source), 0);
        assert_int_equal(verify_log(source, &(VerifyOptions){ .heads = &heads }, &r), 0);
        assert_bad(r, VERIFY_REWRITTEN, h[1].chain.seq);
        assert_int_equal(r.n_problems, 2);
        assert_int_equal(r.n_heads, 1);
        assert_non_null(strstr(r.problems[0].text, "from record 7 on"));
        log_source_free(source);
        log_heads_done(&heads);
        world_free(&w);
}

/* U03: a new log in the place of the old one. */
static void another_log_in_its_place_is_found(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 10);
        LogHead other = w.head;
        VerifyReport r;

        memset(other.log_id, 'e', LOG_ID_SIZE);
        for (uint64_t seq = 1; seq < 15; seq += 3) {
                other.chain.seq = seq;
                r = verify_against(&w, &other, 1);
                assert_bad(r, VERIFY_OTHER_LOG, seq);
                assert_int_equal(r.n_heads, 0);
        }
        /* SEQ:HASH is of any. */
        other = w.head;
        memset(other.log_id, 0, sizeof(other.log_id));
        r = verify_against(&w, &other, 1);
        assert_whole(&r);
        assert_int_equal(r.n_heads, 1);
        world_free(&w);
}

/* The last record has nobody behind it: its own prev and the head tell the two apart. */
static void of_the_last_two_records_the_right_one_is_named(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        Bytes *b = &w.files[0];
        size_t last = 0, before = 0;
        VerifyReport r;
        char *digit, was;

        (void)line_at(b, 5, &last);
        (void)line_at(b, 4, &before);
        digit = strstr(b->data + last, "\"prev\":\"") + 8;
        was = *digit;
        *digit = was == '0' ? '1' : '0';
        restore(&w, 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_CHANGED, 6);
        *digit = was;
        strstr(b->data + before, "detail")[0] ^= 1;
        restore(&w, 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_CHANGED, 5);
        assert_int_equal(r.n_problems, 1);
        assert_int_equal(r.n_heads, 1);
        world_free(&w);
}

/* What nobody signed tells what is wrong, and proves nothing. */
static void a_head_that_lies_beside_the_log_proves_nothing(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 10);
        LogHead head = w.head;
        VerifyReport r;

        r = verify_with(&w, &head, log_heads_give_beside);
        assert_whole(&r);
        assert_int_equal(r.n_heads, 0);
        assert_int_equal(r.head_seq, 0);
        assert_int_equal(r.n_heads_weak, 1);
        assert_string_equal(r.weak_from, "test");
        head.chain.seq++;
        r = verify_with(&w, &head, log_heads_give_beside);
        assert_bad(r, VERIFY_CUT, head.chain.seq);
        head = w.head;
        head.chain.hash[0] ^= 1;
        r = verify_with(&w, &head, log_heads_give_beside);
        assert_bad(r, VERIFY_REWRITTEN, head.chain.seq);
        world_free(&w);
}

static json_t *status_of(const LogHead *head)
{
        char hash[LOG_HASH_TEXT_SIZE + 1];

        log_hash_format(head->chain.hash, hash);
        return json_pack("{s:{s:s, s:I, s:s}}", "log", "id", head->log_id, "seq",
                         (json_int_t)head->chain.seq, "head", hash);
}

/* U02: records end at the first NUL, and none of the heads that were signed is as new as what the
 * agent knows. */
static void what_one_nul_takes_off_shows_against_the_agents_status(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 20);
        json_t *status = status_of(&w.head);
        Bytes *b = &w.files[0];
        size_t begin = 0;
        VerifyReport r;
        LogHead live;

        assert_int_equal(log_heads_parse_status(status, 1763760000000000, &live), 0);
        assert_int_equal(live.real_usec, 1763760000000000);
        r = verify_against(&w, &live, 1);
        assert_whole(&r);
        assert_int_equal(r.head_seq, w.head.chain.seq);

        (void)line_at(b, 11, &begin);
        b->data[begin] = '\0';
        restore(&w, 0);
        r = verify_alone(&w);
        assert_whole(&r);
        r = verify_against(&w, &live, 1);
        assert_bad(r, VERIFY_CUT, 12);
        json_decref(status);
        world_free(&w);
}

static void a_status_without_a_record_is_no_head(void **state)
{
        static const char *const members[] = { "seq", "head", "id" };
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 1);
        LogHead live;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                json_t *status = status_of(&w.head);

                json_object_set_new(json_object_get(status, "log"), members[i], json_null());
                assert_int_equal(log_heads_parse_status(status, 1, &live), -EBADMSG);
                json_decref(status);
        }
        assert_int_equal(log_heads_parse_status(NULL, 1, &live), -EBADMSG);
        w.head.chain.seq = 0; /* it could not be opened */
        {
                json_t *status = status_of(&w.head);

                assert_int_equal(log_heads_parse_status(status, 1, &live), -EBADMSG);
                json_decref(status);
        }
        world_free(&w);
}

/* ---- heads and keys ----------------------------------------------------------------------------
 */

static char *sign(const SigningKey *key, const LogHead *head)
{
        char text[LOG_HEAD_TEXT_MAX + 1], *jws = NULL;

        assert_int_equal(log_head_format(head, text), 0);
        assert_int_equal(jws_sign(key, LOG_HEAD_TYP, text, strlen(text), &jws), 0);
        return jws;
}

/* J1 */
static void only_a_signature_that_verifies_counts(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 3);
        SigningKey key, other;
        LogHeads h = {};
        char *jws, *foreign, *grants = NULL;

        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(signing_key_generate(&other), 0);
        jws = sign(&key, &w.head);
        foreign = sign(&other, &w.head);
        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{}", 2, &grants), 0);
        log_heads_trust(&h, &key.public);

        assert_int_equal(log_heads_add(&h, jws, strlen(jws), "a"), 0);
        assert_int_equal(h.items[0].trust, LOG_HEAD_SIGNED);
        assert_int_equal(log_heads_add(&h, foreign, strlen(foreign), "b"), 0);
        assert_int_equal(h.items[1].trust, LOG_HEAD_UNCHECKED);
        assert_int_equal(h.n_bad, 0);
        assert_int_equal(log_heads_add(&h, grants, strlen(grants), "c"), 0);
        assert_int_equal(h.n_bad, 1);
        assert_int_equal(log_heads_add(&h, "", 0, "d"), 0);
        assert_int_equal(log_heads_add(&h, "a.b", 3, "e"), 0);
        assert_int_equal(h.n_bad, 3);
        for (size_t i = 0; i < strlen(jws); i++) {
                const size_t n_bad = h.n_bad;
                const char was = jws[i];

                jws[i] = was == 'A' ? 'B' : 'A';
                assert_int_equal(log_heads_add(&h, jws, strlen(jws), "f"), 0);
                jws[i] = was;
                /* A kid that was changed names another key. */
                if (h.n_bad == n_bad)
                        assert_int_equal(h.items[h.n - 1].trust, LOG_HEAD_UNCHECKED);
        }
        /* The same one is kept once, the one that is believed. */
        log_heads_sort(&h);
        assert_int_equal(h.n, 1);
        assert_int_equal(h.items[0].trust, LOG_HEAD_SIGNED);
        assert_int_equal(h.n_unchecked, 0);
        log_heads_done(&h);
        signing_key_done(&key);
        signing_key_done(&other);
        free(jws);
        free(foreign);
        free(grants);
        world_free(&w);
}

static void a_head_has_three_spellings_and_no_other(void **state)
{
        static const char *const wrong[] = {
                "",
                "7",
                ":",
                "7:",
                "0:1111111111111111111111111111111111111111111111111111111111111111",
                "7:111111111111111111111111111111111111111111111111111111111111111",
                "7:11111111111111111111111111111111111111111111111111111111111111111",
                "7:111111111111111111111111111111111111111111111111111111111111111G",
                ("99999999999999999:" SET_A),
                "-7:1111111111111111111111111111111111111111111111111111111111111111",
                "/nonexistent",
                "/dev/null",
                "/proc/self/status",
                "/tmp",
        };
        LogHeads h = {};
        char error[256];

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                error[0] = '\0';
                assert_int_equal(log_heads_parse(&h, wrong[i], error), -EINVAL);
                assert_true(strlen(error) > 10);
        }
        assert_int_equal(h.n, 0);
        assert_int_equal(
                log_heads_parse(
                        &h, "7:1111111111111111111111111111111111111111111111111111111111111111",
                        error),
                0);
        assert_int_equal(h.items[0].head.chain.seq, 7);
        assert_int_equal(h.items[0].head.chain.hash[31], 0x11);
        assert_int_equal(h.items[0].trust, LOG_HEAD_GIVEN);
        log_heads_done(&h);
}

/* ---- the command -------------------------------------------------------------------------------
 */

typedef struct Said {
        int status;
        char out[8192], err[4096];
} Said;

static int to_file(FILE *stream, char *path)
{
        int fd, saved = dup(fileno(stream));

        (void)fflush(stream);
        fd = mkstemp(path);
        assert_true(saved >= 0 && fd >= 0);
        assert_true(dup2(fd, fileno(stream)) >= 0);
        (void)close(fd);
        return saved;
}

static void from_file(FILE *stream, int saved, const char *path, char *ret, size_t size)
{
        size_t n = 0;
        int fd;

        (void)fflush(stream);
        (void)dup2(saved, fileno(stream));
        (void)close(saved);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fd_read_all(fd, ret, size - 1, &n), 0);
        ret[n] = '\0';
        (void)close(fd);
        (void)unlink(path);
}

static Said run(World *w, ...)
{
        const char *words[12] = { "nhictl", "log",   "verify",   "--color",
                                  "never",  "--dir", w->dir.path };
        char out[] = "/tmp/nhi-test-out.XXXXXX", err[] = "/tmp/nhi-test-err.XXXXXX";
        int n = 7, saved_out, saved_err;
        Said said = {};
        va_list ap;

        va_start(ap, w);
        while ((words[n] = va_arg(ap, const char *)))
                n++;
        va_end(ap);
        saved_out = to_file(stdout, out);
        saved_err = to_file(stderr, err);
        said.status = nhictl_main(n, (char **)words);
        from_file(stdout, saved_out, out, said.out, sizeof(said.out));
        from_file(stderr, saved_err, err, said.err, sizeof(said.err));
        return said;
}

/* Y3 */
static void what_is_not_proven_is_said(void **state)
{
        World w = world_new(1200, 20);
        Said said = run(&w, NULL);

        assert_int_equal(said.status, VERB_STALE);
        assert_null(strstr(said.out, "whole  "));
        assert_non_null(strstr(said.out, "unproven"));
        assert_non_null(strstr(said.out, "not proven"));
        assert_non_null(strstr(said.out, "no head of it that can be believed is known (--head)"));
        assert_non_null(strstr(said.err, "no head was given"));
        said = run(&w, "--json", NULL);
        assert_int_equal(said.status, VERB_STALE);
        assert_non_null(strstr(said.out, "\"whole\": true"));
        assert_non_null(strstr(said.out, "\"proven\": false"));
        world_free(&w);
}

/* Y3: records may be in them that are in no chain. */
static void files_that_were_put_aside_are_named(void **state)
{
        World w = world_new(1200, 20);
        Said said;

        write_bytes(&w.dir, "damaged-1763760000.log", "x\n", 2);
        write_bytes(&w.dir, "damaged-1763760000.txt", "x\n", 2);
        said = run(&w, NULL);
        assert_non_null(strstr(said.out, "1 file that the agent put aside, such as "
                                         "damaged-1763760000.log"));
        write_bytes(&w.dir, "damaged-1763760000-reserve.log", "x\n", 2);
        said = run(&w, NULL);
        assert_non_null(strstr(said.out, "2 files that the agent put aside"));
        (void)unlinkat(w.dir.fd, "damaged-1763760000-reserve.log", 0);
        (void)unlinkat(w.dir.fd, "damaged-1763760000.log", 0);
        (void)unlinkat(w.dir.fd, "damaged-1763760000.txt", 0);
        world_free(&w);
}

/* Its own log, however --dir spells it. */
static void a_directory_is_the_same_however_it_is_spelled(void **state)
{
        LogDir d = log_dir_new(1000), other = log_dir_new(1000);
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/", d.path);
        assert_true(log_dir_is(d.path, d.path));
        assert_true(log_dir_is(path, d.path));
        (void)snprintf(path, sizeof(path), "%s/./../%s", d.path, strrchr(d.path, '/') + 1);
        assert_true(log_dir_is(path, d.path));
        assert_false(log_dir_is(other.path, d.path));
        assert_false(log_dir_is("/nonexistent", d.path));
        assert_true(log_dir_is("/nonexistent", "/nonexistent"));
        log_dir_free(&d);
        log_dir_free(&other);
}

static void a_head_and_its_key_prove_the_tail(void **state)
{
        World w = world_new(1200, 20);
        char head_file[] = "/tmp/nhi-test-head.XXXXXX", key_file[] = "/tmp/nhi-test-key.XXXXXX";
        char x[64], *jws, *jwk = NULL;
        SigningKey key, other;
        Said said;
        int fd;

        assert_int_equal(signing_key_generate(&key), 0);
        assert_int_equal(signing_key_generate(&other), 0);
        base64url_encode(key.public.public, JWK_PUBLIC_SIZE, x);
        jws = sign(&key, &w.head);
        assert_int_equal(jwk_format(&key.public, &jwk), 0);
        fd = mkstemp(head_file);
        dprintf(fd, "# kept by the anchor\n%s\n", jws);
        (void)close(fd);
        fd = mkstemp(key_file);
        dprintf(fd, "%s\n", jwk);
        (void)close(fd);

        said = run(&w, "--head", jws, "--key", x, NULL);
        assert_int_equal(said.status, VERB_OK);
        assert_non_null(strstr(said.out, "1 agree, the last for record "));
        assert_non_null(strstr(said.out, " (--head)\n"));
        assert_null(strstr(said.out, "not proven"));
        said = run(&w, "--head", head_file, "--key", key_file, NULL);
        assert_int_equal(said.status, VERB_OK);
        assert_null(strstr(said.out, "not proven"));

        /* No key, or another's: it agrees, but who says so? */
        said = run(&w, "--head", jws, NULL);
        assert_int_equal(said.status, VERB_STALE);
        assert_non_null(strstr(said.out, "who signed"));
        base64url_encode(other.public.public, JWK_PUBLIC_SIZE, x);
        said = run(&w, "--head", jws, "--key", x, NULL);
        assert_int_equal(said.status, VERB_STALE);

        jws[strlen(jws) - 5] = jws[strlen(jws) - 5] == 'A' ? 'B' : 'A';
        base64url_encode(key.public.public, JWK_PUBLIC_SIZE, x);
        said = run(&w, "--head", jws, "--key", x, NULL);
        assert_int_equal(said.status, VERB_PROBLEM);
        assert_non_null(strstr(said.out, "cannot be believed"));
        said = run(&w, "--head", "x", NULL);
        assert_int_equal(said.status, VERB_USAGE);
        said = run(&w, "--key", "x", NULL);
        assert_int_equal(said.status, VERB_USAGE);

        (void)unlink(head_file);
        (void)unlink(key_file);
        free(jws);
        free(jwk);
        signing_key_done(&key);
        signing_key_done(&other);
        world_free(&w);
}

static void the_first_bad_record_is_named_to_people_and_to_programs(void **state)
{
        World w = world_new(1200, 20);
        Bytes *b = &w.files[1];
        json_t *doc, *problem;
        size_t begin = 0;
        uint64_t seq;
        Said said;

        (void)line_at(b, 1, &begin);
        seq = seq_at(b, begin);
        strstr(b->data + begin, "record")[0] ^= 1;
        restore(&w, 1);
        said = run(&w, NULL);
        assert_int_equal(said.status, VERB_PROBLEM);
        assert_non_null(strstr(said.out, "first bad"));
        assert_non_null(strstr(said.out, "NOT whole"));
        assert_non_null(strstr(said.out, b->name));

        said = run(&w, "--json", NULL);
        assert_int_equal(said.status, VERB_PROBLEM);
        doc = json_loads(said.out, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(doc);
        assert_true(json_is_false(json_object_get(doc, "whole")));
        problem = json_array_get(json_object_get(doc, "problems"), 0);
        assert_string_equal(json_string_value(json_object_get(problem, "code")), "changed");
        assert_string_equal(json_string_value(json_object_get(problem, "file")), b->name);
        assert_int_equal(json_integer_value(json_object_get(problem, "seq")), seq);
        assert_int_equal(json_integer_value(json_object_get(problem, "line")), 2);
        json_decref(doc);
        world_free(&w);
}

static void nothing_is_not_whole(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        Said said = run(&w, NULL);

        assert_int_equal(said.status, VERB_STALE);
        said = run(&w, "--json", NULL);
        assert_int_equal(said.status, VERB_STALE);
        assert_non_null(strstr(said.out, "\"whole\":"));
        world_free(&w);
}

/* What stands in a log may be anything. */
static void a_damaged_log_does_not_speak_to_the_terminal(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 3);
        Bytes *b = &w.files[0];
        Said said;

        memcpy(strstr(b->data, "\"host\":\"h1\"") + 8, "\x9b\x1b", 2);
        restore(&w, 0);
        said = run(&w, NULL);
        assert_int_equal(said.status, VERB_PROBLEM);
        for (const char *p = said.out; *p; p++)
                assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
        world_free(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tail_that_is_cut_at_a_record_shows_against_a_head),
                cmocka_unit_test(a_log_that_is_rolled_back_shows_against_a_later_head),
                cmocka_unit_test(a_chain_that_is_made_anew_shows_against_a_head),
                cmocka_unit_test(of_many_heads_the_first_that_does_not_fit_is_named),
                cmocka_unit_test(another_log_in_its_place_is_found),
                cmocka_unit_test(of_the_last_two_records_the_right_one_is_named),
                cmocka_unit_test(only_a_signature_that_verifies_counts),
                cmocka_unit_test(a_head_has_three_spellings_and_no_other),
                cmocka_unit_test(a_head_that_lies_beside_the_log_proves_nothing),
                cmocka_unit_test(what_one_nul_takes_off_shows_against_the_agents_status),
                cmocka_unit_test(a_status_without_a_record_is_no_head),
                cmocka_unit_test(what_is_not_proven_is_said),
                cmocka_unit_test(files_that_were_put_aside_are_named),
                cmocka_unit_test(a_directory_is_the_same_however_it_is_spelled),
                cmocka_unit_test(a_head_and_its_key_prove_the_tail),
                cmocka_unit_test(the_first_bad_record_is_named_to_people_and_to_programs),
                cmocka_unit_test(nothing_is_not_whole),
                cmocka_unit_test(a_damaged_log_does_not_speak_to_the_terminal),
        };

        if (sodium_init() < 0)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
