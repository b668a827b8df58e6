/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One entry of the journal, and what it says of sessions. Anybody may log any text: only what the
 * kernel says about the sender (fields that begin with "_") makes it a witness.
 *
 *   Of what PAM's callers log, _UID=0 counts. sudo and su log under the real uid of whoever called
 *   them: there the program must be an installed one, and that uid is who the session is of,
 *   whatever the text says. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/service.h"
#include "nhictl/prove/entry-field.h"

/* Whatever is logged, and by whom, a search ends. */
#define LOOK_BACK_MAX 100000u

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
        const int64_t uid = entry_number(e, "_UID", -1);

        return uid == 0 || (uid == 1 && streq(class, "at"));
}

/* Where nobody but root puts a program, and what those are called by which somebody becomes
 * somebody else: the text alone anybody may log, by logger(1) or an own ~/sudo. */
static bool is_elevator(const JournalEntry *e)
{
        static const char *const places[] = { "/usr/", "/bin/", "/sbin/" };
        static const char *const names[] = { "sudo", "sudo.ws", "su",     "doas",
                                             "run0", "runuser", "pkexec", "polkit-agent-helper-1" };
        char exe[256];
        bool is_installed = entry_number(e, "_UID", -1) == 0;
        const char *base = entry_field(e, "_EXE", exe, sizeof(exe)) ? strrchr(exe, '/') : NULL;

        if (is_installed)
                return true;
        for (size_t i = 0; base && i < ELEMENTSOF(places); i++)
                is_installed |= strncmp(exe, places[i], strlen(places[i])) == 0;
        for (size_t i = 0; is_installed && i < ELEMENTSOF(names); i++)
                if (streq(base + 1, names[i]))
                        return true;
        return false;
}

/* The leader of a unit's session becomes the unit's own program, under its own uid: what that says
 * of an end is no evidence. sudo and su stay what they are. */
static bool may_close(const JournalEntry *e, const char *service)
{
        return entry_number(e, "_UID", -1) == 0 || streq(service, "atd") ||
               (service_is_elevation(service) && is_elevator(e));
}

static void take_pam(Proof *p, const JournalEntry *e, const char *text)
{
        char buffer[SERVICE_SIZE_MAX + 1];
        const int64_t pid = entry_number(e, "_PID", 0);
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
        if (is_elevation ? !is_elevator(e) : !is_trusted(e, class ? class : ""))
                return;
        s = sighting_new(p, e, WITNESS_PAM);
        if (!s)
                return;
        s->pid = pid;
        s->class = proof_text(p, class ? class : m.service);
        s->audit_session = (uint32_t)entry_number(e, "_AUDIT_SESSION", PROVE_UNSET);
        if (is_elevation)
                name_uid(p, s, entry_number(e, "_UID", -1));
        else
                s->account = proof_text(p, m.user);
}

/* It says so whether it asks PAM or not. */
static void take_sshd(Proof *p, const JournalEntry *e, const char *text)
{
        char user[LABEL_SIZE_MAX + 1], name[64];
        Sighting *s;

        if (!sshd_message_parse(text, user, sizeof(user)) || !entry_is(e, "_UID", "0") ||
            !entry_field(e, "_COMM", name, sizeof(name)) || strncmp(name, "sshd", 4) != 0)
                return;
        s = sighting_new(p, e, WITNESS_SSHD);
        if (!s)
                return;
        s->pid = entry_number(e, "_PID", 0);
        s->class = "ssh";
        s->account = proof_text(p, user);
}

static bool is_from_logind(const JournalEntry *e)
{
        return entry_is(e, "_UID", "0") && entry_is(e, "_SYSTEMD_UNIT", "systemd-logind.service");
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
        s->pid = entry_number(e, "LEADER", 0);
        if (entry_field(e, "USER_ID", text, sizeof(text)))
                s->account = proof_text(p, text);
        if (entry_field(e, "SESSION_ID", text, sizeof(text)))
                s->logind = proof_text(p, text);
}

static void take_session_removed(Proof *p, const JournalEntry *e)
{
        if (is_from_logind(e))
                sighting_close(p, e, WITNESS_LOGIND, entry_number(e, "LEADER", -1));
}

/* "session-12.scope": the id in it, or false. */
static bool session_of_scope(const char *unit, char *ret, size_t size)
{
        static const char prefix[] = "session-", suffix[] = ".scope";
        const size_t n = strlen(unit), around = sizeof(prefix) - 1 + sizeof(suffix) - 1;

        if (n <= around || n - around >= size || strncmp(unit, prefix, sizeof(prefix) - 1) != 0 ||
            !streq(unit + n - (sizeof(suffix) - 1), suffix))
                return false;
        memcpy(ret, unit + sizeof(prefix) - 1, n - around);
        ret[n - around] = '\0';
        return true;
}

/* PID 1 says that nothing is left in a session's scope: logind may take long to say so, too. */
static void take_scope_end(Proof *p, const JournalEntry *e)
{
        char unit[256], id[LABEL_SIZE_MAX + 1];

        if (!entry_is(e, "_PID", "1") || !entry_field(e, "UNIT", unit, sizeof(unit)) ||
            !session_of_scope(unit, id, sizeof(id)))
                return;
        for (size_t i = p->sightings.n; i > 0 && p->sightings.n - i < LOOK_BACK_MAX; i--) {
                const Sighting *s = &p->sightings.items[i - 1];

                if (s->witness != WITNESS_LOGIND || !streq(s->logind, id) ||
                    !streq(s->boot, e->boot))
                        continue;
                sighting_close(p, e, WITNESS_LOGIND, s->pid);
                return;
        }
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
        const int64_t pid = entry_number(e, "_PID", 0);
        bool is_elevation = false;
        Sighting *s;

        if (!entry_is(e, "_TRANSPORT", "audit"))
                return;
        if (entry_is(e, "_AUDIT_TYPE_NAME", "USER_END")) {
                sighting_close(p, e, WITNESS_AUDIT, pid);
                return;
        }
        if (!entry_is(e, "_AUDIT_TYPE_NAME", "USER_START") ||
            entry_is(e, "AUDIT_FIELD_RES", "failed"))
                return;
        (void)entry_field(e, "AUDIT_FIELD_EXE", exe, sizeof(exe));
        s = sighting_new(p, e, WITNESS_AUDIT);
        if (!s)
                return;
        s->pid = pid;
        s->class = class_of_exe(p, exe, &is_elevation);
        s->audit_session = (uint32_t)entry_number(e, "_AUDIT_SESSION", PROVE_UNSET);
        if (is_elevation)
                name_uid(p, s, entry_number(e, "_UID", -1));
        else if (entry_field(e, "AUDIT_FIELD_ACCT", account, sizeof(account)))
                s->account = proof_text(p, account);
}

static const struct {
        const char *message_id;
        void (*take)(Proof *p, const JournalEntry *e);
} takers[] = {
        { ENTRY_SESSION_NEW, take_session_new },
        { ENTRY_SESSION_REMOVED, take_session_removed },
        { ENTRY_UNIT_STARTING, life_take_unit_start },
        { ENTRY_UNIT_STARTED, life_take_unit_start },
        { ENTRY_UNIT_STOPPED, life_take_unit_end },
        { ENTRY_UNIT_SUCCESS, life_take_unit_end },
        { ENTRY_UNIT_SUCCESS, take_scope_end },
        { ENTRY_UNIT_FAILURE, life_take_unit_end },
        { ENTRY_UNIT_EXIT, life_take_exit },
        { ENTRY_SUPPRESSED, life_take_suppressed },
};

void entry_take(Proof *p, const JournalEntry *e, EntryClock *clock)
{
        char id[33], text[1024];

        life_take_journal(p, e, clock);
        life_take_clocks(p, e, clock);
        if (entry_field(e, "MESSAGE_ID", id, sizeof(id))) {
                for (size_t i = 0; i < ELEMENTSOF(takers); i++)
                        if (streq(takers[i].message_id, id))
                                takers[i].take(p, e);
                life_take_log_failed(p, e);
        } else if (entry_is(e, "_TRANSPORT", "audit")) {
                take_audit(p, e);
        } else if (entry_field(e, "MESSAGE", text, sizeof(text))) {
                take_pam(p, e, text);
                take_sshd(p, e, text);
        }
}
