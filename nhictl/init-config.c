/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd.conf.d/10-*.conf as nhictl init writes it, and what stands there already. */

#include "nhictl/init.h"

#include "lib/base/path.h"
#include "nhictl/key-list.h"

#include <libconfig.h>
#include <stdio.h>

#define PLACE_MAX 256

int init_check_quotable(const char *text)
{
        for (const char *c = text; *c; c++) {
                if (*c == '"' || *c == '\\' || (unsigned char)*c < 0x20 || *c == 0x7f)
                        return fail(VERB_USAGE,
                                    "\"%s\" holds a quote, a backslash or a control character",
                                    text);
        }
        return VERB_OK;
}

static int config_path(const char *file, const char *suffix, char **ret)
{
        if (asprintf(ret, "%s/%s%s", PATH_CONF_DIR, file, suffix) >= 0)
                return VERB_OK;
        *ret = NULL;
        return fail(VERB_FAILED, "out of memory");
}

static void put_key(const InitConfig *c, FILE *f)
{
        static const char format[] =
                "        keys = ( {\n"
                "                file = \"%s\";\n"
                "                reach: {\n"
                "                        sign = [ \"accounts\", \"ssh_keys\", \"grants\"%s ];\n"
                "                        accounts = [ \"*\" ];\n"
                "                        services = [ \"*\" ];\n"
                "                        groups = [ \"*\" ];\n"
                "                        run_as = [ \"*\" ];\n"
                "                        lifetime_max = \"24h\";\n"
                "                };\n"
                "        } );\n";

        (void)fprintf(f, format, c->key_file, c->is_fleet ? ", \"revocations\"" : "");
}

static void put_roots(const InitTrust *t, FILE *f)
{
        (void)fputs("        roots = [", f);
        for (size_t i = 0; i < t->n; i++)
                (void)fprintf(f, "%s\n                \"%s\"", i > 0 ? "," : "", t->keys[i].file);
        (void)fprintf(f, " ];\n        root_threshold = %u;\n", t->threshold);
}

static int config_text(const InitConfig *c, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f;

        if (init_check_quotable(c->issuer) != VERB_OK)
                return VERB_USAGE;
        f = open_memstream(&text, &size);
        if (!f)
                return fail(VERB_FAILED, "out of memory");
        (void)fprintf(f,
                      "# Written by nhictl init. %s\n"
                      "host: { name = \"%s\"; };\n"
                      "issuers = ( {\n"
                      "        issuer = \"%s\";\n"
                      "        source: {%s};\n",
                      c->roots ? "What a key may sign is in the key list; policy bounds them all."
                               : "What this key may sign here is its reach: narrow it.",
                      c->host, c->issuer, c->source);
        if (c->roots)
                put_roots(c->roots, f);
        else
                put_key(c, f);
        (void)fputs("} );\n", f);
        if (fclose(f) == EOF)
                return fail(VERB_FAILED, "out of memory");
        *ret = TAKE_PTR(text);
        return VERB_OK;
}

/* ---- what stands there ---- */

static bool leaf_differs(const config_setting_t *a, const config_setting_t *b)
{
        if (!b || config_setting_type(a) != config_setting_type(b))
                return true;
        if (config_setting_type(a) == CONFIG_TYPE_INT)
                return config_setting_get_int(a) != config_setting_get_int(b);
        if (!config_setting_is_array(a))
                return !streq_ptr(config_setting_get_string(a), config_setting_get_string(b));
        if (config_setting_length(a) != config_setting_length(b))
                return true;
        for (int i = 0; i < config_setting_length(a); i++)
                if (!streq_ptr(config_setting_get_string_elem(a, i),
                               config_setting_get_string_elem(b, i)))
                        return true;
        return false;
}

/* The first setting of wanted that found says otherwise; reach is the administrator's. */
static bool find_difference(const config_setting_t *wanted, const config_setting_t *found,
                            char place[static PLACE_MAX])
{
        const char *name = config_setting_name(wanted);
        const size_t end = strlen(place);

        if (name && streq(name, "reach"))
                return false;
        if (name)
                (void)snprintf(place + end, PLACE_MAX - end, "%s%s", end > 0 ? "." : "", name);
        if (config_setting_is_group(wanted) || config_setting_is_list(wanted)) {
                for (int i = 0; i < config_setting_length(wanted); i++) {
                        const config_setting_t *w = config_setting_get_elem(wanted, (unsigned)i);
                        const char *member = config_setting_name(w);

                        if (find_difference(w,
                                            !found   ? NULL
                                            : member ? config_setting_get_member(found, member)
                                                     : config_setting_get_elem(found, (unsigned)i),
                                            place))
                                return true;
                }
                place[end] = '\0';
                return false;
        }
        if (leaf_differs(wanted, found))
                return true;
        place[end] = '\0';
        return false;
}

/* What an earlier init knew of the servers, and this one does not: its files go away. */
static bool find_more(const config_t *wanted, const config_t *found, char place[static PLACE_MAX])
{
        static const char source[] = "issuers.[0].source";
        const config_setting_t *w = config_lookup(wanted, source),
                               *f = config_lookup(found, source);
        static const char *const members[] = { "ca_file", "pins", "certificate", "certificate_key",
                                               "token",   "user", "password" };

        for (size_t i = 0; w && f && i < ELEMENTSOF(members); i++) {
                if (!config_setting_get_member(f, members[i]) ||
                    config_setting_get_member(w, members[i]))
                        continue;
                (void)snprintf(place, PLACE_MAX, "%s.%s", source, members[i]);
                return true;
        }
        return false;
}

/* VERB_OK and *ret_same, and where it is not what stands there otherwise. anew: it says no more
 * than that, either. */
static int compare(const char *path, const char *text, bool anew, bool *ret_same,
                   char place[static PLACE_MAX])
{
        config_t wanted, found;
        int r = VERB_OK;

        place[0] = '\0';
        config_init(&wanted);
        config_init(&found);
        if (!config_read_string(&wanted, text))
                r = fail(VERB_FAILED, "line %d of what would be written: %s",
                         config_error_line(&wanted), config_error_text(&wanted));
        else if (!config_read_file(&found, path))
                r = fail(VERB_FAILED, "%s:%d: %s", path, config_error_line(&found),
                         config_error_text(&found));
        else
                *ret_same = !find_difference(config_root_setting(&wanted),
                                             config_root_setting(&found), place) &&
                            !(anew && find_more(&wanted, &found, place));
        config_destroy(&wanted);
        config_destroy(&found);
        return r;
}

static bool has_text(const config_setting_t *s, const char *text)
{
        if (!config_setting_is_aggregate(s))
                return streq_ptr(config_setting_get_string(s), text);
        for (int i = 0; i < config_setting_length(s); i++)
                if (has_text(config_setting_get_elem(s, (unsigned)i), text))
                        return true;
        return false;
}

bool init_config_names(const char *text)
{
        config_t config;
        bool found;

        config_init(&config);
        found = config_read_file(&config, PATH_CONF_DIR "/" INIT_SOURCE_CONF) &&
                has_text(config_root_setting(&config), text);
        config_destroy(&config);
        return found;
}

static const char *other_file(const InitConfig *c)
{
        return streq(c->file, INIT_LOCAL_CONF) ? INIT_SOURCE_CONF : INIT_LOCAL_CONF;
}

/* Two setups would be two issuers, and the older one's key as good as the newer one's. */
static int check_other(const InitConfig *c, bool replace)
{
        _cleanup_free_ char *path = NULL;
        int r = config_path(other_file(c), "", &path);

        if (r != VERB_OK || replace || access(path, F_OK) < 0)
                return r;
        return fail(VERB_FAILED,
                    "%s is there: this host is set up %s. --replace puts it aside as %s.replaced; "
                    "to have both, add an issuer by hand, agentd.conf(5). Nothing was changed",
                    path, streq(c->file, INIT_LOCAL_CONF) ? "with a central source" : "as its own",
                    other_file(c));
}

int init_config_check(const InitConfig *c, bool replace)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        char place[PLACE_MAX];
        bool same = true;
        int r = check_other(c, replace);

        if (r == VERB_OK)
                r = config_path(c->file, "", &path);
        if (r != VERB_OK || !c->source)
                return r;
        r = config_text(c, &text);
        if (r == VERB_OK && !replace && access(path, F_OK) == 0)
                r = compare(path, text, false, &same, place);
        if (r == VERB_OK && !same)
                r = fail(VERB_FAILED,
                         "%s has another %s than this init: --replace puts it aside as "
                         "%s.replaced and writes it anew. Nothing was changed",
                         path, place, c->file);
        return r;
}

/* ---- change it ---- */

static int stage(const InitConfig *c, const char *path, const char *text, InitFiles *f)
{
        _cleanup_free_ char *kept = NULL;
        int r = config_path(c->file, ".replaced", &kept);

        if (r == VERB_OK)
                r = init_files_keep(f, path, kept);
        return r == VERB_OK ? init_files_add(f, path, text, 0644) : r;
}

int init_config_stage(const InitConfig *c, bool replace, InitFiles *f, bool *changed)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        char place[PLACE_MAX];
        bool same = false;
        int r;

        r = init_config_check(c, replace);
        if (r == VERB_OK)
                r = config_path(c->file, "", &path);
        if (r == VERB_OK)
                r = config_text(c, &text);
        if (r == VERB_OK)
                r = init_make_directory(PATH_CONF_DIR, 0755, NULL, changed);
        if (r == VERB_OK && access(path, F_OK) == 0 &&
            compare(path, text, replace, &same, place) != VERB_OK && !replace)
                return VERB_FAILED;
        return r == VERB_OK && !same ? stage(c, path, text, f) : r;
}

int init_config_put_aside(const InitConfig *c, bool *changed)
{
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        if (config_path(other_file(c), "", &from) != VERB_OK ||
            config_path(other_file(c), ".replaced", &to) != VERB_OK)
                return VERB_FAILED;
        if (access(from, F_OK) < 0)
                return VERB_OK;
        r = init_begin();
        if (r == VERB_OK && rename(from, to) < 0)
                r = fail(VERB_FAILED, "%s: %s", from, strerror(errno));
        if (r != VERB_OK)
                return r;
        say("%s is now %s", from, to);
        *changed = true;
        return VERB_OK;
}

/* ---- tell ---- */

static void tell_list(const config_setting_t *reach, const char *name)
{
        const config_setting_t *list = reach ? config_setting_get_member(reach, name) : NULL;
        const int n = list ? config_setting_length(list) : 0;
        _cleanup_free_ const char **items = calloc((size_t)n + 1, sizeof(*items));
        const StrList words = { .items = items, .n = (size_t)n };

        if (!items)
                return;
        for (int i = 0; i < n; i++)
                items[i] = config_setting_get_string_elem(list, i) ?: "?";
        key_list_say_words(name, &words);
}

void init_config_tell(const InitConfig *c)
{
        static const char *const lists[] = { "sign", "accounts", "services", "groups", "run_as" };
        _cleanup_free_ char *path = NULL;
        const config_setting_t *reach;
        const char *lifetime = "24h";
        config_t config;

        if (config_path(c->file, "", &path) != VERB_OK)
                return;
        config_init(&config);
        if (config_read_file(&config, path)) {
                reach = config_lookup(&config, "issuers.[0].keys.[0].reach");
                say("%s may sign for this host, as %s says; narrow it there:", c->issuer, path);
                for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                        tell_list(reach, lists[i]);
                if (reach)
                        (void)config_setting_lookup_string(reach, "lifetime_max", &lifetime);
                say("  lifetime_max: %s", lifetime);
        }
        config_destroy(&config);
}
