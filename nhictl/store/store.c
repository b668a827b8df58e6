/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#define PLACEHOLDER "{host}"

static const struct {
        const char *scheme;
        const StoreType *type;
} types[] = {
        { "https://", &store_https },
        { "etcd://", &store_etcd },
};

/* RFC 8089 section 2 and appendix B: file:/DIR is file:///DIR. */
static const char *directory_of(const char *url)
{
        if (strncmp(url, "file:", strlen("file:")) != 0)
                return *url == '/' ? url : NULL;
        url += strlen("file:");
        if (strncmp(url, "///", 3) == 0)
                return url + 2;
        return url[0] == '/' && url[1] != '/' ? url : NULL;
}

const StoreType *store_type(const char *url)
{
        if (directory_of(url))
                return &store_file;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strncmp(url, types[i].scheme, strlen(types[i].scheme)) == 0)
                        return types[i].type;
        return NULL;
}

const char *store_directory(const char *url)
{
        return url ? directory_of(url) : NULL;
}

/* A user or password in it, or a query that is one, would stand in histories and process lists. */
bool store_url_is_valid(const char *url)
{
        const char *rest = strstr(url, "://"), *first = strstr(url, PLACEHOLDER);
        size_t authority;

        if (!store_type(url))
                return false;
        if (store_directory(url))
                return true;
        rest += 3;
        authority = strcspn(rest, "/");
        for (const char *c = url; *c; c++)
                if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '#' || *c == '?')
                        return false;
        return authority > 0 && !memchr(rest, '@', authority) &&
               !(first && (first < rest + authority || strstr(first + 1, PLACEHOLDER)));
}

/* RestrictAddressFamilies= of a service answers so. */
static bool network_is_denied(void)
{
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd < 0 && errno == EAFNOSUPPORT;
}

int store_open(const StoreOptions *o, Store **ret, char ret_error[static LEDGER_ERROR_MAX])
{
        ret_error[0] = '\0';
        if (!store_url_is_valid(o->url)) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s: must be " STORE_URL_WANTED,
                               o->url);
                return -EINVAL;
        }
        if (!store_directory(o->url) && network_is_denied()) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX,
                               "%s: there is no network in this service. nhi-renew.timer renews a "
                               "host that is its own source; for sets that are published to a URL: "
                               "systemctl disable --now nhi-renew.timer; systemctl enable --now "
                               "nhi-publish.timer",
                               o->url);
                return -ENETUNREACH;
        }
        return store_type(o->url)->open(o, ret, ret_error);
}

Store *store_free(Store *s)
{
        if (s)
                s->type->free(s);
        return NULL;
}

int store_failed(Store *s, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(s->error, sizeof(s->error), format, ap);
        va_end(ap);
        return r;
}

void store_set_done(StoreSet *s)
{
        free(s->jws);
        free(s->why);
        *s = (StoreSet){ 0 };
}

int store_names_split(const char *text, size_t size, const char *tail, StoreNames *ret)
{
        const char *at = memmem(text, size, PLACEHOLDER, strlen(PLACEHOLDER));
        const size_t before = at ? (size_t)(at - text) : size;
        const char *slash = !at && size > 0 && text[size - 1] != '/' ? "/" : "";
        int n;

        *ret = (StoreNames){ 0 };
        n = asprintf(&ret->before, "%.*s%s", (int)before, text, slash);
        if (n >= 0 && at)
                n = asprintf(&ret->after, "%.*s", (int)(size - before - strlen(PLACEHOLDER)),
                             at + strlen(PLACEHOLDER));
        else if (n >= 0)
                n = asprintf(&ret->after, "%s", tail);
        return n < 0 ? -ENOMEM : 0;
}

void store_names_done(StoreNames *n)
{
        free(n->before);
        free(n->after);
        *n = (StoreNames){ 0 };
}

char *store_name_of(const StoreNames *n, const char *host)
{
        char *name = NULL;

        return asprintf(&name, "%s%s%s", n->before, host, n->after) < 0 ? NULL : name;
}

bool store_object_is_valid(const char *name)
{
        const size_t size = strlen(name), tail = strlen(FRESHNESS_SUFFIX);
        char host[LEDGER_NAME_MAX + 1];

        if (streq(name, STORE_LIST) || streq(name, STORE_KEYS) ||
            ledger_name_is_valid(DOC_HOST, name))
                return true;
        if (size <= tail || size > STORE_NAME_MAX || !streq(name + size - tail, FRESHNESS_SUFFIX))
                return false;
        (void)snprintf(host, sizeof(host), "%.*s", (int)(size - tail), name);
        return ledger_name_is_valid(DOC_HOST, host);
}

bool store_name_parse(const StoreNames *n, const char *name, size_t size,
                      char ret[static STORE_NAME_MAX + 1])
{
        const size_t before = strlen(n->before), after = strlen(n->after);

        if (size <= before + after || size - before - after > STORE_NAME_MAX ||
            memcmp(name, n->before, before) != 0 ||
            memcmp(name + size - after, n->after, after) != 0)
                return false;
        memcpy(ret, name + before, size - before - after);
        ret[size - before - after] = '\0';
        return store_object_is_valid(ret);
}
