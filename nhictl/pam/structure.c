/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/structure.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhictl/output.h"
#include "nhictl/pam/stack.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <strings.h>

const char *const pam_gated_services[] = { "sshd",  "sudo", "sudo-i", "su",  "su-l",
                                           "login", "cron", "crond",  "atd", NULL };

/* The services without any line, to be said in one. */
typedef struct Missing {
        char names[256];
} Missing;

static void missing_add(Missing *m, const char *service)
{
        size_t n = strlen(m->names);

        (void)snprintf(m->names + n, sizeof(m->names) - n, "%s%s", n > 0 ? ", " : "", service);
}

/* ---- account ---- */

static bool gate_denies(const PamLine *l)
{
        return !l->silent && (strcasecmp(l->control, "requisite") == 0 ||
                              strcasecmp(l->control, "required") == 0);
}

static bool account_holds(const char *service, const PamStack *s, Missing *missing)
{
        size_t gate = pam_stack_find(s, PAM_GATE_MODULE);
        const PamLine *l;

        if (gate == s->n) {
                missing_add(missing, service);
                return false;
        }
        l = &s->lines[gate];
        if (!gate_denies(l)) {
                say("%s: %s:%u: the gate must be requisite or required there, not %s%s", service,
                    l->file, l->line, l->silent ? "-account " : "", l->control);
                return false;
        }
        for (size_t i = 0; i < gate; i++) {
                l = &s->lines[i];
                if (pam_line_may_skip(l)) {
                        say("%s: %s:%u: %s %s stands before the gate and could end the account "
                            "phase without it",
                            service, l->file, l->line, l->control, l->module);
                        return false;
                }
        }
        return true;
}

/* ---- session ---- */

/* A scope that is made before pam_systemd is escaped from by su and sudo -i. */
static bool session_holds(const char *service, const PamStack *s, Missing *missing)
{
        size_t line = pam_stack_find(s, PAM_GATE_MODULE), login = 0;

        for (size_t i = 0; i < s->n; i++)
                if (pam_line_is(&s->lines[i], "pam_systemd.so"))
                        login = i;
        if (line == s->n) {
                missing_add(missing, service);
                return false;
        }
        if (line < login) {
                say("%s: %s:%u: the session line of " PAM_GATE_MODULE
                    " must stand behind that of pam_systemd (%s:%u)",
                    service, s->lines[line].file, s->lines[line].line, s->lines[login].file,
                    s->lines[login].line);
                return false;
        }
        return true;
}

/* ---- all of them ---- */

typedef bool (*Rule)(const char *service, const PamStack *s, Missing *missing);

static bool stack_holds(const char *root, const char *service, PamKind kind, Rule rule,
                        Missing *missing)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        int r = pam_stack_read(root, service, kind, &s);

        if (r < 0) {
                say("/etc/pam.d/%s cannot be read: %s", service, strerror(-r));
                return false;
        }
        return rule(service, &s, missing);
}

static bool kind_holds(const char *root, PamKind kind, const char *word, Rule rule)
{
        Missing missing = { .names = "" };
        bool well = true;

        for (size_t i = 0; pam_gated_services[i]; i++)
                if (pam_service_exists(root, pam_gated_services[i]))
                        well &= stack_holds(root, pam_gated_services[i], kind, rule, &missing);
        if (*missing.names)
                say("no %s line runs " PAM_GATE_MODULE " in: %s", word, missing.names);
        return well;
}

bool pam_structure_holds(const char *root)
{
        bool account = kind_holds(root, PAM_KIND_ACCOUNT, "account", account_holds);

        return kind_holds(root, PAM_KIND_SESSION, "session", session_holds) && account;
}

bool pam_module_is_there(const char *root)
{
        static const char *const patterns[] = { "/usr/lib/*/security", "/usr/lib64/security",
                                                "/usr/lib/security",   "/lib/*/security",
                                                "/lib64/security",     "/lib/security" };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                _cleanup_free_ char *pattern = NULL;
                glob_t found = { .gl_pathc = 0 };
                bool is_there;

                if (asprintf(&pattern, "%s%s/" PAM_GATE_MODULE, root, patterns[i]) < 0)
                        return false;
                is_there = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
                globfree(&found);
                if (is_there)
                        return true;
        }
        return false;
}

/* ---- what is left ---- */

/* What libpam may take for a service, without what dpkg, rpm and editors leave behind. */
static bool is_service(const char *file)
{
        static const char *const leavings[] = { "*~",       "*.bak",     "*.dpkg-*",  "*.rpmsave",
                                                "*.rpmnew", "*.rpmorig", "*.pam-old", "*.pam-new" };

        for (size_t i = 0; i < ELEMENTSOF(leavings); i++)
                if (glob_match(leavings[i], file))
                        return false;
        return file[0] != '.' && !streq(file, "nhi-unit");
}

/* Each line in its own file only: one that ten services include is one line to take out. */
static unsigned lines_in(const char *root, const char *file, bool tell)
{
        _cleanup_free_ char *path = NULL;
        unsigned n = 0;

        if (asprintf(&path, "/etc/pam.d/%s", file) < 0)
                return 0;
        for (PamKind kind = PAM_KIND_AUTH; kind <= PAM_KIND_SESSION; kind++) {
                _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };

                if (pam_stack_read(root, file, kind, &s) < 0)
                        continue;
                for (size_t i = 0; i < s.n; i++) {
                        const PamLine *l = &s.lines[i];

                        if (!pam_line_is(l, PAM_GATE_MODULE) || !streq(l->file, path))
                                continue;
                        if (tell)
                                say("%s:%u: %s %s is still there", l->file, l->line, l->control,
                                    l->module);
                        n++;
                }
        }
        return n;
}

unsigned pam_lines_remaining(const char *root, bool tell)
{
        _cleanup_free_ char *folder = NULL;
        struct dirent *e;
        unsigned n = 0;
        DIR *dir;

        if (asprintf(&folder, "%s/etc/pam.d", root) < 0 || !(dir = opendir(folder)))
                return 0;
        while ((e = readdir(dir)))
                if (is_service(e->d_name))
                        n += lines_in(root, e->d_name, tell);
        (void)closedir(dir);
        return n;
}
