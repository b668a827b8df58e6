/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One entry of the journal, and what it says of sessions. Anybody may log any text: only what the
 * kernel says about the sender (fields that begin with "_") makes it a witness.
 *
 *   Of what PAM's callers log, _UID=0 counts. sudo and su log under the real uid of whoever called
 *   them; that uid is who the session is of, whatever the text says, so that nobody can say more
 *   than "it was me". */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/service.h"
#include "nhictl/prove/witness.h"

#include <stdio.h>

/* ---- fields ---- */

static bool field(const JournalEntry *e, const char *name, char *ret, size_t size)
{
        ret[0] = '\0';
        return e->get(e->userdata, name, ret, size);
}

static bool field_is(const JournalEntry *e, const char *name, const char *value)
{
        char text[256];

        return field(e, name, text, sizeof(text)) && streq(text, value);
}

static int64_t field_number(const JournalEntry *e, const char *name, int64_t otherwise)
{
        char text[32], *end;
        long long n;

        if (!field(e, name, text, sizeof(text)) || !*text)
                return otherwise;
        errno = 0;
        n = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' ? n : otherwise;
}

/* ---- texts of pam_unix ---- */

static bool cut_between(const char *text, const char *end, char *ret, size_t size)
{
        const size_t n = (size_t)(end - text);

        if (n == 0 || n >= size)
                return false;
        memcpy(ret, text, n);
        ret[n] = '\0';
        return true;
}

/* NAME or NAME(uid=N), up to the last " by " where a session is opened. */
static bool user_parse(const char *text, bool is_open, char *ret, size_t size)
{
        const char *end = text + strlen(text), *by = NULL, *uid = NULL;

        if (is_open)
                for (const char *at = text; (at = strstr(at, " by ")); at++)
                        by = at;
        if (by)
                end = by;
        for (const char *at = text; (at = strstr(at, "(uid=")) && at < end; at++)
                uid = at;
        return cut_between(text, uid ? uid : end, ret, size);
}

bool pam_message_parse(const char *text, PamMessage *ret)
{
        static const char prefix[] = "pam_unix(", opened[] = ":session): session opened for user ",
                          closed[] = ":session): session closed for user ";
        const char *service, *rest;
        PamMessage m = { .is_open = true };

        if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
                return false;
        service = text + sizeof(prefix) - 1;
        rest = strchr(service, ':');
        if (!rest || !cut_between(service, rest, m.service, sizeof(m.service)))
                return false;
        if (strncmp(rest, closed, sizeof(closed) - 1) == 0)
                m.is_open = false;
        else if (strncmp(rest, opened, sizeof(opened) - 1) != 0)
                return false;
        if (!user_parse(rest + sizeof(opened) - 1, m.is_open, m.user, sizeof(m.user)))
                return false;
        *ret = m;
        return true;
}

/* Whatever is logged, and by whom, a search ends. */
#define LOOK_BACK_MAX 100000u
#define RUNS_BACK_MAX 1024u

/* ---- sightings ---- */

static Sighting *sighting_new(Proof *p, const JournalEntry *e, Witness w)
{
        Sighting *s = proof_add(p, sightings);

        if (!s)
                return NULL;
        *s = (Sighting){ .witness = w,
                         .account = "",
                         .class = "",
                         .logind = "",
                         .boot = proof_text(p, e->boot),
                         .where = proof_format(p, "journal cursor %s", e->cursor),
                         .uid = PROVE_UNSET,
                         .audit_session = PROVE_UNSET,
                         .start_usec = e->real_usec,
                         .end_usec = PROVE_OPEN };
        p->witnesses[w].n++;
        return s;
}

/* The last of this leader in this boot that is still open. */
static Sighting *sighting_open(Proof *p, const JournalEntry *e, Witness w, int64_t pid)
{
        for (size_t i = p->sightings.n; i > 0 && p->sightings.n - i < LOOK_BACK_MAX; i--) {
                Sighting *s = &p->sightings.items[i - 1];

                if (s->witness == w && s->pid == pid && streq(s->boot, e->boot))
                        return s->end_is_known ? NULL : s;
        }
        return NULL;
}

static void sighting_close(Proof *p, const JournalEntry *e, Witness w, int64_t pid)
{
        Sighting *s = sighting_open(p, e, w, pid);

        if (!s)
                return;
        s->end_usec = e->real_usec;
        s->end_is_known = true;
}

static void name_uid(Proof *p, Sighting *s, int64_t uid)
{
        const char *name = uid >= 0 && uid < PROVE_UNSET
                                   ? p->host.name(p->host.userdata, (uint32_t)uid)
                                   : NULL;

        s->uid = uid >= 0 ? (uint32_t)uid : PROVE_UNSET;
        s->account = name ? proof_text(p, name) : proof_format(p, "uid %lld", (long long)uid);
}

/* atd calls PAM as daemon, uid 1. */
static bool is_trusted(const JournalEntry *e, const char *class)
{
        const int64_t uid = field_number(e, "_UID", -1);

        return uid == 0 || (uid == 1 && streq(class, "at"));
}

/* The leader of a unit's session becomes the unit's own program, under its own uid: what that says
 * of an end is no evidence. sudo and su stay what they are. */
static bool may_close(const JournalEntry *e, const char *service)
{
        char exe[256];
        const char *base;

        if (field_number(e, "_UID", -1) == 0 || streq(service, "atd"))
                return true;
        base = field(e, "_EXE", exe, sizeof(exe)) ? strrchr(exe, '/') : NULL;
        return service_is_elevation(service) && base &&
               (streq(base, "/sudo") || streq(base, "/su") || streq(base, "/doas"));
}

static void take_pam(Proof *p, const JournalEntry *e, const char *text)
{
        char buffer[SERVICE_SIZE_MAX + 1];
        const int64_t pid = field_number(e, "_PID", 0);
        bool is_elevation;
        const char *class;
        PamMessage m;
        Sighting *s;

        if (!pam_message_parse(text, &m))
                return;
        if (!m.is_open) {
                if (may_close(e, m.service))
                        sighting_close(p, e, WITNESS_PAM, pid);
                return;
        }
        class = service_class(m.service, buffer);
        is_elevation = service_is_elevation(m.service);
        if (!is_elevation && !is_trusted(e, class ? class : ""))
                return;
        s = sighting_new(p, e, WITNESS_PAM);
        if (!s)
                return;
        s->pid = pid;
        s->class = proof_text(p, class ? class : m.service);
        s->audit_session = (uint32_t)field_number(e, "_AUDIT_SESSION", PROVE_UNSET);
        if (is_elevation)
                name_uid(p, s, field_number(e, "_UID", -1));
        else
                s->account = proof_text(p, m.user);
}

static bool is_from_logind(const JournalEntry *e)
{
        return field_is(e, "_UID", "0") && field_is(e, "_SYSTEMD_UNIT", "systemd-logind.service");
}

static void take_session_new(Proof *p, const JournalEntry *e)
{
        char text[LABEL_SIZE_MAX + 1];
        Sighting *s;

        if (!is_from_logind(e))
                return;
        s = sighting_new(p, e, WITNESS_LOGIND);
        if (!s)
                return;
        s->pid = field_number(e, "LEADER", 0);
        if (field(e, "USER_ID", text, sizeof(text)))
                s->account = proof_text(p, text);
        if (field(e, "SESSION_ID", text, sizeof(text)))
                s->logind = proof_text(p, text);
}

static void take_session_removed(Proof *p, const JournalEntry *e)
{
        if (is_from_logind(e))
                sighting_close(p, e, WITNESS_LOGIND, field_number(e, "LEADER", -1));
}

/* ---- the kernel's audit records ---- */

/* The class of whoever called PAM, by its program. */
static const char *class_of_exe(Proof *p, const char *exe, bool *ret_elevation)
{
        char buffer[SERVICE_SIZE_MAX + 1];
        const char *base = strrchr(exe, '/'), *class;

        base = base ? base + 1 : exe;
        if (strncmp(base, "sshd", 4) == 0)
                base = "sshd";
        else if (strncmp(base, "systemd", 7) == 0)
                base = "systemd-user";
        *ret_elevation = service_is_elevation(base);
        class = service_class(base, buffer);
        return class ? proof_text(p, class) : "";
}

static void take_audit(Proof *p, const JournalEntry *e)
{
        char exe[256], account[LABEL_SIZE_MAX + 1];
        const int64_t pid = field_number(e, "_PID", 0);
        bool is_elevation = false;
        Sighting *s;

        if (!field_is(e, "_TRANSPORT", "audit"))
                return;
        if (field_is(e, "_AUDIT_TYPE_NAME", "USER_END")) {
                sighting_close(p, e, WITNESS_AUDIT, pid);
                return;
        }
        if (!field_is(e, "_AUDIT_TYPE_NAME", "USER_START") ||
            field_is(e, "AUDIT_FIELD_RES", "failed"))
                return;
        (void)field(e, "AUDIT_FIELD_EXE", exe, sizeof(exe));
        s = sighting_new(p, e, WITNESS_AUDIT);
        if (!s)
                return;
        s->pid = pid;
        s->class = class_of_exe(p, exe, &is_elevation);
        s->audit_session = (uint32_t)field_number(e, "_AUDIT_SESSION", PROVE_UNSET);
        if (is_elevation)
                name_uid(p, s, field_number(e, "_UID", -1));
        else if (field(e, "AUDIT_FIELD_ACCT", account, sizeof(account)))
                s->account = proof_text(p, account);
}

/* ---- units ---- */

static UnitRun *unit_run(Proof *p, const char *invocation, size_t back_max)
{
        for (size_t i = p->units.n; i > 0 && p->units.n - i < back_max; i--)
                if (streq(p->units.items[i - 1].invocation, invocation))
                        return &p->units.items[i - 1];
        return NULL;
}

static bool is_of_service(const JournalEntry *e, char invocation[static 33])
{
        char unit[256];
        size_t n;

        if (!field_is(e, "_PID", "1") || !field(e, "UNIT", unit, sizeof(unit)) ||
            !field(e, "INVOCATION_ID", invocation, 33))
                return false;
        n = strlen(unit);
        return n > 8 && streq(unit + n - 8, ".service");
}

static void take_unit_start(Proof *p, const JournalEntry *e)
{
        char invocation[33];
        UnitRun *u;

        if (!is_of_service(e, invocation) || unit_run(p, invocation, RUNS_BACK_MAX))
                return;
        u = proof_add(p, units);
        if (!u)
                return;
        *u = (UnitRun){ .invocation = proof_text(p, invocation),
                        .where = proof_format(p, "journal cursor %s", e->cursor),
                        .start_usec = e->real_usec,
                        .end_usec = PROVE_OPEN };
        p->witnesses[WITNESS_UNITS].n++;
}

static void take_unit_end(Proof *p, const JournalEntry *e)
{
        char invocation[33];
        UnitRun *u = is_of_service(e, invocation) ? unit_run(p, invocation, LOOK_BACK_MAX) : NULL;

        if (u && u->end_usec == PROVE_OPEN)
                u->end_usec = e->real_usec;
}

/* ---- what takes evidence away ---- */

/* "nhi-agentd.service: Main process exited, code=killed, status=9/KILL" */
static void take_exit(Proof *p, const JournalEntry *e)
{
        char text[256];
        Life *l;

        if (!field_is(e, "_PID", "1") || !field_is(e, "UNIT", "nhi-agentd.service") ||
            !field(e, "MESSAGE", text, sizeof(text)) || !strstr(text, ": Main process exited"))
                return;
        l = proof_add(p, lives);
        if (l)
                *l = (Life){ .kind = LIFE_AGENT_EXIT, .time_usec = e->real_usec };
}

static void take_log_failed(Proof *p, const JournalEntry *e)
{
        Life *l;

        if (!field_is(e, "_UID", "0") || !field_is(e, "_SYSTEMD_UNIT", "nhi-agentd.service") ||
            !field_is(e, "NHI_EVENT", "log-failed"))
                return;
        l = proof_add(p, lives);
        if (l)
                *l = (Life){ .kind = LIFE_LOG_FAILED, .time_usec = e->real_usec };
}

/* "Suppressed 4711 messages from ssh.service": does anybody log in there? */
static bool bears_sessions(const char *unit)
{
        static const char *const prefixes[] = {
                "ssh",    "cron",          "atd",           "systemd-logind", "user@",
                "getty@", "serial-getty@", "console-getty", "session-",       "nhi-"
        };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (strncmp(unit, prefixes[i], strlen(prefixes[i])) == 0)
                        return true;
        return false;
}

#define SUPPRESSED_USEC INT64_C(30000000) /* RateLimitIntervalSec= of journald.conf(5) */

static void take_suppressed(Proof *p, const JournalEntry *e)
{
        char text[512];
        const char *unit;

        if (!field_is(e, "_COMM", "systemd-journal") || !field(e, "MESSAGE", text, sizeof(text)))
                return;
        unit = strstr(text, " from ");
        if (unit && bears_sessions(unit + 6))
                proof_gap(p, GAP_WITNESS, e->real_usec - SUPPRESSED_USEC, e->real_usec,
                          proof_format(p, "the journal dropped messages of %s", unit + 6));
}

/* Within one boot the two clocks of entries go side by side. */
static void take_clocks(Proof *p, const JournalEntry *e, EntryClock *c)
{
        const int64_t real = e->real_usec - c->real_usec, mono = e->mono_usec - c->mono_usec;

        if (streq(c->boot, e->boot) &&
            (real - mono > PROVE_JUMP_USEC || mono - real > PROVE_JUMP_USEC)) {
                const bool back = real < 0;

                proof_gap(p, GAP_CLOCK, back ? e->real_usec : c->real_usec,
                          back ? c->real_usec : e->real_usec, "");
        }
        (void)snprintf(c->boot, sizeof(c->boot), "%s", e->boot);
        c->real_usec = e->real_usec;
        c->mono_usec = e->mono_usec;
}

static const struct {
        const char *message_id;
        void (*take)(Proof *p, const JournalEntry *e);
} takers[] = {
        { ENTRY_SESSION_NEW, take_session_new },  { ENTRY_SESSION_REMOVED, take_session_removed },
        { ENTRY_UNIT_STARTING, take_unit_start }, { ENTRY_UNIT_STARTED, take_unit_start },
        { ENTRY_UNIT_STOPPED, take_unit_end },    { ENTRY_UNIT_SUCCESS, take_unit_end },
        { ENTRY_UNIT_FAILURE, take_unit_end },    { ENTRY_UNIT_EXIT, take_exit },
        { ENTRY_SUPPRESSED, take_suppressed },
};

void entry_take(Proof *p, const JournalEntry *e, EntryClock *clock)
{
        char id[33], text[1024];

        take_clocks(p, e, clock);
        if (field(e, "MESSAGE_ID", id, sizeof(id))) {
                for (size_t i = 0; i < ELEMENTSOF(takers); i++)
                        if (streq(takers[i].message_id, id))
                                takers[i].take(p, e);
                take_log_failed(p, e);
        } else if (field_is(e, "_TRANSPORT", "audit")) {
                take_audit(p, e);
        } else if (field(e, "MESSAGE", text, sizeof(text))) {
                take_pam(p, e, text);
        }
}
