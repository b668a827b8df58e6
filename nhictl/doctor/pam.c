/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/pam.h"

#include <fnmatch.h>
#include <stdio.h>
#include <strings.h>

typedef struct RoleRow {
        const char *pattern;
        PamRole role;
} RoleRow;

/* The first match counts. "other" is the way in of every service without a file. */
static const RoleRow roles[] = {
        { "*~", PAM_ROLE_BACKUP },
        { "*.dpkg-*", PAM_ROLE_BACKUP },
        { "*.ucf-*", PAM_ROLE_BACKUP },
        { "*.rpm*", PAM_ROLE_BACKUP },
        { "*.bak", PAM_ROLE_BACKUP },
        { "*.orig", PAM_ROLE_BACKUP },
        { "*.old", PAM_ROLE_BACKUP },
        { "*nhi-backup*", PAM_ROLE_BACKUP },
        { ".*", PAM_ROLE_BACKUP },
        { "sshd", PAM_ROLE_WAY_IN },
        { "sudo", PAM_ROLE_WAY_IN },
        { "sudo-i", PAM_ROLE_WAY_IN },
        { "su", PAM_ROLE_WAY_IN },
        { "su-l", PAM_ROLE_WAY_IN },
        { "login", PAM_ROLE_WAY_IN },
        { "remote", PAM_ROLE_WAY_IN },
        { "cron", PAM_ROLE_WAY_IN },
        { "crond", PAM_ROLE_WAY_IN },
        { "atd", PAM_ROLE_WAY_IN },
        { "polkit-1", PAM_ROLE_WAY_IN },
        { "systemd-user", PAM_ROLE_WAY_IN },
        { "systemd-run0", PAM_ROLE_WAY_IN },
        { "nhi-unit", PAM_ROLE_WAY_IN },
        { "doas", PAM_ROLE_WAY_IN },
        { "dropbear", PAM_ROLE_WAY_IN },
        { "cockpit", PAM_ROLE_WAY_IN },
        { "gdm*", PAM_ROLE_WAY_IN },
        { "lightdm*", PAM_ROLE_WAY_IN },
        { "sddm*", PAM_ROLE_WAY_IN },
        { "xdm", PAM_ROLE_WAY_IN },
        { "xrdp-sesman", PAM_ROLE_WAY_IN },
        { "other", PAM_ROLE_WAY_IN },
        { "passwd", PAM_ROLE_NO_WAY_IN },
        { "chpasswd", PAM_ROLE_NO_WAY_IN },
        { "newusers", PAM_ROLE_NO_WAY_IN },
        { "chfn", PAM_ROLE_NO_WAY_IN },
        { "chsh", PAM_ROLE_NO_WAY_IN },
        { "chage", PAM_ROLE_NO_WAY_IN },
        { "user*", PAM_ROLE_NO_WAY_IN },
        { "group*", PAM_ROLE_NO_WAY_IN },
        { "runuser", PAM_ROLE_NO_WAY_IN },
        { "runuser-l", PAM_ROLE_NO_WAY_IN },
        { "sssd-shadowutils", PAM_ROLE_NO_WAY_IN },
        { "vlock", PAM_ROLE_NO_WAY_IN },
        { "common-*", PAM_ROLE_FRAGMENT },
        { "*-auth", PAM_ROLE_FRAGMENT },
        { "*-auth-ac", PAM_ROLE_FRAGMENT },
        { "postlogin*", PAM_ROLE_FRAGMENT },
};

PamRole pam_service_role(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(roles); i++)
                if (fnmatch(roles[i].pattern, name, 0) == 0)
                        return roles[i].role;
        return PAM_ROLE_UNKNOWN;
}

/* ---- the files ---- */

static bool names_have(char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (streq(names[i], name))
                        return true;
        return false;
}

/* Add what is in a folder and not yet in names, which has room for it. */
static int names_add(const DoctorHost *h, const char *folder, char **names, size_t *n)
{
        _cleanup_(doctor_names_freep) char **found = NULL;
        int r = doctor_names(h, folder, &found);

        for (char **name = found; r == 0 && *name; name++) {
                if (pam_service_role(*name) == PAM_ROLE_BACKUP || names_have(names, *n, *name))
                        continue;
                names[*n] = strdup(*name);
                if (!names[*n])
                        return -ENOMEM;
                (*n)++;
        }
        return r;
}

int pam_names(const DoctorHost *h, char ***ret)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        size_t n = 0;
        int etc, lib;

        names = calloc(2 * DOCTOR_NAMES_MAX + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        etc = names_add(h, "/etc/pam.d", names, &n);
        lib = names_add(h, "/usr/lib/pam.d", names, &n);
        if (etc < 0 && (etc != -ENOENT || lib < 0))
                return etc;
        if (lib < 0 && lib != -ENOENT)
                return lib;
        *ret = TAKE_PTR(names);
        return 0;
}

/* ---- our lines ---- */

static bool own_append(PamOwnList *l, PamLine *line, PamKind kind)
{
        PamOwn *grown = reallocarray(l->items, l->n + 1, sizeof(*grown));

        if (!grown)
                return false;
        l->items = grown;
        l->items[l->n++] = (PamOwn){ *line, kind };
        *line = (PamLine){ .file = NULL };
        return true;
}

/* Of a stack only what stands in the file called name itself: what it includes comes under that
 * name. */
static int own_take(PamOwnList *l, PamStack *s, const char *name, PamKind kind)
{
        for (size_t i = 0; i < s->n; i++) {
                const char *slash = strrchr(s->lines[i].file, '/');

                if (slash && streq(slash + 1, name) && pam_line_is(&s->lines[i], PAM_MODULE) &&
                    !own_append(l, &s->lines[i], kind))
                        return -ENOMEM;
        }
        return 0;
}

static int own_read(const DoctorHost *h, const char *name, PamOwnList *l)
{
        for (PamKind kind = PAM_KIND_AUTH; kind <= PAM_KIND_SESSION; kind++) {
                _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
                int r = pam_stack_read(h->root, name, kind, &s);

                if (r == 0)
                        r = own_take(l, &s, name, kind);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int pam_own_load(const DoctorHost *h, PamOwnList *ret)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        PamOwnList l = { .items = NULL };
        int r = pam_names(h, &names);

        for (char **name = names; r == 0 && *name; name++)
                r = own_read(h, *name, &l);
        if (r < 0) {
                pam_own_done(&l);
                return r;
        }
        *ret = l;
        return 0;
}

void pam_own_done(PamOwnList *l)
{
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].line.file);
                free(l->items[i].line.control);
                free(l->items[i].line.module);
                free(l->items[i].line.args);
        }
        free(l->items);
        *l = (PamOwnList){ .items = NULL };
}

const char *pam_kind_text(PamKind kind)
{
        static const char *const texts[] = { [PAM_KIND_AUTH] = "auth",
                                             [PAM_KIND_ACCOUNT] = "account",
                                             [PAM_KIND_PASSWORD] = "password",
                                             [PAM_KIND_SESSION] = "session" };

        return texts[kind];
}

/* ---- controls ---- */

/* pam.conf(5): what the words stand for. */
typedef struct ControlRow {
        const char *word, *success, *ignored, *otherwise;
} ControlRow;

static const ControlRow controls[] = {
        { "required", "ok", "ignore", "bad" },
        { "requisite", "ok", "ignore", "die" },
        { "sufficient", "done", "ignore", "ignore" },
        { "optional", "ok", "ignore", "ignore" },
};

static const char *word_action(const char *control, const char *value)
{
        for (size_t i = 0; i < ELEMENTSOF(controls); i++) {
                if (strcasecmp(controls[i].word, control) != 0)
                        continue;
                if (streq(value, "success") || streq(value, "new_authtok_reqd"))
                        return controls[i].success;
                return streq(value, "ignore") ? controls[i].ignored : controls[i].otherwise;
        }
        return "bad";
}

/* The action of one "value=action" of a bracket; false where it is not in it. */
static bool bracket_action(const char *control, const char *value, char ret[static PAM_ACTION_SIZE])
{
        size_t size = strlen(value);

        for (const char *at = strpbrk(control, "[ \t"); at; at = strpbrk(at + 1, "[ \t")) {
                if (strncasecmp(at + 1, value, size) != 0 || at[size + 1] != '=')
                        continue;
                at += size + 2;
                (void)snprintf(ret, PAM_ACTION_SIZE, "%.*s", (int)strcspn(at, " \t]"), at);
                return true;
        }
        return false;
}

const char *pam_control_action(const char *control, const char *value,
                               char ret[static PAM_ACTION_SIZE])
{
        if (control[0] != '[') {
                (void)snprintf(ret, PAM_ACTION_SIZE, "%s", word_action(control, value));
                return ret;
        }
        /* What a bracket does not say is a failure to libpam. */
        if (!bracket_action(control, value, ret) && !bracket_action(control, "default", ret))
                (void)snprintf(ret, PAM_ACTION_SIZE, "bad");
        return ret;
}

bool pam_stack_skips(const PamStack *s, size_t i, size_t target)
{
        const PamLine *l = &s->lines[i];

        if (!pam_line_may_skip(l))
                return false;
        if (l->control[0] != '[')
                return true;
        for (const char *at = strchr(l->control, '='); at; at = strchr(at + 1, '=')) {
                unsigned long jump = strtoul(at + 1, NULL, 10);

                if (strncasecmp(at + 1, "done", strlen("done")) == 0 ||
                    (jump > 0 && jump >= target - i))
                        return true;
        }
        return false;
}

bool doctor_gate_is_enforced(const DoctorHost *h)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(h->gates, i, gate)
                if (streq_ptr(json_string_value(json_object_get(gate, "mode")), "enforce"))
                        return true;
        return false;
}
