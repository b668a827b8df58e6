/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking the sudo that is installed here. */

#include "nhictl/sudo-conf.h"

typedef struct SudoVersion {
        unsigned major, minor, patch;
        char text[64]; /* as sudo says it */
} SudoVersion;

/* X(NAME, "what to say"): why this sudo cannot load the plugin. */
#define SUDO_REFUSALS(X)                                                                           \
        X(NONE, "")                                                                                \
        X(ABSENT, "there is no sudo on this host: nothing to do")                                  \
        X(RS, "this host has sudo-rs, which loads no plugins: grants that are narrower than root " \
              "stay refused for sudo here")                                                        \
        X(UNKNOWN, "sudo --version does not say which version it is")                              \
        X(OLD, "this sudo has no approval plugins: 1.9.0 or later is needed")

typedef enum SudoRefusal {
#define SUDO_REFUSAL_ENUM(name, sentence) SUDO_REFUSAL_##name,
        SUDO_REFUSALS(SUDO_REFUSAL_ENUM)
#undef SUDO_REFUSAL_ENUM
} SudoRefusal;

const char *sudo_refusal_sentence(SudoRefusal r);

/* What `sudo --version` printed, judged. */
SudoRefusal sudo_version_parse(const char *output, SudoVersion *ret);
/* Ask it. */
SudoRefusal sudo_version_probe(SudoVersion *ret);

/* The plugin's file as this sudo would load it: path, and whether it is there, root's own and
 * writable by nobody else (sudo refuses to run otherwise). False too where sudo's folder of plugins
 * is not found; ret is then "". */
bool sudo_plugin_probe(const SudoConf *c, char ret[static SUDO_CONF_PATH_MAX]);

typedef struct SudoHealth {
        bool runs;   /* root may run a command */
        bool visudo; /* visudo -c finds nothing wrong */
        bool loads;  /* sudo -V names our plugin */
} SudoHealth;

SudoHealth sudo_health_probe(void);
