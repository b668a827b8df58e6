/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every key of agentd.conf: one table from which the parser, the defaults, --dump-config, the
 * shipped file and the manual's check come. Room-internal but for the manual's check. */

#include <stddef.h>
#include <stdint.h>

typedef enum ConfigType {
        CONFIG_STRING, /* printable text */
        CONFIG_PATH,   /* absolute path; "" where nothing may be, too */
        CONFIG_WORD,   /* name of a gate, a source type, a credential; likewise */
        CONFIG_BOOL,
        CONFIG_COUNT, /* uint32_t */
        CONFIG_SEC,   /* duration, kept as int64_t seconds */
        CONFIG_USEC,  /* duration, kept as uint64_t microseconds */
        CONFIG_LIST,  /* StrList of patterns or names */
        CONFIG_MODE,  /* GateMode: "observe" or "enforce" */
        CONFIG_URLS,  /* StrList of https URLs */
        CONFIG_PINS,  /* StrList of "sha256//BASE64" */
} ConfigType;

typedef enum ConfigScope {
        CONFIG_HOST,   /* the top level; members of Config */
        CONFIG_ISSUER, /* an entry of issuers; members of IssuerEntry */
        CONFIG_KEY,    /* an entry of an issuer's keys; members of KeyEntry */
        CONFIG_GATE,   /* an entry of gates; members of GateEntry */
} ConfigScope;

/* X(scope, type, "path in scope", owner struct, member, default, min, max, "help")
 * The default is text in the file's own syntax; NULL: the key is required. Ranges are in the unit
 * of the type: a count, seconds, microseconds, entries of a list. */
#define CONFIG_KEYS(X)                                                                             \
        X(HOST, STRING, "host.name", Config, host_name, NULL, 1, 253,                              \
          "This host's name: the aud of the grant sets it accepts. nhictl init writes it.")        \
        X(HOST, SEC, "policy.lifetime_max", Config, ceiling.lifetime_max_sec, "\"24h\"", 60,       \
          604800, "Longest lifetime of a grant that this host accepts, whoever signed it.")        \
        X(HOST, LIST, "policy.services", Config, ceiling.services, "[ \"*\" ]", 0, 256,            \
          "Service classes that grants may open here.")                                            \
        X(HOST, LIST, "policy.accounts", Config, ceiling.accounts, "[ \"*\" ]", 0, 256,            \
          "Accounts that grant sets may define or grant here.")                                    \
        X(HOST, LIST, "policy.groups", Config, ceiling.groups, "[ \"*\" ]", 0, 256,                \
          "Groups that grants may give; groups that amount to root need groups_allowed too.")      \
        X(HOST, LIST, "policy.run_as", Config, ceiling.run_as, "[ \"*\" ]", 0, 256,                \
          "Users that grants may let somebody become.")                                            \
        X(HOST, LIST, "policy.groups_allowed", Config, groups_allowed, "[ ]", 0, 256,              \
          "Groups that amount to root (docker, adm, ...) and may be granted here all the same.")   \
        X(HOST, BOOL, "snapshot.enumerate", Config, enumerate, "false", 0, 1,                      \
          "Let getent passwd and getent group list the active accounts and groups.")               \
        X(HOST, USEC, "session.grace", Config, session_grace_usec, "\"2s\"", 100000, 10000000,     \
          "How long a session that ends may take before it is killed.")                            \
        X(HOST, COUNT, "limits.peers_max", Config, peers_max, "256", 16, 4096,                     \
          "Connections at a time, for each socket.")                                               \
        X(HOST, COUNT, "limits.peers_per_uid_max", Config, peers_per_uid_max, "32", 1, 4096,       \
          "Connections at a time of one user other than root, for each socket.")                   \
        X(HOST, COUNT, "limits.denials_burst", Config, denials_burst, "20", 1, 10000,              \
          "Denials of one caller, account and service class that are recorded one by one.")        \
        X(HOST, COUNT, "limits.denials_per_sec", Config, denials_per_sec, "5", 1, 1000,            \
          "How many of them are allowed for each second; more are counted in one record.")         \
        X(HOST, USEC, "limits.peer_deadline", Config, peer_deadline_usec, "\"2s\"", 100000,        \
          10000000, "How long a connection may take from its first byte to its last.")             \
        X(HOST, PATH, "log.dir", Config, log_dir, "\"/var/log/nhi\"", 1, 4095,                     \
          "Where the decision log is. Another one counts from the next start.")                    \
        X(HOST, COUNT, "log.rotate_size", Config, log_rotate_mib, "64", 1, 1024,                   \
          "MiB after which a segment of the log is closed.")                                       \
        X(HOST, SEC, "log.rotate_age", Config, log_rotate_age_sec, "\"24h\"", 60, 2678400,         \
          "Age at which a segment of the log is closed.")                                          \
        X(HOST, COUNT, "log.keep", Config, log_keep, "1000", 1, 100000,                            \
          "Closed segments of the log that are kept.")                                             \
        X(HOST, SEC, "log.keep_age", Config, log_keep_age_sec, "\"400d\"", 86400, 315360000,       \
          "Age at which a closed segment of the log is removed.")                                  \
        X(HOST, USEC, "log.head_interval", Config, log_head_interval_usec, "\"10m\"", 1000000,     \
          86400000000, "How often the head of the log is signed and sent to the journal.")         \
        X(HOST, STRING, "log.anchor_command", Config, log_anchor_command, "\"\"", 0, 4095,         \
          "A program that gets each signed head on its standard input; empty: none.")              \
        X(HOST, PATH, "metrics.file", Config, metrics_file, "\"\"", 0, 4095,                       \
          "Numbers for node-exporter's textfile collector, such as /run/nhi/nhi.prom; empty: "     \
          "none.")                                                                                 \
        X(HOST, USEC, "metrics.interval", Config, metrics_interval_usec, "\"15s\"", 1000000,       \
          3600000000, "How often they are written.")                                               \
        X(ISSUER, STRING, "issuer", IssuerEntry, issuer.issuer, NULL, 1, 1024,                     \
          "The iss of its grant sets.")                                                            \
        X(ISSUER, LIST, "revokes", IssuerEntry, issuer.policy.revokes, "[ ]", 0, 64,               \
          "Other issuers whose grants its revocation lists may name.")                             \
        X(ISSUER, LIST, "roots", IssuerEntry, issuer.root_files, "[ ]", 0, 8,                      \
          "Root keys, JWK files that only root may write: they say which keys sign for it.")       \
        X(ISSUER, COUNT, "root_threshold", IssuerEntry, issuer.policy.root_threshold, "1", 1, 8,   \
          "How many of the root keys have to agree.")                                              \
        X(ISSUER, SEC, "fresh_max", IssuerEntry, issuer.policy.fresh_max_sec, "\"7d\"", 0,         \
          2678400, "How old a set may grow by statements of freshness; 0s: they are not heard.")   \
        X(ISSUER, WORD, "source.type", IssuerEntry, issuer.source.type, "\"file\"", 1, 16,         \
          "Where its grant sets come from: file, https or etcd.")                                  \
        X(ISSUER, PATH, "source.path", IssuerEntry, issuer.source.path, "\"\"", 0, 4095,           \
          "file: the file that holds this host's newest set.")                                     \
        X(ISSUER, URLS, "source.urls", IssuerEntry, issuer.source.urls, "[ ]", 0, 8,               \
          "https: mirrors of the set, all asked; {host} is this host's name. etcd: its members.")  \
        X(ISSUER, STRING, "source.etcd_key", IssuerEntry, issuer.source.etcd_key,                  \
          "\"/nhi/sets/{host}\"", 1, 1024, "etcd: the key that holds this host's newest set.")     \
        X(ISSUER, PATH, "source.ca_file", IssuerEntry, issuer.source.ca_file, "\"\"", 0, 4095,     \
          "The CA that its servers' certificates must be of; empty: any that the system trusts.")  \
        X(ISSUER, PINS, "source.pins", IssuerEntry, issuer.source.pins, "[ ]", 0, 8,               \
          "Public keys that its servers may have; without a ca_file they alone decide.")           \
        X(ISSUER, WORD, "source.certificate", IssuerEntry, issuer.source.certificate, "\"\"", 0,   \
          64, "The credential that holds our own certificate.")                                    \
        X(ISSUER, WORD, "source.certificate_key", IssuerEntry, issuer.source.certificate_key,      \
          "\"\"", 0, 64,                                                                           \
          "The credential that holds its private key; empty: it stands beside the certificate.")   \
        X(ISSUER, WORD, "source.token", IssuerEntry, issuer.source.token, "\"\"", 0, 64,           \
          "The credential that holds a bearer token (https) or an etcd token.")                    \
        X(ISSUER, WORD, "source.user", IssuerEntry, issuer.source.user, "\"\"", 0, 64,             \
          "etcd: the credential that holds the user's name.")                                      \
        X(ISSUER, WORD, "source.password", IssuerEntry, issuer.source.password, "\"\"", 0, 64,     \
          "etcd: the credential that holds its password.")                                         \
        X(ISSUER, USEC, "source.interval", IssuerEntry, issuer.source.interval_usec, "\"1m\"",     \
          1000000, 86400000000,                                                                    \
          "How often it is asked; of etcd, how often it is read anew beside the watch.")           \
        X(ISSUER, USEC, "source.wait", IssuerEntry, issuer.source.wait_usec, "\"1m\"", 0,          \
          600000000,                                                                               \
          "https: how long a server that can wait for a new set may do so; 0s: not at all.")       \
        X(ISSUER, USEC, "source.timeout", IssuerEntry, issuer.source.timeout_usec, "\"30s\"",      \
          1000000, 3600000000,                                                                     \
          "How long an answer may take, from the name's look-up to its last byte.")                \
        X(ISSUER, COUNT, "source.size_max", IssuerEntry, issuer.source.size_max_mib, "64", 1,      \
          1024, "MiB that a set may have.")                                                        \
        X(ISSUER, STRING, "source.report", IssuerEntry, issuer.source.report, "\"\"", 0, 1024,     \
          "Where this host reports to: https: a URL, etcd: a key, file: a directory; empty: not.") \
        X(ISSUER, USEC, "source.report_interval", IssuerEntry, issuer.source.report_interval_usec, \
          "\"10m\"", 10000000, 86400000000, "How often it reports where nothing changed.")         \
        X(KEY, PATH, "file", KeyEntry, file, NULL, 1, 4095,                                        \
          "A trusted public key, a JWK in a file that only root may write.")                       \
        X(KEY, LIST, "reach.sign", KeyEntry, sign, "[ ]", 0, 5,                                    \
          "What the key may sign: accounts, ssh_keys, grants, revocations, freshness.")            \
        X(KEY, LIST, "reach.accounts", KeyEntry, key.reach.accounts, "[ ]", 0, 256,                \
          "Accounts the key may define or grant.")                                                 \
        X(KEY, LIST, "reach.services", KeyEntry, key.reach.services, "[ ]", 0, 256,                \
          "Service classes the key may open.")                                                     \
        X(KEY, LIST, "reach.groups", KeyEntry, key.reach.groups, "[ ]", 0, 256,                    \
          "Groups the key may give.")                                                              \
        X(KEY, LIST, "reach.run_as", KeyEntry, key.reach.run_as, "[ ]", 0, 256,                    \
          "Users the key may let somebody become.")                                                \
        X(KEY, SEC, "reach.lifetime_max", KeyEntry, key.reach.lifetime_max_sec, "\"24h\"", 60,     \
          604800, "Longest lifetime of a grant that the key may sign.")                            \
        X(GATE, WORD, "name", GateEntry, gate.name, NULL, 1, 64, "The gate's name.")               \
        X(GATE, MODE, "mode", GateEntry, gate.mode, "\"observe\"", 0, 0,                           \
          "observe: allow, and record what would have been denied; enforce: deny.")                \
        X(GATE, LIST, "services", GateEntry, gate.services, "[ \"*\" ]", 1, 64,                    \
          "Service classes that need a grant.")                                                    \
        X(GATE, LIST, "accounts", GateEntry, gate.accounts, "[ ]", 0, 256,                         \
          "Accounts that need one.")                                                               \
        X(GATE, LIST, "groups", GateEntry, gate.groups, "[ ]", 0, 256,                             \
          "Groups whose members need one.")

typedef struct ConfigKey {
        ConfigScope scope;
        ConfigType type;
        const char *path;
        size_t offset;
        const char *fallback; /* NULL: required */
        int64_t min, max;
        const char *help;
} ConfigKey;

extern const ConfigKey config_keys[];
extern const size_t config_n_keys;
