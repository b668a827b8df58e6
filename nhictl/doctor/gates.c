/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Do the gates stand where their author meant them to? A name that matches nobody is no gate, and a
 * gates file that cannot be used is a gate before everybody. */

#include "lib/base/name.h"
#include "lib/base/path.h"
#include "lib/base/service.h"
#include "nhictl/confirm/pending.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"
#include "nhictl/reply.h"

#include <stdio.h>

#define CHECK         "gates"
#define PASSWD_MAX    (16u * 1024 * 1024)
#define GLOB_CHARS    "*?["
#define ENTRY_SIZE    8192u
#define UNKNOWN_SERVE "compare with the classes in nhi(7); a glob is meant? write it as one"

/* ---- the published file ---- */

static void say_published(const People *p, Findings *f)
{
        static const char restart[] = "systemctl restart nhi-agentd: it writes the file anew";

        if (p->gates_error == -EBADMSG)
                finding_fail(f, CHECK, restart,
                             "%s cannot be used: everybody but exempt accounts is denied without a "
                             "grant",
                             BELOW_ROOT(PATH_GATES_RUN));
        else if (p->gates_error == -ENOENT && json_array_size(p->host->gates) > 0)
                finding_fail(f, CHECK, restart,
                             "the gates are not published (%s is missing): nobody is gated",
                             BELOW_ROOT(PATH_GATES_RUN));
        else if (p->gates && p->host->status && !streq(p->gates_path, BELOW_ROOT(PATH_GATES_RUN)))
                finding_warn(f, CHECK, restart, "%s cannot be used: the older copy %s stands in",
                             BELOW_ROOT(PATH_GATES_RUN), p->gates_path);
}

/* ---- one gate ---- */

static bool glob_matches_local(const DoctorHost *h, const char *pattern)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;

        if (doctor_read(h, "/etc/passwd", PASSWD_MAX, &text) < 0)
                return true;
        for (at = text; (line = text_line(&at));) {
                line[strcspn(line, ":")] = '\0';
                if (glob_match(pattern, line))
                        return true;
        }
        return false;
}

static bool has_group(const People *p, const char *name)
{
        for (size_t i = 0; i < p->n_groups; i++)
                if (streq(p->groups[i].name, name))
                        return true;
        return false;
}

/* A directory that does not answer leaves it open whether it knows the name. */
static void say_unknown_name(const People *p, const char *gate, const char *pattern, Findings *f)
{
        bool is_group = *pattern == '%';
        const char *name = is_group ? pattern + 1 : pattern;
        char entry[ENTRY_SIZE];
        int error = 0;

        if (host_getent(p->host, is_group ? "group" : "passwd", name, entry, sizeof(entry), &error))
                return;
        if (error < 0)
                finding_warn(f, CHECK, "getent shows what the directory says",
                             "gate %s names %s %s, and it cannot be found out whether there is one",
                             gate, is_group ? "group" : "account", name);
        else
                finding_warn(f, CHECK, "correct the name in agentd.conf.d, or create it",
                             "gate %s names %s %s, which does not exist here: it gates nobody by "
                             "that name",
                             gate, is_group ? "group" : "account", name);
}

static void say_pattern(const People *p, const char *gate, const char *pattern, Tally *t,
                        Findings *f)
{
        size_t before = f->n;

        if (*pattern == '%' ? has_group(p, pattern + 1) : people_find(p, pattern) != NULL)
                return;
        if (t->n >= TALLY_MAX) {
                t->n++;
                return;
        }
        if (*pattern == '%' || !strpbrk(pattern, GLOB_CHARS))
                say_unknown_name(p, gate, pattern, f);
        else if (!glob_matches_local(p->host, pattern))
                finding_warn(f, CHECK, "is it spelt as it was meant?",
                             "gate %s: %s matches no account that is known here", gate, pattern);
        t->n += f->n > before;
}

static void say_class(const char *gate, const char *class, Findings *f)
{
        if (!strpbrk(class, GLOB_CHARS) && !service_class_is_valid(class))
                finding_warn(f, CHECK, UNKNOWN_SERVE,
                             "gate %s names service class %s, which nothing asks for", gate, class);
}

static void say_gate(const People *p, const json_t *gate, Tally *t, Findings *f)
{
        const char *name = member_text(gate, "name") ?: "?";
        const json_t *item;
        char advice[256];
        size_t i;

        if (streq_ptr(member_text(gate, "mode"), "observe")) {
                (void)snprintf(advice, sizeof(advice),
                               "nhictl log --would-deny; then nhictl enforce %s --confirm-within "
                               "10m",
                               name);
                finding_warn(f, CHECK, advice, "NOT ENFORCING: gate %s only observes", name);
        } else
                finding_ok(f, CHECK, "gate %s is enforced", name);
        json_array_foreach(json_object_get(gate, "accounts"), i, item)
                if (json_is_string(item))
                        say_pattern(p, name, json_string_value(item), t, f);
        json_array_foreach(json_object_get(gate, "services"), i, item)
                if (json_is_string(item))
                        say_class(name, json_string_value(item), f);
}

static void say_gates(const People *p, Findings *f)
{
        const json_t *gate;
        Tally t = { 0 };
        size_t i;

        json_array_foreach(p->host->gates, i, gate)
                say_gate(p, gate, &t, f);
        tally_more(&t, f, CHECK, "names in gates that match nobody");
        if (json_array_size(p->host->gates) > 0)
                return;
        if (people_n_managed(p) > 0)
                finding_ok(f, CHECK,
                           "no gate; the %zu accounts that grant sets defined here are "
                           "gated",
                           people_n_managed(p));
        else
                finding_warn(f, CHECK, "add a gate to /etc/nhi/agentd.conf.d: agentd.conf(5)",
                             "NOT ENFORCING: there is no gate and no managed account");
}

/* ---- an enforcement that waits (nhictl enforce --confirm-within) ---- */

static void say_pending(const DoctorHost *h, Findings *f)
{
        _cleanup_free_ char *text = NULL;
        char left[WHEN_DURATION_SIZE];
        json_t *pending;
        int64_t left_sec;

        if (doctor_read(h, BELOW_ROOT(PATH_PENDING), PENDING_SIZE_MAX, &text) < 0)
                return;
        pending = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        left_sec = member_sec(pending, "deadline") - (int64_t)h->now_sec;
        if (left_sec > 0)
                finding_warn(f, CHECK, "log in anew, and there: nhictl enforce --confirm",
                             "the enforcement is not confirmed and undoes itself in %s",
                             when_format_duration(left, left_sec));
        else
                finding_warn(f, CHECK, "nhictl enforce --revert",
                             "an enforcement that was never confirmed is over and was not undone");
        json_decref(pending);
}

void check_gates(const DoctorHost *h, Findings *f)
{
        People p = { .host = h };
        int r = people_load(h, &p);

        if (r < 0) {
                finding_warn(f, CHECK, "mend /etc/passwd and /etc/group",
                             "the local accounts cannot be read: %s", strerror(-r));
                return;
        }
        say_published(&p, f);
        say_gates(&p, f);
        say_pending(h, f);
        people_done(&p);
}
