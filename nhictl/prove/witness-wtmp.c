/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* wtmp, utmp(5): who had a terminal. A login without one (ssh HOST COMMAND) does not stand in it.
 */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/prove/witness.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <utmpx.h>

#define WTMP_SIZE_MAX (256u * 1024 * 1024)

static int64_t time_of(const struct utmpx *u)
{
        return (int64_t)u->ut_tv.tv_sec * (int64_t)USEC_PER_SEC + u->ut_tv.tv_usec;
}

/* These fields need no NUL at their end. */
#define FIELD_TEXT(p, field) proof_format((p), "%.*s", (int)sizeof(field), (field))

/* A terminal that somebody logs out of; NULL: all of them, the host goes down or comes up. Where
 * the next login or the next boot is what tells, it was over by then, and nobody saw when: sshd
 * that is killed writes no logout. */
static void close_line(Proof *p, const struct utmpx *u, const char *line, bool is_seen)
{
        size_t n = 0;

        for (size_t i = 0; i < p->terminals.n; i++) {
                Sighting *s = &p->sightings.items[p->terminals.items[i]];

                if (line && !streq(s->boot, line)) {
                        p->terminals.items[n++] = p->terminals.items[i];
                        continue;
                }
                s->end_usec = time_of(u);
                s->end_is_known = is_seen;
        }
        p->terminals.n = n;
}

static void open_line(Proof *p, const struct utmpx *u, const char *where, const char *line)
{
        const bool is_remote = u->ut_host[0] || strncmp(line, "pts/", 4) == 0;
        Sighting *s = proof_add(p, sightings);
        size_t *place;

        if (!s)
                return;
        place = proof_add(p, terminals);
        if (!place)
                return;
        *place = p->sightings.n - 1;
        *s = (Sighting){ .witness = WITNESS_WTMP,
                         .account = FIELD_TEXT(p, u->ut_user),
                         .class = is_remote ? "ssh" : "login",
                         .logind = "",
                         .boot = line, /* the terminal: what closes it */
                         .where = where,
                         .uid = PROVE_UNSET,
                         .audit_session = PROVE_UNSET,
                         .pid = u->ut_pid,
                         .start_usec = time_of(u),
                         .end_usec = PROVE_OPEN };
        p->witnesses[WITNESS_WTMP].n++;
}

static void take_record(Proof *p, const struct utmpx *u, const char *path, size_t i)
{
        const char *line = FIELD_TEXT(p, u->ut_line);

        switch (u->ut_type) {
        case USER_PROCESS:
                close_line(p, u, line, false);
                if (u->ut_user[0])
                        open_line(p, u, proof_format(p, "%s record %zu, %s", path, i + 1, line),
                                  line);
                break;
        case DEAD_PROCESS:
                close_line(p, u, line, true);
                break;
        case BOOT_TIME:
                close_line(p, u, NULL, false);
                break;
        case RUN_LVL:
                if (strncmp(u->ut_user, "shutdown", 8) == 0)
                        close_line(p, u, NULL, true);
                break;
        default:
                break;
        }
}

void wtmp_take(Proof *p, const char *path, const void *data, size_t size)
{
        struct utmpx u;

        for (size_t i = 0; (i + 1) * sizeof(u) <= size && !p->failed; i++) {
                memcpy(&u, (const char *)data + i * sizeof(u), sizeof(u));
                take_record(p, &u, path, i);
        }
        if (size % sizeof(u) != 0)
                proof_gap(p, GAP_WITNESS, p->since_usec, p->until_usec,
                          proof_format(p, "%s ends within a record: it is damaged", path));
}

/* 0; -ENOENT; another negative errno. */
static int read_file(Proof *p, const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > WTMP_SIZE_MAX)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        r = fd_read_all(fd, data, (size_t)st.st_size, &size);
        if (r == 0)
                wtmp_take(p, path, data, size);
        return r;
}

/* A system that writes utmp writes wtmp, too: where it is not there, somebody took it. */
void witness_wtmp(Proof *p, const char *dir, bool has_utmp, bool has_wtmpdb)
{
        WitnessState *w = &p->witnesses[WITNESS_WTMP];
        char path[512];
        int r;

        (void)snprintf(path, sizeof(path), "%s/wtmp.1", dir);
        (void)read_file(p, path);
        (void)snprintf(path, sizeof(path), "%s/wtmp", dir);
        r = read_file(p, path);
        w->is_there = r == 0;
        w->is_expected = has_utmp || (r < 0 && r != -ENOENT);
        if (r == 0)
                w->detail = proof_text(p, path);
        else if (r == -ENOENT && has_wtmpdb)
                w->detail = "no witness: this system keeps wtmpdb, which is not read";
        else
                w->detail = proof_format(p, "%s: %s", path, strerror(-r));
}
