/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* S12: what a session leaves behind is found, and under its grant. Promises L1 to L3 of
 * nhictl/leftovers/leftovers.h, on a private root. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"
#include "lib/wire/control.h"
#include "nhi-agentd/leftovers.h"
#include "tests/unit/log-fixture.h"

#include <fcntl.h>
#include <limits.h>

#define ACCOUNT_UID 70001u
#define TARGET_UID  110u
#define HOUR_USEC   INT64_C(3600000000)

typedef struct Host {
        char root[64];
        Uses uses;
} Host;

static Host host_new(void)
{
        Host h = { .root = "/tmp/nhi-test-left.XXXXXX" };

        assert_non_null(mkdtemp(h.root));
        return h;
}

static void host_free(Host *h)
{
        char line[128];

        uses_done(&h->uses);
        snprintf(line, sizeof(line), "rm -rf %s", h->root);
        assert_int_equal(system(line), 0);
}

static const char *host_path(const Host *h, const char *path)
{
        static char full[PATH_MAX];

        snprintf(full, sizeof(full), "%s%s", h->root, path);
        return full;
}

static void host_dirs(const Host *h, const char *path)
{
        char full[PATH_MAX];

        snprintf(full, sizeof(full), "%s", host_path(h, path));
        for (char *p = strchr(full + strlen(h->root) + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                (void)mkdir(full, 0755);
                *p = '/';
        }
}

static void host_file(const Host *h, const char *path, const char *text, mode_t mode)
{
        FILE *f;

        host_dirs(h, path);
        f = fopen(host_path(h, path), "we");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(host_path(h, path), mode), 0);
}

/* A session of the last hour until now. */
static void host_use(Host *h, const char *grant, uint32_t uid, const char *target,
                     uint32_t target_uid)
{
        char account[] = "svc", class[] = "ssh", session[] = "s1", jti[64], to[64];
        const int64_t now = now_realtime_usec();

        snprintf(jti, sizeof(jti), "%s", grant);
        snprintf(to, sizeof(to), "%s", target);
        assert_int_equal(uses_add(&h->uses, &(const Use){ .account = account,
                                                          .grant = jti,
                                                          .class = class,
                                                          .target = to,
                                                          .session = session,
                                                          .uid = uid,
                                                          .target_uid = target_uid,
                                                          .begin_usec = now - HOUR_USEC,
                                                          .end_usec = now + HOUR_USEC,
                                                          .has_root = target_uid == 0 }),
                         0);
}

static void host_use_root(Host *h)
{
        host_use(h, "g-root", ACCOUNT_UID, "root", 0);
}

static const Leftover *find(const Scan *s, LeftoverKind kind, const char *what)
{
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].kind == kind && streq(s->items[i].what, what))
                        return &s->items[i];
        return NULL;
}

static Scan host_scan(const Host *h, const json_t *sessions)
{
        Scan s;

        assert_int_equal(scan_run(&s, h->root, &h->uses, sessions), 0);
        return s;
}

/* ---- what is found ---- */

/* S12. A private root has one owner, who runs the test. */
static void each_kind_is_found_where_it_lies(void **state)
{
        static const struct {
                LeftoverKind kind;
                const char *path;
                mode_t mode;
        } planted[] = {
                { LEFTOVER_SETUID, "/tmp/.hidden/copy", 04755 },
                { LEFTOVER_SETUID, "/home/svc/copy", 02755 },
                { LEFTOVER_SETUID, "/opt/deep/in/copy", 04711 },
                { LEFTOVER_POSIX_IPC, "/dev/shm/segment", 0600 },
                { LEFTOVER_CRONTAB, "/var/spool/cron/crontabs/svc", 0600 },
                { LEFTOVER_AT_JOB, "/var/spool/cron/atjobs/a00001", 0700 },
                { LEFTOVER_LINGER, "/var/lib/systemd/linger/svc", 0644 },
                { LEFTOVER_USER_UNIT, "/home/svc/.config/systemd/user/default.target.wants/x.timer",
                  0644 },
                { LEFTOVER_AUTHORIZED_KEYS, "/home/svc/.ssh/authorized_keys", 0600 },
                { LEFTOVER_AUTHORIZED_KEYS, "/root/.ssh/authorized_keys", 0600 },
                { LEFTOVER_CRON_TABLE, "/etc/cron.d/x", 0644 },
                { LEFTOVER_SYSTEM_UNIT, "/etc/systemd/system/x.service", 0644 },
                { LEFTOVER_SYSTEM_UNIT, "/usr/lib/systemd/system/x.timer", 0644 },
                { LEFTOVER_SUDOERS, "/etc/sudoers.d/x", 0440 },
                { LEFTOVER_PAM, "/etc/pam.d/sshd", 0644 },
                { LEFTOVER_SSHD, "/etc/ssh/sshd_config.d/x.conf", 0644 },
                { LEFTOVER_ACCOUNTS, "/etc/shadow", 0640 },
                { LEFTOVER_NHI, "/etc/nhi/exempt.d/x", 0644 },
                { LEFTOVER_PRELOAD, "/etc/ld.so.preload", 0644 },
                { LEFTOVER_PROFILE, "/root/.bashrc", 0644 },
                { LEFTOVER_PROFILE, "/etc/profile.d/x.sh", 0644 },
                { LEFTOVER_BOOT, "/etc/rc.local", 0755 },
                { LEFTOVER_POLICY, "/etc/polkit-1/rules.d/x.rules", 0644 },
        };
        Host h = host_new();
        Scan s;

        for (size_t i = 0; i < ELEMENTSOF(planted); i++)
                host_file(&h, planted[i].path, "x\n", planted[i].mode);
        host_file(&h, "/etc/passwd",
                  "root:x:0:0::/root:/bin/sh\nsvc:x:70001:70001::/home/svc:/bin/sh\n", 0644);
        host_dirs(&h, "/var/lib/docker/containers/0123abcd/");
        host_file(&h, "/root/.bash_history", "x\n", 0600);
        host_use_root(&h);
        s = host_scan(&h, NULL);
        for (size_t i = 0; i < ELEMENTSOF(planted); i++) {
                const Leftover *l = find(&s, planted[i].kind, planted[i].path);

                if (!l)
                        fail_msg("%s is not found", planted[i].path);
                assert_string_equal(l->use->grant, "g-root");
        }
        assert_non_null(find(&s, LEFTOVER_CONTAINER, "/var/lib/docker/containers/0123abcd"));
        assert_null(find(&s, LEFTOVER_PROFILE, "/root/.bash_history"));
        assert_false(s.is_cut);
        scan_done(&s);
        host_free(&h);
}

static void what_was_there_before_is_not_found(void **state)
{
        Host h = host_new();
        Scan s;

        host_file(&h, "/etc/cron.d/x", "x\n", 0644);
        host_file(&h, "/tmp/copy", "x\n", 04755);
        host_use_root(&h);
        h.uses.items[0].begin_usec = now_realtime_usec() + HOUR_USEC / 2;
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 0);
        scan_done(&s);
        host_free(&h);
}

/* What the account itself may do in its own files is no news; nor is what root's other hands did.
 */
static void without_root_only_the_accounts_own_things_count(void **state)
{
        Host h = host_new();
        Scan s;

        host_file(&h, "/etc/cron.d/x", "x\n", 0644);
        host_file(&h, "/tmp/copy", "x\n", 04755);
        host_file(&h, "/tmp/plain", "x\n", 0755);
        host_file(&h, "/dev/shm/segment", "x\n", 0600);
        host_use(&h, "g-1", getuid(), "", USE_NOBODY);
        h.uses.items[0].has_root = false;
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 2);
        assert_non_null(find(&s, LEFTOVER_SETUID, "/tmp/copy"));
        assert_non_null(find(&s, LEFTOVER_POSIX_IPC, "/dev/shm/segment"));
        scan_done(&s);
        h.uses.items[0].uid = getuid() + 1;
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 0);
        scan_done(&s);
        host_free(&h);
}

/* L2: also where a whole directory of the home is one. */
static void no_link_is_followed(void **state)
{
        Host h = host_new();
        Scan s;

        host_file(&h, "/etc/passwd", "svc:x:70001:70001::/home/svc:/bin/sh\n", 0644);
        host_file(&h, "/elsewhere/systemd/user/x.service", "x\n", 0644);
        host_dirs(&h, "/home/svc/");
        host_dirs(&h, "/tmp/");
        assert_int_equal(symlink("../../elsewhere", host_path(&h, "/home/svc/.config")), 0);
        assert_int_equal(symlink("/", host_path(&h, "/tmp/round")), 0);
        assert_int_equal(symlink("..", host_path(&h, "/tmp/up")), 0);
        host_use(&h, "g-1", ACCOUNT_UID, "", getuid());
        h.uses.items[0].has_root = false;
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 0);
        scan_done(&s);
        host_free(&h);
}

/* /home may be one, on /var. */
static void a_link_that_only_root_can_have_put_there_is_followed(void **state)
{
        Host h = host_new();
        Scan s;

        host_file(&h, "/etc/passwd", "svc:x:70001:70001::/home/svc:/bin/sh\n", 0644);
        host_file(&h, "/var/home/svc/.ssh/authorized_keys", "x\n", 0600);
        assert_int_equal(symlink("var/home", host_path(&h, "/home")), 0);
        host_use(&h, "g-1", ACCOUNT_UID, "", getuid());
        h.uses.items[0].has_root = false;
        assert_int_equal(chmod(h.root, 0755), 0);
        s = host_scan(&h, NULL);
        assert_non_null(find(&s, LEFTOVER_AUTHORIZED_KEYS, "/home/svc/.ssh/authorized_keys"));
        scan_done(&s);
        assert_int_equal(chmod(h.root, 01777), 0);
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 0);
        scan_done(&s);
        host_free(&h);
}

/* What cannot be named is never taken for nothing, and keeps nothing else from being found. */
static void a_path_that_is_too_long_is_said(void **state)
{
        Host h = host_new();
        char name[NAME_MAX + 1];
        Scan s;

        memset(name, 'd', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        host_dirs(&h, "/tmp/");
        for (unsigned i = 0; i < 20; i++) {
                int fd = open(host_path(&h, i == 0 ? "/tmp" : "/tmp/top"), O_PATH | O_CLOEXEC);

                assert_true(fd >= 0);
                if (i == 0)
                        assert_int_equal(mkdirat(fd, "top", 0755), 0);
                for (unsigned k = 1; k < i; k++) {
                        int next = openat(fd, name, O_PATH | O_CLOEXEC);

                        (void)close(fd);
                        fd = next;
                }
                if (i > 0)
                        assert_int_equal(mkdirat(fd, name, 0755), 0);
                (void)close(fd);
        }
        host_file(&h, "/opt/copy", "", 04755);
        host_use_root(&h);
        s = host_scan(&h, NULL);
        assert_true(scan_is_cut(&s));
        assert_int_equal(s.n_unseen, 1);
        assert_non_null(find(&s, LEFTOVER_SETUID, "/opt/copy"));
        scan_done(&s);
        host_free(&h);
}

/* Whoever may write somewhere hides nothing elsewhere by filling that. */
static void a_crowd_hides_nothing_but_itself(void **state)
{
        Host h = host_new();
        Scan s;

        host_use_root(&h);
        host_file(&h, "/etc/passwd", "svc:x:70001:70001::/home/svc:/bin/sh\n", 0644);
        host_file(&h, "/etc/cron.d/x", "", 0644);
        host_file(&h, "/opt/copy", "", 04755);
        for (unsigned i = 0; i < 3000; i++) {
                char path[64];

                snprintf(path, sizeof(path), "%s/%u", i % 2 ? "/tmp" : "/home/svc", i);
                host_file(&h, path, "", i < 500 ? 04755 : 0644);
                if (i < 500)
                        assert_int_equal(lchown(host_path(&h, path), ACCOUNT_UID, 0) ||
                                                 chmod(host_path(&h, path), 04755),
                                         0);
        }
        s = (Scan){ .uses = &h.uses, .entries_max = 400, .deadline_usec = UINT64_MAX };
        s.root_fd = open(h.root, O_PATH | O_CLOEXEC);
        scan_homes(&s);
        scan_places(&s);
        assert_true(s.is_cut);
        assert_true(s.n_entries <= 400);
        assert_non_null(find(&s, LEFTOVER_CRON_TABLE, "/etc/cron.d/x"));
        assert_non_null(find(&s, LEFTOVER_SETUID, "/opt/copy"));
        scan_done(&s);
        s = host_scan(&h, NULL);
        assert_int_equal(s.n_of[LEFTOVER_SETUID][0], LEFTOVERS_KIND_MAX / 2);
        assert_int_equal(s.n_more, 500 - LEFTOVERS_KIND_MAX / 2);
        assert_non_null(find(&s, LEFTOVER_SETUID, "/opt/copy"));
        scan_done(&s);
        host_free(&h);
}

/* The agent takes requests of CONTROL_REQUEST_MAX: paths that are as long as can be are told in
 * more of them. */
static void what_is_told_fits_into_a_request(void **state)
{
        char account[] = "svc", text[] = "g", what[PATH_MAX];
        const Use use = {
                .account = account, .grant = text, .class = text, .target = text, .session = text
        };
        Leftover items[CONTROL_LEFTOVERS_MAX];
        Scan s = { .root_fd = -EBADF, .items = items, .n = ELEMENTSOF(items) };
        Memory m = { .told = json_array() };
        size_t at = 0, told = 0;

        memset(what, '"', sizeof(what) - 1);
        what[sizeof(what) - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                items[i] = (Leftover){ .what = what, .use = &use, .n_uses = 1 };
        while (at < s.n) {
                size_t n = 0;
                json_t *found = leftovers_batch(&s, &m, CONTROL_LEFTOVERS_MAX, &at, &n);

                assert_true(n > 0);
                assert_int_equal(json_array_size(found), n);
                assert_true(json_dumpb(found, NULL, 0, JSON_COMPACT) < CONTROL_REQUEST_MAX - 512);
                told += n;
                json_decref(found);
        }
        assert_int_equal(told, s.n);
        memory_done(&m);
}

/* L3, at N and at N+1 */
static void what_is_found_is_bounded_and_counted(void **state)
{
        Host h = host_new();
        Scan s;

        host_use_root(&h);
        host_dirs(&h, "/etc/cron.d/");
        for (unsigned i = 0; i <= LEFTOVERS_KIND_MAX; i++) {
                char path[64];

                snprintf(path, sizeof(path), "/etc/cron.d/%u", i);
                if (i == LEFTOVERS_KIND_MAX) {
                        s = host_scan(&h, NULL);
                        assert_int_equal(s.n, LEFTOVERS_KIND_MAX);
                        assert_int_equal(s.n_more, 0);
                        scan_done(&s);
                }
                host_file(&h, path, "", 0644);
        }
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, LEFTOVERS_KIND_MAX);
        assert_int_equal(s.n_more, 1);
        scan_done(&s);
        host_free(&h);
}

/* L3 */
static void a_walk_ends_where_its_bound_is_and_says_so(void **state)
{
        Host h = host_new();
        Scan s;

        host_use_root(&h);
        for (unsigned i = 0; i < 20; i++) {
                char path[64];

                snprintf(path, sizeof(path), "/tmp/d%u/f", i);
                host_file(&h, path, "", 0644);
        }
        s = (Scan){ .uses = &h.uses, .entries_max = 10, .deadline_usec = UINT64_MAX };
        s.root_fd = open(h.root, O_PATH | O_CLOEXEC);
        scan_places(&s);
        assert_true(s.is_cut);
        assert_in_range(s.n_entries, 1, 10);
        scan_done(&s);
        host_free(&h);
}

static void ipc_objects_are_found_by_their_maker(void **state)
{
        const long long now = (long long)(now_realtime_usec() / 1000000);
        char text[1024];
        Host h = host_new();
        Scan s;

        snprintf(
                text, sizeof(text),
                "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
                "cuid  cgid      atime      dtime      ctime                   rss        swap\n"
                "0 7 600 64 1 1 0 70001 70001 70001 70001 0 0 %lld 0 0\n"
                "0 8 600 64 1 1 0 0 0 70001 70001 0 0 %lld 0 0\n"
                "0 9 600 64 1 1 0 33 33 33 33 0 0 %lld 0 0\n"
                "0 10 600 64 1 1 0 70001 70001 70001 70001 0 0 %lld 0 0\n"
                "0 11 600\n",
                now, now, now, now - 90000);
        host_file(&h, "/proc/sysvipc/shm", text, 0444);
        host_file(&h, "/proc/sysvipc/msg", "no headings\n", 0444);
        host_use(&h, "g-1", ACCOUNT_UID, "", USE_NOBODY);
        h.uses.items[0].has_root = false;
        s = host_scan(&h, NULL);
        assert_int_equal(s.n, 2);
        assert_non_null(find(&s, LEFTOVER_SYSV_IPC, "shm 7"));
        assert_non_null(find(&s, LEFTOVER_SYSV_IPC, "shm 8"));
        scan_done(&s);
        host_free(&h);
}

/* Names alone are no passport. */
static void transient_units_are_ours_only_where_that_is_known(void **state)
{
        static const char *const units[] = {
                "session-3.scope",    "session-4.scope",     "nhi-g-1-1.scope", "nhi-g-2-2.scope",
                "nhi-end-s5-1.timer", "nhi-end-s55-1.timer", "run-r1.service",
        };
        json_t *sessions = json_pack("[{s:s, s:s}]", "id", "s5", "scope", "nhi-g-1-1.scope");
        Host h = host_new();
        Scan s;

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                char path[128];

                snprintf(path, sizeof(path), "/run/systemd/transient/%s", units[i]);
                host_file(&h, path, "", 0644);
        }
        host_file(&h, "/run/systemd/sessions/3", "", 0644);
        host_use_root(&h);
        s = host_scan(&h, sessions);
        assert_int_equal(s.n, 4);
        assert_non_null(find(&s, LEFTOVER_TRANSIENT_UNIT, "session-4.scope"));
        assert_non_null(find(&s, LEFTOVER_TRANSIENT_UNIT, "nhi-g-2-2.scope"));
        assert_non_null(find(&s, LEFTOVER_TRANSIENT_UNIT, "nhi-end-s55-1.timer"));
        assert_non_null(find(&s, LEFTOVER_TRANSIENT_UNIT, "run-r1.service"));
        scan_done(&s);
        json_decref(sessions);
        host_free(&h);
}

/* ---- under which grant ---- */

static void the_nearest_use_is_named_and_the_others_counted(void **state)
{
        Host h = host_new();
        const int64_t now = now_realtime_usec();
        const Use *u;
        size_t n;

        host_use(&h, "g-own", ACCOUNT_UID, "", USE_NOBODY);
        h.uses.items[0].has_root = false;
        host_use(&h, "g-target", 70002, "postgres", TARGET_UID);
        host_use(&h, "g-root", 70003, "root", 0);
        u = uses_find(&h.uses, ACCOUNT_UID, now, false, &n);
        assert_string_equal(u->grant, "g-own");
        assert_int_equal(n, 2);
        u = uses_find(&h.uses, TARGET_UID, now, false, &n);
        assert_string_equal(u->grant, "g-target");
        u = uses_find(&h.uses, 33, now, false, &n);
        assert_string_equal(u->grant, "g-root");
        assert_int_equal(n, 1);
        u = uses_find(&h.uses, ACCOUNT_UID, now, true, &n);
        assert_string_equal(u->grant, "g-root");
        assert_null(uses_find(&h.uses, 0, now + 2 * HOUR_USEC, false, &n));
        host_free(&h);
}

/* A thousand logins of one pipeline are one use of its grant. */
static void uses_that_touch_are_one(void **state)
{
        Host h = host_new();

        for (unsigned i = 0; i < 1000; i++)
                host_use(&h, "g-1", ACCOUNT_UID, "", USE_NOBODY);
        assert_int_equal(h.uses.n, 1);
        for (unsigned i = 0; i < USES_MAX; i++) {
                char jti[32];

                snprintf(jti, sizeof(jti), "g-many-%u", i);
                host_use(&h, jti, ACCOUNT_UID, "", USE_NOBODY);
        }
        assert_int_equal(h.uses.n, USES_MAX);
        assert_int_equal(h.uses.n_more, 1);
        assert_string_equal(h.uses.items[USES_MAX - 1].grant, "g-many-4095");
        host_free(&h);
}

static void log_session(LogStore *s, const char *event, const char *session, const char *target)
{
        LogBody b;
        LogEntry e;

        log_body_init(&b, event);
        log_body_text(&b, LOG_FIELD_ACCOUNT, "svc");
        log_body_number(&b, LOG_FIELD_UID, ACCOUNT_UID);
        log_body_text(&b, LOG_FIELD_CLASS, "sudo");
        log_body_text(&b, LOG_FIELD_TARGET, target);
        log_body_text(&b, LOG_FIELD_GRANT, "g-1");
        log_body_text(&b, LOG_FIELD_SESSION, session);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data, .body_size = b.size };
        log_store_append(s, &e, 1);
        assert_int_equal(e.r, 0);
}

static bool uid_of(const char *name, uint32_t *ret)
{
        *ret = TARGET_UID;
        return streq(name, "postgres");
}

static void the_log_says_which_sessions_ended(void **state)
{
        LogDir d = log_dir_new(64 * 1024 * 1024);
        LogStore *s = log_dir_open(&d, NULL, 0);
        const int64_t now = now_realtime_usec();
        UseQuery q = { .dir = d.path, .since_usec = now - HOUR_USEC, .uid_of = uid_of };
        Uses u;

        log_session(s, "session-start", "s1", "postgres");
        log_session(s, "session-start", "s2", "root");
        log_session(s, "session-start", "s3", "");
        log_session(s, "session-end", "s2", "root");
        log_session(s, "session-end", "s1", "postgres");
        assert_int_equal(uses_load(&q, &u), 0);
        assert_int_equal(u.n, 2);
        assert_string_equal(u.items[0].session, "s2");
        assert_true(u.items[0].has_root && u.has_root);
        assert_int_equal(u.items[1].target_uid, TARGET_UID);
        assert_false(u.items[1].has_root);
        assert_true(u.items[1].begin_usec > now - HOUR_USEC);
        assert_true(u.items[1].begin_usec < u.items[1].end_usec);
        uses_done(&u);
        q.account = "other";
        assert_int_equal(uses_load(&q, &u), 0);
        assert_int_equal(u.n, 0);
        q.account = NULL;
        q.since_usec = now + HOUR_USEC;
        assert_int_equal(uses_load(&q, &u), 0);
        assert_int_equal(u.n, 0);
        log_store_free(s);
        log_dir_free(&d);
}

/* ---- once ---- */

static void what_was_told_is_told_again_only_when_it_changed(void **state)
{
        char what[] = "/tmp/copy", path[PATH_MAX];
        Leftover l = { .kind = LEFTOVER_SETUID, .what = what, .owner = 7, .since_usec = 5 };
        Host h = host_new();
        Memory m;

        snprintf(path, sizeof(path), "%s/memory", h.root);
        assert_int_equal(memory_load(path, &m), 0);
        assert_int_equal(m.since_sec, 0);
        assert_false(memory_has(&m, &l));
        assert_int_equal(memory_add(&m, &l), 0);
        m.since_sec = 42;
        m.is_cut = true;
        assert_int_equal(memory_save(&m, path), 0);
        memory_done(&m);
        assert_int_equal(memory_load(path, &m), 0);
        assert_int_equal(m.since_sec, 42);
        assert_true(m.is_cut);
        assert_true(memory_has(&m, &l));
        l.since_usec = 6;
        assert_false(memory_has(&m, &l));
        memory_done(&m);
        host_file(&h, "/memory", "{\"schema\":1,\"since\":9", 0600);
        assert_int_equal(memory_load(path, &m), 0);
        assert_int_equal(m.since_sec, 0);
        memory_done(&m);
        host_free(&h);
}

static void a_memory_is_bounded(void **state)
{
        char what[] = "/tmp/copy";
        Leftover l = { .kind = LEFTOVER_SETUID, .what = what };
        Memory m = { .told = json_array() };

        for (unsigned i = 0; i <= REMEMBERED_MAX; i++) {
                l.since_usec = i;
                assert_int_equal(memory_add(&m, &l), 0);
        }
        assert_int_equal(json_array_size(m.told), REMEMBERED_MAX);
        assert_true(memory_has(&m, &l));
        l.since_usec = 0;
        assert_false(memory_has(&m, &l));
        memory_done(&m);
}

/* However many sessions end, two starts lie so far apart. */
static void starts_are_few_however_many_sessions_end(void **state)
{
        const uint64_t now = 1000 * USEC_PER_SEC, rest = LEFTOVERS_REST_USEC;

        assert_int_equal(leftovers_wait_usec(0, 0, now), LEFTOVERS_DELAY_USEC);
        assert_int_equal(leftovers_wait_usec(now, 0, now), rest);
        assert_int_equal(leftovers_wait_usec(now - rest + 6000000, 0, now), 6000000);
        assert_int_equal(leftovers_wait_usec(now - rest, 0, now), LEFTOVERS_DELAY_USEC);
        assert_int_equal(leftovers_wait_usec(now + 1, 0, now), LEFTOVERS_DELAY_USEC);
        /* One that takes long is taken rarely. */
        assert_int_equal(leftovers_wait_usec(now - rest, 10 * USEC_PER_SEC, now),
                         200 * USEC_PER_SEC - rest);
        assert_int_equal(leftovers_wait_usec(now - rest, USEC_PER_SEC, now), LEFTOVERS_DELAY_USEC);
}

static void every_kind_says_why_and_what_to_do(void **state)
{
        for (LeftoverKind k = 0; k < LEFTOVER_KIND_N; k++)
                assert_true(*leftover_name(k) && *leftover_why(k) && *leftover_advice(k));
}

/* A line of /proc/self/mountinfo. */
static void host_mount(const Host *h, const char *path, const char *device, const char *type,
                       char text[static 16384])
{
        const size_t n = strlen(text);

        snprintf(text + n, 16384 - n, "%zu 1 %s / %s rw shared:1 - %s src rw\n", n, device,
                 host_path(h, path), type);
}

/* L4: what a server or a program answers for may never answer. */
static void what_is_mounted_from_elsewhere_is_not_touched(void **state)
{
        static const struct {
                const char *path, *device, *type;
        } mounts[] = {
                { "/home/svc/fuse", "0:50", "fuse.sshfs" },
                { "/home/svc/block", "8:17", "fuseblk" },
                { "/home/svc/nfs\\040of\\040a", "0:51", "nfs4" },
                { "/home/svc/disk", "8:18", "erofs" },
                { "/home/svc/mem", "0:52", "tmpfs" },
                { "/tmp", "0:53", "fuse.evil" },
                { "/home/away", "0:54", "nfs" },
                { "/home/linked", "0:55", "cifs" },
                { "/srv", "0:56", "autofs" },
                { "/srv", "8:19", "ext4" }, /* mounted upon it */
        };
        static const char *const files[] = {
                "/home/svc/fuse/x", "/home/svc/block/x", "/home/svc/nfs of a/x",
                "/home/svc/disk/x", "/home/svc/mem/x",   "/tmp/x",
                "/home/away/x",     "/home/linked/x",    "/srv/x"
        };
        static const bool is_seen[] = {
                false, false, false, true, true, false, false, false, true
        };
        Host h = host_new();
        char text[16384] = "";
        Scan s;

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++)
                host_mount(&h, mounts[i].path, mounts[i].device, mounts[i].type, text);
        host_file(&h, "/proc/self/mountinfo", text, 0444);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                host_file(&h, files[i], "x\n", 04755);
        assert_int_equal(symlink("home/linked", host_path(&h, "/link")), 0);
        host_file(&h, "/etc/passwd",
                  "svc:x:70001:70001::/home/svc:/bin/sh\na:x:3:3::/home/away:/bin/sh\n"
                  "b:x:4:4::/link:/bin/sh\n",
                  0644);
        host_use_root(&h);
        s = host_scan(&h, NULL);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if ((find(&s, LEFTOVER_SETUID, files[i]) != NULL) != is_seen[i])
                        fail_msg("%s", files[i]);
        assert_null(find(&s, LEFTOVER_SETUID, "/link/x"));
        assert_int_equal(s.n_unseen, 0);
        scan_done(&s);
        host_free(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_kind_is_found_where_it_lies),
                cmocka_unit_test(what_is_mounted_from_elsewhere_is_not_touched),
                cmocka_unit_test(what_was_there_before_is_not_found),
                cmocka_unit_test(without_root_only_the_accounts_own_things_count),
                cmocka_unit_test(no_link_is_followed),
                cmocka_unit_test(a_link_that_only_root_can_have_put_there_is_followed),
                cmocka_unit_test(a_path_that_is_too_long_is_said),
                cmocka_unit_test(a_crowd_hides_nothing_but_itself),
                cmocka_unit_test(what_is_told_fits_into_a_request),
                cmocka_unit_test(what_is_found_is_bounded_and_counted),
                cmocka_unit_test(a_walk_ends_where_its_bound_is_and_says_so),
                cmocka_unit_test(ipc_objects_are_found_by_their_maker),
                cmocka_unit_test(transient_units_are_ours_only_where_that_is_known),
                cmocka_unit_test(the_nearest_use_is_named_and_the_others_counted),
                cmocka_unit_test(uses_that_touch_are_one),
                cmocka_unit_test(the_log_says_which_sessions_ended),
                cmocka_unit_test(what_was_told_is_told_again_only_when_it_changed),
                cmocka_unit_test(a_memory_is_bounded),
                cmocka_unit_test(starts_are_few_however_many_sessions_end),
                cmocka_unit_test(every_kind_says_why_and_what_to_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
