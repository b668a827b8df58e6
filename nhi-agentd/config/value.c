/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One setting of agentd.conf into one member: type, range and grammar. */

#include "nhi-agentd/config/internal.h"

#include "lib/base/io.h"

#include <stdio.h>

static bool text_is_plain(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        return false;
        return true;
}

static bool text_is_word(const char *s)
{
        for (; *s; s++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                            *s))
                        return false;
        return true;
}

static bool text_is_pattern(const char *s)
{
        return *s && strlen(s) <= CONFIG_WORD_MAX && text_is_plain(s) && !strpbrk(s, " ,%");
}

static int set_text(ConfigBuild *b, const ConfigKey *key, const char *path,
                    const config_setting_t *setting, void *at)
{
        const unsigned line = config_setting_source_line(setting);
        const char *text = config_setting_get_string(setting);

        if (!text)
                return config_fail(b, line, path, "must be a text in double quotes");
        if ((int64_t)strlen(text) < key->min || (int64_t)strlen(text) > key->max)
                return config_fail(b, line, path, "must have %lld to %lld characters",
                                   (long long)key->min, (long long)key->max);
        if (!text_is_plain(text))
                return config_fail(b, line, path, "must have no control characters");
        if (key->type == CONFIG_PATH && *text && (text[0] != '/' || strstr(text, "/../")))
                return config_fail(b, line, path, "must be an absolute path without \"..\"");
        if (key->type == CONFIG_WORD && !text_is_word(text))
                return config_fail(b, line, path,
                                   "may have only letters, digits, '.', '_' and '-'");

        *(char **)at = config_strdup(b->config, text);
        return *(char **)at ? 0 : -ENOMEM;
}

static int set_bool(ConfigBuild *b, const ConfigKey *key, const char *path,
                    const config_setting_t *setting, void *at)
{
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                return config_fail(b, config_setting_source_line(setting), path,
                                   "must be true or false");
        *(bool *)at = config_setting_get_bool(setting);
        return 0;
}

static int set_count(ConfigBuild *b, const ConfigKey *key, const char *path,
                     const config_setting_t *setting, void *at)
{
        const unsigned line = config_setting_source_line(setting);
        long long v;

        if (config_setting_type(setting) != CONFIG_TYPE_INT &&
            config_setting_type(setting) != CONFIG_TYPE_INT64)
                return config_fail(b, line, path, "must be a whole number");
        v = config_setting_get_int64(setting);
        if (v < key->min || v > key->max)
                return config_fail(b, line, path, "must be %lld to %lld", (long long)key->min,
                                   (long long)key->max);
        *(uint32_t *)at = (uint32_t)v;
        return 0;
}

static const struct {
        const char *suffix;
        int64_t usec;
} units[] = {
        { "ms", 1000 },
        { "s", 1000000 },
        { "m", 60 * 1000000ll },
        { "h", 3600 * 1000000ll },
        { "d", 86400 * 1000000ll },
};

static bool duration_parse(const char *text, int64_t *ret_usec)
{
        int64_t n = 0;

        if (*text < '0' || *text > '9')
                return false;
        for (; *text >= '0' && *text <= '9'; text++) {
                n = n * 10 + (*text - '0');
                if (n > 1000000000)
                        return false;
        }
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(text, units[i].suffix))
                        return !__builtin_mul_overflow(n, units[i].usec, ret_usec);
        return false;
}

static int set_duration(ConfigBuild *b, const ConfigKey *key, const char *path,
                        const config_setting_t *setting, void *at)
{
        const unsigned line = config_setting_source_line(setting);
        const char *text = config_setting_get_string(setting);
        const bool in_sec = key->type == CONFIG_SEC;
        int64_t usec = 0, v;

        if (!text || !duration_parse(text, &usec))
                return config_fail(
                        b, line, path,
                        "must be a duration such as \"500ms\", \"90s\", \"30m\", \"8h\", "
                        "\"7d\"");
        v = in_sec ? usec / 1000000 : usec;
        if (v < key->min || v > key->max)
                return config_fail(b, line, path, "must be %lld to %lld %s",
                                   (long long)(in_sec ? key->min : key->min / 1000),
                                   (long long)(in_sec ? key->max : key->max / 1000),
                                   in_sec ? "seconds" : "milliseconds");
        if (in_sec)
                *(int64_t *)at = v;
        else
                *(uint64_t *)at = (uint64_t)v;
        return 0;
}

/* NULL, or what is wrong with an entry of a list. Plain lists end up in the gates file, whose
 * fields are parted by blanks and commas. */
static const char *list_objection(const ConfigKey *key, const char *text)
{
        if (!text)
                return "must be a text in double quotes";
        if (key->type == CONFIG_URLS)
                return config_url_objection(text);
        if (key->type == CONFIG_PINS)
                return config_pin_objection(text);
        return text_is_pattern(text) ? NULL
                                     : "must be a text without blanks, commas, '%' and control "
                                       "characters";
}

static int set_list(ConfigBuild *b, const ConfigKey *key, const char *path,
                    const config_setting_t *setting, void *at)
{
        const unsigned line = config_setting_source_line(setting);
        StrList list = {};
        int n;

        if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
                return config_fail(b, line, path, "must be a list: [ \"a\", \"b\" ]");
        n = config_setting_length(setting);
        if (n < key->min || n > key->max)
                return config_fail(b, line, path, "must have %lld to %lld entries",
                                   (long long)key->min, (long long)key->max);

        list.items = config_alloc(b->config, sizeof(char *) * ((size_t)n + 1));
        if (!list.items)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                const char *text = config_setting_get_string_elem(setting, i);

                if (list_objection(key, text))
                        return config_fail(b, line, path, "entry %d %s", i + 1,
                                           list_objection(key, text));
                list.items[list.n] = config_strdup(b->config, text);
                if (!list.items[list.n])
                        return -ENOMEM;
                list.n++;
        }
        *(StrList *)at = list;
        return 0;
}

static int set_mode(ConfigBuild *b, const ConfigKey *key, const char *path,
                    const config_setting_t *setting, void *at)
{
        const char *text = config_setting_get_string(setting);

        if (text && streq(text, "observe"))
                *(GateMode *)at = GATE_OBSERVE;
        else if (text && streq(text, "enforce"))
                *(GateMode *)at = GATE_ENFORCE;
        else
                return config_fail(b, config_setting_source_line(setting), path,
                                   "must be \"observe\" or \"enforce\"");
        return 0;
}

typedef int (*Setter)(ConfigBuild *b, const ConfigKey *key, const char *path,
                      const config_setting_t *setting, void *at);

static const Setter setters[] = {
        [CONFIG_STRING] = set_text,   [CONFIG_PATH] = set_text,   [CONFIG_WORD] = set_text,
        [CONFIG_BOOL] = set_bool,     [CONFIG_COUNT] = set_count, [CONFIG_SEC] = set_duration,
        [CONFIG_USEC] = set_duration, [CONFIG_LIST] = set_list,   [CONFIG_MODE] = set_mode,
        [CONFIG_URLS] = set_list,     [CONFIG_PINS] = set_list,
};

int config_value_set(ConfigBuild *b, const ConfigKey *key, const char *key_path,
                     const config_setting_t *setting, void *object)
{
        return setters[key->type](b, key, key_path, setting, (uint8_t *)object + key->offset);
}
