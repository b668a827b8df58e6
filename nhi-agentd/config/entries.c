/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists of entries (issuers, their keys, gates), merged over files by the member that names them,
 * and the modes of gates. */

#include "nhi-agentd/config/internal.h"

#include <stdio.h>

typedef struct EntryKind {
        ConfigScope holder; /* the scope in which the list stands */
        const char *list;
        ConfigScope scope;  /* of the entries */
        const char *member; /* that names an entry */
        size_t max, size, name_offset, origin_offset;
        void *(*locate)(ConfigBuild *b, void *holder, size_t **ret_n);
} EntryKind;

static void *locate_issuers(ConfigBuild *b, void *holder, size_t **ret_n)
{
        *ret_n = &b->n_issuers;
        return b->issuers;
}

static void *locate_keys(ConfigBuild *b, void *holder, size_t **ret_n)
{
        IssuerEntry *issuer = holder;

        *ret_n = &issuer->n_keys;
        return issuer->keys;
}

static void *locate_gates(ConfigBuild *b, void *holder, size_t **ret_n)
{
        *ret_n = &b->n_gates;
        return b->gates;
}

static const EntryKind kinds[] = {
        { CONFIG_HOST, "issuers", CONFIG_ISSUER, "issuer", CONFIG_ISSUERS_MAX, sizeof(IssuerEntry),
          offsetof(IssuerEntry, issuer.issuer), offsetof(IssuerEntry, origin), locate_issuers },
        { CONFIG_ISSUER, "keys", CONFIG_KEY, "file", CONFIG_KEYS_MAX, sizeof(KeyEntry),
          offsetof(KeyEntry, file), offsetof(KeyEntry, origin), locate_keys },
        { CONFIG_HOST, "gates", CONFIG_GATE, "name", GATES_N_MAX, sizeof(GateEntry),
          offsetof(GateEntry, gate.name), offsetof(GateEntry, origin), locate_gates },
};

static const EntryKind *kind_find(ConfigScope holder, const char *path)
{
        const char *dot = strrchr(path, '.');
        const char *list = dot ? dot + 1 : path;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (kinds[i].holder == holder && streq(kinds[i].list, list))
                        return &kinds[i];
        return NULL;
}

/* The entry of this name, made with its defaults where there is none yet. */
static int entry_get(ConfigBuild *b, const EntryKind *kind, void *holder, const char *name,
                     unsigned line, const char *path, uint8_t **ret)
{
        size_t *n = NULL;
        uint8_t *entries = kind->locate(b, holder, &n);

        for (size_t i = 0; i < *n; i++) {
                uint8_t *entry = entries + i * kind->size;

                if (streq_ptr(*(char **)(void *)(entry + kind->name_offset), name)) {
                        *ret = entry;
                        return 0;
                }
        }
        if (*n == kind->max)
                return config_fail(b, line, path, "more than %zu entries", kind->max);
        *ret = entries + (*n)++ * kind->size;
        return config_defaults(b, kind->scope, *ret);
}

static int parse_entry(ConfigBuild *b, const config_setting_t *setting, const EntryKind *kind,
                       const char *path, void *holder)
{
        const unsigned line = config_setting_source_line(setting);
        const config_setting_t *member;
        char prefix[CONFIG_PATH_MAX + 2];
        const char *name;
        uint8_t *entry = NULL;
        int r;

        if (!config_setting_is_group(setting))
                return config_fail(b, line, path, "must be a group: { %s = \"...\"; ... }",
                                   kind->member);
        member = config_setting_get_member(setting, kind->member);
        name = member ? config_setting_get_string(member) : NULL;
        if (!name)
                return config_fail(b, line, path, "has no %s", kind->member);

        r = entry_get(b, kind, holder, name, line, path, &entry);
        if (r < 0)
                return r;
        *(Origin *)(void *)(entry + kind->origin_offset) = (Origin){ b->file, line };
        (void)snprintf(prefix, sizeof(prefix), "%s.", path);
        return config_parse_group(b, setting, kind->scope, prefix, "", entry);
}

static int parse_entries(ConfigBuild *b, const config_setting_t *setting, ConfigScope scope,
                         const char *path, void *holder)
{
        const EntryKind *kind = kind_find(scope, path);

        if (!config_setting_is_list(setting))
                return config_fail(b, config_setting_source_line(setting), path,
                                   "must be a list of groups: ( { ... }, { ... } )");
        for (int i = 0; i < config_setting_length(setting); i++) {
                char at[CONFIG_PATH_MAX];
                int r;

                (void)snprintf(at, sizeof(at), "%s[%d]", path, i);
                r = parse_entry(b, config_setting_get_elem(setting, (unsigned)i), kind, at, holder);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_modes(ConfigBuild *b, const config_setting_t *setting, ConfigScope scope,
                       const char *path, void *holder)
{
        static const ConfigKey mode_key = { .type = CONFIG_MODE };

        if (!config_setting_is_group(setting))
                return config_fail(b, config_setting_source_line(setting), path,
                                   "must be a group: { GATE = \"enforce\"; }");
        for (int i = 0; i < config_setting_length(setting); i++) {
                const config_setting_t *s = config_setting_get_elem(setting, (unsigned)i);
                ModeEntry *mode = &b->modes[b->n_modes];
                char at[CONFIG_PATH_MAX];
                int r;

                (void)snprintf(at, sizeof(at), "%s.%s", path, config_setting_name(s));
                if (b->n_modes == ELEMENTSOF(b->modes))
                        return config_fail(b, config_setting_source_line(s), at,
                                           "more than %zu modes", ELEMENTSOF(b->modes));
                r = config_value_set(b, &mode_key, at, s, &mode->mode);
                if (r < 0)
                        return r;
                mode->gate = config_strdup(b->config, config_setting_name(s));
                if (!mode->gate)
                        return -ENOMEM;
                mode->origin = (Origin){ b->file, config_setting_source_line(s) };
                b->n_modes++;
        }
        return 0;
}

ConfigListParse config_list_parser(ConfigScope scope, const char *path)
{
        if (scope == CONFIG_HOST && streq(path, "modes"))
                return parse_modes;
        return !strchr(path, '.') && kind_find(scope, path) ? parse_entries : NULL;
}
