/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every path that two rooms agree on, compiled in: no environment variable and no option moves
 * them (O9 of the threat model). The test build overrides PATH_ROOT on the compiler's command
 * line, never at run time. */

#ifndef PATH_ROOT
#define PATH_ROOT ""
#endif

#define PATH_RUN_DIR      PATH_ROOT "/run/nhi"
#define PATH_PAM_SOCK     PATH_RUN_DIR "/pam.sock"      /* 0600 root: pam_nhi, sudo_nhi */
#define PATH_CONTROL_SOCK PATH_RUN_DIR "/control.sock"  /* 0666: nhictl */
#define PATH_KEYS_SOCK    PATH_RUN_DIR "/keys.sock"     /* 0660 root:nhi-keys */
#define PATH_FEED_SOCK    PATH_RUN_DIR "/feed.sock"     /* 0660 root:nhi-fetch */
#define PATH_SNAPSHOT     PATH_RUN_DIR "/identities"    /* 0644 root: nss_nhi */
#define PATH_GATES_RUN    PATH_RUN_DIR "/gates"         /* 0644 root, read first */
#define PATH_MEMBERS_RUN  PATH_RUN_DIR "/members"       /* 0644 root: the agent's, for pam_nhi */
#define PATH_SESSIONS_RUN PATH_RUN_DIR "/sessions.json" /* 0600: the agent's own record */
/* 0644 root, written by the agent (which has no CAP_CHOWN; nothing in it is secret):
 * {"schema":1,"sources":[{"index":0,"issuer":"...","type":"file","object":"set","path":"..."}]}.
 * nhi-fetchd needs no configuration of its own. */
#define PATH_SOURCES_RUN PATH_RUN_DIR "/sources.json"
/* 0600: which ages of sets were told, for a restart. */
#define PATH_STALE_RUN PATH_RUN_DIR "/staleness.json"

/* 0755 root, made by the agent: one report for each issuer that wants one (lib/wire/report.h), 0640
 * root:nhi-fetch. Which file is whose stands in sources.json. */
#define PATH_REPORTS_DIR PATH_RUN_DIR "/reports"

#define PATH_STATE_DIR   PATH_ROOT "/var/lib/nhi"     /* 0755 root */
#define PATH_GATES_STATE PATH_STATE_DIR "/gates"      /* copy that outlives a reboot */
#define PATH_SETS_DIR    PATH_STATE_DIR "/sets"       /* 0700: archive by content hash */
#define PATH_STATE_FILE  PATH_STATE_DIR "/state.json" /* floors, ended grants; 0600 */
#define PATH_UIDS_FILE   PATH_STATE_DIR "/uids"       /* names and ids ever seen; 0600 */

#define PATH_HOST_KEY   PATH_STATE_DIR "/host.key"      /* 0600: signs heads of the log, reports */
#define PATH_LOG_HEAD   PATH_STATE_DIR "/log-head.json" /* 0600: the last one, against a rollback */
#define PATH_REPORT_SEQ PATH_STATE_DIR "/report-seq"    /* 0600: number of the last report */
/* There while the log has failed and nobody has resumed it. It is made while the disk takes
 * something, under another name; the copy in /run is for one that fails altogether. */
#define PATH_LOG_FAILED     PATH_STATE_DIR "/log-failed"
#define PATH_LOG_UNFAILED   PATH_STATE_DIR "/log-failed.ready"
#define PATH_LOG_FAILED_RUN PATH_RUN_DIR "/log-failed"
#define PATH_LOG_HEAD_RUN   PATH_RUN_DIR "/log-head.jws" /* 0644: the last head, signed */
#define PATH_LOG_DIR        PATH_ROOT "/var/log/nhi"     /* 2750 root:nhi-audit */

#define PATH_ETC_DIR     PATH_ROOT "/etc/nhi"
#define PATH_CONF_FILE   PATH_ETC_DIR "/agentd.conf"
#define PATH_CONF_DIR    PATH_ETC_DIR "/agentd.conf.d"
#define PATH_EXEMPT_FILE PATH_ETC_DIR "/exempt"
#define PATH_EXEMPT_DIR  PATH_ETC_DIR "/exempt.d"
#define PATH_ISSUER_KEY  PATH_ETC_DIR "/issuer.key" /* 0600, central side */
#define PATH_FRESH_KEY   PATH_ETC_DIR "/fresh.key"  /* 0600, likewise: re-dates sets */
#define PATH_ISSUER_JWK  PATH_ETC_DIR "/issuer.jwk" /* public, likewise: beside that key */
#define PATH_TRUST_DIR   PATH_ETC_DIR "/trust"      /* *.jwk, public */
#define PATH_PRIVATE_DIR PATH_ETC_DIR "/private"    /* 0700: nhi-fetchd's credentials */

#define PATH_LEDGER_DIR    PATH_ROOT "/var/lib/nhi-ledger" /* 0700, central side */
#define PATH_PUBLISHED_DIR PATH_ROOT "/var/lib/nhi-source" /* 2750 root:nhi-fetch: HOST.jws */
#define PATH_SUDO_CONF     PATH_ROOT "/etc/sudo.conf"
