/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/door.h"

#include "lib/base/name.h"

#include <limits.h>
#include <stdio.h>
#include <strings.h>

#define SHADOW_SIZE_MAX (16u * 1024 * 1024)
#define KEYS_SIZE_MAX   (1024u * 1024)

/* ---- passwords and shells ---- */

static DoorAnswer hash_answer(const char *hash)
{
        return *hash == '!' || *hash == '*' ? DOOR_NO : DOOR_YES;
}

/* Fields 1 and 2 of the account's line in passwd(5) or shadow(5). */
static DoorAnswer hash_in_file(const DoctorHost *h, const char *path, const char *name)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line, *fields[3];

        if (doctor_read(h, path, SHADOW_SIZE_MAX, &text) < 0)
                return DOOR_UNKNOWN;
        for (at = text; (line = text_line(&at));)
                if (text_fields(line, ':', fields, 3) >= 2 && streq(fields[0], name)) {
                        /* "x": it stands in shadow. */
                        return streq(fields[1], "x") ? DOOR_NO : hash_answer(fields[1]);
                }
        return DOOR_NO;
}

DoorAnswer account_has_password(const DoctorHost *h, const char *name)
{
        DoorAnswer a = hash_in_file(h, "/etc/passwd", name);

        return a == DOOR_YES ? a : hash_in_file(h, "/etc/shadow", name);
}

bool account_has_shell(const Person *who)
{
        const char *base = strrchr(who->shell, '/');

        base = base ? base + 1 : who->shell;
        return !streq(base, "nologin") && !streq(base, "false") && !streq(base, "sync");
}

/* ---- sshd ---- */

static bool user_pattern_matches(const char *pattern, const char *name)
{
        char user[LABEL_SIZE_MAX + 1];

        (void)snprintf(user, sizeof(user), "%.*s", (int)strcspn(pattern, "@"), pattern);
        return glob_match(user, name);
}

static bool group_pattern_matches(const People *p, const Person *who, const char *pattern)
{
        for (size_t i = 0; i < p->n_groups; i++)
                if (person_in_group(who, &p->groups[i]) && glob_match(pattern, p->groups[i].name))
                        return true;
        return false;
}

/* AllowUsers, DenyUsers and their kin: seen is what was named so far, matched what of it matches.
 */
typedef struct Admission {
        bool users_seen, users_matched, groups_seen, groups_matched, denied;
} Admission;

static void admission_add(Admission *a, const People *p, const Person *who, const char *key,
                          char *values)
{
        char *at = values, *value;

        while ((value = strsep(&at, " "))) {
                if (!*value)
                        continue;
                if (streq(key, "allowusers")) {
                        a->users_seen = true;
                        a->users_matched |= user_pattern_matches(value, who->name);
                } else if (streq(key, "allowgroups")) {
                        a->groups_seen = true;
                        a->groups_matched |= group_pattern_matches(p, who, value);
                } else if (streq(key, "denyusers"))
                        a->denied |= user_pattern_matches(value, who->name);
                else
                        a->denied |= group_pattern_matches(p, who, value);
        }
}

static bool admission_answer(const Admission *a)
{
        return !a->denied && (!a->users_seen || a->users_matched) &&
               (!a->groups_seen || a->groups_matched);
}

static void setting_read(SshDoor *d, Admission *a, const People *p, const Person *who, char *line)
{
        char *fields[2];

        if (text_fields(line, ' ', fields, 2) != 2)
                return;
        if (streq(fields[0], "pubkeyauthentication"))
                d->takes_keys = streq(fields[1], "yes");
        else if (streq(fields[0], "passwordauthentication") ||
                 streq(fields[0], "kbdinteractiveauthentication") ||
                 streq(fields[0], "challengeresponseauthentication"))
                d->takes_passwords |= streq(fields[1], "yes");
        else if (streq(fields[0], "authorizedkeysfile"))
                (void)snprintf(d->patterns, sizeof(d->patterns), "%s", fields[1]);
        else if (streq(fields[0], "permitrootlogin") && who->uid == 0) {
                a->denied |= streq(fields[1], "no") || streq(fields[1], "forced-commands-only");
                d->root_needs_key = !streq(fields[1], "yes");
        } else if (strncmp(fields[0], "allow", 5) == 0 || strncmp(fields[0], "deny", 4) == 0) {
                if (streq(fields[0] + strcspn(fields[0], "ug"), "users") ||
                    streq(fields[0] + strcspn(fields[0], "ug"), "groups"))
                        admission_add(a, p, who, fields[0], fields[1]);
        }
}

void ssh_door_ask(const People *p, const Person *who, SshDoor *ret)
{
        char user[LABEL_SIZE_MAX + 64];
        const char *const words[] = { "/usr/sbin/sshd", "-T", "-C", user, NULL };
        _cleanup_free_ char *output = malloc(COMMAND_OUTPUT_SIZE);
        Admission a = { .denied = false };
        char *at, *line;
        int r;

        *ret = (SshDoor){ .is_known = false };
        (void)snprintf(user, sizeof(user), "user=%s,host=localhost,addr=127.0.0.1", who->name);
        r = output ? p->host->run(words, output, COMMAND_OUTPUT_SIZE) : -ENOMEM;
        ret->is_absent = r == -ENOENT;
        if (r != 0)
                return;
        for (at = output; (line = text_line(&at));)
                setting_read(ret, &a, p, who, line);
        ret->is_known = true;
        ret->admits = admission_answer(&a);
}

/* ---- keys ---- */

/* %h, %u, %U and %%; a relative path is below home (sshd_config(5)). */
static bool pattern_expand(const Person *who, const char *pattern, char *ret, size_t size)
{
        size_t used = 0;
        char uid[16];

        (void)snprintf(uid, sizeof(uid), "%u", (unsigned)who->uid);
        if (*pattern != '/' && strncmp(pattern, "%h", 2) != 0)
                used = (size_t)snprintf(ret, size, "%s/", who->home);
        for (; *pattern && used < size; pattern++) {
                const char *piece = NULL;

                if (*pattern == '%' && pattern[1]) {
                        pattern++;
                        piece = *pattern == 'h'   ? who->home
                                : *pattern == 'u' ? who->name
                                : *pattern == 'U' ? uid
                                                  : "%";
                }
                used += (size_t)snprintf(ret + used, size - used, piece ? "%s" : "%.1s",
                                         piece ? piece : pattern);
        }
        return used > 0 && used < size && *ret == '/';
}

static DoorAnswer file_has_key(const DoctorHost *h, const char *path)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line;
        int r;

        r = doctor_read(h, path, KEYS_SIZE_MAX, &text);
        if (r == -EFBIG || r == -EBADMSG)
                return DOOR_YES;
        /* sshd takes no keys from what is no file. */
        if (r < 0)
                return r == -ENOENT || r == -ENOTDIR || r == -EINVAL ? DOOR_NO : DOOR_UNKNOWN;
        for (at = text; (line = text_line(&at));) {
                line += strspn(line, " \t\r");
                if (*line && *line != '#')
                        return DOOR_YES;
        }
        return DOOR_NO;
}

DoorAnswer account_key_file(const DoctorHost *h, const Person *who, const char *patterns, char *ret,
                            size_t size)
{
        char copy[SSH_PATTERNS_SIZE], *at = copy, *pattern;
        DoorAnswer a, all = DOOR_NO;

        (void)snprintf(copy, sizeof(copy), "%s", patterns);
        while ((pattern = strsep(&at, " "))) {
                if (!*pattern || strcasecmp(pattern, "none") == 0 ||
                    !pattern_expand(who, pattern, ret, size))
                        continue;
                a = file_has_key(h, ret);
                if (a == DOOR_YES)
                        return a;
                if (a == DOOR_UNKNOWN)
                        all = a;
        }
        return all;
}

DoorAnswer account_opens_ssh(const People *p, const Person *who)
{
        DoorAnswer keys = DOOR_NO, password = DOOR_NO;
        char path[PATH_MAX];
        SshDoor d;

        ssh_door_ask(p, who, &d);
        if (d.is_absent)
                return DOOR_NO;
        if (!d.is_known)
                return DOOR_UNKNOWN;
        if (!d.admits)
                return DOOR_NO;
        if (d.takes_keys)
                keys = account_key_file(p->host, who, d.patterns, path, sizeof(path));
        if (keys != DOOR_YES && d.takes_passwords && !d.root_needs_key)
                password = account_has_password(p->host, who->name);
        return password == DOOR_NO ? keys : password;
}
