/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sessions' state file (S09). Input: which cgroups are still there, then the file. What loads
 * is whole, counted and numbered from where no number was used; what is written of it loads again
 * as the same; a file that is refused leaves nothing half made and no number to be used twice. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "nhi-agentd/session/registry.h"
#include "tests/fuzz/fuzz.h"

#include <stdarg.h>

#define BOOT_ID  "2f1c9a3e-0b7d-4c55-9e61-7a30c4d8b912"
#define BOOT_SEC 1000
#define GROUP_ID 77u
#define DIR_FD   1000
#define PIDFD    1001

static const char *file_text;
static size_t file_size;
static char *written;
static unsigned groups_there, n_groups_open, n_pidfds_open;

int __wrap_file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret,
                             size_t *ret_size);
int __wrap_file_replace(const char *path, const void *data, size_t size, mode_t mode, uid_t uid,
                        gid_t gid, bool durable);
int __wrap_session_watch(Session *s);
void __wrap_cgroup_close(Cgroup *g);
int __wrap_process_cgroup(pid_t pid, char *ret, size_t size);
long __wrap_syscall(long number, ...);
int __wrap_close(int fd);
int64_t __wrap_now_boottime_usec(void);

int __wrap_file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret,
                             size_t *ret_size)
{
        (void)path;
        (void)owner;
        FUZZ_HOLDS(file_size <= size_max, "within the limit");
        *ret = malloc(file_size + 1);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, file_text, file_size);
        (*ret)[file_size] = '\0';
        *ret_size = file_size;
        return 0;
}

int __wrap_file_replace(const char *path, const void *data, size_t size, mode_t mode, uid_t uid,
                        gid_t gid, bool durable)
{
        (void)path;
        (void)uid;
        (void)gid;
        (void)durable;
        FUZZ_HOLDS(mode == 0600, "the state is nobody's business");
        free(written);
        written = strndup(data, size);
        return written ? 0 : -ENOMEM;
}

/* Some cgroups are there, some of those are another directory now. */
int __wrap_session_watch(Session *s)
{
        unsigned what = groups_there >> (s->number % 4 * 2) & 3;

        if (what < 2)
                return -ENOENT;
        s->group.dir_fd = DIR_FD;
        s->group.id = what == 2 ? GROUP_ID : GROUP_ID + 1;
        n_groups_open++;
        return 0;
}

void __wrap_cgroup_close(Cgroup *g)
{
        n_groups_open -= g->dir_fd == DIR_FD;
        *g = CGROUP_NONE;
}

int __wrap_process_cgroup(pid_t pid, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%s", pid % 2 ? "/system.slice/nhi-g-1-7.scope" : "/init.scope");
        return 0;
}

long __wrap_syscall(long number, ...)
{
        (void)number;
        n_pidfds_open++;
        return PIDFD;
}

int __wrap_close(int fd)
{
        FUZZ_HOLDS(fd == PIDFD && n_pidfds_open > 0, "what is closed was open");
        n_pidfds_open--;
        return 0;
}

int64_t __wrap_now_boottime_usec(void)
{
        return BOOT_SEC * INT64_C(1000000);
}

/* ---- what must hold ---- */

static void session_check(const Session *s)
{
        const AccessRequest *request = &s->tie.request;

        FUZZ_HOLDS(s->kind >= SESSION_SCOPE && s->kind <= SESSION_UNIT, "a session of some kind");
        FUZZ_HOLDS(s->state == SESSION_ACTIVE && !s->opening && !s->ending, "that is active");
        FUZZ_HOLDS(memchr(s->id, 0, sizeof(s->id)) && memchr(s->unit, 0, sizeof(s->unit)) &&
                           memchr(s->cgroup, 0, sizeof(s->cgroup)),
                   "texts with an end");
        FUZZ_HOLDS(request->account && request->class && s->tie.grant.jti && s->tie.grant.account,
                   "tied to a grant");
        FUZZ_HOLDS(!request->key || request->key == &s->tie.key, "with a key of its own");
        FUZZ_HOLDS(is_end_sec(s->end_sec) && is_end_sec(s->backstop.end_sec) &&
                           s->boot_end_usec >= 0 && s->boot_end_usec <= usec_of_sec(TIME_SEC_MAX) &&
                           s->backstop.boot_usec >= 0,
                   "with an end that can be reckoned with");
        FUZZ_HOLDS(s->group.dir_fd < 0 || s->group.id == GROUP_ID || s->group.id == GROUP_ID + 1,
                   "in a cgroup that is there, or in none");
        FUZZ_HOLDS(s->leader_pidfd < 0 || s->group.dir_fd >= 0, "its leader is looked for there");
        for (size_t i = 0; i < request->argv.n; i++)
                FUZZ_HOLDS(request->argv.items[i], "whole lists");
}

static void registry_check(const Sessions *r, int result)
{
        size_t n = 0, n_groups = 0, n_pidfds = 0;

        for (const Session *s = r->sessions; s; s = s->next, n++) {
                session_check(s);
                n_groups += s->group.dir_fd >= 0;
                n_pidfds += s->leader_pidfd >= 0;
        }
        FUZZ_HOLDS(n == r->n_sessions && n <= SESSIONS_MAX, "counted");
        FUZZ_HOLDS(n_groups == n_groups_open && n_pidfds == n_pidfds_open,
                   "no descriptor but the sessions'");
        FUZZ_HOLDS(r->reserved_number == r->next_number && r->next_number > 0, "a number to go on");
        FUZZ_HOLDS(result == 0 || r->next_number > BOOT_SEC, "and none twice");
}

static void registry_done(Sessions *r)
{
        while (r->sessions)
                (void)session_free(r->sessions);
        FUZZ_HOLDS(r->n_sessions == 0 && n_groups_open == 0 && n_pidfds_open == 0,
                   "nothing is left");
}

static int registry_load(Sessions *r, const char *text, size_t size)
{
        int result;

        *r = (Sessions){ .boot_id = BOOT_ID, .state_path = (char *)(uintptr_t) "/state" };
        file_text = text;
        file_size = size;
        result = sessions_load(r);
        registry_check(r, result);
        return result;
}

/* What the registry that was loaded from text writes; the sessions in turned order. */
static char *load_and_save(const char *text)
{
        Sessions r;

        FUZZ_HOLDS(registry_load(&r, text, strlen(text)) == 0, "what is written loads");
        FUZZ_HOLDS(sessions_save_now(&r) == 0, "and is written");
        registry_done(&r);
        return TAKE_PTR(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        char *once, *twice, *thrice;
        Sessions r;
        int result;

        groups_there = input_u8(&in);
        result = registry_load(&r, (const char *)in.data, in.size);
        if (result == 0 && sessions_save_now(&r) == 0) {
                registry_done(&r);
                once = TAKE_PTR(written);
                twice = load_and_save(once);
                thrice = load_and_save(twice);
                FUZZ_HOLDS(streq(once, thrice), "as the same");
                free(once);
                free(twice);
                free(thrice);
        } else {
                FUZZ_HOLDS(result < 0, "what loads is written");
                registry_done(&r);
        }
        return 0;
}
