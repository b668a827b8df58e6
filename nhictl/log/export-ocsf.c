/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OCSF 1.3.0 (schema.ocsf.io). Which class an event is of, and which attribute of it a member
 * becomes, two tables say; what has no attribute stands in unmapped by its own name, so that
 * nothing is lost. */

#include "lib/base/service.h"
#include "nhictl/log/export.h"
#include "nhictl/log/ocsf.h"
#include "nhictl/log/plain.h"
#include "nhictl/reply.h"

/* ---- classes -----------------------------------------------------------------------------------
 */

static const struct {
        int class_uid, category_uid;
        const char *class_name, *category_name;
} classes[OCSF_CLASS_N] = {
        [OCSF_BASE_EVENT] = { 0, 0, "Base Event", "Uncategorized" },
        [OCSF_AUTHENTICATION] = { 3002, 3, "Authentication", "Identity & Access Management" },
        [OCSF_AUTHORIZE_SESSION] = { 3003, 3, "Authorize Session", "Identity & Access Management" },
        [OCSF_LIFECYCLE] = { 6002, 6, "Application Lifecycle", "Application Activity" },
};

#define STATUS_UNKNOWN 0
#define STATUS_SUCCESS 1
#define STATUS_FAILURE 2
#define STATUS_OTHER   99

typedef struct Kind {
        const char *event;
        OcsfClass class;
        int activity_id;
        const char *activity_name;
        int status_id;
} Kind;

/* A login under a grant is one Authorize Session for each phase that was decided, one Logon and one
 * Logoff; one that was denied is a Logon that failed. */
static const Kind kinds[] = {
        { "decision", OCSF_AUTHORIZE_SESSION, 1, "Assign Privileges", STATUS_SUCCESS },
        { "denial", OCSF_AUTHENTICATION, 1, "Logon", STATUS_FAILURE },
        { "denials", OCSF_AUTHENTICATION, 1, "Logon", STATUS_FAILURE },
        { "would-deny", OCSF_AUTHENTICATION, 1, "Logon", STATUS_OTHER },
        { "exemption", OCSF_AUTHENTICATION, 1, "Logon", STATUS_SUCCESS },
        { "session-start", OCSF_AUTHENTICATION, 1, "Logon", STATUS_SUCCESS },
        { "session-end", OCSF_AUTHENTICATION, 2, "Logoff", STATUS_SUCCESS },
        { "agent-start", OCSF_LIFECYCLE, 3, "Start", STATUS_SUCCESS },
        { "agent-stop", OCSF_LIFECYCLE, 4, "Stop", STATUS_SUCCESS },
        { "set-accepted", OCSF_BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "set-refused", OCSF_BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "revocations", OCSF_BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "keys", OCSF_BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "set-fresh", OCSF_BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "quarantine", OCSF_BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "config-changed", OCSF_BASE_EVENT, 99, "Other", STATUS_SUCCESS },
        { "config-refused", OCSF_BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "survivor", OCSF_BASE_EVENT, 99, "Other", STATUS_FAILURE },
        { "leftover", OCSF_BASE_EVENT, 99, "Other", STATUS_FAILURE },
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
        static const Kind other = { NULL, OCSF_BASE_EVENT, 99, "Other", STATUS_UNKNOWN };
        const char *event = member_text(r->json, "event");
        Kind k = other;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq_ptr(kinds[i].event, event))
                        k = kinds[i];
        if (k.class == OCSF_AUTHENTICATION && k.status_id != STATUS_SUCCESS &&
            is_elevation(r->json)) {
                k.class = OCSF_AUTHORIZE_SESSION;
                k.activity_name = "Assign Privileges";
        }
        if ((k.class == OCSF_AUTHENTICATION || k.class == OCSF_AUTHORIZE_SESSION) && !has_user(r)) {
                k.class = OCSF_BASE_EVENT;
                k.activity_id = 99;
                k.activity_name = "Other";
        }
        return k;
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
        if (m && k->class != OCSF_BASE_EVENT &&
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

        return ocsf_put(event, "privileges",
                        json_pack("[o]", json_sprintf("%s%s%s", class, target ? " as " : "",
                                                      target ?: "")));
}

/* Of every record, not only of those that say it. */
static int put_origin(json_t *event, const char *name, const char *text)
{
        const json_t *unmapped = json_object_get(event, "unmapped");
        char path[64];

        if (*text == '\0' || json_object_get(unmapped, name))
                return 0;
        (void)snprintf(path, sizeof(path), "unmapped.%s", name);
        return ocsf_put(event, path, json_string(text));
}

static int put_host(json_t *event, const LogRecord *r, const Kind *k)
{
        int e = 0;

        if (k->class == OCSF_BASE_EVENT)
                return put_origin(event, "host", r->host);
        e = ocsf_put(event, "device.type_id", json_integer(0));
        if (e == 0 && *r->host)
                e = ocsf_put(event, "device.hostname", json_string(r->host));
        if (e == 0 && *r->host && k->class != OCSF_LIFECYCLE)
                e = ocsf_put(event, "dst_endpoint.hostname", json_string(r->host));
        return e;
}

/* What a class demands besides. */
static int complete(json_t *event, const LogRecord *r, const Kind *k)
{
        const json_t *actor = json_object_get(event, "actor");
        int e = put_host(event, r, k);

        if (e == 0)
                e = put_origin(event, "log", r->log_id);
        if (e == 0 && k->class == OCSF_AUTHORIZE_SESSION)
                e = put_privileges(event, r->json);
        if (e == 0 && k->class == OCSF_LIFECYCLE)
                e = ocsf_put(event, "app",
                             json_pack("{s:s, s:s, s:s}", "name", "nhi-agentd", "vendor_name",
                                       "nhi", "version", NHI_VERSION));
        /* An actor is a user, a process or an application. */
        if (e == 0 && actor && !json_object_get(actor, "user") &&
            !json_object_get(actor, "process") && !json_object_get(actor, "app_name"))
                e = ocsf_put(event, "actor.user.name",
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
                                e = ocsf_put_member(event, k.class, streq_ptr(k.event, "denials"),
                                                    name, v);
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
