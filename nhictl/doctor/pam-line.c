/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our lines themselves: the module behind them, their control, their words, and those that somebody
 * switched off. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/pam.h"
#include "nhictl/doctor/people.h"

#include <stdio.h>

#define PAM_FILE_MAX (256u * 1024)

static bool own_load(const DoctorHost *h, Findings *f, const char *check, PamOwnList *ret)
{
        int r = pam_own_load(h, ret);

        if (r < 0)
                finding_warn(f, check, "look at the files in /etc/pam.d",
                             "the lines of PAM cannot be read: %s", strerror(-r));
        return r == 0;
}

/* ---- the module ---- */

typedef struct ModuleSeen {
        size_t n_there, n_missing;
        char missing[256]; /* one such folder */
} ModuleSeen;

/* A folder of PAM modules, known by pam_permit.so, has ours, too? */
static void folder_look(const DoctorHost *h, const char *folder, ModuleSeen *seen)
{
        char permit[512], own[512];

        (void)snprintf(permit, sizeof(permit), "%s/pam_permit.so", folder);
        (void)snprintf(own, sizeof(own), "%s/" PAM_MODULE, folder);
        if (doctor_exists(h, own))
                seen->n_there++;
        else if (doctor_exists(h, permit)) {
                seen->n_missing++;
                (void)snprintf(seen->missing, sizeof(seen->missing), "%s", folder);
        }
}

/* libpam looks in one folder, fixed when it was built; a second architecture has its own. */
static void folders_look(const DoctorHost *h, ModuleSeen *seen)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char folder[320];

        folder_look(h, "/lib/security", seen);
        folder_look(h, "/lib64/security", seen);
        if (doctor_names(h, "/lib", &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                if (!strstr(*name, "-linux-"))
                        continue;
                (void)snprintf(folder, sizeof(folder), "/lib/%s/security", *name);
                folder_look(h, folder, seen);
        }
}

static const char advice_module[] =
        "install the package of the module (libpam-nhi, pam_nhi) again, "
        "or take the lines out: nhictl pam disable";

/* True where a line that names an absolute path, or one that searches, finds nothing. */
static bool judge_module(const DoctorHost *h, const PamLine *l, const ModuleSeen *seen, Findings *f)
{
        bool is_missing = l->module[0] == '/' ? !doctor_exists(h, l->module) : seen->n_there == 0;

        if (is_missing)
                finding_fail(f, "pam-module", advice_module,
                             "%s:%u names %s, and it is not there: everybody is locked out, root "
                             "included (\"Module is unknown\")",
                             l->file, l->line, l->module);
        return is_missing;
}

void check_pam_module(const DoctorHost *h, Findings *f)
{
        _cleanup_(pam_own_done) PamOwnList own = { .items = NULL };
        ModuleSeen seen = { .n_there = 0 };
        bool bad = false;

        if (!own_load(h, f, "pam-module", &own))
                return;
        folders_look(h, &seen);
        for (size_t i = 0; i < own.n; i++)
                bad |= judge_module(h, &own.items[i].line, &seen, f);
        if (!bad && own.n > 0 && seen.n_there > 0 && seen.n_missing > 0)
                finding_warn(f, "pam-module", advice_module,
                             "%s has no %s: programs of that architecture can open no session",
                             seen.missing, PAM_MODULE);
        else if (!bad)
                finding_ok(f, "pam-module",
                           own.n > 0 ? "%s is there, and %zu lines name it"
                                     : "%s stands in no file of PAM (%zu lines)",
                           PAM_MODULE, own.n);
}

/* ---- control and words ---- */

/* X(value, fits, what goes wrong) */
typedef struct AnswerRow {
        const char *value;
        const char *fitting[3];
        const char *text;
} AnswerRow;

#define DENIAL_IGNORED "lets a denial (%s) pass: the gate is open"
static const AnswerRow answers[] = {
        { "perm_denied", { "bad", "die", NULL }, DENIAL_IGNORED },
        { "authinfo_unavail", { "bad", "die", NULL }, DENIAL_IGNORED },
        { "user_unknown", { "bad", "die", NULL }, DENIAL_IGNORED },
        { "module_unknown",
          { "bad", "die", NULL },
          "opens the gate where the module cannot be loaded (%s)" },
        { "ignore",
          { "ignore", "ok", NULL },
          "locks out or waves through who needs no grant (%s)" },
        { "success", { "ok", NULL }, "ends the stack for a granted login, or denies it (%s)" },
};

static bool answer_fits(const AnswerRow *row, const char *action)
{
        for (size_t i = 0; row->fitting[i]; i++)
                if (strcasecmp(row->fitting[i], action) == 0)
                        return true;
        return false;
}

/* The first answer that the control treats wrongly; NULL: none. */
static const AnswerRow *control_judge(const char *control)
{
        char action[PAM_ACTION_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                if (!answer_fits(&answers[i],
                                 pam_control_action(control, answers[i].value, action)))
                        return &answers[i];
        return NULL;
}

static bool judge_control(const PamOwn *o, Findings *f)
{
        const AnswerRow *wrong = control_judge(o->line.control);
        char why[160];

        if (o->kind == PAM_KIND_PASSWORD)
                return false;
        if (o->line.silent) {
                finding_fail(f, "pam-line", "take the \"-\" away",
                             "%s:%u begins with \"-\": the gate is open where the module cannot be "
                             "loaded",
                             o->line.file, o->line.line);
                return true;
        }
        if (!wrong)
                return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(why, sizeof(why), wrong->text, wrong->value);
#pragma GCC diagnostic pop
        finding_fail(f, "pam-line",
                     o->kind == PAM_KIND_ACCOUNT ? "write \"account requisite pam_nhi.so\""
                                                 : "write \"session required pam_nhi.so\"",
                     "%s:%u: \"%s\" %s", o->line.file, o->line.line, o->line.control, why);
        return true;
}

static bool judge_words(const PamOwn *o, Findings *f)
{
        _cleanup_free_ char *args = strdup(o->line.args);
        char *save = NULL, *word;
        bool bad = false;

        if (!args) {
                f->failed = true;
                return false;
        }
        for (word = strtok_r(args, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
                if (streq(word, "debug") || streq(word, "quiet"))
                        continue;
                bad = true;
                finding_fail(
                        f, "pam-line", "it knows debug and quiet: pam_nhi(8)",
                        "%s:%u: pam_nhi.so knows no word \"%s\", and denies everybody under an "
                        "enforced gate",
                        o->line.file, o->line.line, word);
        }
        return bad;
}

void check_pam_line(const DoctorHost *h, Findings *f)
{
        _cleanup_(pam_own_done) PamOwnList own = { .items = NULL };
        bool bad = false;

        if (!own_load(h, f, "pam-line", &own))
                return;
        for (size_t i = 0; i < own.n; i++) {
                bad |= judge_control(&own.items[i], f);
                bad |= judge_words(&own.items[i], f);
        }
        if (!bad)
                finding_ok(f, "pam-line", "%zu lines of pam_nhi.so let no denial pass", own.n);
}

/* ---- lines that are switched off ---- */

/* "# account requisite pam_nhi.so": a line of PAM behind the sign, not prose about one. */
static bool is_switched_off(const char *line, char kind[static 16])
{
        char word[16] = "", module[64] = "";

        line += strspn(line, " \t");
        if (*line != '#')
                return false;
        line += strspn(line, "# \t");
        if (sscanf(line, "%15s", word) != 1)
                return false;
        (void)snprintf(kind, 16, "%s", word[0] == '-' ? word + 1 : word);
        if (!streq(kind, "account") && !streq(kind, "session") && !streq(kind, "auth"))
                return false;
        line += strcspn(line, " \t");
        line += strspn(line, " \t");
        line += *line == '[' ? strcspn(line, "]") + 1 : strcspn(line, " \t");
        if (sscanf(line, " %63s", module) != 1)
                return false;
        return strlen(module) >= strlen(PAM_MODULE) &&
               streq(module + strlen(module) - strlen(PAM_MODULE), PAM_MODULE);
}

static bool own_has(const PamOwnList *own, const char *file, const char *kind)
{
        for (size_t i = 0; i < own->n; i++)
                if (streq(own->items[i].line.file, file) &&
                    streq(pam_kind_text(own->items[i].kind), kind))
                        return true;
        return false;
}

/* How many lines of ours the file has that do not count. */
static size_t judge_file(const DoctorHost *h, const char *name, const PamOwnList *own, Findings *f)
{
        _cleanup_free_ char *text = NULL;
        char path[320], kind[16], *at, *line;
        unsigned number = 0;
        size_t n = 0;

        (void)snprintf(path, sizeof(path), "/etc/pam.d/%s", name);
        if (doctor_read(h, path, PAM_FILE_MAX, &text) < 0)
                return 0;
        at = text;
        while ((line = text_line(&at))) {
                number++;
                if (!is_switched_off(line, kind) || own_has(own, path, kind))
                        continue;
                n++;
                finding_fail(f, "pam-off", "nhictl pam enable, or delete the line",
                             "%s:%u: the %s line of pam_nhi.so is commented out", path, number,
                             kind);
        }
        return n;
}

void check_pam_off(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        _cleanup_(pam_own_done) PamOwnList own = { .items = NULL };
        size_t n = 0;
        int r = pam_names(h, &names);

        if (r < 0) {
                finding_warn(f, "pam-off", "does this host use PAM?",
                             "/etc/pam.d cannot be read: %s", strerror(-r));
                return;
        }
        if (!own_load(h, f, "pam-off", &own))
                return;
        for (char **name = names; *name; name++)
                n += judge_file(h, *name, &own, f);
        if (n == 0)
                finding_ok(f, "pam-off", "no line of pam_nhi.so is commented out");
}
