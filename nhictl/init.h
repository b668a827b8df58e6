/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Steps of nhictl init. Each does only what is missing and sets *changed when it did something;
 * each is a VerbStatus and says what went wrong. Whatever can be found wrong is found before
 * anything is changed: a host is set up, or it is as it was. */

#include "lib/base/path.h"
#include "nhi-agentd/set/keylist.h"
#include "nhictl/central.h"
#include "nhictl/store/access.h"

#include <sys/stat.h>

#define INIT_LOCAL_CONF  "10-local.conf"
#define INIT_SOURCE_CONF "10-source.conf"
#define INIT_ETCD_KEYS   "/nhi/sets/{host}" /* where an etcd URL has no path */
#define INIT_UNFINISHED  PATH_ETC_DIR "/init.unfinished"
#define INIT_FILES_MAX   (KEYLIST_ROOTS_MAX + 10u)
#define INIT_HOST_SIZE   (LEDGER_NAME_MAX + 56)

typedef struct InitOptions {
        CentralOptions central;
        bool local, yes, replace, no_wait;
        ArgList sources, roots, thumbprints;
        const char *trust, *name, *issuer;
        StoreAccess access;
        int64_t threshold, wait_sec;
} InitOptions;

int init_local(const Call *call, const InitOptions *o);
int init_source(const Call *call, const InitOptions *o);

/* This host's name: --name, else what an earlier init wrote, else the FQDN. First of all steps: a
 * --name that differs from what an earlier init wrote is refused, but with --replace. */
int init_host_name(const InitOptions *o, char ret[static INIT_HOST_SIZE]);
int init_make_directory(const char *path, mode_t mode, const char *group, bool *changed);
/* path is not there. */
int init_remove(const char *path, bool *changed);

/* ---- files: all of them, or as it was ---- */

typedef struct InitFile {
        char *path, *beside;
        char *of; /* it keeps what this one holds until then; NULL: it is new */
} InitFile;

typedef struct InitFiles {
        InitFile files[INIT_FILES_MAX];
        size_t n;
} InitFiles;

/* path is to hold exactly text: it is written beside it, where it does not yet. */
int init_files_add(InitFiles *f, const char *path, const char *text, mode_t mode);
/* `as` is to hold what path holds, where there is such a file. */
int init_files_keep(InitFiles *f, const char *path, const char *as);
/* In place, in this order, whatever interrupts. */
int init_files_put(const InitFiles *f, bool *changed);
/* What is not in place goes away. */
void init_files_done(InitFiles *f);

/* What was changed has to be read and answered, and a run may end before that: INIT_UNFINISHED is
 * there from before the first change until then, and who finds it goes on with it. */
int init_begin(void);
bool init_is_unfinished(void);
int init_finish(void);

/* ---- agentd.conf.d: who this host is, whom it believes and where the sets come from ---- */

typedef struct InitConfig {
        const char *file; /* INIT_LOCAL_CONF or INIT_SOURCE_CONF; the other MUST NOT be there */
        const char *host, *issuer;
        const char *key_file;          /* the issuer's key; or NULL, and */
        const struct InitTrust *roots; /* its roots, whose key list says which keys there are */
        bool is_fleet;                 /* one of many hosts, which share a revocation list */
        const char *source;            /* the members of issuers.source, as libconfig reads them */
} InitConfig;

/* What may stand between quotes in a libconfig string as it is. */
int init_check_quotable(const char *text);
/* Could it be written? A file that says something else, or the other file, is not ours to change
 * without replace. source NULL: only the other file is looked for. */
int init_config_check(const InitConfig *c, bool replace);
/* A file that says the same stays as it is: an administrator who narrowed the reach in it meant
 * that; with replace it says no more of the servers, either. What gives way is kept beside it as
 * FILE.replaced, which nobody reads. */
int init_config_stage(const InitConfig *c, bool replace, InitFiles *f, bool *changed);
/* The same of the other file, after that. */
int init_config_put_aside(const InitConfig *c, bool *changed);
/* Say what the issuer's key may sign here, by that file. */
void init_config_tell(const InitConfig *c);
/* Does INIT_SOURCE_CONF, as it stands, have this text as one of its values? */
bool init_config_names(const char *text);

/* ---- the keys to believe ---- */

typedef struct InitKey {
        const char *given; /* the FILE of the option */
        char *text, *file; /* what is kept of it, and where */
        Jwk key;
} InitKey;

/* The issuer's one key, or its roots by their kids. */
typedef struct InitTrust {
        char *issuer;
        InitKey keys[KEYLIST_ROOTS_MAX];
        size_t n;
        uint32_t threshold; /* how many of the roots have to agree; 0: it is the issuer's key */
} InitTrust;

int init_trust_read(const InitOptions *o, InitTrust *ret);
/* A key that takes another one's place, which this host believes, is refused without --replace. */
int init_trust_check(const InitOptions *o, const InitTrust *t);
/* Has somebody compared each key with its owner's? --thumbprint decides; else who sits at the
 * terminal is asked, but for a key that this host believes already; --yes asks nobody. */
int init_trust_confirm(const InitOptions *o, const InitTrust *t);
int init_trust_stage(const InitTrust *t, InitFiles *f);
void init_trust_done(InitTrust *t);

/* ---- what the roots say ---- */

/* Fetch the key list from where the sets come from, from every mirror, and verify the newest as the
 * agent will. VERB_OK and an owned *ret; VERB_STALE: there are lists, and none is to be believed.
 */
int init_keylist_read(const Call *call, const InitOptions *o, const InitTrust *t, KeyList **ret);
/* Say what its keys may sign here, and where it has other roots than these. */
void init_keylist_tell(const InitTrust *t, const KeyList *l);

/* ---- where the sets come from ---- */

/* The text of InitConfig's source, malloc'ed. */
int init_source_text(const InitOptions *o, const char *host, char **ret_text);

/* ---- how nhi-fetchd is known to the servers, and they to it ---- */

typedef struct InitAccess {
        char *ca;                            /* PEM */
        char *certificate, *certificate_key; /* PEM; the key may stand in the first */
        char *token, *user, *password;
} InitAccess;

/* Read what the options name. NULL: not given. */
int init_access_read(const StoreAccess *given, InitAccess *ret);
/* Where the service manager hands it to nhi-fetchd; *credentials_change where it has to do that
 * anew. anew: what an earlier init put there and this one does not name is handed over no more, */
int init_access_stage(const InitAccess *a, bool anew, InitFiles *f, bool *credentials_change,
                      bool *changed);
/* and goes away, once no configuration names it: of --source and of --local. */
int init_access_forget(const InitAccess *a, bool *credentials_change, bool *changed);
void init_access_done(InitAccess *a);
/* How agentd.conf names them: issuers.source.NAME = "VALUE" for each that is given. */
void init_access_settings(const StoreAccess *given, FILE *f);

/* ---- the daemons ---- */

/* Enable and start the units and make the agent read its configuration; with credentials also
 * nhi-fetchd. Where systemd does not run, say so. */
int init_start(bool renew, bool credentials);
bool init_has_systemd(void);

/* What one init --source does, or one before it began. */
typedef struct InitRun {
        bool changed, credentials;
        int64_t begun_sec;
        struct stat sources; /* PATH_SOURCES_RUN before it; st_ino 0: there was none */
} InitRun;

void init_run_begin(InitRun *ret);
/* Until the agent has a verified set of this issuer, and where something was changed until the
 * source has offered it under that configuration; say what it brought. Where nobody started the
 * daemons it waits only when told to. */
int init_wait(const Call *call, const InitOptions *o, const char *issuer, const InitRun *run);
