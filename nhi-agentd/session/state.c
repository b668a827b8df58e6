/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The registry's own record, so that a new agent knows what the former one tied. It lives in /run:
 * with the boot go the sessions. What it says is checked before it is believed: a cgroup must be
 * there and be the same directory. */

#include "nhi-agentd/session/tenant.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/jose/json.h"

#include <stdio.h>

#define STATE_SCHEMA     1
#define NUMBERS_RESERVED 64u /* set aside with one write */
#define STATE_SIZE_MAX   (64u * 1024 * 1024)

static const char *const kind_names[] = {
        [SESSION_SCOPE] = "scope",   [SESSION_LOGIND] = "logind", [SESSION_UNIT] = "unit",
        [SESSION_CGROUP] = "cgroup", [SESSION_TREE] = "tree",
};

/* ---- save ---- */

json_t *session_to_json(const Session *s)
{
        json_t *o = json_pack(
                "{s:s, s:I, s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
                " s:I, s:I, s:I, s:O}",
                "id", s->id, "number", (json_int_t)s->number, "kind", kind_names[s->kind],
                "opening", (int)(s->state == SESSION_OPENING), "unit", s->unit, "logind",
                s->logind_id, "invocation", s->invocation, "cgroup", s->cgroup, "cgroup_id",
                (json_int_t)s->group.id, "leader", (json_int_t)s->leader, "loginuid",
                (json_int_t)s->loginuid, "audit_session", (json_int_t)s->audit_session, "started",
                (json_int_t)s->started_sec, "end", (json_int_t)s->end_sec, "boot_end_usec",
                (json_int_t)s->boot_end_usec, "backstop", (json_int_t)s->backstop.n, "backstop_end",
                (json_int_t)s->backstop.end_sec, "backstop_boot_usec",
                (json_int_t)s->backstop.boot_usec, "tie", s->tie.record);

        if (o && own_save(s, o) < 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

static json_t *sessions_to_json(const Sessions *s)
{
        json_t *list = json_array();

        for (const Session *i = s->sessions; list && i; i = i->next) {
                if (i->unit[0] == '\0' || (i->ending && i->ending->refused))
                        continue; /* nothing was made yet, or nothing is to be kept */
                if (json_array_append_new(list, session_to_json(i)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return json_pack("{s:i, s:s, s:I, s:o, s:o}", "schema", STATE_SCHEMA, "boot", s->boot_id,
                         "next", (json_int_t)s->reserved_number, "sessions", list, "accounts",
                         tenants_to_json(s));
}

int sessions_save_now(Sessions *s)
{
        json_t *o = sessions_to_json(s);
        char *text;
        int r;

        s->save = sd_event_source_disable_unref(s->save);
        text = o ? json_write(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (!text)
                return -ENOMEM;
        r = file_replace(s->state_path, text, strlen(text), 0600, geteuid(), getegid(), false);
        free(text);
        return r;
}

static int on_save(sd_event_source *source, void *userdata)
{
        (void)sessions_save_now(userdata);
        return 0;
}

void sessions_save(Sessions *s)
{
        if (s->save)
                return;
        if (sd_event_add_defer(s->event, &s->save, on_save, s) < 0)
                (void)sessions_save_now(s);
        else
                (void)sd_event_source_set_description(s->save, "sessions-save");
}

int sessions_take_number(Sessions *s, uint64_t *ret)
{
        const uint64_t reserved = s->reserved_number;
        int r;

        if (s->next_number >= reserved) {
                s->reserved_number = s->next_number + NUMBERS_RESERVED;
                r = sessions_save_now(s);
                if (r < 0) {
                        s->reserved_number = reserved;
                        return r;
                }
        }
        *ret = s->next_number++;
        return 0;
}

/* ---- load ---- */

typedef struct Text {
        const char *name;
        size_t offset, size;
} Text;

#define TEXT(key, member)                                                                          \
        {                                                                                          \
                key, offsetof(Session, member), sizeof(((Session *)NULL)->member)                  \
        }

static const Text texts[] = {
        TEXT("id", id),
        TEXT("unit", unit),
        TEXT("logind", logind_id),
        TEXT("invocation", invocation),
        TEXT("cgroup", cgroup),
};

static int get_text(const json_t *o, const Text *t, Session *s)
{
        const char *text = json_string_value(json_object_get(o, t->name));

        if (!text || strlen(text) >= t->size)
                return -EBADMSG;
        memcpy((char *)s + t->offset, text, strlen(text) + 1);
        return 0;
}

static int get_kind(const json_t *o, SessionKind *ret)
{
        const char *text = json_string_value(json_object_get(o, "kind"));

        for (size_t i = 0; text && i < ELEMENTSOF(kind_names); i++)
                if (streq(text, kind_names[i])) {
                        *ret = (SessionKind)i;
                        return 0;
                }
        return -EBADMSG;
}

/* An end is reckoned with: it is compared with clocks, and a margin is added. */
static bool is_end(int64_t end_sec, int64_t boot_end_usec)
{
        return is_end_sec(end_sec) && boot_end_usec >= 0 &&
               boot_end_usec <= usec_of_sec(TIME_SEC_MAX);
}

static int get_numbers(const json_t *o, Session *s)
{
        json_int_t number, cgroup_id, leader, loginuid, audit, started, end, boot_end, n, b_end,
                b_boot;

        if (json_unpack((json_t *)o, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                        "number", &number, "cgroup_id", &cgroup_id, "leader", &leader, "loginuid",
                        &loginuid, "audit_session", &audit, "started", &started, "end", &end,
                        "boot_end_usec", &boot_end, "backstop", &n, "backstop_end", &b_end,
                        "backstop_boot_usec", &b_boot) < 0 ||
            !is_end(end, boot_end) || !is_end(b_end, b_boot))
                return -EBADMSG;
        s->number = (uint64_t)number;
        s->group.id = (uint64_t)cgroup_id;
        s->leader = (pid_t)leader;
        s->loginuid = (uint32_t)loginuid;
        s->audit_session = (uint32_t)audit;
        s->started_sec = started;
        s->end_sec = end;
        s->boot_end_usec = boot_end;
        s->backstop = (Backstop){ .n = (unsigned)n,
                                  .next = (unsigned)n + 1, /* one may have been on its way */
                                  .oldest = (unsigned)n,
                                  .end_sec = b_end,
                                  .boot_usec = b_boot };
        return 0;
}

/* Its group is held open from here where it is still the same; where not, dir_fd stays -EBADF. */
static void session_reopen(Session *s, bool opening)
{
        uint64_t id = s->group.id;
        char cgroup[CGROUP_PATH_MAX];

        s->group = CGROUP_NONE;
        s->state = SESSION_ACTIVE;
        if (s->kind == SESSION_TREE) {
                tree_reopen(s);
                return;
        }
        if (session_watch(s) < 0)
                return;
        if (!opening && s->group.id != id) {
                s->watch = sd_event_source_disable_unref(s->watch);
                cgroup_close(&s->group);
                return;
        }
        s->leader_pidfd = process_open(s->leader);
        if (process_cgroup(s->leader, cgroup, sizeof(cgroup)) < 0 ||
            !cgroup_is_within(cgroup, s->cgroup)) {
                closep(&s->leader_pidfd);
                s->leader_pidfd = -EBADF;
        }
        session_watch_leader(s);
}

int session_from_json(Sessions *registry, json_t *o, Session **ret)
{
        _cleanup_(session_freep) Session *s = NULL;
        int r;

        r = session_new(registry, &s);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = get_text(o, &texts[i], s);
        if (r == 0)
                r = get_kind(o, &s->kind);
        if (r == 0)
                r = get_numbers(o, s);
        if (r == 0)
                r = own_load(o, s);
        if (r == 0)
                r = session_tie_init(json_incref(json_object_get(o, "tie")), &s->tie);
        if (r < 0)
                return r;
        session_reopen(s, json_is_true(json_object_get(o, "opening")));
        *ret = TAKE_PTR(s);
        return 0;
}

static int sessions_from_json(Sessions *s, const json_t *o)
{
        json_t *list = json_object_get(o, "sessions");
        json_int_t next = json_integer_value(json_object_get(o, "next"));
        Session *session;
        int r;

        if (json_integer_value(json_object_get(o, "schema")) != STATE_SCHEMA ||
            !json_is_array(list))
                return -EBADMSG;
        if (!streq_ptr(json_string_value(json_object_get(o, "boot")), s->boot_id))
                return 0; /* of another boot: nothing of it lives */
        for (size_t i = 0; i < json_array_size(list); i++) {
                r = session_from_json(s, json_array_get(list, i), &session);
                if (r < 0)
                        return r;
                if (json_is_true(json_object_get(json_array_get(list, i), "opening")) &&
                    session->group.dir_fd < 0)
                        session_free(session); /* it never began */
        }
        r = tenants_from_json(s, json_object_get(o, "accounts"));
        if (r < 0)
                return r;
        if (next < 1)
                return -EBADMSG;
        s->next_number = (uint64_t)next;
        return 0;
}

static int load_file(Sessions *s)
{
        char *text = NULL;
        size_t size;
        json_t *o;
        int r;

        /* Numbers of a state file that is lost must not be used again: no host opens more than one
         * session a second since its boot. */
        s->next_number = (uint64_t)now_boottime_usec() / USEC_PER_SEC + 1;
        r = file_read_trusted(s->state_path, geteuid(), STATE_SIZE_MAX, &text, &size);
        if (r == -ENOENT) {
                s->next_number = 1;
                return 0;
        }
        if (r < 0)
                return r;
        o = json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        r = o ? sessions_from_json(s, o) : -errno;
        free(text);
        json_decref(o);
        return r;
}

int sessions_load(Sessions *s)
{
        const int r = load_file(s);

        s->reserved_number = s->next_number;
        return r;
}
