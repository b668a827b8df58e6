/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init */

#include "nhictl/init.h"

#include "lib/base/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TRUST_FILE     PATH_TRUST_DIR "/source.jwk"
#define TRUST_SIZE_MAX 8192u

/* FILE, DIR or a file URL of either: the file of this host's set, malloc'ed. */
static int source_path(const char *source, const char *host, char **ret)
{
        struct stat st;
        bool is_dir;

        if (strncmp(source, "file:///", 8) == 0)
                source += 7;
        if (*source != '/')
                return fail(VERB_USAGE,
                            "--source %s: this version reads file sources only: an absolute path "
                            "or a file:// URL",
                            source);
        is_dir = stat(source, &st) == 0 && S_ISDIR(st.st_mode);
        if ((is_dir ? asprintf(ret, "%s/%s.jws", source, host) : asprintf(ret, "%s", source)) < 0)
                return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

/* The trusted key and, where it says so, the issuer's name. */
static int read_trust(const InitOptions *o, char **ret_text, char **ret_issuer)
{
        _cleanup_free_ char *text = NULL;
        char error[DOCUMENT_ERROR_MAX];
        json_t *doc = NULL;
        size_t size = 0;
        Jwk key;
        int r;

        r = document_read(AT_FDCWD, o->trust, TRUST_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail(VERB_FAILED, "--trust %s: %s", o->trust, strerror(-r));
        if (jwk_parse(text, size, &key) < 0)
                return fail(VERB_STALE, "%s is no public Ed25519 JWK: nhictl key show prints one",
                            o->trust);
        if (document_parse(text, size, &doc, error) < 0)
                return fail(VERB_STALE, "%s: %s", o->trust, error);
        *ret_issuer = strdup(o->issuer ? o->issuer : document_text(doc, "iss"));
        *ret_text = document_format(doc);
        json_decref(doc);
        if (!*ret_issuer || !*ret_text)
                return fail(VERB_FAILED, "out of memory");
        if (**ret_issuer == '\0')
                return fail(VERB_USAGE, "%s does not name its issuer (\"iss\"): add --issuer URI",
                            o->trust);
        return VERB_OK;
}

int init_source(const Call *call, const InitOptions *o)
{
        _cleanup_free_ char *source = NULL, *trust = NULL, *issuer = NULL;
        char host[LEDGER_NAME_MAX + 56];
        bool changed = false;
        int r;

        r = init_host_name(o, host);
        if (r == VERB_OK)
                r = source_path(o->source, host, &source);
        if (r == VERB_OK)
                r = read_trust(o, &trust, &issuer);
        if (r == VERB_OK)
                r = init_make_directory(PATH_ETC_DIR, 0755, NULL, &changed);
        if (r == VERB_OK)
                r = init_make_directory(PATH_TRUST_DIR, 0755, NULL, &changed);
        if (r == VERB_OK)
                r = init_write(TRUST_FILE, trust, &changed);
        if (r == VERB_OK)
                r = init_write_config("10-source.conf", host, issuer, source, TRUST_FILE, &changed);
        if (r == VERB_OK)
                r = init_start(false, changed);
        if (r != VERB_OK)
                return r;
        say("%s believes %s as read from %s, for at most 24h; narrow what its key may sign "
            "in " PATH_CONF_DIR "/10-source.conf",
            host, issuer, source);
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus run(Call *call)
{
        const InitOptions *o = call->options;

        if (geteuid() != 0)
                return fail(VERB_FAILED, "init is root's: sudo nhictl init");
        if (o->local == (o->source != NULL))
                return fail(VERB_USAGE, "init wants --local, or --source URL --trust FILE");
        if (o->local == (o->trust != NULL))
                return fail(VERB_USAGE, o->local ? "--trust goes with --source"
                                                 : "--source needs --trust FILE");
        return o->local ? init_local(call, o) : init_source(call, o);
}

#define AT(member) offsetof(InitOptions, member)
static const Option options[] = {
        { "local", 0, OPTION_FLAG, AT(local), NULL, "this host is its own source" },
        { "source", 0, OPTION_STRING, AT(source), "URL", "where this host's sets come from" },
        { "trust", 0, OPTION_STRING, AT(trust), "FILE", "the key to believe: nhictl key show" },
        { "name", 0, OPTION_STRING, AT(name), "HOST", "this host's name (default: its FQDN)" },
        { "issuer", 0, OPTION_STRING, AT(issuer), "URI", "the issuer's name" },
        LEDGER_OPTION(InitOptions, central),
        KEY_OPTION(InitOptions, central),
        PASSPHRASE_OPTION(InitOptions, central),
        OPTION_END,
};

const Verb verb_init = {
        .name = "init",
        .synopsis = "--local [--name HOST] | --source URL --trust FILE [--name HOST]",
        .help = "set this host up, with itself or with a central ledger as its source\n"
                "It changes no login: nothing is gated until an administrator says so.",
        .options = options,
        .options_size = sizeof(InitOptions),
        .run = run,
};
