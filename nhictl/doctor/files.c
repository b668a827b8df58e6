/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever can write what decides can let himself in; whoever can read the issuer's key can sign.
 * Every file below is root's and of no wider mode than the table says, and none is a symbolic link
 * (they are opened with O_NOFOLLOW, so a link is as good as a missing file). */

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define CHECK "files"

typedef enum FileKind {
        FILE_PLAIN = 0,
        FILE_DIR,
        FILES_IN,       /* every entry of the folder */
        FILE_LINKS,     /* a plain file that may be reached by a symbolic link */
        FILE_MULTIARCH, /* the same, below each folder of /usr/lib that is named after a machine */
} FileKind;

typedef struct FileRule {
        const char *path;
        FileKind kind;
        mode_t mode; /* no bit beyond these */
        const char *why;
} FileRule;

#define DECIDES  "who may write it decides who needs a grant"
#define TRUSTS   "who may write it decides whose signature holds"
#define LOADED   "it is loaded into, or run by, what root runs"
#define SIGNS    "who may read it can sign in its place"
#define STATE    "it holds what this host has learnt"
#define EVIDENCE "it holds the evidence"

static const FileRule rules[] = {
        { BELOW_ROOT(PATH_ETC_DIR), FILE_DIR, 0755, DECIDES },
        { BELOW_ROOT(PATH_CONF_FILE), FILE_PLAIN, 0644, DECIDES },
        { BELOW_ROOT(PATH_CONF_DIR), FILE_DIR, 0755, DECIDES },
        { BELOW_ROOT(PATH_CONF_DIR), FILES_IN, 0644, DECIDES },
        { BELOW_ROOT(PATH_EXEMPT_FILE), FILE_PLAIN, 0644, DECIDES },
        { BELOW_ROOT(PATH_EXEMPT_DIR), FILE_DIR, 0755, DECIDES },
        { BELOW_ROOT(PATH_EXEMPT_DIR), FILES_IN, 0644, DECIDES },
        { BELOW_ROOT(PATH_TRUST_DIR), FILE_DIR, 0755, TRUSTS },
        { BELOW_ROOT(PATH_TRUST_DIR), FILES_IN, 0644, TRUSTS },
        { BELOW_ROOT(PATH_ISSUER_KEY), FILE_PLAIN, 0600, SIGNS },
        { BELOW_ROOT(PATH_LEDGER_DIR), FILE_DIR, 0755, "who may write it decides what is signed" },
        { BELOW_ROOT(PATH_PUBLISHED_DIR), FILE_DIR, 02755, STATE },
        { BELOW_ROOT(PATH_STATE_DIR), FILE_DIR, 0755, STATE },
        { BELOW_ROOT(PATH_GATES_STATE), FILE_PLAIN, 0644, DECIDES },
        { BELOW_ROOT(PATH_SETS_DIR), FILE_DIR, 0700, STATE },
        { BELOW_ROOT(PATH_STATE_FILE), FILE_PLAIN, 0600, STATE },
        { BELOW_ROOT(PATH_UIDS_FILE), FILE_PLAIN, 0600, STATE },
        { "/var/lib/nhi/confirm.json", FILE_PLAIN, 0600, DECIDES },
        { BELOW_ROOT(PATH_HOST_KEY), FILE_PLAIN, 0600, SIGNS },
        { BELOW_ROOT(PATH_LOG_DIR), FILE_DIR, 02750, EVIDENCE },
        { BELOW_ROOT(PATH_LOG_DIR "/decisions.log"), FILE_PLAIN, 0640, EVIDENCE },
        { BELOW_ROOT(PATH_RUN_DIR), FILE_DIR, 0755, DECIDES },
        { BELOW_ROOT(PATH_GATES_RUN), FILE_PLAIN, 0644, DECIDES },
        { BELOW_ROOT(PATH_SNAPSHOT), FILE_PLAIN, 0644, "accounts and groups are read from it" },
        { BELOW_ROOT(PATH_SOURCES_RUN), FILE_PLAIN, 0644, STATE },
        { BELOW_ROOT(PATH_SESSIONS_RUN), FILE_PLAIN, 0600, STATE },
        { "/usr/bin/nhictl", FILE_PLAIN, 0755, LOADED },
        { "/usr/libexec/nhi", FILE_DIR, 0755, LOADED },
        { "/usr/libexec/nhi", FILES_IN, 0755, LOADED },
        { "/usr/libexec/sudo/sudo_nhi.so", FILE_LINKS, 0755, LOADED },
        { "/usr/lib64/security/pam_nhi.so", FILE_LINKS, 0755, LOADED },
        { "/usr/lib64/libnss_nhi.so.2", FILE_LINKS, 0755, LOADED },
        { "security/pam_nhi.so", FILE_MULTIARCH, 0755, LOADED },
        { "libnss_nhi.so.2", FILE_MULTIARCH, 0755, LOADED },
        { "/etc/sudo.conf", FILE_LINKS, 0644, "it says which plugins sudo loads" },
};

/* Those whose absence is a fault once this host is set up. */
static const char *const needed[] = { BELOW_ROOT(PATH_ETC_DIR), BELOW_ROOT(PATH_STATE_DIR),
                                      BELOW_ROOT(PATH_EXEMPT_FILE) };

static void say_owner(const FileRule *rule, const char *path, const struct stat *st, Findings *f)
{
        char advice[PATH_MAX + 64];

        (void)snprintf(advice, sizeof(advice), "chown root: %s", path);
        finding_fail(f, CHECK, advice, "%s belongs to uid %u and not to root: %s", path,
                     (unsigned)st->st_uid, rule->why);
}

/* Writable for others, or a secret that others can read, is open; the rest is untidy. */
static void say_mode(const FileRule *rule, const char *path, mode_t mode, Findings *f)
{
        char advice[PATH_MAX + 64];
        mode_t extra = mode & (mode_t)~rule->mode;

        (void)snprintf(advice, sizeof(advice), "chmod %04o %s", (unsigned)rule->mode, path);
        if ((extra & 022) || (streq(rule->why, SIGNS) && (extra & 044)))
                finding_fail(f, CHECK, advice, "%s has mode %04o and not %04o: %s", path,
                             (unsigned)mode, (unsigned)rule->mode, rule->why);
        else
                finding_warn(f, CHECK, advice, "%s has mode %04o, more than the %04o it needs",
                             path, (unsigned)mode, (unsigned)rule->mode);
}

static void say_type(const FileRule *rule, const char *path, mode_t type, Findings *f)
{
        char advice[PATH_MAX + 64];

        (void)snprintf(advice, sizeof(advice), "put a %s there that belongs to root",
                       rule->kind == FILE_DIR ? "folder" : "plain file");
        finding_fail(f, CHECK, advice, "%s is %s and is not used: %s", path,
                     S_ISLNK(type) ? "a symbolic link" : "of the wrong type", rule->why);
}

static void look_at(const DoctorHost *h, const FileRule *rule, const char *path, Tally *t,
                    Findings *f)
{
        char full[PATH_MAX];
        struct stat st;
        mode_t mode;
        bool is_right_type;

        (void)snprintf(full, sizeof(full), "%s%s", h->root, path);
        if ((rule->kind >= FILE_LINKS ? stat(full, &st) : lstat(full, &st)) < 0) {
                if (errno != ENOENT && errno != ENOTDIR && tally_take(t))
                        finding_warn(f, CHECK, "ls -ld shows why", "%s cannot be looked at: %s",
                                     path, strerror(errno));
                return;
        }
        is_right_type = rule->kind == FILE_DIR ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode);
        mode = st.st_mode & 07777;
        if (!is_right_type) {
                if (tally_take(t))
                        say_type(rule, path, st.st_mode, f);
                return;
        }
        if (st.st_uid != owner_trusted() && tally_take(t))
                say_owner(rule, path, &st, f);
        if ((mode & (mode_t)~rule->mode) != 0 && tally_take(t))
                say_mode(rule, path, mode, f);
}

static void look_in(const DoctorHost *h, const FileRule *rule, Tally *t, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[PATH_MAX];

        if (doctor_names(h, rule->path, &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                (void)snprintf(path, sizeof(path), "%s/%s", rule->path, *name);
                look_at(h, rule, path, t, f);
        }
}

static void look_in_multiarch(const DoctorHost *h, const FileRule *rule, Tally *t, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[PATH_MAX];

        if (doctor_names(h, "/usr/lib", &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                if (!strstr(*name, "-linux-"))
                        continue;
                (void)snprintf(path, sizeof(path), "/usr/lib/%s/%s", *name, rule->path);
                look_at(h, rule, path, t, f);
        }
}

void check_files(const DoctorHost *h, Findings *f)
{
        size_t before = f->n;
        Tally t = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (!doctor_exists(h, needed[i]) && tally_take(&t))
                        finding_warn(
                                f, CHECK,
                                "install nhi-agent anew, or systemd-tmpfiles --create nhi.conf",
                                "%s is missing", needed[i]);
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                if (rules[i].kind == FILES_IN)
                        look_in(h, &rules[i], &t, f);
                else if (rules[i].kind == FILE_MULTIARCH)
                        look_in_multiarch(h, &rules[i], &t, f);
                else
                        look_at(h, &rules[i], rules[i].path, &t, f);
        }
        tally_more(&t, f, CHECK, "files");
        if (f->n == before)
                finding_ok(f, CHECK, "the files that decide belong to root and to nobody else");
}
