/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/cited.h"
#include "nhictl/log/join.h"
#include "nhictl/verb.h"
#include "tests/unit/log-fixture.h"

#include "lib/base/path.h"
#include "nhi-agentd/set/set.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ISS "https://grants.example.org"

#define TERMS                                                                                      \
        "{\"type\":\"nhi_login\",\"services\":[\"ssh\"]},"                                         \
        "{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],\"run_as\":[\"postgres\"],"             \
        "\"run_as_groups\":[\"ops\"],\"commands\":[[\"/bin/ls\",\"-l\",\"/a b\"],[\"/bin/id\"]],"  \
        "\"edit\":[\"/etc/a\",\"/etc/a b\"]},"                                                     \
        "{\"type\":\"nhi_elevate\",\"services\":[\"sudo\",\"su\"],\"run_as\":[\"*\"]},"            \
        "{\"type\":\"nhi_unit\",\"units\":[\"a.service\"]}"

static const char payload[] =
        "{\"format\":1,\"iss\":\"" ISS
        "\",\"aud\":\"web1\",\"iat\":1763758200,\"exp\":4102444800,\"ver\":3,"
        "\"accounts\":[],\"grants\":[{\"jti\":\"g-0\",\"account\":\"other\"},"
        "{\"jti\":\"g-1\",\"account\":\"svc\",\"sub\":\"spiffe://"
        "ci\",\"act\":{\"sub\":\"agent:bot\","
        "\"act\":{\"sub\":\"ci\"}},\"owner\":\"payments\",\"reason\":\"CHG-42 roll out\","
        "\"ticket\":\"CHG-42\",\"issued_by\":\"ci@x\",\"exp\":4102444800,"
        "\"authorization_details\":[" TERMS "]}]}";

/* A log directory with one set, its key, and the record that cites it. */
typedef struct World {
        LogDir dir;
        SigningKey key;
        LogKeys keys;
        char hash[65], set_path[256];
        json_t *record;
} World;

static void write_at(const char *path, const void *data, size_t size)
{
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, data, size), 0);
        (void)close(fd);
}

static void put_typ(World *w, const char *typ, const char *text)
{
        char *jws = NULL;

        assert_int_equal(jws_sign(&w->key, typ, text, strlen(text), &jws), 0);
        content_hash(jws, strlen(jws), w->hash);
        snprintf(w->set_path, sizeof(w->set_path), "%s/sets/%s.jws", w->dir.path, w->hash);
        write_at(w->set_path, jws, strlen(jws));
        free(jws);
}

static void put_set(World *w, const char *text)
{
        put_typ(w, JWS_TYP_GRANTS, text);
}

static World *world_new(void)
{
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        w->dir = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        assert_int_equal(mkdirat(w->dir.fd, "sets", 0700), 0);
        assert_int_equal(signing_key_generate(&w->key), 0);
        w->keys.items = calloc(1, sizeof(*w->keys.items));
        w->keys.items[0] = (LogKey){ .jwk = w->key.public, .issuer = strdup(ISS) };
        w->keys.n = 1;
        put_set(w, payload);
        w->record = json_pack(
                "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s, s], s:s, s:s, s:s, s:s, s:s, "
                "s:I}",
                "event", "decision", "verdict", "allow", "class", "ssh", "time",
                "2026-01-01T00:00:00.000000Z", "set", w->hash, "grant", "g-1", "account", "svc",
                "subject", "spiffe://ci", "actor", "agent:bot", "ci", "owner", "payments", "why",
                "CHG-42 roll out", "ticket", "CHG-42", "issued_by", "ci@x", "issuer", ISS, "until",
                (json_int_t)4102444800);
        assert_non_null(w->record);
        return w;
}

static void world_free(World *w)
{
        DIR *dir;
        const struct dirent *e;
        const int fd = openat(w->dir.fd, "sets", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        dir = fdopendir(fd);
        while ((e = readdir(dir)))
                if (e->d_name[0] != '.')
                        (void)unlinkat(fd, e->d_name, 0);
        (void)closedir(dir);
        assert_int_equal(unlinkat(w->dir.fd, "sets", AT_REMOVEDIR), 0);
        log_dir_free(&w->dir);
        log_keys_done(&w->keys);
        signing_key_done(&w->key);
        json_decref(w->record);
        free(w);
}

static Cited verify(const World *w)
{
        Cited c;

        assert_int_equal(cited_verify(w->dir.path, w->record, &w->keys, &c), 0);
        return c;
}

static void assert_wrong(const World *w, const char *because)
{
        const Cited c = verify(w);

        assert_int_equal(c.state, CITED_WRONG);
        if (!strstr(c.text, because))
                fail_msg("\"%s\" does not say \"%s\"", c.text, because);
}

/* A statement about the set whose hash stands in the record, and its own hash. */
static void put_statement(World *w, const char *typ, int64_t iat_sec)
{
        char text[512];

        (void)snprintf(text, sizeof(text),
                       "{\"format\":1,\"iss\":\"" ISS
                       "\",\"aud\":\"web1\",\"set\":\"%s\",\"ver\":3,"
                       "\"iat\":%lld,\"exp\":%lld}",
                       json_string_value(json_object_get(w->record, "set")), (long long)iat_sec,
                       (long long)iat_sec + 86400);
        put_typ(w, typ, text);
}

/* The record is of 1767225600, and its set was over by itself an hour before. */
static void a_set_that_was_kept_fresh_was_in_force(void **state)
{
        static const char *const times[] = { "\"iat\":1763758200,\"exp\":4102444800,\"ver\"",
                                             "\"iat\":1767135600,\"exp\":1767222000,\"ver\"" };
        World *w = world_new();
        const char *at = strstr(payload, times[0]);
        char text[sizeof(payload) + 64];

        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - payload), payload, times[1],
                       at + strlen(times[0]));
        put_set(w, text);
        json_object_set_new(w->record, "set", json_string(w->hash));
        assert_wrong(w, "was not in force then");
        put_statement(w, JWS_TYP_FRESHNESS, 1767226000); /* after it */
        put_statement(w, JWS_TYP_GRANTS, 1767200000);
        assert_wrong(w, "was not in force then");
        put_statement(w, JWS_TYP_FRESHNESS, 1767200000);
        assert_int_equal(verify(w).state, CITED_GOOD);
        /* And its own record. */
        json_object_set_new(w->record, "event", json_string("set-fresh"));
        json_object_set_new(w->record, "set", json_string(w->hash));
        assert_int_equal(verify(w).state, CITED_GOOD);
        json_object_set_new(w->record, "event", json_string("set-accepted"));
        assert_wrong(w, "");
        world_free(w);
}

static void a_set_that_is_as_it_was_received_is_good(void **state)
{
        World *w = world_new();
        Cited c = verify(w);

        assert_int_equal(c.state, CITED_GOOD);
        assert_true(c.has_grant);
        assert_string_equal(c.issuer, ISS);
        assert_string_equal(c.kid, w->key.public.kid);
        json_object_del(w->record, "grant");
        assert_wrong(w, "names no grant");
        json_object_set_new(w->record, "event", json_string("set-accepted"));
        c = verify(w);
        assert_int_equal(c.state, CITED_GOOD);
        assert_false(c.has_grant);
        json_object_del(w->record, "set");
        assert_int_equal(verify(w).state, CITED_NONE);
        world_free(w);
}

static void one_byte_of_the_set_that_is_another_is_wrong(void **state)
{
        World *w = world_new();
        const int fd = open(w->set_path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "X", 1, 200), 1);
        (void)close(fd);
        assert_wrong(w, "changed");
        world_free(w);
}

/* What the record says of itself must be what was signed. */
static void a_record_that_says_something_else_than_the_grant_is_wrong(void **state)
{
        static const struct {
                const char *name, *value, *because;
        } cases[] = {
                { "account", "root", "account" },     { "owner", "nobody", "owner" },
                { "why", "CHG-43", "reason" },        { "why", "CHG-42", "reason" },
                { "ticket", "CHG-1", "ticket" },      { "subject", "x", "sub" },
                { "issued_by", "me", "issued_by" },   { "issuer", "https://else", "issuer" },
                { "grant", "g-2", "not in the set" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                World *w = world_new();

                json_object_set_new(w->record, cases[i].name, json_string(cases[i].value));
                assert_wrong(w, cases[i].because);
                world_free(w);
        }
}

static void who_was_let_in_without_a_set_is_wrong(void **state)
{
        World *w = world_new();

        json_object_del(w->record, "set");
        assert_wrong(w, "it allows, and cites none");
        json_object_set_new(w->record, "verdict", json_string("deny"));
        assert_int_equal(verify(w).state, CITED_NONE);
        world_free(w);
}

/* What a record says was asked for; NULL: it does not say. */
typedef struct AskedCase {
        const char *class, *target, *group, *command, *unit;
        bool is_cut, is_granted;
} AskedCase;

static void set_or_not(json_t *record, const char *name, const char *value)
{
        if (value)
                json_object_set_new(record, name, json_string(value));
}

static void one_term_must_have_all_that_was_asked_for(void **state)
{
        static const AskedCase cases[] = {
                { .class = "ssh", .is_granted = true },
                { .class = "cron" },
                { .class = NULL },
                { .class = "systemd-user" },
                { .class = "unit", .unit = "a.service", .is_granted = true },
                { .class = "unit", .unit = "b.service" },
                { .class = "su", .target = "root", .is_granted = true },
                { .class = "su", .target = "root", .group = "ops" },
                { .class = "sudo", .target = "root", .command = "/bin/sh", .is_granted = true },
                { .class = "sudo", .target = "root", .group = "ops", .command = "/bin/id" },
                { "sudo", "postgres", "ops", "/bin/id", .is_granted = true },
                { "sudo", "postgres", "ops", "/bin/ls -l /a b", .is_granted = true },
                { "sudo", "postgres", "ops", "/bin/ls -l", .is_granted = false },
                { "sudo", "postgres", "ops", "/bin/ls -l /a bc", .is_granted = false },
                { "sudo", "postgres", "ops", "/bin/ls -l /a b c", .is_granted = false },
                { "sudo", "postgres", "ops", "/bin/ls -l /a", .is_cut = true, .is_granted = true },
                { "sudo", "postgres", "ops", "/bin/ls -l /b", .is_cut = true },
                { "sudo", "postgres", "ops", "/bin/id x", .is_granted = false },
                { "sudo", "postgres", "other", "/bin/id", .is_granted = false },
                { "sudo", "postgres", "ops", "sudoedit /etc/a", .is_granted = true },
                { "sudo", "postgres", "ops", "sudoedit /etc/a b /etc/a", .is_granted = true },
                { "sudo", "postgres", "ops", "sudoedit /etc/a /etc/b", .is_granted = false },
                { "sudo", "postgres", "ops", "sudoedit /etc/a /et", .is_cut = true,
                  .is_granted = true },
                { "sudo", "postgres", "ops", "sudoedit /etc/shadow", .is_granted = false },
                { "sudo", "postgres", "ops", NULL, .is_granted = true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const AskedCase *k = &cases[i];
                World *w = world_new();
                Cited c;

                json_object_del(w->record, "class");
                set_or_not(w->record, "class", k->class);
                set_or_not(w->record, "target", k->target);
                set_or_not(w->record, "target_group", k->group);
                set_or_not(w->record, "command", k->command);
                set_or_not(w->record, "unit", k->unit);
                if (k->is_cut)
                        json_object_set_new(w->record, "cut", json_pack("[s]", "command"));
                c = verify(w);
                if ((c.state == CITED_GOOD && c.has_grant) != k->is_granted)
                        fail_msg("case %zu: %s", i, c.text);
                if (!k->is_granted)
                        assert_wrong(w, "no term of grant g-1");
                /* The grant that a denial names is the one that came nearest. */
                json_object_set_new(w->record, "event", json_string("denial"));
                assert_int_equal(verify(w).state, CITED_GOOD);
                world_free(w);
        }
}

static void a_decision_before_or_after_its_set_is_wrong(void **state)
{
        static const struct {
                const char *time;
                bool is_good;
        } cases[] = {
                { "2025-11-21T20:48:59.999999Z", false },
                { "2025-11-21T20:49:00.000000Z", true },
                { "2100-01-01T00:00:59.999999Z", true },
                { "2100-01-01T00:01:00.000000Z", false },
                { "nonsense", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                World *w = world_new();

                json_object_set_new(w->record, "time", json_string(cases[i].time));
                if (!cases[i].is_good)
                        assert_wrong(w, "not in force");
                else
                        assert_int_equal(verify(w).state, CITED_GOOD);
                world_free(w);
        }
}

/* No host takes it, whoever signed it. */
static void a_set_whose_times_are_none_was_not_in_force(void **state)
{
        static const struct {
                const char *was, *is;
                int64_t statement_iat_sec;
        } cases[] = {
                { "\"iat\":1763758200,\"exp\":4102444800,\"ver\"",
                  "\"iat\":1,\"exp\":9223372036854775807,\"ver\"", 1767225600 },
                { "\"iat\":1763758200", "\"iat\":-9223372036854775808", INT64_MIN },
                { "\"iat\":1763758200", "\"iat\":9223372036854775807", INT64_MIN },
                { "\"exp\":4102444800,\"ver\"", "\"exp\":9223372036854775807,\"ver\"", INT64_MIN },
                { "\"exp\":4102444800,\"auth", "\"exp\":9223372036854775807,\"auth", INT64_MIN },
                { "\"issued_by\"", "\"nbf\":-9223372036854775808,\"issued_by\"", INT64_MIN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *at = strstr(payload, cases[i].was);
                char text[sizeof(payload) + 64];
                World *w = world_new();

                (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - payload), payload,
                               cases[i].is, at + strlen(cases[i].was));
                put_set(w, text);
                json_object_set_new(w->record, "set", json_string(w->hash));
                /* Where the set seems to be over, a statement about it is looked for. */
                put_statement(w, JWS_TYP_FRESHNESS, cases[i].statement_iat_sec);
                assert_int_equal(verify(w).state, CITED_WRONG);
                world_free(w);
        }
}

static void an_act_chain_or_an_end_that_was_not_granted_is_wrong(void **state)
{
        World *w = world_new();
        json_t *actors = json_object_get(w->record, "actor");

        json_object_set_new(w->record, "until", json_integer(4102444801));
        assert_wrong(w, "ends before");
        json_object_set_new(w->record, "until", json_integer(4102444800));
        json_array_remove(actors, 1);
        assert_wrong(w, "act chain");
        json_array_append_new(actors, json_string("somebody"));
        assert_wrong(w, "act chain");
        json_array_set_new(actors, 1, json_string("ci"));
        json_array_append_new(actors, json_string("more"));
        assert_wrong(w, "act chain");
        world_free(w);
}

static void what_had_to_be_cut_is_compared_as_far_as_it_goes(void **state)
{
        World *w = world_new();

        json_object_set_new(w->record, "why", json_string("CHG-42 ro"));
        assert_wrong(w, "reason");
        json_object_set_new(w->record, "cut", json_pack("[s]", "why"));
        assert_int_equal(verify(w).state, CITED_GOOD);
        json_object_set_new(w->record, "why", json_string("CHG-43"));
        assert_wrong(w, "reason");
        world_free(w);
}

static void without_the_set_or_its_key_nothing_is_said(void **state)
{
        World *w = world_new();
        SigningKey other;

        assert_int_equal(signing_key_generate(&other), 0);
        w->keys.items[0].jwk = other.public;
        assert_int_equal(verify(w).state, CITED_AWAY);
        w->keys.n = 0;
        assert_int_equal(verify(w).state, CITED_AWAY);
        w->keys.n = 1;
        w->keys.items[0].jwk = w->key.public;
        assert_int_equal(verify(w).state, CITED_GOOD);
        assert_int_equal(unlink(w->set_path), 0);
        assert_int_equal(verify(w).state, CITED_AWAY);
        signing_key_done(&other);
        world_free(w);
}

static void a_key_of_another_issuer_does_not_do(void **state)
{
        World *w = world_new();

        free(w->keys.items[0].issuer);
        w->keys.items[0].issuer = strdup("https://other");
        assert_wrong(w, "key of issuer");
        free(w->keys.items[0].issuer);
        w->keys.items[0].issuer = strdup("");
        assert_int_equal(verify(w).state, CITED_GOOD);
        world_free(w);
}

/* A log that somebody else wrote leads to no other file. */
static void a_hash_that_is_none_is_no_path(void **state)
{
        static const char *const hashes[] = {
                "../../../etc/passwd",
                "",
                "x",
                "AAAA4a2ddd5cd60ffe3ca3d3ff67ff5cdd4ea8dcbf3e1a8e4b8b0d8ff6ae8bd2",
        };

        for (size_t i = 0; i < ELEMENTSOF(hashes); i++) {
                World *w = world_new();

                json_object_set_new(w->record, "set", json_string(hashes[i]));
                assert_wrong(w, "no hash");
                world_free(w);
        }
}

static void a_payload_that_is_none_is_wrong(void **state)
{
        static const char *const texts[] = { "", "[]", "{", "{\"iss\":\"" ISS "\",\"grants\":[{]}",
                                             "{\"iss\":\"" ISS "\",\"grants\":[]} x" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                World *w = world_new();

                if (*texts[i]) {
                        put_set(w, texts[i]);
                } else {
                        content_hash("", 0, w->hash);
                        snprintf(w->set_path, sizeof(w->set_path), "%s/sets/%s.jws", w->dir.path,
                                 w->hash);
                        write_at(w->set_path, "", 0);
                }
                json_object_set_new(w->record, "set", json_string(w->hash));
                assert_int_equal(verify(w).state, CITED_WRONG);
                world_free(w);
        }
}

/* ---- the kernel's audit records ----------------------------------------------------------------
 */

static void audit_records_of_the_session_or_the_login_uid_are_found(void **state)
{
        static const char log[] =
                "type=USER_START msg=audit(1763760000.123:1): pid=1 uid=0 auid=1000 ses=12 "
                "msg='x'\n"
                "type=USER_START msg=audit(1763760001.000:2): pid=1 uid=0 auid=1001 ses=120\n"
                "type=USER_END msg=audit(1763760060.999:3): pid=1 uid=0 auid=10000 ses=12\n"
                "type=USER_END msg=audit(1763760000.000:4): pid=1 auid=1000 ses=4294967295\n"
                "type=EVIL msg=audit(1763760000.000:5): ses=12 \x1b[2J\xff\n"
                "type=USER_END msg=audit(1763760199.000:6): pid=1 uid=0 auid=1000 ses=12\n"
                "type=X msg=audit(): ses=12\n"
                "no record at all ses=12";
        Join j = { .journal = json_array(), .audit = json_array() };
        json_t *record = json_pack("{s:i, s:i}", "audit_session", 12, "loginuid", 1000);
        char text[sizeof(log)];

        memcpy(text, log, sizeof(log));
        assert_int_equal(join_audit_text(text, record, INT64_C(1763760000123456), &j), 0);
        assert_int_equal(j.n_audit, 3);
        assert_non_null(
                strstr(json_string_value(json_object_get(json_array_get(j.audit, 2), "message")),
                       "\\u001b[2J\xef\xbf\xbd"));
        json_decref(record);
        join_done(&j);
}

static void no_more_lines_are_kept_than_are_shown(void **state)
{
        Join j = { .journal = json_array(), .audit = json_array() };
        json_t *record = json_pack("{s:i}", "audit_session", 12);
        char text[8192] = "";

        for (unsigned i = 0; i < JOIN_LINES_MAX + 5; i++)
                strcat(text, "type=X msg=audit(1763760000.000:5): ses=12\n");
        assert_int_equal(join_audit_text(text, record, INT64_C(1763760000000000), &j), 0);
        assert_int_equal(j.n_audit, JOIN_LINES_MAX + 5);
        assert_int_equal(json_array_size(j.audit), JOIN_LINES_MAX);
        json_decref(record);
        join_done(&j);
}

/* ---- the verbs ---------------------------------------------------------------------------------
 */

/* What a run prints, and how it ends. */
typedef struct Run {
        char out[65536], err[8192];
        int status;
} Run;

static void take(int fd, char *ret, size_t size)
{
        const ssize_t n = pread(fd, ret, size - 1, 0);

        assert_true(n >= 0);
        ret[n] = '\0';
        (void)close(fd);
}

static Run *run(const char *const *words)
{
        const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
        char *argv[16] = { (char *)(uintptr_t) "nhictl" };
        Run *r = calloc(1, sizeof(*r));
        int argc = 1, status;
        pid_t pid;

        for (; words[argc - 1]; argc++)
                argv[argc] = (char *)(uintptr_t)words[argc - 1];
        pid = fork();
        if (pid == 0) {
                if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
                        _exit(99);
                status = nhictl_main(argc, argv);
                (void)fflush(NULL);
                _exit(status);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        r->status = WEXITSTATUS(status);
        take(out, r->out, sizeof(r->out));
        take(err, r->err, sizeof(r->err));
        return r;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* Three records that cite the set, and a line that is none. */
static void fill(World *w, bool with_damage)
{
        static const char *const actors[] = { "agent:bot", "ci" };
        LogStore *s = log_dir_open(&w->dir, NULL, 0);
        LogBody b;
        LogEntry e;

        log_body_init(&b, "decision");
        log_body_text(&b, LOG_FIELD_ACCOUNT, "svc");
        log_body_text(&b, LOG_FIELD_CLASS, "ssh");
        log_body_text(&b, LOG_FIELD_VERDICT, "allow");
        log_body_text(&b, LOG_FIELD_GRANT, "g-1");
        log_body_texts(&b, LOG_FIELD_ACTOR, actors, 2);
        log_body_text(&b, LOG_FIELD_SET, w->hash);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data, .body_size = b.size, .set = w->hash };
        log_store_append(s, &e, 1);
        assert_int_equal(e.r, 0);
        assert_int_equal(append_text(s, "denial", "\x1b[2Jx\ny", NULL, false), 0);
        assert_int_equal(log_store_rotate(s), 0);
        log_store_free(s);
        if (with_damage) {
                const int fd = openat(w->dir.fd, "decisions-00000000000000000001.log",
                                      O_WRONLY | O_APPEND | O_CLOEXEC);

                assert_int_equal(fd_write_all(fd, "rubbish\n", 8), 0);
                (void)close(fd);
        }
}

static void the_log_of_another_host_is_read_from_its_files(void **state)
{
        World *w = world_new();
        Run *r;

        fill(w, false);
        r = RUN("log", "--dir", w->dir.path);
        assert_int_equal(r->status, 0);
        assert_string_equal(r->err, "");
        assert_memory_equal(r->out, "SEQ     TIME", 12);
        assert_non_null(strstr(r->out, "  decision       allow    svc by agent:bot"));
        assert_non_null(strstr(r->out, "\\u001b[2Jx\\u000ay\n"));
        free(r);
        r = RUN("log", "--dir", w->dir.path, "--verdict", "allow", "--json");
        assert_int_equal(r->status, 0);
        assert_memory_equal(r->out, "{\"seq\":2,\"time\":", 16);
        assert_string_equal(strchr(r->out, '\n'), "\n");
        free(r);
        r = RUN("log", "--dir", w->dir.path, "--account", "nobody");
        assert_int_equal(r->status, 0);
        assert_string_equal(r->out, "");
        assert_non_null(strstr(r->err, "nothing is recorded"));
        free(r);
        world_free(w);
}

static void damage_is_named_and_the_status_says_so(void **state)
{
        static const char *const formats[] = { "ocsf", "cef", "csv" };
        World *w = world_new();
        Run *r;

        fill(w, true);
        r = RUN("log", "--dir", w->dir.path);
        assert_int_equal(r->status, VERB_PROBLEM);
        assert_non_null(strstr(r->err, "decisions-00000000000000000001.log: after record 4: "));
        assert_non_null(strstr(r->out, "  segment  "));
        free(r);
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                size_t n = 0;

                r = RUN("log", "export", "--dir", w->dir.path, "--format", formats[i]);
                assert_int_equal(r->status, VERB_PROBLEM);
                assert_non_null(strstr(r->err, "after record 4"));
                for (const char *p = r->out; *p; p++)
                        n += *p == '\n';
                assert_int_equal(n, 5 + streq(formats[i], "csv"));
                free(r);
        }
        world_free(w);
}

static void a_record_is_shown_with_what_is_behind_it(void **state)
{
        char key_path[300], *jwk = NULL;
        World *w = world_new();
        Run *r;

        fill(w, false);
        assert_int_equal(jwk_format(&w->key.public, &jwk), 0);
        snprintf(key_path, sizeof(key_path), "%s/key.jwk", w->dir.path);
        write_at(key_path, jwk, strlen(jwk));
        r = RUN("log", "show", "2", "--dir", w->dir.path, "--key", key_path);
        assert_int_equal(r->status, 0);
        assert_non_null(strstr(r->out, "grant set       signature good (" ISS ", key "));
        assert_non_null(strstr(r->out, "; grant g-1 is in it as the record says"));
        assert_null(strstr(r->out, "journal")); /* that host's is not here */
        free(r);
        r = RUN("log", "show", "2", "--dir", w->dir.path);
        assert_int_equal(r->status, VERB_STALE);
        free(r);
        r = RUN("log", "show", "2", "--dir", w->dir.path, "--key", key_path, "--json");
        assert_int_equal(r->status, 0);
        assert_non_null(strstr(r->out, "\"signature\": \"good\""));
        free(r);
        assert_int_equal(truncate(w->set_path, 20), 0);
        r = RUN("log", "show", "2", "--dir", w->dir.path, "--key", key_path);
        assert_int_equal(r->status, VERB_PROBLEM);
        assert_non_null(strstr(r->out, "WRONG: "));
        free(r);
        r = RUN("log", "show", "99", "--dir", w->dir.path);
        assert_int_equal(r->status, VERB_FAILED);
        assert_non_null(strstr(r->err, "there is no record 99"));
        free(r);
        free(jwk);
        world_free(w);
}

/* Until fd holds text: within half a minute, or the test fails. */
static void wait_for(int fd, const char *text)
{
        char out[8192];

        for (int i = 0; i < 3000; i++) {
                const ssize_t n = pread(fd, out, sizeof(out) - 1, 0);

                assert_true(n >= 0);
                out[n] = '\0';
                if (strstr(out, text))
                        return;
                (void)poll(NULL, 0, 10);
        }
        fail_msg("\"%s\" was never followed", text);
}

static void who_follows_sees_what_happens_until_he_has_seen_enough(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);
        const char *argv[] = {
                "nhictl", "log", "--follow", "--since", "1h", "--dir", d.path, NULL
        };
        const int out = memfd_create("out", MFD_CLOEXEC);
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                if (dup2(out, STDOUT_FILENO) < 0)
                        _exit(99);
                _exit(nhictl_main(7, (char **)(uintptr_t)argv));
        }
        assert_int_equal(append_text(s, "denial", "one", NULL, false), 0);
        wait_for(out, "  one\n");
        assert_int_equal(log_store_rotate(s), 0);
        assert_int_equal(append_text(s, "denial", "two", NULL, false), 0);
        wait_for(out, "  two\n");
        assert_int_equal(kill(pid, SIGINT), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        (void)close(out);
        log_store_free(s);
        log_dir_free(&d);
}

static void what_cannot_be_meant_is_a_usage_error(void **state)
{
        static const char *const lines[][5] = {
                { "log", "--verdict", "maybe" },
                { "log", "--event", "no-such" },
                { "log", "--event", " decision" },
                { "log", "--seq", "9..7" },
                { "log", "export" },
                { "log", "export", "--format", "xml" },
                { "log", "show", "1..2" },
                { "log", "show", "x" },
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                Run *r = run(lines[i]);

                assert_int_equal(r->status, VERB_USAGE);
                free(r);
        }
}

static void a_log_that_is_not_there_is_said(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        Run *r = RUN("log", "--dir", d.path);

        assert_int_equal(r->status, VERB_FAILED);
        assert_non_null(strstr(r->err, "no decision log"));
        free(r);
        r = RUN("log", "--dir", "/nonexistent");
        assert_int_equal(r->status, VERB_FAILED);
        free(r);
        log_dir_free(&d);
}

static void key_list_put(const char *path, const char *issuer, const SigningKey *key)
{
        char x[64], text[512], *jws = NULL;

        sodium_bin2base64(x, sizeof(x), key->public.public, sizeof(key->public.public),
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        (void)snprintf(text, sizeof(text),
                       "{\"format\":1,\"iss\":\"%s\",\"keys\":[{\"kty\":\"OKP\","
                       "\"crv\":\"Ed25519\",\"x\":\"%s\",\"reach\":{}}]}",
                       issuer, x);
        assert_int_equal(jws_sign(key, JWS_TYP_KEYS, text, strlen(text), &jws), 0);
        write_at(path, jws, strlen(jws));
        free(jws);
}

static size_t keys_configured(const char *conf, const Jwk *wanted)
{
        LogKeys keys = { .n = 0 };
        size_t n;

        write_at(PATH_CONF_DIR "/10-roots.conf", conf, strlen(conf));
        assert_int_equal(log_config_keys(&keys), 0);
        n = keys.n;
        if (n > 0)
                assert_string_equal(keys.items[0].jwk.kid, wanted->kid);
        log_keys_done(&keys);
        return n;
}

/* One list after another names the key, and another issuer's names its own. */
static void the_keys_of_key_lists_verify_where_the_issuer_has_roots(void **state)
{
        SigningKey one, other;

        assert_int_equal(system("mkdir -p " PATH_CONF_DIR " " PATH_SETS_DIR), 0);
        assert_int_equal(signing_key_generate(&one), 0);
        assert_int_equal(signing_key_generate(&other), 0);
        key_list_put(PATH_SETS_DIR "/1.jws", ISS, &one);
        key_list_put(PATH_SETS_DIR "/2.jws", ISS, &one);
        key_list_put(PATH_SETS_DIR "/3.jws", "test:other", &other);
        assert_int_equal(keys_configured("issuers = ( { issuer = \"" ISS
                                         "\"; roots = [ \"/r.jwk\" ]; } );",
                                         &one.public),
                         1);
        assert_int_equal(keys_configured("issuers = ( { issuer = \"" ISS "\"; } );", &one.public),
                         0);
        assert_int_equal(system("rm -r " PATH_CONF_DIR " " PATH_SETS_DIR), 0);
        signing_key_done(&one);
        signing_key_done(&other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_set_that_is_as_it_was_received_is_good),
                cmocka_unit_test(a_set_that_was_kept_fresh_was_in_force),
                cmocka_unit_test(one_byte_of_the_set_that_is_another_is_wrong),
                cmocka_unit_test(a_record_that_says_something_else_than_the_grant_is_wrong),
                cmocka_unit_test(who_was_let_in_without_a_set_is_wrong),
                cmocka_unit_test(one_term_must_have_all_that_was_asked_for),
                cmocka_unit_test(a_decision_before_or_after_its_set_is_wrong),
                cmocka_unit_test(a_set_whose_times_are_none_was_not_in_force),
                cmocka_unit_test(an_act_chain_or_an_end_that_was_not_granted_is_wrong),
                cmocka_unit_test(what_had_to_be_cut_is_compared_as_far_as_it_goes),
                cmocka_unit_test(without_the_set_or_its_key_nothing_is_said),
                cmocka_unit_test(a_key_of_another_issuer_does_not_do),
                cmocka_unit_test(a_hash_that_is_none_is_no_path),
                cmocka_unit_test(a_payload_that_is_none_is_wrong),
                cmocka_unit_test(audit_records_of_the_session_or_the_login_uid_are_found),
                cmocka_unit_test(no_more_lines_are_kept_than_are_shown),
                cmocka_unit_test(the_log_of_another_host_is_read_from_its_files),
                cmocka_unit_test(damage_is_named_and_the_status_says_so),
                cmocka_unit_test(a_record_is_shown_with_what_is_behind_it),
                cmocka_unit_test(who_follows_sees_what_happens_until_he_has_seen_enough),
                cmocka_unit_test(what_cannot_be_meant_is_a_usage_error),
                cmocka_unit_test(a_log_that_is_not_there_is_said),
                cmocka_unit_test(the_keys_of_key_lists_verify_where_the_issuer_has_roots),
        };

        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
