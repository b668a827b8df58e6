/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of sudo.conf(5): what it says about our plugin, and the text with and without it. Pure
 * but for malloc. */

#include <stdbool.h>
#include <stddef.h>

#define SUDO_CONF_SIZE_MAX (256u * 1024)
#define SUDO_PLUGIN_SYMBOL "sudo_nhi_approval"
#define SUDO_PLUGIN_FILE   "sudo_nhi.so"
#define SUDO_CONF_BEGIN    "# nhi: begin (nhictl sudo disable takes this block out)\n"
#define SUDO_CONF_END      "# nhi: end\n"
#define SUDO_CONF_PATH_MAX 4096

typedef struct SudoConf {
        bool has_plugin;                     /* a Plugin line loads SUDO_PLUGIN_FILE */
        bool is_dynamic;                     /* the last group_source is "dynamic" */
        char plugin[SUDO_CONF_PATH_MAX];     /* the file as that line names it */
        char plugin_dir[SUDO_CONF_PATH_MAX]; /* "Path plugin_dir", "" where it is not set */
} SudoConf;

void sudo_conf_read(const char *text, SudoConf *ret);

/* The text with our block at its end, holding what the rest does not say; equal to text where
 * nothing is missing. 0 and an owned *ret, or -ENOMEM. */
int sudo_conf_enable(const char *text, char **ret);
/* The text without our block and without any line that loads the plugin. */
int sudo_conf_disable(const char *text, char **ret);
