/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OCSF 1.3.0 (schema.ocsf.io). Which class an event is of, and which attribute of it a member
 * becomes, two tables say; what has no attribute stands in unmapped by its own name, so that
 * nothing is lost. */

#include "lib/base/io.h"
#include "lib/base/service.h"
#include "nhictl/log/export.h"
#include "nhictl/log/plain.h"
#include "nhictl/reply.h"

#include <arpa/inet.h>
#include <inttypes.h>

/* ---- classes -----------------------------------------------------------------------------------
 */

typedef enum Class {
        BASE_EVENT = 0,
        AUTHENTICATION,
        AUTHORIZE_SESSION,
        LIFECYCLE,
        CLASS_N,
} Class;

static const struct {
        int class_uid, category_uid;
        const char *class_name, *category_name;
} classes[CLASS_N] = {
        [BASE_EVENT] = { 0, 0, "Base Event", "Uncategorized" },
        [AUTHENTICATION] = { 3002, 3, "Authentication", "Identity & Access Management" },
        [AUTHORIZE_SESSION] = { 3003, 3, "Authorize Session", "Identity & Access Management" },
        [LIFECYCLE] = { 6002, 6, "Application Lifecycle", "Application Activity" },
};

#define STATUS_UNKNOWN 0
#define STATUS_SUCCESS 1
#define STATUS_FAILURE 2
#define STATUS_OTHER   99

typedef struct Kind {
        const char *event;
        Class class;
        int activity_id;
        const char *activity_name;
        int status_id;
} Kind;

/* A login under a grant is one Authorize Session for each phase that was decided, one Logon and one
 * Logoff; one that was denied is a Logon that failed. */
static const Kind kinds[] = {
        { "decision", AUTHORIZE_SESSION, 1, "Assign Privileges", STATUS_SUCCESS },
        { "denial", AUTHENTICATION, 1, "Logon", STATUS_FAILURE },
        { "denials", AUTHENTICATION, 1, "Logon", STATUS_FAILURE },
        { "would-deny", AUTHENTICATION, 1, "Logon", STATUS_OTHER },
        { "exemption", AUTHENTICATION, 1, "Logon", STATUS_SUCCESS },
        { "session-start", AUTHENTICATION, 1, "Logon", STATUS_SUCCESS },
        { "session-end", AUTHENTICATION, 2, "Logoff", STATUS_SUCCESS },
        { "agent-start", LIFECYCLE, 3, "Start", STATUS_SUCCESS },
        { "agent-stop", LIFECYCLE, 4, "Stop", STATUS_SUCCESS },
        { "set-accepted", BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "set-refused", BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "quarantine", BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "config-changed", BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "config-refused", BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "survivor", BASE_EVENT, 99, "Other", STATUS_FAILURE },
};

static bool is_elevation(const json_t *json)
{
        const char *service = member_text(json, "service");

        return member_text(json, "target") || (service && service_is_elevation(service));
}

/* The two classes want a user, and a service or a destination. */
static bool has_user(const LogRecord *r)
{
        return member_text(r->json, "account") && (member_text(r->json, "class") || *r->host);
}

/* Becoming somebody else is no logon: privileges are assigned, or refused, to a session that is
 * there. */
static Kind kind_of(const LogRecord *r)
{
        static const Kind other = { NULL, BASE_EVENT, 99, "Other", STATUS_UNKNOWN };
        const char *event = member_text(r->json, "event");
        Kind k = other;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq_ptr(kinds[i].event, event))
                        k = kinds[i];
        if (k.class == AUTHENTICATION && k.status_id != STATUS_SUCCESS && is_elevation(r->json)) {
                k.class = AUTHORIZE_SESSION;
                k.activity_name = "Assign Privileges";
        }
        if ((k.class == AUTHENTICATION || k.class == AUTHORIZE_SESSION) && !has_user(r)) {
                k.class = BASE_EVENT;
                k.activity_id = 99;
                k.activity_name = "Other";
        }
        return k;
}

/* ---- attributes --------------------------------------------------------------------------------
 */

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

#define USER_CLASSES (1u << AUTHENTICATION | 1u << AUTHORIZE_SESSION)
#define ALL_CLASSES  (USER_CLASSES | 1u << LIFECYCLE | 1u << BASE_EVENT)

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
        { LOG_FIELD_CLASS, 1u << AUTHENTICATION, "service.name", as_it_is, false },
        { LOG_FIELD_SERVICE, 1u << AUTHENTICATION, "service.uid", as_it_is, false },
        { LOG_FIELD_TARGET_GROUP, 1u << AUTHORIZE_SESSION, "group.name", as_it_is, false },
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

static const struct Attribute *find_attribute(LogField field, Class class)
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

/* Put v (stolen; NULL: memory) at the end of a path. */
static int put(json_t *event, const char *path, json_t *v)
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
                return put(event, "src_endpoint.ip", json_deep_copy(v));
        return put(event, is_hostname(text) ? "src_endpoint.hostname" : "src_endpoint.name",
                   json_deep_copy(v));
}

/* human is OCSF's User (1); the other kinds it does not know. */
static int put_kind(json_t *event, const json_t *v)
{
        const bool is_human = streq_ptr(json_string_value(v), "human");
        int r = put(event, "user.type_id", json_integer(is_human ? 1 : 99));

        return r < 0 ? r
                     : put(event, "user.type", is_human ? json_string("User") : json_deep_copy(v));
}

static int put_denials(json_t *event, LogField field, const json_t *v)
{
        static const char *const paths[] = {
                [LOG_FIELD_COUNT] = "count",
                [LOG_FIELD_FIRST] = "start_time",
                [LOG_FIELD_LAST] = "end_time",
        };

        return put(event, paths[field],
                   field == LOG_FIELD_COUNT ? json_deep_copy(v) : sec_as_msec(v));
}

static bool is_of_denials(LogField field, const Kind *k)
{
        return streq_ptr(k->event, "denials") &&
               (field == LOG_FIELD_COUNT || field == LOG_FIELD_FIRST || field == LOG_FIELD_LAST);
}

static int put_member(json_t *event, const Kind *k, const char *name, const json_t *v)
{
        const int found = log_field_find(name, strlen(name));
        const LogField field = (LogField)found;
        const bool has_user = (1u << k->class & USER_CLASSES) != 0;
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
        if (is_of_denials(field, k))
                return put_denials(event, field, v);
        a = find_attribute(field, k->class);
        if (!a)
                return put_unmapped(event, name, v);
        r = put(event, a->path, a->convert(v));
        return r == 0 && a->keeps_own ? put_unmapped(event, name, v) : r;
}

/* ---- the event ---------------------------------------------------------------------------------
 */

/* By syslog priority: informational, low, medium, high, critical, fatal. */
static int severity_id(const json_t *json)
{
        static const int by_priority[] = { 6, 6, 5, 4, 3, 2, 1, 1 };

        return by_priority[log_event_priority(json) & 7];
}

static const char *status_name(int status_id)
{
        return status_id == STATUS_SUCCESS   ? "Success"
               : status_id == STATUS_FAILURE ? "Failure"
               : status_id == STATUS_OTHER   ? "Would be denied"
                                             : "Unknown";
}

static json_t *metadata(const LogRecord *r, const Kind *k)
{
        const char *at = member_text(r->json, "at") ?: member_text(r->json, "time");
        char hash[LOG_HASH_TEXT_SIZE + 1];
        json_t *m;

        m = json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:I, s:s, s:I, s:s}", "version",
                      OCSF_VERSION, "product", "name", "nhi", "vendor_name", "nhi", "version",
                      NHI_VERSION, "uid", log_record_hash(r, hash), "original_time", at,
                      "logged_time", (json_int_t)(r->head.real_usec / 1000), "log_name",
                      "decisions", "sequence", (json_int_t)r->head.seq, "log_provider",
                      "nhi-agentd");
        if (m && k->class != BASE_EVENT &&
            json_object_set_new(m, "profiles", json_pack("[s]", "host")) < 0) {
                json_decref(m);
                return NULL;
        }
        return m;
}

static json_t *event_new(const LogRecord *r, const Kind *k)
{
        const int class_uid = classes[k->class].class_uid;

        return json_pack("{s:i, s:s, s:i, s:s, s:i, s:s, s:i, s:i, s:I, s:i, s:s, s:o}",
                         "class_uid", class_uid, "class_name", classes[k->class].class_name,
                         "category_uid", classes[k->class].category_uid, "category_name",
                         classes[k->class].category_name, "activity_id", k->activity_id,
                         "activity_name", k->activity_name, "type_uid",
                         class_uid * 100 + k->activity_id, "severity_id", severity_id(r->json),
                         "time", (json_int_t)(r->real_usec / 1000), "status_id", k->status_id,
                         "status", status_name(k->status_id), "metadata", metadata(r, k));
}

/* "sudo as postgres": what was, or was not, assigned. */
static int put_privileges(json_t *event, const json_t *json)
{
        const char *class = member_text(json, "class") ?: "access";
        const char *target = member_text(json, "target");

        return put(event, "privileges",
                   json_pack("[o]",
                             json_sprintf("%s%s%s", class, target ? " as " : "", target ?: "")));
}

/* Of every record, not only of those that say it. */
static int put_origin(json_t *event, const char *name, const char *text)
{
        const json_t *unmapped = json_object_get(event, "unmapped");
        char path[64];

        if (*text == '\0' || json_object_get(unmapped, name))
                return 0;
        (void)snprintf(path, sizeof(path), "unmapped.%s", name);
        return put(event, path, json_string(text));
}

static int put_host(json_t *event, const LogRecord *r, const Kind *k)
{
        int e = 0;

        if (k->class == BASE_EVENT)
                return put_origin(event, "host", r->host);
        e = put(event, "device.type_id", json_integer(0));
        if (e == 0 && *r->host)
                e = put(event, "device.hostname", json_string(r->host));
        if (e == 0 && *r->host && k->class != LIFECYCLE)
                e = put(event, "dst_endpoint.hostname", json_string(r->host));
        return e;
}

/* What a class demands besides. */
static int complete(json_t *event, const LogRecord *r, const Kind *k)
{
        const json_t *actor = json_object_get(event, "actor");
        int e = put_host(event, r, k);

        if (e == 0)
                e = put_origin(event, "log", r->log_id);
        if (e == 0 && k->class == AUTHORIZE_SESSION)
                e = put_privileges(event, r->json);
        if (e == 0 && k->class == LIFECYCLE)
                e = put(event, "app",
                        json_pack("{s:s, s:s, s:s}", "name", "nhi-agentd", "vendor_name", "nhi",
                                  "version", NHI_VERSION));
        /* An actor is a user, a process or an application. */
        if (e == 0 && actor && !json_object_get(actor, "user") &&
            !json_object_get(actor, "process") && !json_object_get(actor, "app_name"))
                e = put(event, "actor.user.name",
                        json_deep_copy(json_object_get(r->json, "account")));
        return e;
}

json_t *ocsf_event(const LogRecord *r)
{
        const Kind k = kind_of(r);
        json_t *event = event_new(r, &k), *v;
        const char *name;
        int e = event ? 0 : -ENOMEM;

        if (e == 0)
                json_object_foreach((json_t *)(uintptr_t)r->json, name, v)
                        if (e == 0)
                                e = put_member(event, &k, name, v);
        if (e == 0)
                e = complete(event, r, &k);
        if (e < 0) {
                json_decref(event);
                return NULL;
        }
        return event;
}

static int ocsf_record(FILE *f, const LogRecord *r)
{
        json_t *event = ocsf_event(r);
        int e;

        if (!event)
                return -ENOMEM;
        e = plain_json(f, event);
        json_decref(event);
        if (e == 0 && fputc('\n', f) == EOF)
                e = -EIO;
        return e;
}

const LogFormat log_format_ocsf = { .name = "ocsf", .begin = NULL, .record = ocsf_record };
