/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of one file of agentd.conf into a ConfigBuild: known keys only. */

#include "nhi-agentd/config/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define KEY_ROW(scope_, type_, path_, owner_, member_, fallback_, min_, max_, help_)               \
        { CONFIG_##scope_, CONFIG_##type_, path_, offsetof(owner_, member_),                       \
          fallback_,       min_,           max_,  help_ },
const ConfigKey config_keys[] = { CONFIG_KEYS(KEY_ROW) };
#undef KEY_ROW
const size_t config_n_keys = ELEMENTSOF(config_keys);

int config_fail(ConfigBuild *b, unsigned line, const char *key, const char *format, ...)
{
        va_list args;
        int n;

        n = line > 0 ? snprintf(b->error, CONFIG_ERROR_MAX, "%s:%u: %s: ", b->file, line, key)
                     : snprintf(b->error, CONFIG_ERROR_MAX, "%s: %s: ", b->file, key);
        if (n < 0 || n >= CONFIG_ERROR_MAX)
                return -EBADMSG;
        va_start(args, format);
        (void)vsnprintf(b->error + n, CONFIG_ERROR_MAX - (size_t)n, format, args);
        va_end(args);
        return -EBADMSG;
}

static int parse_text(ConfigBuild *b, config_t *c, const char *text)
{
        if (config_read_string(c, text) == CONFIG_TRUE)
                return 0;
        return config_fail(b, (unsigned)config_error_line(c), "syntax",
                           "%s; look for a missing ';', quote or bracket here or above",
                           config_error_text(c));
}

int config_defaults(ConfigBuild *b, ConfigScope scope, void *object)
{
        int r = 0;

        for (size_t i = 0; i < config_n_keys && r == 0; i++) {
                const ConfigKey *key = &config_keys[i];
                char text[128];
                config_t c;

                if (key->scope != scope || !key->fallback)
                        continue;
                (void)snprintf(text, sizeof(text), "v = %s;", key->fallback);
                config_init(&c);
                r = parse_text(b, &c, text);
                if (r == 0)
                        r = config_value_set(b, key, key->path, config_lookup(&c, "v"), object);
                config_destroy(&c);
        }
        return r;
}

static const ConfigKey *key_find(ConfigScope scope, const char *path, bool *ret_is_group)
{
        const size_t n = strlen(path);

        *ret_is_group = false;
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];

                if (key->scope != scope)
                        continue;
                if (streq(key->path, path))
                        return key;
                if (strncmp(key->path, path, n) == 0 && key->path[n] == '.')
                        *ret_is_group = true;
        }
        return NULL;
}

/* Walk a group: prefix stands before the scope's own paths in errors, path leads to group within
 * the scope. */
int config_parse_group(ConfigBuild *b, const config_setting_t *group, ConfigScope scope,
                       const char *prefix, const char *path, void *object)
{
        for (int i = 0; i < config_setting_length(group); i++) {
                config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
                char here[CONFIG_PATH_MAX], whole[CONFIG_PATH_MAX * 2];
                const ConfigKey *key;
                ConfigListParse special;
                bool is_group;
                int r;

                (void)snprintf(here, sizeof(here), "%s%s%s", path, *path ? "." : "",
                               config_setting_name(s));
                (void)snprintf(whole, sizeof(whole), "%s%s", prefix, here);
                key = key_find(scope, here, &is_group);
                special = config_list_parser(scope, here);
                if (special)
                        r = special(b, s, scope, whole, object);
                else if (key)
                        r = config_value_set(b, key, whole, s, object);
                else if (is_group && config_setting_is_group(s))
                        r = config_parse_group(b, s, scope, prefix, here, object);
                else if (is_group)
                        r = config_fail(b, config_setting_source_line(s), whole,
                                        "must be a group: { ... }");
                else
                        r = config_fail(b, config_setting_source_line(s), whole,
                                        "unknown key; agentd.conf(5) lists all");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* libconfig would open whatever an @include names, whoever owns it. */
static int check_includes(ConfigBuild *b, const char *text)
{
        unsigned line = 1;

        for (const char *p = text; *p; line++) {
                const char *start = p;

                while (*start == ' ' || *start == '\t')
                        start++;
                if (strncmp(start, "@include", strlen("@include")) == 0)
                        return config_fail(b, line, "@include",
                                           "not supported; put the file into agentd.conf.d");
                p = strchrnul(p, '\n');
                if (*p)
                        p++;
        }
        return 0;
}

int config_parse(ConfigBuild *b, const char *file, const char *text)
{
        config_t c;
        int r;

        b->file = file;
        r = check_includes(b, text);
        if (r < 0)
                return r;

        config_init(&c);
        r = parse_text(b, &c, text);
        if (r == 0)
                r = config_parse_group(b, config_root_setting(&c), CONFIG_HOST, "", "", b->config);
        config_destroy(&c);
        return r;
}
