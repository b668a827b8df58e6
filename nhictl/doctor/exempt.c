/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is there a way in when the agent is dead? Exemptions are the only one that no gate closes, so
 * before a gate is enforced somebody exempt MUST be able to log in, and to become root. */

#include "lib/base/name.h"
#include "lib/base/path.h"
#include "lib/base/service.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/door.h"

#include <limits.h>
#include <stdio.h>

#define CHECK      "exempt"
#define GLOB_CHARS "*?["
#define ENTRY_SIZE 8192u
#define WORDS_SIZE 512u

/* ---- the files ---- */

static void say_problem(const DoctorHost *h, Findings *f)
{
        GatePathBuffers buffers;
        GatePaths paths = host_gate_paths(h, &buffers);
        char path[PATH_MAX], advice[PATH_MAX + 64];
        unsigned line = 0;

        if (!exempt_problem(&paths, path, sizeof(path), &line))
                return;
        if (line > 0)
                finding_warn(f, CHECK, "each line is: ACCOUNT-GLOB CLASS-GLOB",
                             "%s:%u does not parse and exempts nobody", path + strlen(h->root),
                             line);
        else {
                (void)snprintf(advice, sizeof(advice), "chown root: %s; chmod 644 %s",
                               path + strlen(h->root), path + strlen(h->root));
                finding_fail(f, CHECK, advice,
                             "%s is ignored: its owner, mode, type or size is wrong, and nobody is "
                             "exempt by it",
                             path + strlen(h->root));
        }
}

static void say_line(const People *p, const char *path, unsigned number, const char *account,
                     const char *class, Tally *t, Findings *f)
{
        char entry[ENTRY_SIZE];
        int error = 0;

        if (!strpbrk(class, GLOB_CHARS) && !service_class_is_valid(class) && tally_take(t))
                finding_warn(f, CHECK, "compare with the classes in nhi(7)",
                             "%s:%u names service class %s, which nothing asks for", path, number,
                             class);
        if (strpbrk(account, GLOB_CHARS) || people_find(p, account) ||
            host_getent(p->host, "passwd", account, entry, sizeof(entry), &error) || error < 0)
                return;
        if (tally_take(t))
                finding_warn(f, CHECK, "create the account, or take the line out",
                             "%s:%u exempts account %s, which does not exist", path, number,
                             account);
}

static void say_names_of(const People *p, const char *path, Tally *t, Findings *f)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;
        unsigned number = 0;

        if (doctor_read(p->host, path, EXEMPT_SIZE_MAX, &text) < 0)
                return;
        for (at = text; (line = text_line(&at));) {
                char *rest = line, *words[3] = { NULL };
                size_t n = 0;

                number++;
                while (n < 3 && (words[n] = strsep(&rest, " \t")))
                        n += *words[n] != '\0';
                if (n == 2 && *words[0] != '#')
                        say_line(p, path, number, words[0], words[1], t, f);
        }
}

static bool is_conf_name(const char *name)
{
        size_t size = strlen(name);

        return *name != '.' && size > 5 && streq(name + size - 5, ".conf");
}

static void say_names(const People *p, Findings *f)
{
        static const char dir[] = "/etc/nhi/exempt.d";
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[PATH_MAX];
        Tally t = { 0 };

        say_names_of(p, BELOW_ROOT(PATH_EXEMPT_FILE), &t, f);
        if (doctor_names(p->host, dir, &names) == 0)
                for (char **name = names; *name; name++) {
                        if (!is_conf_name(*name))
                                continue;
                        (void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
                        say_names_of(p, path, &t, f);
                }
        tally_more(&t, f, CHECK, "lines of the exempt files");
}

/* ---- the way in ---- */

typedef struct Ways {
        char words[WORDS_SIZE]; /* "root on the console, breakglass by ssh" */
        size_t n, n_root;       /* of which with root at its end */
        bool is_unknown;        /* there may be more, but sshd or shadow could not be asked */
        const char *without_root;
} Ways;

static void way_add(Ways *w, const People *p, const Person *who, const char *how)
{
        size_t used = strlen(w->words);
        bool becomes_root = who->uid == 0 || person_mode(p, who, "sudo") != GATE_ENFORCE ||
                            person_mode(p, who, "su") != GATE_ENFORCE;

        (void)snprintf(w->words + used, sizeof(w->words) - used, "%s%s %s", used ? ", " : "",
                       who->name, how);
        w->n++;
        w->n_root += becomes_root;
        if (!becomes_root)
                w->without_root = who->name;
}

static void ways_of(const People *p, const Person *who, Ways *w)
{
        DoorAnswer a;

        if (!account_has_shell(who))
                return;
        if (person_mode(p, who, "login") == GATE_EXEMPT) {
                a = account_has_password(p->host, who->name);
                w->is_unknown |= a == DOOR_UNKNOWN;
                if (a == DOOR_YES)
                        way_add(w, p, who, "on the console");
        }
        if (person_mode(p, who, "ssh") == GATE_EXEMPT) {
                a = account_opens_ssh(p, who);
                w->is_unknown |= a == DOOR_UNKNOWN;
                if (a == DOOR_YES)
                        way_add(w, p, who, "by ssh");
        }
}

static void say_none(const People *p, const Ways *w, Findings *f)
{
        static const char advice[] =
                "give root a password (passwd root) or a key that sshd takes, or name a "
                "break-glass account in /etc/nhi/exempt: breakglass ssh";

        if (w->is_unknown)
                finding_warn(f, CHECK, "sshd -t; ls -l /etc/shadow",
                             "it cannot be found out whether an exempt account can log in: sshd -T "
                             "or /etc/shadow does not answer");
        else if (people_is_enforced(p))
                finding_fail(f, CHECK, advice,
                             "gates are enforced and no exempt account can log in: with the agent "
                             "dead nobody gets in");
        else
                finding_warn(f, CHECK, advice,
                             "no exempt account can log in: do not enforce a gate yet");
}

static void say_ways(const People *p, Findings *f)
{
        Ways w = { .words = "" };

        for (size_t i = 0; i < p->n && w.n_root < 4; i++)
                ways_of(p, &p->items[i], &w);
        if (w.n == 0)
                say_none(p, &w, f);
        else if (w.n_root == 0)
                finding_warn(f, CHECK, "exempt it for sudo as well, or give root a way in",
                             "exempt accounts can log in (%s), but %s cannot become root with the "
                             "agent dead: sudo and su are enforced for it",
                             w.words, w.without_root);
        else
                finding_ok(f, CHECK, "with the agent dead the way in is: %s", w.words);
}

void check_exempt(const DoctorHost *h, Findings *f)
{
        People p = { .host = h };
        int r = people_load(h, &p);

        say_problem(h, f);
        if (r < 0) {
                finding_warn(f, CHECK, "mend /etc/passwd and /etc/group",
                             "the local accounts cannot be read: %s", strerror(-r));
                return;
        }
        say_names(&p, f);
        say_ways(&p, f);
        people_done(&p);
}
