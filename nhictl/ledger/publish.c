/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/publish.h"

#include "lib/base/file.h"
#include "nhictl/ledger/publish-list.h"
#include "nhictl/ledger/target.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define READER_GROUP   "nhi-fetch"
#define PUBLISHED_MODE 0640

typedef struct Run {
        Ledger *l;
        const SigningKey *key;
        const PublishRequest *request;
        PublishReport *report;
        const char *dir;
        int64_t now_sec;
        gid_t gid;
        int lock_fd;
        char revision[LEDGER_HASH_SIZE];
        Targets targets;
        PublishedList list;
} Run;

void publish_report_done(PublishReport *r)
{
        json_decref(r->hosts);
        json_decref(r->notes);
        *r = (PublishReport){ 0 };
}

/* A note that cannot be stored is only talk lost. */
static _printf_(2, 3) void note(Run *r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)json_array_append_new(r->report->notes, json_vsprintf(format, ap));
        va_end(ap);
}

static void report(Run *r, const Target *t, const char *action, int64_t ver)
{
        (void)json_array_append_new(r->report->hosts,
                                    json_pack("{s:s, s:s, s:I}", "host", t->name, "action", action,
                                              "ver", (json_int_t)ver));
}

static bool may_replace(const Run *r, const char *hash)
{
        for (size_t i = 0; i < r->request->n_replace; i++) {
                if (streq(r->request->replace[i], hash))
                        return true;
        }
        return false;
}

static int check_revision(const Run *r, const char *name, const char *revision, char *error)
{
        if (ledger_knows(r->l, revision) || may_replace(r, revision))
                return 0;
        (void)snprintf(error, LEDGER_ERROR_MAX,
                       "%s was published from revision %.64s, which this ledger does not know: it "
                       "is an older copy. Update it (git pull) and publish again; after restoring "
                       "a backup, look at what is lost and then: nhictl publish --replace %.64s",
                       name, revision, revision);
        return -ESTALE;
}

/* B1, for every host and the list before the first is written. */
static int check_revisions(const Run *r, char *error)
{
        const char *of_list = published_list_revision(&r->list);
        int n = *of_list ? check_revision(r, PUBLISH_LIST_NAME, of_list, error) : 0;

        for (size_t i = 0; n == 0 && i < r->targets.n; i++) {
                const Published *p = &r->targets.items[i].published;

                if (p->ours)
                        n = check_revision(r, r->targets.items[i].name, p->revision, error);
        }
        return n;
}

/* May its set be written over what stands there? */
static int check_target(Run *r, const Target *t)
{
        if (t->error < 0 || !t->published.exists || t->published.ours ||
            may_replace(r, t->published.hash))
                return t->error;
        note(r, "%s is not signed by this key: publish --replace %s overwrites it", t->path,
             t->published.hash);
        return -EPERM;
}

static void choose(const Run *r, Target *t, const json_t *payload)
{
        const Published *p = &t->published;

        t->is_changed = !p->ours || !published_equals(p, payload);
        t->is_wanted = !p->ours || r->request->mode == PUBLISH_ALL ||
                       published_is_due(p, r->now_sec) ||
                       (r->request->mode == PUBLISH_CHANGED && t->is_changed);
}

/* Which sets are to be written? */
static void plan_targets(Run *r)
{
        for (size_t i = 0; i < r->targets.n; i++) {
                Target *t = &r->targets.items[i];
                json_t *payload = NULL;

                t->error = check_target(r, t);
                if (t->error == 0)
                        t->error = mint_payload(r->l, t->name, t->host, r->now_sec, &payload);
                if (t->error == 0)
                        choose(r, t, payload);
                json_decref(payload);
        }
}

/* B5: its errors are the ledger's notes. A set that is only renewed is no news. */
static int record(Run *r)
{
        const char **hosts = calloc(r->targets.n + 1, sizeof(*hosts));
        char hash[LEDGER_HASH_SIZE];
        size_t n = 0;
        int e = 0;

        if (!hosts)
                return -ENOMEM;
        for (size_t i = 0; i < r->targets.n; i++) {
                if (r->targets.items[i].is_wanted && r->targets.items[i].is_changed)
                        hosts[n++] = r->targets.items[i].name;
        }
        if (n > 0)
                (void)ledger_record_publication(r->l, r->dir, hosts, n);
        free(hosts);
        e = ledger_revision(r->l, hash);
        if (e == 0 && !ledger_knows(r->l, hash))
                e = ledger_commit(r->l, r->l->now_sec, r->l->who ? r->l->who : "?");
        return e;
}

/* B2: milliseconds of the clock, and above what is there. */
static int64_t next_version(Run *r, const Target *t)
{
        int64_t ver = r->request->now_usec / 1000;

        if (t->published.ver < ver)
                return ver;
        if (t->published.ver - ver > (int64_t)SET_AHEAD_SEC * 1000)
                note(r,
                     "%s: the published version is ahead of this clock: hosts refuse the set "
                     "until their clocks have caught up. Is the clock of this machine right?",
                     t->name);
        return t->published.ver + 1;
}

static void note_quarantine(Run *r, const Target *t, const GrantSet *set)
{
        for (size_t i = 0; i < set->n_quarantine; i++)
                note(r, "%s: hosts will not take %s: %s: %s", t->name, set->quarantine[i].entry,
                     set->quarantine[i].code, set->quarantine[i].detail);
}

/* B3: as of the version's own time. One that runs ahead of the clock is noted by next_version(). */
static int read_back(Run *r, const Target *t, const char *jws, int64_t ver)
{
        _cleanup_(grant_set_freep) GrantSet *set = NULL;
        int64_t at_sec = ver / 1000 > r->now_sec ? ver / 1000 : r->now_sec;
        SetError refused;
        int n;

        n = mint_verify(r->l, r->key, t->name, jws, at_sec, &set, &refused);
        if (n == -EBADMSG)
                note(r, "%s: the host would refuse the set: %s: %s", t->name, refused.code,
                     refused.detail);
        if (n == 0)
                note_quarantine(r, t, set);
        return n;
}

static int write_set(Run *r, Target *t, json_t *payload)
{
        _cleanup_free_ char *jws = NULL;
        int64_t ver = next_version(r, t);
        int n;

        n = mint_sign(r->key, payload, ver, r->revision, &jws);
        if (n == 0)
                n = read_back(r, t, jws, ver);
        if (n == 0)
                n = file_replace(t->path, jws, strlen(jws), PUBLISHED_MODE, geteuid(), r->gid,
                                 true);
        if (n < 0)
                return n;
        report(r, t, "published", ver);
        r->report->n_published++;
        return 0;
}

static int publish_target(Run *r, Target *t)
{
        json_t *payload = NULL;
        int n = t->error;

        if (n < 0)
                return n;
        if (!t->is_wanted) {
                report(r, t, "unchanged", t->published.ver);
                return 0;
        }
        n = mint_payload(r->l, t->name, t->host, r->now_sec, &payload);
        if (n == 0)
                n = write_set(r, t, payload);
        json_decref(payload);
        return n;
}

/* B4 */
static void publish_targets(Run *r)
{
        for (size_t i = 0; i < r->targets.n; i++) {
                Target *t = &r->targets.items[i];
                int n = publish_target(r, t);

                if (n == 0)
                        continue;
                note(r, "%s: not published: %s", t->path, strerror(-n));
                report(r, t, "failed", t->published.ver);
                r->report->n_failed++;
        }
}

/* B4: whatever is wrong with the list, the hosts get their sets. */
static void publish_revocations(Run *r)
{
        const PublishedList *before = &r->list;
        SetError error;
        int n;

        if (before->exists && !before->payload && !may_replace(r, before->hash)) {
                note(r, "%s is not signed by this key: publish --replace %s overwrites it",
                     before->path, before->hash);
                r->report->list_failed = true;
                return;
        }
        n = publish_list(r->l, r->key, r->request, before, r->revision, r->gid,
                         &r->report->list_published, &error);
        if (n == 0)
                return;
        r->report->list_failed = true;
        note(r, "%s: not published: %s%s%s", before->path, *error.code ? error.code : strerror(-n),
             *error.code ? ": " : "", error.detail);
}

static int open_target(Run *r)
{
        const struct group *group = getgrnam(READER_GROUP);
        _cleanup_close_ int fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_mode & S_IWOTH)
                return -EPERM;
        r->gid = group ? group->gr_gid : st.st_gid;
        r->lock_fd = openat(fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (r->lock_fd < 0)
                return -errno;
        while (flock(r->lock_fd, LOCK_EX) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static int run(Run *r, char *error)
{
        int n;

        n = open_target(r);
        if (n == -EPERM)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s is writable by everybody: chmod o-w it",
                               r->dir);
        if (n == 0)
                n = targets_collect(r->l, r->key, r->dir, &r->targets);
        if (n == 0)
                n = published_list_read(r->l, r->key, r->dir, &r->list);
        if (n == 0)
                n = check_revisions(r, error);
        if (n == 0)
                plan_targets(r);
        if (n == 0)
                n = record(r);
        if (n == 0)
                n = ledger_revision(r->l, r->revision);
        if (n == 0) {
                publish_revocations(r);
                publish_targets(r);
        }
        if (n < 0 && *error == '\0')
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s: %s", r->dir, strerror(-n));
        return n;
}

int ledger_publish(Ledger *l, const SigningKey *key, const PublishRequest *request,
                   PublishReport *ret_report, char ret_error[static LEDGER_ERROR_MAX])
{
        Run r = { .l = l,
                  .key = key,
                  .request = request,
                  .report = ret_report,
                  .dir = request->target ? request->target : l->settings.publish,
                  .now_sec = request->now_usec / 1000000,
                  .lock_fd = -EBADF };
        int n;

        ret_error[0] = '\0';
        *ret_report = (PublishReport){ .hosts = json_array(), .notes = json_array() };
        if (!r.dir) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX,
                               "%s/ledger.json names no place to publish: add \"publish\", or use "
                               "publish --to",
                               l->path);
                n = -EINVAL;
        } else {
                n = run(&r, ret_error);
        }
        targets_done(&r.targets);
        published_list_done(&r.list);
        closep(&r.lock_fd);
        if (n < 0)
                publish_report_done(ret_report);
        return n;
}
