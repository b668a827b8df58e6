/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may ask what on the control socket. Promises, cited by tests/unit/test-control.c:
 *
 *  C1 Who asks MUST be what the kernel says (SO_PEERCRED) and the local files name; nothing in the
 *     request changes it.
 *  C2 Who is neither uid 0 nor a member of nhi-admin MUST see only what concerns the account of the
 *     own uid.
 *  C3 A verb or member that is not in the table MUST be refused.
 *  C4 Nothing on this socket MUST widen access: it can end, give back and lock; unlock, reload and
 *     log-resume are uid 0's. */

#include "nhi-agentd/control/verbs.h"

#include <stdarg.h>
#include <stdio.h>

#define ADMIN_GROUP "nhi-admin"

typedef struct Member {
        const char *name;
        json_type type; /* JSON_TRUE: a boolean */
        bool required;
} Member;

#define MEMBERS_MAX 11

typedef struct ControlVerb {
        const char *name;
        bool root_only;
        ControlHandler handle;
        Member members[MEMBERS_MAX + 1]; /* ended by a NULL name */
} ControlVerb;

/* lib/wire/control.h, as a table. */
static const ControlVerb verbs[] = {
        { "status", false, control_status, { { 0 } } },
        { "list",
          false,
          control_list,
          { { "account", JSON_STRING, false }, { "all", JSON_TRUE, false } } },
        { "mine", false, control_mine, { { 0 } } },
        { "why",
          false,
          control_why,
          { { "account", JSON_STRING, false }, { "n", JSON_INTEGER, false } } },
        { "sessions", false, control_sessions, { { "account", JSON_STRING, false } } },
        { "check",
          false,
          control_check,
          { { "account", JSON_STRING, true },
            { "class", JSON_STRING, true },
            { "uid", JSON_INTEGER, false },
            { "gids", JSON_ARRAY, false },
            { "run_as", JSON_STRING, false },
            { "run_as_group", JSON_STRING, false },
            { "command", JSON_ARRAY, false },
            { "edit", JSON_ARRAY, false },
            { "from", JSON_STRING, false },
            { "unit", JSON_STRING, false },
            { "at", JSON_INTEGER, false } } },
        { "end",
          false,
          control_end,
          { { "session", JSON_STRING, true }, { "reason", JSON_STRING, false } } },
        { "done", false, control_done, { { "jti", JSON_STRING, false } } },
        { "lock",
          true,
          control_lock,
          { { "name", JSON_STRING, true }, { "reason", JSON_STRING, false } } },
        { "unlock",
          true,
          control_unlock,
          { { "name", JSON_STRING, true }, { "reason", JSON_STRING, false } } },
        { "leftovers",
          true,
          control_leftovers,
          { { "found", JSON_ARRAY, true },
            { "begin", JSON_INTEGER, true },
            { "more", JSON_INTEGER, false },
            { "cut", JSON_TRUE, false } } },
        { "reload", true, control_reload, { { 0 } } },
        { "log-resume", true, control_log_resume, { { "reason", JSON_STRING, false } } },
};

static const ControlVerb *verb_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

static const Member *member_find(const ControlVerb *v, const char *name)
{
        for (const Member *m = v->members; m->name; m++)
                if (streq(m->name, name))
                        return m;
        return NULL;
}

static bool member_fits(const Member *m, const json_t *value)
{
        if (m->type == JSON_TRUE)
                return json_is_boolean(value);
        return json_typeof(value) == m->type;
}

/* 0; or CONTROL_E_REFUSED and *ret_reply. */
static int members_check(const ControlVerb *v, json_t *request, json_t **ret_reply)
{
        const char *name;
        json_t *value;
        int r;

        json_object_foreach(request, name, value) {
                const Member *m = member_find(v, name);

                if (streq(name, "verb"))
                        continue;
                if (m && member_fits(m, value))
                        continue;
                r = reply_refuse(ret_reply, "usage", "%s takes no such member: \"%s\"%s", v->name,
                                 name, m ? " of this type" : "");
                return r < 0 ? r : CONTROL_E_REFUSED;
        }

        for (const Member *m = v->members; m->name; m++) {
                if (!m->required || json_object_get(request, m->name))
                        continue;
                r = reply_refuse(ret_reply, "usage", "%s needs the member \"%s\"", v->name,
                                 m->name);
                return r < 0 ? r : CONTROL_E_REFUSED;
        }
        return 0;
}

#define ACCOUNT_SIZE sizeof(((Peer){}).account)

static void account_take(char ret[static ACCOUNT_SIZE], const char *name)
{
        if (name_is_sane(name))
                (void)snprintf(ret, ACCOUNT_SIZE, "%s", name);
}

static int session_account(const Agent *a, uid_t uid, char ret[static ACCOUNT_SIZE])
{
        _cleanup_free_ SessionView *sessions = NULL;
        size_t n = 0;
        int r = sessions_snapshot(a, &sessions, &n);

        for (size_t i = 0; r == 0 && i < n && !*ret; i++)
                if (sessions[i].uid == uid)
                        account_take(ret, sessions[i].account);
        return r;
}

static int denied_account(const Agent *a, uid_t uid, char ret[static ACCOUNT_SIZE])
{
        _cleanup_free_ DenialView *denials = calloc(DENIALS_MAX, sizeof(*denials));
        size_t n = denials ? denials_list(a->denials, NULL, denials, DENIALS_MAX) : 0;

        for (size_t i = 0; i < n && !*ret; i++)
                if (denials[i].uid == uid)
                        account_take(ret, denials[i].account);
        return denials ? 0 : -ENOMEM;
}

/* The name behind a uid: a local file's first, since names there win; then ours, now or retired
 * (what a set defines is in the map before it is in force); then what a module resolved when that
 * uid came in (people of a directory are in no local file). "": none that is sane. */
static int uid_account(const Agent *a, uid_t uid, char ret[static ACCOUNT_SIZE])
{
        const char *local = localdb_user_name(a->local, uid);
        IdMapUser known;
        int r;

        *ret = '\0';
        if (local || idmap_user_by_uid(a->idmap, uid, &known)) {
                account_take(ret, local ? local : known.name);
                return 0;
        }
        r = session_account(a, uid, ret);
        return r < 0 || *ret ? r : denied_account(a, uid, ret);
}

/* Without NSS, which could ask the agent: the local files, or the group the peer runs as. */
static bool peer_is_admin(const Agent *a, uid_t uid, gid_t gid)
{
        const char *name = localdb_user_name(a->local, uid);
        uint32_t admin_gid;

        if (uid == 0)
                return true;
        if (name && localdb_is_member(a->local, name, ADMIN_GROUP))
                return true;
        return localdb_group(a->local, ADMIN_GROUP, &admin_gid) && gid == admin_gid;
}

static int peer_read(const Agent *a, uid_t uid, gid_t gid, Peer *ret)
{
        *ret = (Peer){ .uid = uid, .sees_all = peer_is_admin(a, uid, gid) };
        return uid_account(a, uid, ret->account);
}

int control_answer(Agent *a, uid_t uid, gid_t gid, pid_t pid, json_t *request, json_t **ret_reply)
{
        const ControlVerb *v;
        const char *name;
        Peer peer;
        int r;

        name = request_text(request, "verb");
        if (!name)
                return reply_refuse(ret_reply, "usage", "a request is an object with a \"verb\"");
        v = verb_find(name);
        if (!v)
                return reply_refuse(ret_reply, "usage", "this agent knows no such verb");
        r = members_check(v, request, ret_reply);
        if (r != 0)
                return r < 0 ? r : 0;
        if (v->root_only && uid != 0)
                return reply_refuse(ret_reply, "denied", "%s is root's: run nhictl by sudo",
                                    v->name);

        r = peer_read(a, uid, gid, &peer);
        if (r < 0)
                return r;
        return v->handle(a, &peer, request, ret_reply);
}

int reply_ok(json_t *body, json_t **ret_reply)
{
        if (!body)
                return -ENOMEM;
        if (json_object_set_new(body, "schema", json_integer(CONTROL_SCHEMA)) < 0 ||
            json_object_set_new(body, "ok", json_true()) < 0) {
                json_decref(body);
                return -ENOMEM;
        }
        *ret_reply = body;
        return 0;
}

int reply_refuse(json_t **ret_reply, const char *code, const char *format, ...)
{
        char sentence[512];
        json_t *reply;
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(sentence, sizeof(sentence), format, ap);
        va_end(ap);

        reply = json_pack("{s:i, s:b, s:s, s:o}", "schema", CONTROL_SCHEMA, "ok", false, "code",
                          code, "error", json_text(sentence));
        if (!reply)
                return -ENOMEM;
        *ret_reply = reply;
        return 0;
}

int reply_no_account(const Peer *peer, json_t **ret_reply)
{
        return reply_refuse(ret_reply, "absent",
                            "uid %u has no account that this host's agent knows",
                            (unsigned)peer->uid);
}

const char *request_text(json_t *request, const char *member)
{
        return json_string_value(json_object_get(request, member));
}

int64_t request_number(json_t *request, const char *member, int64_t otherwise)
{
        const json_t *value = json_object_get(request, member);

        return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

int request_account(const Peer *peer, json_t *request, const char **ret_account, json_t **ret_reply)
{
        const char *asked = request_text(request, "account");
        const char *own = peer->account;
        int r;

        if (peer->sees_all) {
                *ret_account = asked;
                return 0;
        }
        if (*own && (!asked || streq(asked, own))) {
                *ret_account = own;
                return 0;
        }
        r = *own ? reply_refuse(ret_reply, "denied",
                                "you may ask about your own account only; root and members of "
                                "group " ADMIN_GROUP " about every one")
                 : reply_no_account(peer, ret_reply);
        return r < 0 ? r : CONTROL_E_REFUSED;
}
