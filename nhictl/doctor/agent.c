/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is there an agent, is it the one that is installed, and does it do what it was told? */

#include "lib/base/path.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"
#include "nhictl/reply.h"

#define CHECK "agent"

static bool is_set_up(const DoctorHost *h)
{
        _cleanup_(doctor_names_freep) char **names = NULL;

        return doctor_names(h, BELOW_ROOT(PATH_CONF_DIR), &names) == 0 && names[0];
}

/* Who is under an enforced gate is denied until it answers; for everybody else nothing happens. */
static void say_silent(const DoctorHost *h, Findings *f)
{
        static const char restart[] =
                "systemctl restart nhi-agentd; where it does not start, journalctl -u nhi-agentd "
                "says why, and /usr/libexec/nhi/nhi-agentd --check-config what is wrong in the "
                "configuration";
        static const char set_up[] = "nhictl init --local, or nhictl init --source URL --trust "
                                     "FILE";
        People p = { .host = h };
        int r = people_load(h, &p);

        if (r < 0 || people_is_enforced(&p))
                finding_fail(f, CHECK, is_set_up(h) ? restart : set_up,
                             "nhi-agentd does not answer: whoever is under an enforced gate is "
                             "denied");
        else if (is_set_up(h))
                finding_warn(f, CHECK, restart,
                             "nhi-agentd does not answer: nothing is enforced, so nobody is "
                             "denied, and nothing is recorded");
        else
                finding_warn(f, CHECK, set_up, "this host is not set up: nothing is gated");
        people_done(&p);
}

static void say_quarantine(const json_t *status, Findings *f)
{
        const json_t *list = json_object_get(status, "quarantine"), *q;
        Tally t = { 0 };
        size_t i;

        json_array_foreach(list, i, q)
                if (tally_take(&t))
                        finding_warn(f, CHECK,
                                     "mend the entry in the ledger, or the host's policy in "
                                     "agentd.conf(5)",
                                     "%s of %s is quarantined and gives nobody access: %s: %s",
                                     member_text(q, "entry") ?: "an entry",
                                     member_text(q, "issuer") ?: "?", member_text(q, "code") ?: "?",
                                     member_text(q, "detail") ?: "");
        tally_more(&t, f, CHECK, "quarantined entries (nhictl status)");
}

static void say_locked(const json_t *status, Findings *f)
{
        const json_t *list = json_object_get(status, "locked"), *item;
        Tally t = { 0 };
        size_t i;

        json_array_foreach(list, i, item)
                if (tally_take(&t))
                        finding_warn(f, CHECK, "nhictl unlock NAME, when it shall hold again",
                                     "%s is locked on this host: no grant holds for it",
                                     json_string_value(item) ?: "?");
        tally_more(&t, f, CHECK, "locks (nhictl status)");
}

/* True where PID 1 is no systemd, and what ends sessions is weaker for it. */
static bool say_means(const char *means, Findings *f)
{
        static const char advice[] =
                "let the entry point keep nhi-agentd: nhi-agentd(8), CONTAINERS";

        if (streq_ptr(means, "own-cgroups"))
                finding_warn(f, CHECK, advice,
                             "PID 1 is no systemd: no timer ends a session while nhi-agentd is "
                             "away; it does so when it is back");
        else if (streq_ptr(means, "processes"))
                finding_warn(f, CHECK, "give the container a cgroup that it may write to",
                             "sessions are ended by looking for their processes, with no timer: a "
                             "session whose processes could not all be told is refused");
        else
                return false;
        return true;
}

static void say_ailments(const json_t *status, Findings *f)
{
        const char *version = member_text(status, "version") ?: "?";
        const char *config_error = member_text(status, "config_error");
        const char *log_error = member_text(json_object_get(status, "log"), "error");
        const bool pid1 = !say_means(member_text(status, "means"), f);

        if (!streq(version, NHI_VERSION))
                finding_warn(f, CHECK, "systemctl restart nhi-agentd: no session ends by that",
                             "nhi-agentd %s runs, nhictl is %s", version, NHI_VERSION);
        if (config_error && *config_error)
                finding_fail(f, CHECK, "mend it, then: systemctl reload nhi-agentd",
                             "the configuration is refused and the old one is in force until the "
                             "next start, which will fail: %s",
                             config_error);
        if (pid1 && json_is_false(json_object_get(status, "bus")))
                finding_fail(f, CHECK, "systemctl status dbus.socket; apt install dbus",
                             "nhi-agentd has no system bus: sessions cannot be tied to grants and "
                             "are refused");
        if (log_error)
                finding_fail(f, CHECK, "make room or mend the disk, then: nhictl log resume",
                             "the decision log cannot be written and gates deny everybody: %s",
                             log_error);
        if (pid1 && member_number(status, "journal_dropped") > 0)
                finding_warn(f, CHECK, "systemctl status systemd-journald",
                             "%lld events could not be sent to the journal since the agent started",
                             (long long)member_number(status, "journal_dropped"));
}

void check_agent(const DoctorHost *h, Findings *f)
{
        size_t before = f->n;

        if (!h->status) {
                say_silent(h, f);
                return;
        }
        say_ailments(h->status, f);
        say_quarantine(h->status, f);
        say_locked(h->status, f);
        if (f->n == before)
                finding_ok(f, CHECK, "nhi-agentd %s answers for %s",
                           member_text(h->status, "version") ?: "?",
                           member_text(h->status, "host") ?: "this host");
}
