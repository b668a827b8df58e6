/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where sets come from: URLs, pins, and what belongs to which type of source. Secrets have no place
 * here: what is read from this file is world-readable in sources.json. */

#include "nhi-agentd/config/internal.h"

#define URL_SCHEME "https://"
#define PIN_SCHEME "sha256//"
#define PIN_SIZE   44u /* base64 of 32 bytes */
#define URL_MAX    1024u

static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* {host} is the only thing in braces. */
static bool braces_are_host(const char *text)
{
        while ((text = strpbrk(text, "{}"))) {
                if (strncmp(text, "{host}", strlen("{host}")) != 0)
                        return false;
                text += strlen("{host}");
        }
        return true;
}

const char *config_url_objection(const char *text)
{
        const char *authority = text + strlen(URL_SCHEME);
        size_t n;

        if (strncmp(text, URL_SCHEME, strlen(URL_SCHEME)) != 0)
                return "must begin with https://";
        if (strlen(text) > URL_MAX)
                return "is longer than 1024 characters";
        for (const char *c = text; *c; c++)
                if (*c <= ' ' || *c == 0x7f || strchr("\"\\<>^`|#", *c))
                        return "holds what no URL may: percent-encode it";
        n = strcspn(authority, "/?");
        if (n == 0 || *authority == ':')
                return "names no server";
        if (memchr(authority, '@', n))
                return "holds a user: put the secret into a credential, nhi-fetchd(8)";
        return braces_are_host(text) ? NULL : "may have {host} in braces and nothing else";
}

const char *config_pin_objection(const char *text)
{
        const char *digits = text + strlen(PIN_SCHEME);

        if (strncmp(text, PIN_SCHEME, strlen(PIN_SCHEME)) != 0 || strlen(digits) != PIN_SIZE ||
            strspn(digits, base64_digits) != PIN_SIZE - 1 || digits[PIN_SIZE - 1] != '=')
                return "must be sha256//BASE64 of the server's public key, agentd.conf(5)";
        return NULL;
}

typedef enum Source {
        SOURCE_FILE = 1 << 0,
        SOURCE_HTTPS = 1 << 1,
        SOURCE_ETCD = 1 << 2,
        SOURCE_NETWORK = SOURCE_HTTPS | SOURCE_ETCD,
} Source;

static Source source_find(const char *type)
{
        static const char *const types[] = { "file", "https", "etcd" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i], type))
                        return 1u << i;
        return 0;
}

/* What only some types have a use for: elsewhere it is a mistake. Numbers and the etcd key have
 * defaults and are left alone. */
static const struct {
        const char *key;
        size_t offset; /* in SourceConfig */
        bool is_list;
        unsigned sources;
} places[] = {
        { "issuers.source.path", offsetof(SourceConfig, path), false, SOURCE_FILE },
        { "issuers.source.urls", offsetof(SourceConfig, urls), true, SOURCE_NETWORK },
        { "issuers.source.pins", offsetof(SourceConfig, pins), true, SOURCE_NETWORK },
        { "issuers.source.ca_file", offsetof(SourceConfig, ca_file), false, SOURCE_NETWORK },
        { "issuers.source.certificate", offsetof(SourceConfig, certificate), false,
          SOURCE_NETWORK },
        { "issuers.source.certificate_key", offsetof(SourceConfig, certificate_key), false,
          SOURCE_NETWORK },
        { "issuers.source.token", offsetof(SourceConfig, token), false, SOURCE_NETWORK },
        { "issuers.source.user", offsetof(SourceConfig, user), false, SOURCE_ETCD },
        { "issuers.source.password", offsetof(SourceConfig, password), false, SOURCE_ETCD },
};

static bool place_is_set(const SourceConfig *s, size_t i)
{
        const void *at = (const uint8_t *)s + places[i].offset;

        return places[i].is_list ? ((const StrList *)at)->n > 0 : **(char *const *)at != '\0';
}

static int fail_at(ConfigBuild *b, const Origin *at, const char *key, const char *text)
{
        b->file = at->file;
        return config_fail(b, at->line, key, "%s", text);
}

static int check_credentials(ConfigBuild *b, const SourceConfig *s, const Origin *at)
{
        if (*s->certificate_key && !*s->certificate)
                return fail_at(b, at, "issuers.source.certificate",
                               "missing: a key without its certificate is of no use");
        if (!*s->user != !*s->password)
                return fail_at(b, at, "issuers.source.user",
                               "user and password come together: one is missing");
        if (*s->user && *s->token)
                return fail_at(b, at, "issuers.source.token",
                               "a token or user and password: not both");
        return 0;
}

/* "https://HOST:PORT", and perhaps a slash: what is asked of a member stands behind it. */
static int check_members(ConfigBuild *b, const SourceConfig *s, const Origin *at)
{
        for (size_t i = 0; i < s->urls.n; i++) {
                const char *rest = s->urls.items[i] + strlen(URL_SCHEME);

                rest += strcspn(rest, "/?{");
                if (*rest != '\0' && !streq(rest, "/"))
                        return fail_at(b, at, "issuers.source.urls",
                                       "etcd's are its members, as https://HOST:PORT and no more: "
                                       "the key is source.etcd_key");
        }
        return 0;
}

int config_source_check(ConfigBuild *b, const SourceConfig *s, const Origin *at)
{
        const Source source = source_find(s->type);

        if (source == 0)
                return fail_at(b, at, "issuers.source.type", "must be file, https or etcd");
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (!(places[i].sources & source) && place_is_set(s, i))
                        return fail_at(b, at, places[i].key,
                                       "has no meaning for a source of this type");
        if (source == SOURCE_FILE)
                return *s->path ? 0
                                : fail_at(b, at, "issuers.source.path",
                                          "missing: the file that holds this host's newest set");
        if (s->urls.n == 0)
                return fail_at(b, at, "issuers.source.urls",
                               "missing: where its sets are, such as "
                               "[ \"https://grants.example.org/sets/{host}.jws\" ]");
        if (source == SOURCE_ETCD && check_members(b, s, at) < 0)
                return -EBADMSG;
        return check_credentials(b, s, at);
}
