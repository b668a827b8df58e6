/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl sudo enable|disable|status. A plugin that sudo cannot load makes sudo fatal for everybody,
 * so nothing is left behind with which root's sudo does not work. */

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/sudo-probe.h"
#include "nhictl/verb.h"

#include <signal.h>
#include <sys/stat.h>

#define BACKUP PATH_SUDO_CONF ".nhi-backup"

/* sudo.conf as it was found. */
typedef struct Found {
        char *text; /* owned; "" where there is no file */
        bool exists;
        struct stat st;
} Found;

static void found_done(Found *f)
{
        free(f->text);
}

static VerbStatus found_load(Found *ret)
{
        size_t size = 0;
        int r;

        *ret = (Found){ .st = { .st_mode = 0644, .st_uid = owner_trusted(), .st_gid = getegid() } };
        r = file_read_trusted(PATH_SUDO_CONF, owner_trusted(), SUDO_CONF_SIZE_MAX, &ret->text,
                              &size);
        if (r == -ENOENT) {
                ret->text = strdup("");
                return ret->text ? VERB_OK : fail(VERB_FAILED, "out of memory");
        }
        if (r < 0)
                return fail(VERB_FAILED,
                            "%s: %s; it must be a plain file that root owns and nobody else may "
                            "write",
                            PATH_SUDO_CONF, strerror(-r));
        if (strlen(ret->text) != size)
                return fail(VERB_FAILED, "%s: holds a NUL byte", PATH_SUDO_CONF);
        ret->exists = true;
        if (stat(PATH_SUDO_CONF, &ret->st) < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_SUDO_CONF, strerror(errno));
        return VERB_OK;
}

static int write_like(const char *path, const char *text, const Found *f)
{
        return file_replace(path, text, strlen(text), f->st.st_mode & 07777, f->st.st_uid,
                            f->st.st_gid, true);
}

/* An empty sudo.conf says what none says. */
static int conf_write(const char *text, const Found *f)
{
        if (*text)
                return write_like(PATH_SUDO_CONF, text, f);
        return unlink(PATH_SUDO_CONF) < 0 && errno != ENOENT ? -errno : 0;
}

static void conf_restore(const Found *f)
{
        int r = f->exists ? write_like(PATH_SUDO_CONF, f->text, f) : conf_write("", f);

        if (r < 0)
                say("%s could not be restored (%s): copy %s over it, as root, without sudo",
                    PATH_SUDO_CONF, strerror(-r), BACKUP);
}

/* Replace, look whether sudo still works, put back where it does not. Signals wait meanwhile: to be
 * interrupted in between would leave what nobody has looked at. */
static VerbStatus conf_replace(const char *text, const Found *f, bool wants_plugin,
                               SudoHealth before)
{
        sigset_t all, old;
        SudoHealth after;
        bool well = false;
        int r;

        (void)sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, &old);
        r = conf_write(text, f);
        if (r == 0) {
                after = sudo_health_probe();
                well = (after.runs || !before.runs) && (after.visudo || !before.visudo) &&
                       after.loads == wants_plugin;
                if (!well)
                        conf_restore(f);
        }
        (void)sigprocmask(SIG_SETMASK, &old, NULL);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s; nothing was changed", PATH_SUDO_CONF,
                            strerror(-r));
        if (!well)
                return fail(VERB_FAILED,
                            "sudo does not work with the changed %s (see above): it was put back",
                            PATH_SUDO_CONF);
        return VERB_OK;
}

static VerbStatus check_root(const char *verb)
{
        return geteuid() == owner_trusted()
                       ? VERB_OK
                       : fail(VERB_FAILED, "%s is root's: sudo nhictl %s", verb, verb);
}

/* ---- enable ---- */

static VerbStatus check_loadable(const Found *f)
{
        char path[SUDO_CONF_PATH_MAX];
        SudoVersion version;
        SudoRefusal refusal = sudo_version_probe(&version);
        SudoConf c;

        if (refusal != SUDO_REFUSAL_NONE)
                return fail(VERB_FAILED, "%s", sudo_refusal_sentence(refusal));
        sudo_conf_read(f->text, &c);
        if (!sudo_plugin_probe(&c, path))
                return fail(VERB_FAILED,
                            "%s is not there, or not only root's to write: sudo would refuse to "
                            "run; install it first",
                            *path ? path : SUDO_PLUGIN_FILE);
        return VERB_OK;
}

static VerbStatus enable(Call *call, const Found *f)
{
        _cleanup_free_ char *text = NULL;
        SudoHealth before;
        VerbStatus s = check_loadable(f);
        int r;

        if (s != VERB_OK)
                return s;
        if (sudo_conf_enable(f->text, &text) < 0)
                return fail(VERB_FAILED, "out of memory");
        if (streq(text, f->text))
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        before = sudo_health_probe();
        if (!before.runs)
                return fail(VERB_FAILED, "sudo does not work for root now (see above): nothing was "
                                         "changed");
        if (f->exists && (r = write_like(BACKUP, f->text, f)) < 0)
                return fail(VERB_FAILED, "%s: %s; nothing was changed", BACKUP, strerror(-r));
        s = conf_replace(text, f, true, before);
        if (s != VERB_OK)
                return s;
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus run_enable(Call *call)
{
        _cleanup_(found_done) Found f = { .text = NULL };
        VerbStatus s = check_root(call->verb->name);

        if (s == VERB_OK)
                s = found_load(&f);
        return s == VERB_OK ? enable(call, &f) : s;
}

/* ---- disable ---- */

/* What was there before `enable`, to the byte, where nothing else has changed since. */
static int text_before(char **text)
{
        _cleanup_free_ char *backup = NULL, *stripped = NULL;
        size_t size = 0, n = strlen(*text);
        int r = file_read_trusted(BACKUP, owner_trusted(), SUDO_CONF_SIZE_MAX, &backup, &size);

        if (r == 0 && sudo_conf_disable(backup, &stripped) == 0 && n > 0 &&
            (*text)[n - 1] == '\n' && strlen(stripped) == n - 1 &&
            strncmp(stripped, *text, n - 1) == 0)
                (*text)[n - 1] = '\0';
        return r == -ENOENT ? 0 : r;
}

static VerbStatus disable(Call *call, const Found *f)
{
        _cleanup_free_ char *text = NULL;
        VerbStatus s;

        if (sudo_conf_disable(f->text, &text) < 0)
                return fail(VERB_FAILED, "out of memory");
        if (streq(text, f->text))
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        if (text_before(&text) < 0)
                say("%s cannot be read: going on without it", BACKUP);
        /* Where sudo is broken already, taking the plugin out can only mend it. */
        s = conf_replace(text, f, false, sudo_health_probe());
        if (s != VERB_OK)
                return s;
        (void)unlink(BACKUP);
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus run_disable(Call *call)
{
        _cleanup_(found_done) Found f = { .text = NULL };
        VerbStatus s = check_root(call->verb->name);

        if (s == VERB_OK)
                s = found_load(&f);
        return s == VERB_OK ? disable(call, &f) : s;
}

/* ---- status ---- */

static int print_status(Call *call, const SudoConf *c, const char *version, const char *path,
                        bool present)
{
        static const char *const headings[] = { "SUDO", "PLUGIN", "GROUP SOURCE", "FILE", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        const char *plugin = !c->has_plugin ? "disabled" : present ? "enabled" : "BROKEN";
        int r;

        if (call->out.json)
                return output_document(json_pack(
                        "{s:s, s:b, s:b, s:s, s:b}", "sudo", version, "enabled", c->has_plugin,
                        "present", present, "file", path, "group_source_dynamic", c->is_dynamic));
        r = table_new(&call->out, headings, &t);
        if (r == 0)
                r = table_row(t, (const char *const[]){ version, plugin,
                                                        c->is_dynamic ? "dynamic" : "not dynamic",
                                                        *path ? path : NULL });
        if (r == 0)
                table_shade(t, 1, !c->has_plugin ? SHADE_DIM : present ? SHADE_GOOD : SHADE_BAD);
        return r == 0 ? table_print(t) : r;
}

static VerbStatus run_status(Call *call)
{
        _cleanup_(found_done) Found f = { .text = NULL };
        char path[SUDO_CONF_PATH_MAX];
        SudoVersion version;
        SudoRefusal refusal = sudo_version_probe(&version);
        VerbStatus s = found_load(&f);
        bool present;
        SudoConf c;

        if (s != VERB_OK)
                return s;
        if (refusal != SUDO_REFUSAL_NONE)
                return fail(VERB_PROBLEM, "%s", sudo_refusal_sentence(refusal));
        sudo_conf_read(f.text, &c);
        present = sudo_plugin_probe(&c, path);
        if (print_status(call, &c, version.text, path, present) < 0)
                return VERB_FAILED;
        if (c.has_plugin && !present)
                return fail(VERB_PROBLEM,
                            "%s names a plugin that sudo cannot load: sudo is fatal for everybody; "
                            "as root: nhictl sudo disable",
                            PATH_SUDO_CONF);
        return VERB_OK;
}

const Verb verb_sudo_enable = {
        .name = "sudo enable",
        .synopsis = "",
        .help = "let sudo ask for each command: needed for grants narrower than root\n"
                "Adds sudo_nhi and \"Set group_source dynamic\" to /etc/sudo.conf, looks whether\n"
                "sudo still works, and puts the file back where it does not.",
        .run = run_enable,
};

const Verb verb_sudo_disable = {
        .name = "sudo disable",
        .synopsis = "",
        .help = "take sudo_nhi out of /etc/sudo.conf again",
        .run = run_disable,
};

const Verb verb_sudo_status = {
        .name = "sudo status",
        .synopsis = "",
        .help = "say whether sudo loads sudo_nhi, and can",
        .run = run_status,
};
