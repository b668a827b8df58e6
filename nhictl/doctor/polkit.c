/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* polkit may let somebody do what root does with no authentication, and so with no PAM: then no
 * gate is passed, not even one on class pam:polkit-1. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"

#include <limits.h>
#include <stdio.h>

#define CHECK          "polkit"
#define POLKITD        "/usr/lib/polkit-1/polkitd" /* actions are shipped without it, too */
#define ACTION_SIZE    16384u
#define RULES_SIZE_MAX (1024u * 1024)

/* Each of these is a root shell. */
static const char *const actions[] = {
        "org.freedesktop.policykit.exec",
        "org.freedesktop.systemd1.manage-units",
        "org.freedesktop.systemd1.manage-unit-files",
        "org.freedesktop.machine1.host-shell",
        "org.freedesktop.packagekit.package-install",
};

/* What the distribution ships, in /usr/share, is about devices and sessions. */
static const char *const rule_dirs[] = { "/etc/polkit-1/rules.d", "/run/polkit-1/rules.d",
                                         "/usr/local/share/polkit-1/rules.d" };

/* "implicit active:   auth_admin" */
static void say_action(const DoctorHost *h, const char *action, Findings *f)
{
        const char *const words[] = { "/usr/bin/pkaction", "--verbose", "--action-id", action,
                                      NULL };
        char output[ACTION_SIZE], *at = output, *line;
        int r = h->run(words, output, sizeof(output));

        if (r < 0) {
                finding_warn(f, CHECK, "pkaction --verbose shows it",
                             "pkaction does not say who may %s", action);
                return;
        }
        /* Any other status: there is no such action here. */
        while (r == 0 && (line = text_line(&at))) {
                char *fields[2];

                if (text_fields(line, ':', fields, 2) != 2 || !strstr(fields[0], "implicit"))
                        continue;
                fields[1] += strspn(fields[1], " \t");
                if (streq(fields[1], "yes"))
                        finding_fail(f, CHECK,
                                     "set it to auth_admin in a rule of /etc/polkit-1/rules.d",
                                     "polkit action %s (%s) needs no authentication: it gives root "
                                     "past every gate",
                                     action, fields[0] + strspn(fields[0], " \t"));
        }
}

/* The rules are programs; what is found is that one of them can say yes. */
static unsigned line_of(const char *text, const char *at)
{
        unsigned line = 1;

        for (; text < at; text++)
                line += *text == '\n';
        return line;
}

static void say_rules(const DoctorHost *h, const char *dir, Tally *t, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;

        if (doctor_names(h, dir, &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                _cleanup_free_ char *text = NULL;
                char path[PATH_MAX];
                const char *yes;

                (void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
                if (doctor_read(h, path, RULES_SIZE_MAX, &text) < 0)
                        continue;
                yes = strstr(text, "polkit.Result.YES");
                if (yes && tally_take(t))
                        finding_warn(f, CHECK, "read the rule: whom does it let do what?",
                                     "%s:%u lets somebody act with no authentication, and so with "
                                     "no gate",
                                     path, line_of(text, yes));
        }
}

static bool somebody_is_gated(const People *p)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->items[i].uid != 0 && (person_mode(p, &p->items[i], "sudo") == GATE_ENFORCE ||
                                             person_mode(p, &p->items[i], "su") == GATE_ENFORCE))
                        return true;
        return false;
}

void check_polkit(const DoctorHost *h, Findings *f)
{
        People p = { .host = h };
        size_t before = f->n;
        Tally t = { 0 };
        bool is_gated = people_load(h, &p) < 0 || somebody_is_gated(&p);

        people_done(&p);
        if (!doctor_exists(h, POLKITD)) {
                finding_ok(f, CHECK, "polkit is not installed");
                return;
        }
        if (!is_gated) {
                finding_ok(f, CHECK, "nobody is gated for sudo or su");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                say_action(h, actions[i], f);
        for (size_t i = 0; i < ELEMENTSOF(rule_dirs); i++)
                say_rules(h, rule_dirs[i], &t, f);
        tally_more(&t, f, CHECK, "polkit rules");
        if (f->n == before)
                finding_ok(f, CHECK, "polkit lets nobody act as root without authentication");
}
