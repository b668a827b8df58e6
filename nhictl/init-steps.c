/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/init.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/who.h"

#include <fcntl.h>
#include <grp.h>
#include <libconfig.h>
#include <sys/stat.h>

#define CONFIG_TEXT_MAX (256u * 1024)

/* host.name of the file that an init before wrote here, and its path; NULL where there is none. */
static const char *name_of_config(char *ret, size_t size)
{
        static const char *const files[] = { PATH_CONF_DIR "/10-local.conf",
                                             PATH_CONF_DIR "/10-source.conf" };
        const char *found = NULL;

        for (size_t i = 0; i < ELEMENTSOF(files) && !found; i++) {
                const char *name = NULL;
                config_t config;

                config_init(&config);
                if (config_read_file(&config, files[i]) &&
                    config_lookup_string(&config, "host.name", &name) && strlen(name) < size) {
                        (void)snprintf(ret, size, "%s", name);
                        found = files[i];
                }
                config_destroy(&config);
        }
        return found;
}

int init_host_name(const InitOptions *o, char ret[static LEDGER_NAME_MAX + 56])
{
        size_t size = LEDGER_NAME_MAX + 56;
        const char *file = name_of_config(ret, size);

        if (file && o->name && !streq(o->name, ret))
                return fail(VERB_FAILED,
                            "%s says host.name = \"%s\", not \"%s\": remove the file to have it "
                            "written anew, and where a ledger knows the old name: nhictl host "
                            "remove %s",
                            file, ret, o->name, ret);
        if (o->name)
                (void)snprintf(ret, size, "%s", o->name);
        else if (!file)
                (void)who_is_host(ret, size);
        return central_check_name(DOC_HOST, ret);
}

int init_write(const char *path, const char *text, bool *changed)
{
        _cleanup_free_ char *old = NULL;
        size_t size = 0;
        int r;

        if (document_read(AT_FDCWD, path, CONFIG_TEXT_MAX, &old, &size) == 0 && streq(old, text))
                return VERB_OK;
        r = file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), true);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        *changed = true;
        return VERB_OK;
}

int init_make_directory(const char *path, mode_t mode, const char *group, bool *changed)
{
        const struct group *found = group ? getgrnam(group) : NULL;

        if (mkdir(path, mode & 0777) < 0)
                return errno == EEXIST ? VERB_OK
                                       : fail(VERB_FAILED, "%s: %s", path, strerror(errno));
        *changed = true;
        if (group && !found)
                say("there is no group %s (systemd-sysusers makes it): %s can be read by its owner "
                    "only",
                    group, path);
        if ((found && chown(path, geteuid(), found->gr_gid) < 0) || chmod(path, mode) < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(errno));
        return VERB_OK;
}

/* What may stand between quotes in a libconfig string as it is. */
static int check_quotable(const char *text)
{
        for (const char *c = text; *c; c++) {
                if (*c == '"' || *c == '\\' || (unsigned char)*c < 0x20 || *c == 0x7f)
                        return fail(VERB_USAGE,
                                    "\"%s\" holds a quote, a backslash or a control character",
                                    text);
        }
        return VERB_OK;
}

/* The file stays as it is: an administrator who narrowed the reach in it meant that. One that says
 * something else than this init is not ours to change. */
static int keep_config(const char *path, const char *host, const char *issuer, const char *source)
{
        const struct {
                const char *setting, *wanted;
        } settings[] = { { "host.name", host },
                         { "issuers.[0].issuer", issuer },
                         { "issuers.[0].source.path", source } };
        int r = VERB_OK;
        config_t config;

        config_init(&config);
        if (!config_read_file(&config, path))
                r = fail(VERB_FAILED, "%s:%d: %s", path, config_error_line(&config),
                         config_error_text(&config));
        for (size_t i = 0; r == VERB_OK && i < ELEMENTSOF(settings); i++) {
                const char *found = NULL;

                (void)config_lookup_string(&config, settings[i].setting, &found);
                if (!streq_ptr(found, settings[i].wanted))
                        r = fail(VERB_FAILED,
                                 "%s says %s = \"%s\", not \"%s\": remove the file to have it "
                                 "written anew",
                                 path, settings[i].setting, found ? found : "", settings[i].wanted);
        }
        config_destroy(&config);
        return r;
}

int init_write_config(const char *file, const char *host, const char *issuer, const char *source,
                      const char *key_file, bool *changed)
{
        static const char format[] =
                "# Written by nhictl init. What this key may sign here is its reach: narrow it.\n"
                "host: { name = \"%s\"; };\n"
                "issuers = ( {\n"
                "        issuer = \"%s\";\n"
                "        source: { type = \"file\"; path = \"%s\"; };\n"
                "        keys = ( {\n"
                "                file = \"%s\";\n"
                "                reach: {\n"
                "                        sign = [ \"accounts\", \"ssh_keys\", \"grants\" ];\n"
                "                        accounts = [ \"*\" ];\n"
                "                        services = [ \"*\" ];\n"
                "                        groups = [ \"*\" ];\n"
                "                        run_as = [ \"*\" ];\n"
                "                        lifetime_max = \"24h\";\n"
                "                };\n"
                "        } );\n"
                "} );\n";
        _cleanup_free_ char *text = NULL, *path = NULL;

        if (check_quotable(issuer) != VERB_OK || check_quotable(source) != VERB_OK)
                return VERB_USAGE;
        if (asprintf(&text, format, host, issuer, source, key_file) < 0 ||
            asprintf(&path, "%s/%s", PATH_CONF_DIR, file) < 0)
                return fail(VERB_FAILED, "out of memory");
        if (init_make_directory(PATH_CONF_DIR, 0755, NULL, changed) != VERB_OK)
                return VERB_FAILED;
        if (access(path, F_OK) == 0)
                return keep_config(path, host, issuer, source);
        return init_write(path, text, changed);
}
