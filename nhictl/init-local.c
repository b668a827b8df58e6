/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init --local: this host is its own source. */

#include "lib/base/path.h"
#include "nhictl/init.h"
#include "nhictl/key-exec.h"
#include "nhictl/key.h"
#include "nhictl/store/store.h"

#include <sys/stat.h>

#define TRUST_FILE PATH_TRUST_DIR "/local.jwk"

static int make_key(const InitOptions *o, bool *changed)
{
        const char *path = o->central.key ? o->central.key : PATH_ISSUER_KEY;
        struct stat st;
        int r;

        if (key_exec_is(path))
                return VERB_OK;
        r = lstat(path, &st) == 0 ? -EEXIST : key_create(path);
        if (r == -EEXIST)
                return VERB_OK;
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        *changed = true;
        return VERB_OK;
}

/* The trusted key is what the ledger signs with: the file follows the key. */
static int stage_trust(const InitOptions *o, const char *issuer, InitFiles *f, bool *changed)
{
        _cleanup_free_ char *text = NULL;
        json_t *doc;
        Jwk public;
        int r;

        r = central_public_key(&o->central, &public);
        if (r != VERB_OK)
                return r;
        doc = key_public_document(&public, issuer);
        text = doc ? document_format(doc) : NULL;
        json_decref(doc);
        if (!text)
                return fail(VERB_FAILED, "out of memory");
        r = init_make_directory(PATH_TRUST_DIR, 0755, NULL, changed);
        return r == VERB_OK ? init_files_add(f, TRUST_FILE, text, 0644) : r;
}

static json_t *settings_new(const InitOptions *o, const char *host)
{
        json_t *issuer = o->issuer ? json_string(o->issuer) : json_sprintf("nhi-local:%s", host);

        return json_pack("{s:i, s:o, s:i, s:i, s:{s:s, s:s}, s:s}", "format", LEDGER_FORMAT,
                         "issuer", issuer, "uid_min", 70000, "uid_max", 89999, "limits",
                         "lifetime_max", "24h", "set_lifetime", "24h", "publish",
                         PATH_PUBLISHED_DIR);
}

static int make_ledger(const InitOptions *o, const char *path, const char *host, bool *changed)
{
        json_t *settings = settings_new(o, host);
        char error[LEDGER_ERROR_MAX];
        int r = settings ? ledger_create(path, settings, error) : -ENOMEM;

        json_decref(settings);
        if (r == -EEXIST)
                return VERB_OK;
        if (r < 0)
                return fail(VERB_FAILED, "%s", r == -ENOMEM ? "out of memory" : error);
        *changed = true;
        return VERB_OK;
}

static int add_host(const Call *call, Ledger *l, const char *host, bool *changed)
{
        if (ledger_get(l, DOC_HOST, host))
                return VERB_OK;
        *changed = true;
        return central_change(l, HISTORY_ADDED, DOC_HOST, host,
                              json_pack("{s:s, s:[], s:o}", "name", host, "labels", "created",
                                        central_mark(call->now_sec, NULL)),
                              NULL);
}

/* The ledger, its key and its first set; *ret_issuer is malloc'ed. */
static int make_central(const Call *call, const InitOptions *o, const char *host, char **ret_source,
                        char **ret_issuer, bool *changed)
{
        const char *path = o->central.ledger ? o->central.ledger : PATH_LEDGER_DIR;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        const char *target;
        bool added = false;
        int r;

        r = make_key(o, changed);
        if (r == VERB_OK)
                r = make_ledger(o, path, host, changed);
        if (r == VERB_OK)
                r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        if (o->issuer && !streq(o->issuer, l->settings.issuer))
                return fail(VERB_FAILED, "%s/ledger.json names another issuer: %s", path,
                            l->settings.issuer);
        target = l->settings.publish ? store_directory(l->settings.publish) : PATH_PUBLISHED_DIR;
        if (!target)
                return fail(VERB_FAILED,
                            "%s/ledger.json publishes to %s: this host's source is there, and not "
                            "local",
                            path, l->settings.publish);
        r = init_make_directory(target, 02750, "nhi-fetch", changed);
        if (r == VERB_OK)
                r = add_host(call, l, host, &added);
        if (r == VERB_OK)
                r = central_finish(call, &o->central, l);
        *changed |= added;
        if (r == VERB_OK && (asprintf(ret_source, "%s/%s.jws", target, host) < 0 ||
                             !(*ret_issuer = strdup(l->settings.issuer))))
                return fail(VERB_FAILED, "out of memory");
        return r;
}

/* The members of the issuer's source in agentd.conf. */
static int source_text(const char *path, char **ret)
{
        if (init_check_quotable(path) != VERB_OK)
                return VERB_USAGE;
        if (asprintf(ret, " type = \"file\"; path = \"%s\"; ", path) >= 0)
                return VERB_OK;
        *ret = NULL;
        return fail(VERB_FAILED, "out of memory");
}

/* What a source of before was shown goes away when nothing names it any more. */
static int carry_out(const InitOptions *o, const InitConfig *config, bool *credentials_change,
                     bool *changed)
{
        const InitAccess none = { 0 };
        InitFiles files = { 0 };
        int r = stage_trust(o, config->issuer, &files, changed);

        if (r == VERB_OK)
                r = init_config_stage(config, o->replace, &files, changed);
        if (r == VERB_OK)
                r = init_files_put(&files, changed);
        if (r == VERB_OK)
                r = init_config_put_aside(config, changed);
        if (r == VERB_OK && o->replace)
                r = init_access_forget(&none, credentials_change, changed);
        init_files_done(&files);
        return r;
}

int init_local(const Call *call, const InitOptions *o)
{
        const bool is_unfinished = init_is_unfinished();
        _cleanup_free_ char *path = NULL, *issuer = NULL, *source = NULL;
        InitConfig config = { .file = INIT_LOCAL_CONF, .key_file = TRUST_FILE };
        char host[INIT_HOST_SIZE];
        bool changed = is_unfinished, credentials = is_unfinished;
        int r;

        r = init_host_name(o, host);
        if (r == VERB_OK)
                r = init_config_check(&config, o->replace);
        if (r == VERB_OK)
                r = init_make_directory(PATH_ETC_DIR, 0755, NULL, &changed);
        if (r == VERB_OK)
                r = make_central(call, o, host, &path, &issuer, &changed);
        if (r == VERB_OK)
                r = source_text(path, &source);
        if (r != VERB_OK)
                return r;
        config.host = host;
        config.issuer = issuer;
        config.source = source;
        r = carry_out(o, &config, &credentials, &changed);
        if (r == VERB_OK)
                r = init_start(true, credentials);
        if (r == VERB_OK)
                r = init_finish();
        if (r != VERB_OK)
                return r;
        say("%s is its own source", host);
        init_config_tell(&config);
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}
