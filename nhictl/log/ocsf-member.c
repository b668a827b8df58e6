/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which attribute of OCSF a member of a record becomes: one table, and the few that are told by
 * what they say. */

#include "nhictl/log/ocsf.h"

#include "lib/base/macro.h"
#include "lib/log/format.h"

#include <arpa/inet.h>
#include <stdio.h>

typedef json_t *(*Convert)(const json_t *v);

static json_t *as_it_is(const json_t *v)
{
        return json_deep_copy(v);
}

static json_t *as_text(const json_t *v)
{
        return json_is_integer(v) ? json_sprintf("%lld", (long long)json_integer_value(v))
                                  : json_deep_copy(v);
}

static json_t *sec_as_msec(const json_t *v)
{
        const json_int_t most = INT64_MAX / 1000, sec = json_integer_value(v);

        return json_integer(sec > most ? most * 1000 : sec < 0 ? 0 : sec * 1000);
}

static json_t *usec_as_msec(const json_t *v)
{
        return json_integer(json_integer_value(v) / 1000);
}

static json_t *first_of(const json_t *v)
{
        return json_deep_copy(json_array_get(v, 0));
}

#define USER_CLASSES (1u << OCSF_AUTHENTICATION | 1u << OCSF_AUTHORIZE_SESSION)
#define ALL_CLASSES  (USER_CLASSES | 1u << OCSF_LIFECYCLE | 1u << OCSF_BASE_EVENT)

/* Where a member goes, in classes that have the attribute; "[]" is a list's first item. Members
 * that are not named here, and those of other classes, go to unmapped. */
static const struct Attribute {
        LogField field;
        unsigned classes;
        const char *path;
        Convert convert;
        bool keeps_own; /* and to unmapped as well: path has a part of it */
} attributes[] = {
        { LOG_FIELD_EVENT, ALL_CLASSES, "metadata.event_code", as_it_is, false },
        { LOG_FIELD_ACCOUNT, USER_CLASSES, "user.name", as_it_is, false },
        { LOG_FIELD_UID, USER_CLASSES, "user.uid", as_text, false },
        { LOG_FIELD_CLASS, 1u << OCSF_AUTHENTICATION, "service.name", as_it_is, false },
        { LOG_FIELD_SERVICE, 1u << OCSF_AUTHENTICATION, "service.uid", as_it_is, false },
        { LOG_FIELD_TARGET_GROUP, 1u << OCSF_AUTHORIZE_SESSION, "group.name", as_it_is, false },
        { LOG_FIELD_REASON, ALL_CLASSES, "status_code", as_it_is, false },
        { LOG_FIELD_DETAIL, ALL_CLASSES, "status_detail", as_it_is, false },
        { LOG_FIELD_UNTIL, USER_CLASSES, "session.expiration_time", sec_as_msec, false },
        { LOG_FIELD_VERDICT, USER_CLASSES, "actor.authorizations[].decision", as_it_is, true },
        { LOG_FIELD_GRANT, USER_CLASSES, "actor.authorizations[].policy.uid", as_it_is, false },
        { LOG_FIELD_WHY, USER_CLASSES, "actor.authorizations[].policy.desc", as_it_is, false },
        { LOG_FIELD_OWNER, USER_CLASSES, "actor.authorizations[].policy.group.name", as_it_is,
          false },
        { LOG_FIELD_SET, USER_CLASSES, "actor.authorizations[].policy.version", as_it_is, false },
        { LOG_FIELD_SUBJECT, USER_CLASSES, "actor.user.name", as_it_is, false },
        { LOG_FIELD_ACTOR, USER_CLASSES, "actor.app_name", first_of, true },
        { LOG_FIELD_PID, USER_CLASSES, "actor.process.pid", as_it_is, false },
        { LOG_FIELD_ISSUER, USER_CLASSES, "session.issuer", as_it_is, false },
        { LOG_FIELD_SESSION, USER_CLASSES, "session.uid", as_it_is, false },
        { LOG_FIELD_LOGIND_SESSION, USER_CLASSES, "session.uid_alt", as_it_is, false },
        { LOG_FIELD_TTY, USER_CLASSES, "session.terminal", as_it_is, false },
        { LOG_FIELD_TOOK_USEC, ALL_CLASSES, "duration", usec_as_msec, true },
};

static const struct Attribute *find_attribute(LogField field, OcsfClass class)
{
        for (size_t i = 0; i < ELEMENTSOF(attributes); i++)
                if (attributes[i].field == field && attributes[i].classes & 1u << class)
                        return &attributes[i];
        return NULL;
}

/* The object or list of this name, made where it is not there; borrowed, NULL: memory. */
static json_t *step(json_t *object, const char *name, json_t *(*make)(void))
{
        json_t *v = json_object_get(object, name);

        if (v)
                return v;
        return json_object_set_new(object, name, make()) < 0 ? NULL : json_object_get(object, name);
}

static json_t *first_item(json_t *list)
{
        if (list && json_array_size(list) == 0 && json_array_append_new(list, json_object()) < 0)
                return NULL;
        return json_array_get(list, 0);
}

int ocsf_put(json_t *event, const char *path, json_t *v)
{
        char name[64];
        json_t *at = event;

        for (const char *dot; at && (dot = strchr(path, '.')); path = dot + 1) {
                const bool is_list = dot[-1] == ']';

                (void)snprintf(name, sizeof(name), "%.*s", (int)(dot - path) - (is_list ? 2 : 0),
                               path);
                at = is_list ? first_item(step(at, name, json_array)) : step(at, name, json_object);
        }
        if (at)
                return json_object_set_new(at, path, v) < 0 ? -ENOMEM : 0;
        json_decref(v);
        return -ENOMEM;
}

static int put_unmapped(json_t *event, const char *name, const json_t *v)
{
        json_t *unmapped = step(event, "unmapped", json_object);

        return !unmapped || json_object_set_new(unmapped, name, json_deep_copy(v)) < 0 ? -ENOMEM
                                                                                       : 0;
}

/* What a hostname is made of; an attacker's is a name only. */
static bool is_hostname(const char *text)
{
        return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
                       strlen(text) &&
               strlen(text) <= 253;
}

static int put_rhost(json_t *event, const json_t *v)
{
        const char *text = json_string_value(v) ?: "";
        uint8_t address[16];

        if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
                return ocsf_put(event, "src_endpoint.ip", json_deep_copy(v));
        return ocsf_put(event, is_hostname(text) ? "src_endpoint.hostname" : "src_endpoint.name",
                        json_deep_copy(v));
}

/* human is OCSF's User (1); the other kinds it does not know. */
static int put_kind(json_t *event, const json_t *v)
{
        const bool is_human = streq_ptr(json_string_value(v), "human");
        int r = ocsf_put(event, "user.type_id", json_integer(is_human ? 1 : 99));

        return r < 0 ? r
                     : ocsf_put(event, "user.type",
                                is_human ? json_string("User") : json_deep_copy(v));
}

static int put_denials(json_t *event, LogField field, const json_t *v)
{
        static const char *const paths[] = {
                [LOG_FIELD_COUNT] = "count",
                [LOG_FIELD_FIRST] = "start_time",
                [LOG_FIELD_LAST] = "end_time",
        };

        return ocsf_put(event, paths[field],
                        field == LOG_FIELD_COUNT ? json_deep_copy(v) : sec_as_msec(v));
}

static bool is_of_denials(LogField field)
{
        return field == LOG_FIELD_COUNT || field == LOG_FIELD_FIRST || field == LOG_FIELD_LAST;
}

int ocsf_put_member(json_t *event, OcsfClass class, bool is_denials, const char *name,
                    const json_t *v)
{
        const int found = log_field_find(name, strlen(name));
        const LogField field = (LogField)found;
        const bool has_user = (1u << class & USER_CLASSES) != 0;
        const struct Attribute *a;
        int r;

        if (streq(name, "seq") || streq(name, "time") || streq(name, "prev"))
                return 0;
        if (found < 0)
                return put_unmapped(event, name, v);
        if (has_user && field == LOG_FIELD_RHOST)
                return put_rhost(event, v);
        if (has_user && field == LOG_FIELD_KIND)
                return put_kind(event, v);
        if (is_denials && is_of_denials(field))
                return put_denials(event, field, v);
        a = find_attribute(field, class);
        if (!a)
                return put_unmapped(event, name, v);
        r = ocsf_put(event, a->path, a->convert(v));
        return r == 0 && a->keeps_own ? put_unmapped(event, name, v) : r;
}
