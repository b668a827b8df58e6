/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/init.h"

#include "lib/base/path.h"
#include "nhictl/who.h"

#include <grp.h>
#include <libconfig.h>
#include <sys/stat.h>

/* host.name of the file that an init before wrote here, and its path; NULL where there is none. */
static const char *name_of_config(char *ret, size_t size)
{
        static const char *const files[] = { PATH_CONF_DIR "/" INIT_LOCAL_CONF,
                                             PATH_CONF_DIR "/" INIT_SOURCE_CONF };
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

int init_host_name(const InitOptions *o, char ret[static INIT_HOST_SIZE])
{
        size_t size = INIT_HOST_SIZE;
        const char *file = name_of_config(ret, size);

        if (file && o->name && !o->replace && !streq(o->name, ret))
                return fail(VERB_FAILED,
                            "%s says host.name = \"%s\", not \"%s\": --replace has it written "
                            "anew, and where a ledger knows the old name: nhictl host remove %s",
                            file, ret, o->name, ret);
        if (o->name)
                (void)snprintf(ret, size, "%s", o->name);
        else if (!file)
                (void)who_is_host(ret, size);
        return central_check_name(DOC_HOST, ret);
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

int init_remove(const char *path, bool *changed)
{
        int r;

        if (access(path, F_OK) < 0)
                return VERB_OK;
        r = init_begin();
        if (r == VERB_OK && unlink(path) < 0)
                r = fail(VERB_FAILED, "%s: %s", path, strerror(errno));
        *changed |= r == VERB_OK;
        return r;
}
