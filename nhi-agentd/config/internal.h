/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between config.c, config/parse.c, config/value.c and config/dump.c. */

#include "nhi-agentd/config/config.h"
#include "nhi-agentd/config/keys.h"

#include "lib/base/macro.h"

#include <libconfig.h>

#define CONFIG_FILE_MAX    (1024u * 1024)
#define CONFIG_FILES_MAX   256u
#define CONFIG_ISSUERS_MAX 16u
#define CONFIG_KEYS_MAX    16u
#define CONFIG_WORD_MAX    256u /* bytes of one list entry */
#define CONFIG_PATH_MAX    256u /* a key's path in a message */

/* Where an entry was last written, for errors found once all files are read. */
typedef struct Origin {
        const char *file;
        unsigned line;
} Origin;

typedef struct KeyEntry {
        char *file;
        StrList sign;
        TrustedKey key;
        Origin origin;
} KeyEntry;

typedef struct IssuerEntry {
        Issuer issuer;
        KeyEntry keys[CONFIG_KEYS_MAX];
        size_t n_keys;
        Origin origin;
} IssuerEntry;

typedef struct GateEntry {
        GateRule gate;
        Origin origin;
} GateEntry;

typedef struct ModeEntry {
        const char *gate;
        GateMode mode;
        Origin origin;
} ModeEntry;

/* A configuration while it is read. Allocations live in config->storage. */
typedef struct ConfigBuild {
        Config *config;
        IssuerEntry issuers[CONFIG_ISSUERS_MAX];
        size_t n_issuers;
        GateEntry gates[GATES_N_MAX];
        size_t n_gates;
        ModeEntry modes[GATES_N_MAX];
        size_t n_modes;
        const char *file; /* being read */
        char *error;      /* CONFIG_ERROR_MAX bytes */
} ConfigBuild;

/* Allocations that die with the configuration. NULL: out of memory. */
void *config_alloc(Config *c, size_t size);
char *config_strdup(Config *c, const char *text);

/* Say "FILE:LINE: KEY: text" and return -EBADMSG. */
int config_fail(ConfigBuild *b, unsigned line, const char *key, const char *format, ...)
        _printf_(4, 5);

/* One setting into its place (config/value.c): 0, -ENOMEM, or what config_fail() returns. key_path
 * is the whole path, for the error. */
int config_value_set(ConfigBuild *b, const ConfigKey *key, const char *key_path,
                     const config_setting_t *setting, void *object);
/* Read one file's text (config/parse.c). */
int config_parse(ConfigBuild *b, const char *file, const char *text);
/* A group's settings, all of them keys of the scope, lists of entries or unknown. prefix stands
 * before the scope's own paths in errors; path leads to group within the scope. */
int config_parse_group(ConfigBuild *b, const config_setting_t *group, ConfigScope scope,
                       const char *prefix, const char *path, void *object);
/* Settings that are not keys (config/entries.c): lists of entries and the gates' modes. NULL where
 * path is none. */
typedef int (*ConfigListParse)(ConfigBuild *b, const config_setting_t *setting, ConfigScope scope,
                               const char *path, void *object);
ConfigListParse config_list_parser(ConfigScope scope, const char *path);
/* Put the defaults of a scope in their places. */
int config_defaults(ConfigBuild *b, ConfigScope scope, void *object);
/* NULL, or what is wrong with a text of such a key (config/source.c). */
const char *config_url_objection(const char *text);
const char *config_pin_objection(const char *text);
/* Judge a source as a whole (config/source.c): 0 or what config_fail() returns. */
int config_source_check(ConfigBuild *b, const SourceConfig *s, const Origin *at);
/* Judge the whole and load the keys (config/check.c). */
int config_complete(ConfigBuild *b);
