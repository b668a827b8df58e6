/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/config.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/ledger/document.h"

#include <fcntl.h>
#include <glob.h>
#include <libconfig.h>
#include <stdio.h>
#include <sys/stat.h>

#define KEY_SIZE_MAX 16384u

/* Each file in the order in which the agent reads them; what does not parse is passed over. */
static int each_file(int (*see)(const config_t *c, void *userdata), void *userdata)
{
        glob_t files = {};
        int r = 0;

        (void)glob(PATH_CONF_FILE, GLOB_NOSORT, NULL, &files);
        (void)glob(PATH_CONF_DIR "/*.conf", GLOB_APPEND, NULL, &files);
        for (size_t i = 0; r == 0 && i < files.gl_pathc; i++) {
                config_t c;

                config_init(&c);
                if (config_read_file(&c, files.gl_pathv[i]))
                        r = see(&c, userdata);
                config_destroy(&c);
        }
        globfree(&files);
        return r;
}

static int see_dir(const config_t *c, void *userdata)
{
        const char *dir = NULL;

        if (config_lookup_string(c, "log.dir", &dir) && *dir == '/' && strlen(dir) < LOG_DIR_MAX)
                (void)snprintf(userdata, LOG_DIR_MAX, "%s", dir);
        return 0;
}

char *log_config_dir(char ret[static LOG_DIR_MAX])
{
        (void)snprintf(ret, LOG_DIR_MAX, "%s", PATH_LOG_DIR);
        (void)each_file(see_dir, ret);
        return ret;
}

bool log_dir_is(const char *dir, const char *other)
{
        struct stat a, b;

        if (streq(dir, other))
                return true;
        return stat(dir, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

int log_keys_put(LogKeys *k, const char *issuer, const Jwk *jwk)
{
        _cleanup_free_ char *copy = strdup(issuer);
        LogKey *items = copy ? reallocarray(k->items, k->n + 1, sizeof(*items)) : NULL;

        if (!items)
                return -ENOMEM;
        k->items = items;
        k->items[k->n++] = (LogKey){ .jwk = *jwk, .issuer = TAKE_PTR(copy) };
        return 0;
}

int log_keys_add(LogKeys *k, const char *issuer, const char *path)
{
        _cleanup_free_ char *json = NULL;
        size_t size = 0;
        Jwk jwk;
        int r;

        r = document_read(AT_FDCWD, path, KEY_SIZE_MAX, &json, &size);
        if (r == 0)
                r = jwk_parse(json, size, &jwk);
        return r < 0 ? r : log_keys_put(k, issuer, &jwk);
}

static int see_keys_of(const config_setting_t *issuer, LogKeys *k)
{
        const config_setting_t *keys = config_setting_get_member(issuer, "keys");
        const char *name = NULL, *file = NULL;

        if (!config_setting_lookup_string(issuer, "issuer", &name))
                return 0;
        if (config_setting_get_member(issuer, "roots") && log_keys_of_lists(k, name) < 0)
                return -ENOMEM;
        for (int i = 0; keys && i < config_setting_length(keys); i++) {
                const config_setting_t *key = config_setting_get_elem(keys, (unsigned)i);

                if (config_setting_is_group(key) &&
                    config_setting_lookup_string(key, "file", &file) &&
                    log_keys_add(k, name, file) == -ENOMEM)
                        return -ENOMEM;
        }
        return 0;
}

static int see_keys(const config_t *c, void *userdata)
{
        const config_setting_t *issuers = config_lookup(c, "issuers");
        int r = 0;

        for (int i = 0; issuers && r == 0 && i < config_setting_length(issuers); i++) {
                const config_setting_t *issuer = config_setting_get_elem(issuers, (unsigned)i);

                if (config_setting_is_group(issuer))
                        r = see_keys_of(issuer, userdata);
        }
        return r;
}

int log_config_keys(LogKeys *ret)
{
        LogKeys k = {};
        int r = each_file(see_keys, &k);

        if (r < 0) {
                log_keys_done(&k);
                return r;
        }
        *ret = k;
        return 0;
}

void log_keys_done(LogKeys *k)
{
        for (size_t i = 0; i < k->n; i++)
                free(k->items[i].issuer);
        free(k->items);
        *k = (LogKeys){};
}
