/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* agentd.conf and agentd.conf.d: one table (config/keys.h) declares every key: path, type, range,
 * default, help; the parser, --dump-config, the shipped file and the manual's check come from it.
 *
 *   host: { name = "web1.example.org"; };          required; nhictl init writes it
 *   issuers = ( { issuer = "https://grants.example.org";
 *                 source: { type = "file"; path = "/var/lib/nhi-source/web1.example.org.jws"; };
 *                 or      { type = "https"; urls = [ "https://a.example.org/{host}.jws" ]; };
 *                 keys = ( { file = "/etc/nhi/trust/local.jwk";
 *                            reach: { sign = [ "accounts", "ssh_keys", "grants" ];
 *                                     accounts = [ "*" ]; services = [ "*" ]; groups = [ "*" ];
 *                                     run_as = [ "*" ]; lifetime_max = "24h"; }; } ); } );
 *   gates = ( { name = "ops"; mode = "observe"; services = [ "sudo", "su" ];
 *               accounts = [ "svc-*" ]; groups = [ "operators" ]; } );
 *   modes: { ops = "enforce"; };                   overrides a gate's mode (50-modes.conf)
 *   policy: { lifetime_max = "24h"; services = [ "*" ]; accounts = [ "*" ]; groups = [ "*" ];
 *             run_as = [ "*" ]; groups_allowed = [ ]; };        the host's ceiling
 *   snapshot: { enumerate = false; };
 *   session: { grace = "2s"; };
 *   limits: { peers_max = 256; peers_per_uid_max = 32; denials_burst = 20;
 *             denials_per_sec = 5; peer_deadline = "2s"; };
 *   log: { dir = "/var/log/nhi"; rotate_size = 64; rotate_age = "24h"; keep = 1000;
 *          keep_age = "400d"; head_interval = "10m"; anchor_command = ""; };
 *   metrics: { file = ""; interval = "15s"; };
 *
 * A member of a key's reach that is left out allows nothing. Durations: "500ms" "90s" "30m" "8h"
 * "7d".
 *
 * Several files: scalars of a later file win; entries of issuers, their keys and gates are merged
 * by issuer, file and name. Unknown keys, wrong types, values out of range and unsafe files are
 * errors that name file, line and key. */

#include "lib/gate/gate.h"
#include "nhi-agentd/set/set.h"

typedef struct GateRule {
        char *name;
        GateMode mode; /* GATE_ENFORCE or GATE_OBSERVE */
        StrList services, accounts, groups;
} GateRule;

/* Where sets come from. Empty texts and lists: not set. */
typedef struct SourceConfig {
        char *type, *path;
        StrList urls, pins;
        char *etcd_key, *ca_file;
        char *certificate, *certificate_key, *token, *user, *password; /* names of credentials */
        uint64_t interval_usec, wait_usec, timeout_usec;
        uint32_t size_max_mib;
        char *report; /* where reports go: of a file source a directory */
        uint64_t report_interval_usec;
} SourceConfig;

typedef struct Issuer {
        char *issuer;
        SourceConfig source;
        StrList root_files;     /* as many as policy.n_roots */
        const char **key_files; /* as many as policy.n_keys */
        SetPolicy policy;       /* complete: keys loaded, ceiling and audience of the host */
} Issuer;

typedef struct Config {
        char *host_name;
        Issuer *issuers;
        size_t n_issuers;
        GateRule *gates;
        size_t n_gates;
        Reach ceiling;
        StrList groups_allowed;
        bool enumerate;
        uint64_t session_grace_usec;
        uint32_t peers_max, peers_per_uid_max;
        uint32_t denials_burst, denials_per_sec;
        uint64_t peer_deadline_usec;
        char *log_dir, *log_anchor_command;
        uint32_t log_rotate_mib, log_keep;
        int64_t log_rotate_age_sec, log_keep_age_sec;
        uint64_t log_head_interval_usec;
        char *metrics_file; /* "": none */
        uint64_t metrics_interval_usec;
        void *storage;
} Config;

#define CONFIG_ERROR_MAX 512
/* Load file and the *.conf files of dir in order. 0 and an owned *ret; or -EBADMSG and *ret_error
 * "FILE:LINE: KEY: what is wrong and what to do"; or another negative errno, likewise explained. */
int config_load(const char *file, const char *dir, Config **ret,
                char ret_error[static CONFIG_ERROR_MAX]);
Config *config_free(Config *c);
