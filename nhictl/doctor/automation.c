/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Root's own jobs that become a gated account. runuser, setpriv, chroot --userspec and start-stop-
 * daemon run no account stack (root needs none of it), and su by root is exempt as root is: what
 * they start passed no gate. */

#include "lib/base/name.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#define CHECK         "automation"
#define FILE_SIZE_MAX (1024u * 1024)

static const char *const files[] = { "/etc/crontab", "/etc/anacrontab", "/etc/rc.local",
                                     "/var/spool/cron/crontabs/root", "/var/spool/cron/root" };
static const char *const dirs[] = { "/etc/cron.d",      "/etc/cron.hourly",  "/etc/cron.daily",
                                    "/etc/cron.weekly", "/etc/cron.monthly", "/etc/systemd/system",
                                    "/etc/init.d" };
static const char *const tools[] = { "runuser",           "setpriv",   "su",   "chroot",
                                     "start-stop-daemon", "daemonize", "gosu", "chpst",
                                     "setuidgid",         "capsh" };

static bool is_word_char(char c)
{
        return isalnum((unsigned char)c) || strchr("_-.$", c);
}

/* The word as a whole; '/' and '=' are at its edges: /usr/sbin/runuser, --reuid=svc. */
static const char *word_find(const char *line, const char *word)
{
        size_t size = strlen(word);

        for (const char *at = line; (at = strstr(at, word)); at += size)
                if ((at == line || !is_word_char(at[-1])) && (!at[size] || !is_word_char(at[size])))
                        return at;
        return NULL;
}

static const char *tool_in(const char *line)
{
        for (size_t i = 0; i < ELEMENTSOF(tools); i++)
                if (word_find(line, tools[i]))
                        return tools[i];
        return NULL;
}

typedef struct Look {
        const People *people;
        const Person **gated; /* borrowed */
        size_t n_gated;
        Tally tally;
        Findings *findings;
} Look;

static void look_at_line(Look *l, const char *path, unsigned number, const char *line)
{
        const char *tool;

        line += strspn(line, " \t");
        if (!*line || strchr("#;", *line))
                return;
        tool = tool_in(line);
        for (size_t i = 0; tool && i < l->n_gated; i++) {
                const char *after = strstr(line, tool) + strlen(tool);

                if (!word_find(after, l->gated[i]->name) || !tally_take(&l->tally))
                        continue;
                finding_warn(l->findings, CHECK,
                             "run it as a unit with User= and PAMName=nhi-unit under a grant",
                             "%s:%u becomes %s by %s, which passes no gate", path, number,
                             l->gated[i]->name, tool);
        }
}

static void look_at_file(Look *l, const char *path)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;
        unsigned number = 0;

        if (doctor_read(l->people->host, path, FILE_SIZE_MAX, &text) < 0)
                return;
        for (at = text; (line = text_line(&at));)
                look_at_line(l, path, ++number, line);
}

static void look_at_dir(Look *l, const char *dir)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[PATH_MAX];

        if (doctor_names(l->people->host, dir, &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
                look_at_file(l, path);
        }
}

/* Gated for running at all: as a unit, by cron, or because a set defined it. */
static size_t find_gated(const People *p, const Person **ret)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++) {
                const Person *who = &p->items[i];

                if (who->uid != 0 && (person_mode(p, who, "unit") <= GATE_OBSERVE ||
                                      person_mode(p, who, "cron") <= GATE_OBSERVE))
                        ret[n++] = who;
        }
        return n;
}

void check_automation(const DoctorHost *h, Findings *f)
{
        _cleanup_free_ const Person **gated = calloc(PEOPLE_MAX, sizeof(*gated));
        People p = { .host = h };
        int r = gated ? people_load(h, &p) : -ENOMEM;
        Look l = { .people = &p, .gated = gated, .findings = f };
        size_t before = f->n;

        if (r < 0) {
                finding_warn(f, CHECK, "mend /etc/passwd and /etc/group",
                             "the local accounts cannot be read: %s", strerror(-r));
                return;
        }
        l.n_gated = find_gated(&p, gated);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                look_at_file(&l, files[i]);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                look_at_dir(&l, dirs[i]);
        tally_more(&l.tally, f, CHECK, "such lines");
        if (f->n == before)
                finding_ok(f, CHECK, "no job of root's becomes a gated account past its gate");
        people_done(&p);
}
