/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is there now: logind's sessions, and every process with the ids that the kernel keeps of it.
 */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/service.h"
#include "nhictl/prove/witness.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-login.h>

/* ---- logind ---- */

static const char *session_class(Proof *p, const char *id)
{
        _cleanup_free_ char *service = NULL;
        char buffer[SERVICE_SIZE_MAX + 1];
        const char *class;

        if (sd_session_get_service(id, &service) < 0)
                return "";
        class = service_class(service, buffer);
        return class ? proof_text(p, class) : "";
}

/* The first that was put into the session's scope: its leader, as long as that lives. */
static const Process *session_leader(const Proof *p, const char *id)
{
        const Process *leader = NULL;
        char scope[128];

        (void)snprintf(scope, sizeof(scope), "session-%s.scope", id);
        for (size_t i = 0; i < p->processes.n; i++) {
                const Process *x = &p->processes.items[i];

                if (streq(x->unit, scope) && (!leader || x->start_usec < leader->start_usec))
                        leader = x;
        }
        return leader;
}

static void session_take(Proof *p, const char *id)
{
        _cleanup_free_ char *state = NULL;
        const char *name;
        const Process *leader = session_leader(p, id);
        uid_t uid;
        Sighting *s;

        if (sd_session_get_uid(id, &uid) < 0)
                return; /* gone meanwhile */
        (void)sd_session_get_state(id, &state);
        name = p->host.name(p->host.userdata, uid);
        name = name ? proof_text(p, name) : proof_format(p, "uid %u", (unsigned)uid);
        s = proof_add(p, sightings);
        if (!s)
                return;
        *s = (Sighting){ .witness = WITNESS_SESSIONS,
                         .account = name,
                         .class = session_class(p, id),
                         .logind = proof_text(p, id),
                         .boot = "",
                         .where = proof_format(p, "session %s", id),
                         .uid = uid,
                         .audit_session = PROVE_UNSET,
                         .pid = leader ? leader->pid : 0,
                         .start_usec = leader ? leader->start_usec : p->until_usec,
                         .end_usec = PROVE_OPEN,
                         .end_is_known = !state || !streq(state, "closing") };
        p->witnesses[WITNESS_SESSIONS].n++;
}

void witness_sessions(Proof *p)
{
        WitnessState *w = &p->witnesses[WITNESS_SESSIONS];
        char **ids = NULL;
        const int n = sd_get_sessions(&ids);

        w->is_expected = true;
        w->is_there = n >= 0;
        w->detail = n >= 0 ? "logind" : proof_text(p, strerror(-n));
        for (int i = 0; i < n; i++) {
                session_take(p, ids[i]);
                free(ids[i]);
        }
        free(ids);
}

/* ---- processes ---- */

const char *cgroup_unit(const char *path, char *ret, size_t size)
{
        static const char slice[] = ".slice";

        ret[0] = '\0';
        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (n > 0 && !(n >= sizeof(slice) - 1 && strncmp(path + n - sizeof(slice) + 1,
                                                                 slice, sizeof(slice) - 1) == 0)) {
                        (void)snprintf(ret, size, "%.*s", (int)n, path);
                        break;
                }
                path += n;
        }
        return ret;
}

static bool read_text(int dir, const char *pid, const char *name, char *ret, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        ssize_t n;

        ret[0] = '\0';
        (void)snprintf(path, sizeof(path), "%s/%s", pid, name);
        fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, ret, size - 1) : -1;
        if (n < 0)
                return false;
        ret[n] = '\0';
        return true;
}

static uint32_t read_number(int dir, const char *pid, const char *name)
{
        char text[32], *end;
        unsigned long long n;

        if (!read_text(dir, pid, name, text, sizeof(text)))
                return PROVE_UNSET;
        errno = 0;
        n = strtoull(text, &end, 10);
        return errno == 0 && end != text && n < PROVE_UNSET ? (uint32_t)n : PROVE_UNSET;
}

/* Its name may hold anything, brackets too: what follows stands behind the last one. Field 3 is the
 * state, 22 the start in ticks since the boot (proc(5)). */
static bool parse_stat(const char *stat, char *ret_state, uint64_t *ret_ticks)
{
        const char *at = strrchr(stat, ')');

        if (!at || at[1] != ' ' || !at[2])
                return false;
        *ret_state = at[2];
        at += 2;
        for (unsigned i = 3; i < 22; i++) {
                at = strchr(at, ' ');
                if (!at)
                        return false;
                at++;
        }
        return sscanf(at, "%" SCNu64, ret_ticks) == 1;
}

static uint32_t effective_uid(const char *status)
{
        const char *at = strstr(status, "\nUid:");
        unsigned real, effective;

        return at && sscanf(at + 5, "%u %u", &real, &effective) == 2 ? effective : PROVE_UNSET;
}

/* "NSpid:\t500\t1": one number for each pid namespace that it is in. */
static bool is_contained(const char *status)
{
        const char *at = strstr(status, "\nNSpid:");
        unsigned outer, inner;

        return at && sscanf(at + 7, "%u%*[ \t]%u", &outer, &inner) == 2;
}

/* The unified hierarchy's line, "0::/...". */
static const char *unit_of(Proof *p, char *cgroup)
{
        char unit[256];
        char *at = strncmp(cgroup, "0::", 3) == 0 ? cgroup : strstr(cgroup, "\n0::");

        if (!at)
                return "";
        at += *at == '\n' ? 4 : 3;
        at[strcspn(at, "\n")] = '\0';
        return proof_text(p, cgroup_unit(at, unit, sizeof(unit)));
}

static void process_take(Proof *p, int dir, const char *pid, int64_t boot_usec)
{
        char stat[1024], status[4096], cgroup[4096], name[64];
        uint64_t ticks;
        Process *x;
        char state;

        if (!read_text(dir, pid, "stat", stat, sizeof(stat)) || !parse_stat(stat, &state, &ticks) ||
            state == 'Z' || state == 'X' ||
            !read_text(dir, pid, "status", status, sizeof(status)) ||
            !read_text(dir, pid, "cgroup", cgroup, sizeof(cgroup)))
                return; /* gone meanwhile */
        (void)read_text(dir, pid, "comm", name, sizeof(name));
        name[strcspn(name, "\n")] = '\0';
        x = proof_add(p, processes);
        if (!x)
                return;
        *x = (Process){ .pid = strtoll(pid, NULL, 10),
                        .start_usec = boot_usec + (int64_t)(ticks * USEC_PER_SEC /
                                                            (uint64_t)sysconf(_SC_CLK_TCK)),
                        .uid = effective_uid(status),
                        .loginuid = read_number(dir, pid, "loginuid"),
                        .audit_session = read_number(dir, pid, "sessionid"),
                        .unit = unit_of(p, cgroup),
                        .name = proof_text(p, name),
                        .is_contained = is_contained(status) };
        p->witnesses[WITNESS_PROCESSES].n++;
}

void witness_processes(Proof *p, const char *proc, int64_t boot_usec)
{
        WitnessState *w = &p->witnesses[WITNESS_PROCESSES];
        DIR *dir = opendir(proc);
        const struct dirent *e;

        w->is_expected = true;
        w->is_there = dir != NULL;
        w->detail = dir ? proof_text(p, proc) : proof_text(p, strerror(errno));
        if (!dir)
                return;
        while ((e = readdir(dir)))
                if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
                        process_take(p, dirfd(dir), e->d_name, boot_usec);
        (void)closedir(dir);
}
