/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init --source: this host gets its sets from a central place. */

#include "lib/base/path.h"
#include "nhictl/init.h"
#include "nhictl/store/store.h"

#include <stdio.h>
#include <sys/stat.h>

#define SOURCES_MAX 8u /* issuers.source.urls */
#define INDENT      "\n                "

/* ---- the URLs, as nhictl publish --to takes them ---- */

static int check_url(const char *url)
{
        if (strncmp(url, "http://", 7) == 0)
                return fail(VERB_USAGE,
                            "--source %s: without TLS anybody between could read who may do what "
                            "and withhold what is revoked: https://",
                            url);
        if (!store_url_is_valid(url) || strchr(url, '?'))
                return fail(VERB_USAGE,
                            "--source %s: must be an absolute path or a file://, https:// or "
                            "etcd:// URL without user and password: the one that nhictl publish "
                            "--to has",
                            url);
        return init_check_quotable(url);
}

/* FILE, DIR or a file URL of either: the file of this host's set. */
static int file_text(const char *url, const char *host, FILE *f)
{
        const char *path = store_directory(url);
        struct stat st;
        const bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

        (void)fprintf(f, "file\";" INDENT "path = \"%s%s%s%s\";", path, is_dir ? "/" : "",
                      is_dir ? host : "", is_dir ? ".jws" : "");
        return VERB_OK;
}

static int https_text(const ArgList *urls, FILE *f)
{
        (void)fputs("https\";" INDENT "urls = [", f);
        for (size_t i = 0; i < urls->n; i++) {
                StoreNames names;

                if (store_names_split(urls->items[i], strlen(urls->items[i]), ".jws", &names) < 0)
                        return fail(VERB_FAILED, "out of memory");
                (void)fprintf(f, "%s \"%s{host}%s\"", i > 0 ? "," : "", names.before, names.after);
                store_names_done(&names);
        }
        (void)fputs(" ];", f);
        return VERB_OK;
}

/* "etcd://A:2379,B:2379/KEYS" */
static int etcd_text(const char *url, FILE *f)
{
        const char *members = url + strlen("etcd://"), *keys = strchrnul(members, '/');
        StoreNames names;
        size_t n = 0;

        (void)fputs("etcd\";" INDENT "urls = [", f);
        for (const char *at = members; at < keys; n++) {
                const size_t size = strcspn(at, ",/");

                if (size == 0 || n == SOURCES_MAX)
                        return fail(VERB_USAGE, "--source %s: names no member, or more than %u",
                                    url, SOURCES_MAX);
                (void)fprintf(f, "%s \"https://%.*s\"", n > 0 ? "," : "", (int)size, at);
                at += size + (at[size] == ',');
        }
        if (keys[0] == '\0' || keys[1] == '\0')
                keys = INIT_ETCD_KEYS;
        if (store_names_split(keys, strlen(keys), "", &names) < 0)
                return fail(VERB_FAILED, "out of memory");
        (void)fprintf(f, " ];" INDENT "etcd_key = \"%s{host}%s\";", names.before, names.after);
        store_names_done(&names);
        return VERB_OK;
}

static int pins_text(const char *pins, FILE *f)
{
        if (init_check_quotable(pins) != VERB_OK)
                return VERB_USAGE;
        (void)fputs(INDENT "pins = [", f);
        for (const char *at = pins; *at;) {
                const size_t size = strcspn(at, ";");

                (void)fprintf(f, "%s \"%.*s\"", at > pins ? "," : "", (int)size, at);
                at += size + (at[size] == ';');
        }
        (void)fputs(" ];", f);
        return VERB_OK;
}

static int check_together(const InitOptions *o, const StoreType *type)
{
        const StoreAccess *a = &o->access;

        if (type != &store_https && o->sources.n > 1)
                return fail(VERB_USAGE, "several --source are mirrors and https:// all of them; "
                                        "members of etcd stand in one URL, parted by commas");
        if (o->sources.n > SOURCES_MAX)
                return fail(VERB_USAGE, "more than %u mirrors", SOURCES_MAX);
        for (size_t i = 0; i < o->sources.n; i++)
                if (store_type(o->sources.items[i]) != type)
                        return fail(VERB_USAGE, "the mirrors of one issuer are all https://");
        if (type == &store_file && (a->ca_file || a->pins || a->certificate || a->certificate_key ||
                                    a->token_file || a->user_file))
                return fail(VERB_USAGE, "a source in a file asks for no certificate, token or "
                                        "password");
        if (type == &store_https && a->user_file)
                return fail(VERB_USAGE, "--user-file is etcd's: https wants --token-file or "
                                        "--certificate");
        return VERB_OK;
}

int init_source_text(const InitOptions *o, const char *host, char **ret_text)
{
        const char *first = o->sources.items[0];
        _cleanup_free_ char *text = NULL;
        const StoreType *type;
        size_t size = 0;
        int r = VERB_OK;
        FILE *f;

        for (size_t i = 0; r == VERB_OK && i < o->sources.n; i++)
                r = check_url(o->sources.items[i]);
        type = store_type(first);
        if (r == VERB_OK)
                r = check_together(o, type);
        if (r != VERB_OK)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return fail(VERB_FAILED, "out of memory");
        (void)fputs(INDENT "type = \"", f);
        r = type == &store_file    ? file_text(first, host, f)
            : type == &store_https ? https_text(&o->sources, f)
                                   : etcd_text(first, f);
        if (r == VERB_OK && o->access.pins)
                r = pins_text(o->access.pins, f);
        init_access_settings(&o->access, f);
        (void)fputs("\n        ", f);
        if (fclose(f) == EOF && r == VERB_OK)
                r = fail(VERB_FAILED, "out of memory");
        if (r == VERB_OK)
                *ret_text = TAKE_PTR(text);
        return r;
}

/* ---- all steps ---- */

typedef struct Plan {
        char host[INIT_HOST_SIZE], *source;
        InitTrust trust;
        KeyList *list; /* NULL: no root says which keys there are, or nobody waits for its word */
        InitAccess access;
        InitConfig config;
} Plan;

static void plan_done(Plan *p)
{
        free(p->source);
        init_trust_done(&p->trust);
        key_list_free(p->list);
        init_access_done(&p->access);
}

/* Everything that can be wrong, before anything is changed; the question last. */
static int plan_make(const Call *call, const InitOptions *o, Plan *p)
{
        const bool has_roots = o->roots.n > 0;
        int r = init_host_name(o, p->host);

        if (r == VERB_OK)
                r = init_source_text(o, p->host, &p->source);
        if (r == VERB_OK)
                r = init_trust_read(o, &p->trust);
        if (r == VERB_OK)
                r = init_access_read(&o->access, &p->access);
        if (r != VERB_OK)
                return r;
        p->config = (InitConfig){ .file = INIT_SOURCE_CONF,
                                  .host = p->host,
                                  .issuer = p->trust.issuer,
                                  .key_file = has_roots ? NULL : p->trust.keys[0].file,
                                  .roots = has_roots ? &p->trust : NULL,
                                  .is_fleet = true,
                                  .source = p->source };
        r = init_config_check(&p->config, o->replace);
        if (r == VERB_OK)
                r = init_trust_check(o, &p->trust);
        if (r == VERB_OK && has_roots && !o->no_wait)
                r = init_keylist_read(call, o, &p->trust, &p->list);
        return r == VERB_OK ? init_trust_confirm(o, &p->trust) : r;
}

/* Beside what stands there: nothing is changed yet. */
static int plan_stage(const InitOptions *o, const Plan *p, InitFiles *f, InitRun *run)
{
        int r = init_make_directory(PATH_ETC_DIR, 0755, NULL, &run->changed);

        if (r == VERB_OK)
                r = init_make_directory(PATH_TRUST_DIR, 0755, NULL, &run->changed);
        if (r == VERB_OK)
                r = init_trust_stage(&p->trust, f);
        if (r == VERB_OK)
                r = init_access_stage(&p->access, o->replace, f, &run->credentials, &run->changed);
        return r == VERB_OK ? init_config_stage(&p->config, o->replace, f, &run->changed) : r;
}

static int plan_carry_out(const InitOptions *o, const Plan *p, InitRun *run)
{
        InitFiles files = { 0 };
        int r = plan_stage(o, p, &files, run);

        if (r == VERB_OK)
                r = init_files_put(&files, &run->changed);
        init_files_done(&files);
        if (r == VERB_OK)
                r = init_config_put_aside(&p->config, &run->changed);
        if (r == VERB_OK && o->replace)
                r = init_access_forget(&p->access, &run->credentials, &run->changed);
        return r == VERB_OK ? init_start(false, run->credentials) : r;
}

static void plan_tell(const Plan *p)
{
        if (p->list)
                init_keylist_tell(&p->trust, p->list);
        else if (p->trust.threshold > 0)
                say("the key list was not looked for (--no-wait): nhictl status shows it once the "
                    "agent has it");
        else
                init_config_tell(&p->config);
}

int init_source(const Call *call, const InitOptions *o)
{
        Plan p = { 0 };
        InitRun run;
        int r = plan_make(call, o, &p), waited = VERB_OK;

        init_run_begin(&run);
        if (r == VERB_OK)
                r = plan_carry_out(o, &p, &run);
        if (r == VERB_OK) {
                say("%s believes %s as read from %s%s", p.host, p.trust.issuer, o->sources.items[0],
                    o->sources.n > 1 ? " and its mirrors" : "");
                plan_tell(&p);
                waited = init_wait(call, o, p.trust.issuer, &run);
                if (waited == VERB_OK)
                        waited = init_finish();
                r = output_changed(&call->out, run.changed) < 0 ? VERB_FAILED : waited;
        }
        plan_done(&p);
        return r;
}
