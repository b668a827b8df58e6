/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A system unit with User= and no PAMName= starts as that user and asks nobody: no gate is passed.
 * Looked at is what is loaded (timers load their services), and what is enabled. */

#include "lib/base/service.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"

#include <stdio.h>

#define CHECK        "units"
#define UNITS_SIZE   (4u * 1024 * 1024)
#define ENABLED_MAX  512u
#define SYSTEMCTL    "/usr/bin/systemctl"
#define UNIT_ASK     "--property=Id,User,PAMName,DynamicUser,LoadState,FragmentPath"
#define UNIT_ID_SIZE 256u

typedef struct Unit {
        const char *id, *user, *pam_name, *dynamic, *load, *path; /* NULL: not said */
} Unit;

/* ---- judging ---- */

static const Person *unit_person(const People *p, const char *user)
{
        char *end;
        unsigned long uid = strtoul(user, &end, 10);

        if (end != user && *end == '\0')
                return people_find_uid(p, (uid_t)uid);
        return people_find(p, user);
}

/* The door that the unit does pass: its PAM service's class, or NULL for none. */
static const char *unit_class(const Unit *u, char buf[static SERVICE_SIZE_MAX + 1])
{
        return u->pam_name && *u->pam_name ? service_class(u->pam_name, buf) : NULL;
}

static void say_unit(const People *p, const Unit *u, const Person *who, GateMode mode, Findings *f)
{
        char buf[SERVICE_SIZE_MAX + 1], advice[UNIT_ID_SIZE + 128];
        const char *class = unit_class(u, buf);

        if (class && person_mode(p, who, class) <= mode)
                return;
        (void)snprintf(advice, sizeof(advice),
                       "systemctl edit %s: [Service] PAMName=nhi-unit; and grant it: --unit %s",
                       u->id, u->id);
        if (class)
                finding_warn(f, CHECK, advice,
                             "%s runs as %s by PAM service %s, whose class %s is not gated for it",
                             u->id, who->name, u->pam_name, class);
        else if (mode == GATE_ENFORCE)
                finding_fail(f, CHECK, advice,
                             "%s (%s) runs as %s, a gated account, without PAMName=: it starts "
                             "without a grant",
                             u->id, u->path ?: "no file", who->name);
        else
                finding_warn(f, CHECK, advice,
                             "%s (%s) runs as %s without PAMName=: once the gate is enforced it "
                             "would still start without a grant",
                             u->id, u->path ?: "no file", who->name);
}

static void judge_unit(const People *p, const Unit *u, Tally *t, Findings *f)
{
        const Person *who;
        GateMode mode;
        size_t before = f->n;

        if (!u->id || !u->user || !*u->user || streq_ptr(u->dynamic, "yes") ||
            (u->load && !streq(u->load, "loaded")))
                return;
        who = unit_person(p, u->user);
        if (!who)
                return;
        mode = who->is_managed ? GATE_ENFORCE : person_mode(p, who, "unit");
        if (mode != GATE_ENFORCE && mode != GATE_OBSERVE)
                return;
        if (t->n < TALLY_MAX)
                say_unit(p, u, who, mode, f);
        t->n += f->n > before || t->n >= TALLY_MAX;
}

/* ---- asking systemd ---- */

static void unit_set(Unit *u, char *line)
{
        char *fields[2];
        const struct {
                const char *key, **value;
        } members[] = { { "Id", &u->id },
                        { "User", &u->user },
                        { "PAMName", &u->pam_name },
                        { "DynamicUser", &u->dynamic },
                        { "LoadState", &u->load },
                        { "FragmentPath", &u->path } };

        if (text_fields(line, '=', fields, 2) != 2)
                return;
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (streq(fields[0], members[i].key))
                        *members[i].value = fields[1];
}

/* Blocks of KEY=VALUE, with an empty line between units. */
static void judge_units(const People *p, char *text, Tally *t, Findings *f)
{
        Unit u = { .id = NULL };
        char *at = text, *line;

        while ((line = text_line(&at))) {
                if (*line) {
                        unit_set(&u, line);
                        continue;
                }
                judge_unit(p, &u, t, f);
                u = (Unit){ .id = NULL };
        }
        judge_unit(p, &u, t, f);
}

/* The words of the question: every loaded service, and the enabled ones by name. */
static void ask_words(char *enabled, const char **words)
{
        size_t n = 0;
        char *line;

        words[n++] = SYSTEMCTL;
        words[n++] = "show";
        words[n++] = "--all";
        words[n++] = UNIT_ASK;
        words[n++] = "--";
        words[n++] = "*.service";
        while (n < ENABLED_MAX && (line = text_line(&enabled))) {
                line[strcspn(line, " \t")] = '\0';
                if (*line && !strchr(line, '@'))
                        words[n++] = line;
        }
        words[n] = NULL;
}

static int ask_systemd(const DoctorHost *h, char *ret, size_t size)
{
        static const char *const list[] = {
                SYSTEMCTL,     "list-unit-files", "--plain",
                "--no-legend", "--type=service",  "--state=enabled,enabled-runtime",
                NULL
        };
        _cleanup_free_ const char **words = calloc(ENABLED_MAX + 1, sizeof(*words));
        _cleanup_free_ char *enabled = malloc(COMMAND_OUTPUT_SIZE);
        int r;

        if (!words || !enabled)
                return -ENOMEM;
        r = h->run(list, enabled, COMMAND_OUTPUT_SIZE);
        if (r != 0)
                return r;
        ask_words(enabled, words);
        return h->run(words, ret, size);
}

void check_units(const DoctorHost *h, Findings *f)
{
        _cleanup_free_ char *text = malloc(UNITS_SIZE);
        People p = { .host = h };
        size_t before = f->n;
        Tally t = { 0 };
        int r = text ? people_load(h, &p) : -ENOMEM;

        if (r == 0)
                r = ask_systemd(h, text, UNITS_SIZE);
        if (r == 0 && *text)
                judge_units(&p, text, &t, f);
        else
                finding_warn(f, CHECK, "grep -r ^User= /etc/systemd/system /usr/lib/systemd/system",
                             "systemd does not say which units run as whom");
        tally_more(&t, f, CHECK, "units that run as gated accounts");
        if (f->n == before)
                finding_ok(f, CHECK, "no unit runs as a gated account past its gate");
        people_done(&p);
}
