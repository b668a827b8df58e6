/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line to the terminals of a session a minute before its end: once per end, never waiting, only
 * to terminals that belong to the account. Where nothing can be written nothing is said. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#define WARN_BEFORE_USEC (60 * (int64_t)USEC_PER_SEC)
#define WARN_SLACK_USEC  (5 * (int64_t)USEC_PER_SEC) /* shorter sessions are not warned */
#define WARN_TTYS_MAX    8
#define WARN_PIDS_MAX    256
#define PTS_MAJOR_FIRST  136 /* Documentation/admin-guide/devices.txt */
#define PTS_MAJOR_LAST   143
#define TTY_MAJOR        4

/* Field 7 of /proc/PID/stat, counted from behind the name, which may hold anything. It only says
 * where to look: what is found there is judged by its owner. */
static dev_t process_tty(pid_t pid)
{
        char path[64], text[1024], *end;
        unsigned tty = 0;
        size_t n;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        n = fread(text, 1, sizeof(text) - 1, f);
        (void)fclose(f);
        text[n] = '\0';
        end = strrchr(text, ')');
        if (!end || sscanf(end + 1, " %*c %*d %*d %*d %u", &tty) != 1)
                return 0;
        return makedev((tty >> 8) & 0xfff, (tty & 0xff) | ((tty >> 12) & 0xfff00));
}

static bool tty_path(dev_t tty, char *ret, size_t size)
{
        unsigned major_number = major(tty);

        if (major_number >= PTS_MAJOR_FIRST && major_number <= PTS_MAJOR_LAST)
                (void)snprintf(ret, size, "/dev/pts/%u",
                               (major_number - PTS_MAJOR_FIRST) * 256 + minor(tty));
        else if (major_number == TTY_MAJOR && minor(tty) > 0 && minor(tty) < 64)
                (void)snprintf(ret, size, "/dev/tty%u", minor(tty));
        else
                return false;
        return true;
}

static void tty_write(dev_t tty, uid_t owner, const char *text)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        char path[64];

        if (!tty_path(tty, path, sizeof(path)))
                return;
        fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != tty ||
            st.st_uid != owner)
                return;
        if (write(fd, text, strlen(text)) < 0)
                return; /* a stopped terminal: nobody reads it now */
}

static void warn_now(Session *s, int64_t left_usec)
{
        pid_t pids[WARN_PIDS_MAX];
        dev_t seen[WARN_TTYS_MAX];
        size_t n_pids, n_seen = 0;
        char text[256], at[32] = "";
        time_t end = (time_t)s->end_sec;
        struct tm tm;

        if (gmtime_r(&end, &tm))
                (void)strftime(at, sizeof(at), "%H:%M:%S", &tm);
        (void)snprintf(
                text, sizeof(text),
                "\r\nnhi: the grant %s ends in %d s (%s UTC); this session ends with it.\r\n",
                s->tie.grant.jti, (int)((left_usec + 500000) / 1000000), at);
        n_pids = cgroup_pids(&s->group, pids, ELEMENTSOF(pids));
        for (size_t i = 0; i < n_pids && i < ELEMENTSOF(pids) && n_seen < ELEMENTSOF(seen); i++) {
                dev_t tty = process_tty(pids[i]);
                size_t j = 0;

                while (j < n_seen && seen[j] != tty)
                        j++;
                if (tty == 0 || j < n_seen)
                        continue;
                seen[n_seen++] = tty;
                tty_write(tty, s->tie.request.uid, text);
        }
}

static int64_t left_usec(const Session *s)
{
        Now now = s->registry->host.now(s->registry->host.userdata);
        int64_t real = usec_of_sec(s->end_sec) - now.real_usec;
        int64_t boot = s->boot_end_usec - now.boot_usec;

        return real < boot ? real : boot;
}

static int on_warn(sd_event_source *source, uint64_t usec, void *userdata)
{
        Session *s = userdata;
        int64_t left = left_usec(s);

        s->warn = sd_event_source_disable_unref(s->warn);
        if (s->state != SESSION_ACTIVE || s->warned_end_sec == s->end_sec)
                return 0;
        if (left > WARN_BEFORE_USEC + WARN_SLACK_USEC) {
                warn_arm(s); /* the end or the clock moved */
                return 0;
        }
        s->warned_end_sec = s->end_sec;
        warn_now(s, left);
        return 0;
}

void warn_arm(Session *s)
{
        int64_t left = left_usec(s);
        int r;

        s->warn = sd_event_source_disable_unref(s->warn);
        if (left < WARN_BEFORE_USEC || s->warned_end_sec == s->end_sec)
                return;
        r = sd_event_add_time_relative(s->registry->event, &s->warn, CLOCK_BOOTTIME,
                                       (uint64_t)(left - WARN_BEFORE_USEC), 0, on_warn, s);
        if (r >= 0)
                (void)sd_event_source_set_description(s->warn, "session-warn");
}
