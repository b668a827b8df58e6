/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the journal says of units, of the agent's and the log's life, and of what it does not say.
 */

#include "lib/base/macro.h"
#include "nhictl/prove/entry-field.h"

#include <stdio.h>

/* Whatever is logged, a search ends. */
#define LOOK_BACK_MAX 100000u
#define RUNS_BACK_MAX 1024u

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

        if (!entry_is(e, "_PID", "1") || !entry_field(e, "UNIT", unit, sizeof(unit)) ||
            !entry_field(e, "INVOCATION_ID", invocation, 33))
                return false;
        n = strlen(unit);
        return n > 8 && streq(unit + n - 8, ".service");
}

void life_take_unit_start(Proof *p, const JournalEntry *e)
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

void life_take_unit_end(Proof *p, const JournalEntry *e)
{
        char invocation[33];
        UnitRun *u = is_of_service(e, invocation) ? unit_run(p, invocation, LOOK_BACK_MAX) : NULL;

        if (u && u->end_usec == PROVE_OPEN)
                u->end_usec = e->real_usec;
}

/* ---- what takes evidence away ---- */

/* "nhi-agentd.service: Main process exited, code=killed, status=9/KILL" */
void life_take_exit(Proof *p, const JournalEntry *e)
{
        char text[256];
        Life *l;

        if (!entry_is(e, "_PID", "1") || !entry_is(e, "UNIT", "nhi-agentd.service") ||
            !entry_field(e, "MESSAGE", text, sizeof(text)) ||
            !strstr(text, ": Main process exited"))
                return;
        l = proof_add(p, lives);
        if (l)
                *l = (Life){ .kind = LIFE_AGENT_EXIT, .time_usec = e->real_usec };
}

void life_take_log_failed(Proof *p, const JournalEntry *e)
{
        Life *l;

        if (!entry_is(e, "_UID", "0") || !entry_is(e, "_SYSTEMD_UNIT", "nhi-agentd.service") ||
            !entry_is(e, "NHI_EVENT", "log-failed"))
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

/* Anybody may bear its name. */
static bool is_of_journald(const JournalEntry *e)
{
        return entry_is(e, "_UID", "0") && entry_is(e, "_COMM", "systemd-journal");
}

#define SUPPRESSED_USEC INT64_C(30000000) /* RateLimitIntervalSec= of journald.conf(5) */

void life_take_suppressed(Proof *p, const JournalEntry *e)
{
        char text[512];
        const char *unit;

        if (!is_of_journald(e) || !entry_field(e, "MESSAGE", text, sizeof(text)))
                return;
        unit = strstr(text, " from ");
        if (unit && bears_sessions(unit + 6))
                proof_gap(p, GAP_WITNESS, e->real_usec - SUPPRESSED_USEC, e->real_usec,
                          proof_format(p, "the journal dropped messages of %s", unit + 6));
}

static void journal_gap(Proof *p, int64_t from_usec, int64_t to_usec)
{
        proof_gap(p, GAP_WITNESS, from_usec, to_usec, "the journal was away");
}

/* While it is started anew PID 1 keeps its sockets, and what is sent to them. One that was killed
 * did not say when: since the entry before nobody knows. */
static void journal_started(Proof *p, const JournalEntry *e, EntryClock *c)
{
        const int64_t from = c->stopped_usec > 0 ? c->stopped_usec : c->real_usec;

        if (e->real_usec - from > PROVE_RESTART_USEC)
                journal_gap(p, from, e->real_usec);
        c->stopped_usec = 0;
}

void life_take_journal(Proof *p, const JournalEntry *e, EntryClock *c)
{
        const bool is_same_boot = streq(c->boot, e->boot);

        if (!is_same_boot)
                c->stopped_usec = 0; /* the host was off */
        if (is_of_journald(e) && entry_is(e, "MESSAGE_ID", ENTRY_JOURNAL_STOP))
                c->stopped_usec = e->real_usec;
        else if (is_same_boot && is_of_journald(e) &&
                 entry_is(e, "MESSAGE_ID", ENTRY_JOURNAL_START))
                journal_started(p, e, c);
}

void entry_end(Proof *p, const EntryClock *c)
{
        if (c->stopped_usec > 0)
                journal_gap(p, c->stopped_usec, p->until_usec);
}

/* Within one boot the two clocks of entries go side by side. */
void life_take_clocks(Proof *p, const JournalEntry *e, EntryClock *c)
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
