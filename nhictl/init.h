/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Steps of nhictl init. Each does only what is missing and sets *changed when it did something;
 * each is a VerbStatus and says what went wrong. */

#include "nhictl/central.h"

typedef struct InitOptions {
        CentralOptions central;
        bool local;
        const char *source, *trust, *name, *issuer;
} InitOptions;

int init_local(const Call *call, const InitOptions *o);
int init_source(const Call *call, const InitOptions *o);

/* This host's name: --name, else what an earlier init wrote, else the FQDN. First of all steps: a
 * --name that differs from what an earlier init wrote is refused before anything is changed. */
int init_host_name(const InitOptions *o, char ret[static LEDGER_NAME_MAX + 56]);
/* path holds exactly text, mode 0644. */
int init_write(const char *path, const char *text, bool *changed);
int init_make_directory(const char *path, mode_t mode, const char *group, bool *changed);
/* agentd.conf.d/FILE: who this host is, whom it believes and where the sets come from. */
int init_write_config(const char *file, const char *host, const char *issuer, const char *source,
                      const char *key_file, bool *changed);
/* Enable and start the units, or make a running agent read its configuration. Where systemd does
 * not run, say so. */
int init_start(bool renew, bool changed);
