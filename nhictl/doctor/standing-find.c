/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/name.h"
#include "nhictl/doctor/door.h"
#include "nhictl/doctor/standing.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct StandingWord {
        const char *word, *class, *class_too;
} StandingWord;

static const StandingWord words[STANDING_N] = {
        [STANDING_PASSWORD] = { "password", "login", "ssh" },
        [STANDING_KEYS] = { "authorized_keys", "ssh", NULL },
        [STANDING_SUDOERS] = { "sudoers rule", "sudo", NULL },
        [STANDING_CRONTAB] = { "crontab", "cron", NULL },
        [STANDING_AT_JOB] = { "at job", "at", NULL },
        [STANDING_LINGER] = { "lingering user manager", "systemd-user", NULL },
};

const char *standing_word(StandingKind k)
{
        return words[k].word;
}

const char *standing_class(StandingKind k)
{
        return words[k].class;
}

const char *standing_class_too(StandingKind k)
{
        return words[k].class_too;
}

static void answer(Standing *s, StandingKind k, DoorAnswer a)
{
        s->has[k] = a == DOOR_YES;
        s->unknown[k] = a == DOOR_UNKNOWN;
}

static DoorAnswer find_keys(const People *p, const Person *who)
{
        char path[PATH_MAX];
        SshDoor d;

        if (!*who->home)
                return DOOR_NO;
        ssh_door_ask(p, who, &d);
        if (d.is_absent)
                return DOOR_NO;
        if (!d.is_known)
                return DOOR_UNKNOWN;
        return account_key_file(p->host, who, d.patterns, path, sizeof(path));
}

/* The rules that sudoers has for it, by name or by group. */
static DoorAnswer find_sudoers(const People *p, const Person *who)
{
        char match[LABEL_SIZE_MAX + 8], output[4096];
        const char *const ask[] = { "/usr/bin/cvtsudoers", "-f", "sudoers", "-p",           "-s",
                                    "aliases,defaults",    "-m", match,     "/etc/sudoers", NULL };
        int r;

        if (!doctor_exists(p->host, "/etc/sudoers"))
                return DOOR_NO;
        if (strpbrk(who->name, ",= "))
                return DOOR_UNKNOWN;
        (void)snprintf(match, sizeof(match), "user=%s", who->name);
        r = p->host->run(ask, output, sizeof(output));
        if (r != 0)
                return DOOR_UNKNOWN;
        return output[strspn(output, " \t\n")] ? DOOR_YES : DOOR_NO;
}

static DoorAnswer find_crontab(const People *p, const Person *who)
{
        static const char *const dirs[] = { "/var/spool/cron/crontabs", "/var/spool/cron" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", dirs[i], who->name);
                /* An account may be called as a folder of cron's is. */
                if (!strchr(who->name, '/') && !streq(who->name, "crontabs") &&
                    !streq(who->name, "atjobs") && doctor_exists(p->host, path))
                        return DOOR_YES;
        }
        return DOOR_NO;
}

/* A job belongs to whose it is; hidden files are the daemon's own. */
static DoorAnswer find_at_job(const People *p, const Person *who)
{
        static const char *const dirs[] = { "/var/spool/cron/atjobs", "/var/spool/at" };

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
                _cleanup_(doctor_names_freep) char **names = NULL;
                char path[PATH_MAX];
                struct stat st;

                if (doctor_names(p->host, dirs[i], &names) < 0)
                        continue;
                for (char **name = names; *name; name++) {
                        int n = snprintf(path, sizeof(path), "%s%s/%s", p->host->root, dirs[i],
                                         *name);

                        if (**name != '.' && n < PATH_MAX && stat(path, &st) == 0 &&
                            S_ISREG(st.st_mode) && st.st_uid == who->uid)
                                return DOOR_YES;
                }
        }
        return DOOR_NO;
}

static DoorAnswer find_linger(const People *p, const Person *who)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s", who->name);
        return !strchr(who->name, '/') && doctor_exists(p->host, path) ? DOOR_YES : DOOR_NO;
}

void standing_find(const People *p, const Person *who, Standing *ret)
{
        *ret = (Standing){ .has = { false } };
        answer(ret, STANDING_PASSWORD, account_has_password(p->host, who->name));
        answer(ret, STANDING_KEYS, find_keys(p, who));
        answer(ret, STANDING_SUDOERS, find_sudoers(p, who));
        answer(ret, STANDING_CRONTAB, find_crontab(p, who));
        answer(ret, STANDING_AT_JOB, find_at_job(p, who));
        answer(ret, STANDING_LINGER, find_linger(p, who));
}
