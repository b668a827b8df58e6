/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* {format, hosts: {NAME: {kid, seq, hash, log, log_seq, log_head, trouble, since}}, used: {JTI:
 * seconds}, published: {KID: {NAME: version}}}: what nobody who keeps reports or sets can take
 * back. */

#include "nhictl/fleet/report.h"

#include "lib/base/file.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define SEEN_SIZE_MAX (256u * 1024 * 1024)
#define SEEN_LOCK     ".reports.lock"

struct Seen {
        const Ledger *l;
        int lock_fd;
        json_t *document;
        int64_t now_sec; /* of the last judgement; 0: none */
        bool has_changed;
};

static json_t *hosts_of(const Seen *s)
{
        return json_object_get(s->document, "hosts");
}

/* By key. */
static json_t *published_of(const Seen *s)
{
        return json_object_get(s->document, "published");
}

/* ---- the file ---- */

static int lock(Seen *s)
{
        s->lock_fd =
                openat(s->l->dir_fd, SEEN_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->lock_fd < 0)
                return -errno;
        while (flock(s->lock_fd, LOCK_EX) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static int load(Seen *s)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = document_read(s->l->dir_fd, SEEN_FILE, SEEN_SIZE_MAX, &text, &size);

        if (r == -ENOENT)
                s->document =
                        json_pack("{s:i, s:{}, s:{}}", "format", LEDGER_FORMAT, "hosts", "used");
        else if (r == 0)
                s->document = json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        if (!json_is_object(hosts_of(s)) || !json_is_object(json_object_get(s->document, "used")))
                return s->document || errno != ENOMEM ? -EBADMSG : -ENOMEM;
        return 0;
}

int seen_open(const Ledger *l, Seen **ret, char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_(seen_freep) Seen *s = calloc(1, sizeof(*s));
        int r = s ? 0 : -ENOMEM;

        if (r == 0) {
                *s = (Seen){ .l = l, .lock_fd = -EBADF };
                r = lock(s);
        }
        if (r == 0)
                r = load(s);
        if (r < 0) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s/" SEEN_FILE ": %s%s", l->path,
                               r == -EBADMSG ? "damaged" : strerror(-r),
                               r == -EBADMSG ? ": restore it, or move it away; then what was seen "
                                               "of hosts' logs and reports is not known any more"
                                             : "");
                return r;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

Seen *seen_free(Seen *s)
{
        if (!s)
                return NULL;
        closep(&s->lock_fd);
        json_decref(s->document);
        free(s);
        return NULL;
}

/* Grants that are over need no last use any more. */
static void prune_uses(const Seen *s)
{
        json_t *used = json_object_get(s->document, "used"), *value;
        const char *jti;
        void *next;

        json_object_foreach_safe(used, next, jti, value) {
                const json_t *doc = ledger_get(s->l, DOC_GRANT, jti);

                if (!doc || !grant_state_is_live(ledger_grant_state(s->l, doc, s->now_sec)))
                        (void)json_object_del(used, jti);
        }
}

/* So do hosts that left the ledger. */
static void prune_published(const Seen *s)
{
        json_t *hosts, *value;
        const char *kid, *name;
        void *next;

        json_object_foreach(published_of(s), kid, hosts) {
                json_object_foreach_safe(hosts, next, name, value) {
                        if (!ledger_has_file(s->l, DOC_HOST, name))
                                (void)json_object_del(hosts, name);
                }
        }
}

int seen_save(Seen *s)
{
        _cleanup_free_ char *text = NULL, *path = NULL;
        int r;

        if (!s->has_changed)
                return 0;
        if (s->now_sec > 0)
                prune_uses(s);
        prune_published(s);
        text = json_write(s->document, JSON_COMPACT | JSON_SORT_KEYS);
        if (!text || asprintf(&path, "%s/" SEEN_FILE, s->l->path) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), true);
        s->has_changed = r < 0;
        return r;
}

/* ---- one report ---- */

static int64_t number(const json_t *entry, const char *member)
{
        return json_integer_value(json_object_get(entry, member));
}

/* F2 */
static HostStanding replay_of(const json_t *entry, const HostReport *r)
{
        if (r->seq < number(entry, "seq"))
                return HOST_REPLAYED;
        if (r->seq == number(entry, "seq") && !streq(document_text(entry, "hash"), r->hash))
                return HOST_AMBIGUOUS;
        return HOST_VERIFIED;
}

static LogTrouble trouble_before(const json_t *entry)
{
        for (size_t i = 0; i < LOG_TROUBLE_N; i++)
                if (streq(document_text(entry, "trouble"), log_trouble_name((LogTrouble)i)))
                        return (LogTrouble)i;
        return LOG_TROUBLE_NONE;
}

static LogTrouble trouble_new(const json_t *entry, const HostReport *r)
{
        if (!streq(document_text(entry, "log"), r->log_id))
                return LOG_TROUBLE_ANEW;
        if (r->log_seq < number(entry, "log_seq"))
                return LOG_TROUBLE_CUT;
        if (r->log_seq == number(entry, "log_seq") &&
            !streq(document_text(entry, "log_head"), r->log_head))
                return LOG_TROUBLE_FORKED;
        return LOG_TROUBLE_NONE;
}

/* F3: the trouble of before stands until it is forgotten, or a worse one takes its place. */
static LogTrouble trouble_of(const json_t *entry, const HostReport *r, bool *ret_is_new)
{
        LogTrouble t = trouble_new(entry, r);

        *ret_is_new = t != LOG_TROUBLE_NONE;
        return *ret_is_new ? t : trouble_before(entry);
}

static int remember(Seen *s, const char *name, int64_t since_sec, const HostReport *r)
{
        json_t *entry = json_pack("{s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:I}", "kid", r->kid, "seq",
                                  (json_int_t)r->seq, "hash", r->hash, "log", r->log_id, "log_seq",
                                  (json_int_t)r->log_seq, "log_head", r->log_head, "trouble",
                                  log_trouble_name(r->log), "since", (json_int_t)since_sec);

        s->has_changed = true;
        return json_object_set_new(hosts_of(s), name, entry) < 0 ? -ENOMEM : 0;
}

/* F6. Of grants that the ledger does not have nothing is kept: whatever a host says, this grows no
 * further. */
static bool may_have_used(const Seen *s, const char *name, const char *jti, int64_t at_sec)
{
        const json_t *grant = ledger_get(s->l, DOC_GRANT, jti);
        int64_t nbf_sec;

        return grant && grant_reaches(grant, ledger_get(s->l, DOC_HOST, name)) &&
               document_time(grant, "nbf", &nbf_sec) == 0 && at_sec >= nbf_sec - SET_AHEAD_SEC &&
               at_sec <= s->now_sec + SET_AHEAD_SEC;
}

static int remember_uses(Seen *s, const char *name, const HostReport *r)
{
        json_t *used = json_object_get(s->document, "used");
        const json_t *use;
        size_t i;

        json_array_foreach(json_object_get(r->payload, "used"), i, use) {
                const char *jti = document_text(use, "jti");
                const int64_t at_sec = number(use, "at");

                if (number(used, jti) >= at_sec || !may_have_used(s, name, jti, at_sec))
                        continue;
                s->has_changed = true;
                if (json_object_set_new(used, jti, json_integer(at_sec)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Another key is another life of the host, which the administrator has said. */
static const json_t *entry_of(const Seen *s, const char *name)
{
        const json_t *entry = json_object_get(hosts_of(s), name);
        Jwk key;

        if (host_key_read(ledger_get(s->l, DOC_HOST, name), &key) == 0 &&
            !streq(document_text(entry, "kid"), key.kid))
                return NULL;
        return entry;
}

int seen_judge(Seen *s, const char *name, int64_t now_sec, HostReport *report)
{
        const json_t *entry = entry_of(s, name);
        int64_t since_sec = number(entry, "since");
        bool is_new = false;
        int r;

        s->now_sec = now_sec;
        report->log = trouble_before(entry);
        if (report->standing == HOST_VERIFIED && entry)
                report->standing = replay_of(entry, report);
        if (report->standing != HOST_VERIFIED)
                return 0;
        if (entry)
                report->log = trouble_of(entry, report, &is_new);
        if (is_new || !entry)
                since_sec = is_new ? now_sec : 0;
        if (entry && streq(document_text(entry, "hash"), report->hash))
                return 0;
        r = remember(s, name, since_sec, report);
        if (r == 0)
                r = remember_uses(s, name, report);
        return r;
}

/* ---- what was published ---- */

/* {NAME: version}, borrowed. NULL: no memory. */
static json_t *highest_by(Seen *s, const char *kid)
{
        json_t *published = published_of(s), *highest = json_object_get(published, kid);

        if (!published) {
                published = json_object();
                if (json_object_set_new(s->document, "published", published) < 0)
                        return NULL;
        }
        if (json_is_object(highest))
                return highest;
        highest = json_object();
        return json_object_set_new(published, kid, highest) < 0 ? NULL : highest;
}

static int remember_published(Seen *s, const char *kid, json_t *versions)
{
        json_t *highest = highest_by(s, kid), *value;
        const char *name;

        if (!highest)
                return -ENOMEM;
        json_object_foreach(versions, name, value) {
                if (json_integer_value(value) <= number(highest, name))
                        continue;
                if (json_object_set(highest, name, value) < 0)
                        return -ENOMEM;
                s->has_changed = true;
        }
        return 0;
}

int seen_published(Seen *s, const json_t *by_key)
{
        json_t *versions;
        const char *kid;
        int r = 0;

        json_object_foreach((json_t *)(uintptr_t)by_key, kid, versions) {
                if (r == 0 && json_object_size(versions) > 0)
                        r = remember_published(s, kid, versions);
        }
        return r;
}

void seen_keep_keys(Seen *s, const json_t *by_key)
{
        json_t *published = published_of(s), *value;
        const char *kid;
        void *next;

        json_object_foreach_safe(published, next, kid, value) {
                if (json_object_get(by_key, kid))
                        continue;
                (void)json_object_del(published, kid);
                s->has_changed = true;
        }
}

static int raise_to(const Seen *s, json_t *highest, json_t *versions, json_t *raised)
{
        json_t *value;
        const char *name;

        json_object_foreach(highest, name, value) {
                if (!ledger_get(s->l, DOC_HOST, name) ||
                    json_integer_value(value) <= number(versions, name))
                        continue;
                if (json_object_set(versions, name, value) < 0 ||
                    json_object_set_new(raised, name, json_true()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int seen_raise(const Seen *s, const json_t *by_key, json_t *versions, size_t *ret_n)
{
        _cleanup_(json_decrefp) json_t *raised = json_object();
        const char *kid;
        json_t *value;
        int r = raised ? 0 : -ENOMEM;

        json_object_foreach((json_t *)(uintptr_t)by_key, kid, value) {
                if (r == 0)
                        r = raise_to(s, json_object_get(published_of(s), kid), versions, raised);
        }
        *ret_n = json_object_size(raised);
        return r;
}

bool seen_forget(Seen *s, const char *name)
{
        bool found = json_object_del(hosts_of(s), name) == 0;
        const char *kid;
        json_t *versions;

        json_object_foreach(published_of(s), kid, versions) {
                found |= json_object_del(versions, name) == 0;
        }
        s->has_changed |= found;
        return found;
}

int64_t seen_use(const Seen *s, const char *jti)
{
        return number(json_object_get(s->document, "used"), jti);
}
