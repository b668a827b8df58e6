/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/terminal.h"

#include "nhi-agentd/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Documentation/admin-guide/devices.txt */
#define PTS_MAJOR_FIRST 136u
#define PTS_MAJOR_LAST  143u
#define TTY_MAJOR       4u
#define TTY_SERIAL      64u /* minors from here on are ttyS0 … */

/* It only says where to look: what is found there is judged by its owner. */
static dev_t process_terminal(pid_t pid)
{
        Process p;

        if (process_read(pid, &p) < 0)
                return 0;
        return makedev((p.terminal >> 8) & 0xfff,
                       (p.terminal & 0xff) | ((p.terminal >> 12) & 0xfff00));
}

static bool terminal_path(dev_t terminal, char *ret, size_t size)
{
        const unsigned major_number = major(terminal), minor_number = minor(terminal);

        if (major_number >= PTS_MAJOR_FIRST && major_number <= PTS_MAJOR_LAST)
                (void)snprintf(ret, size, "/dev/pts/%u",
                               (major_number - PTS_MAJOR_FIRST) * 256 + minor_number);
        else if (major_number == TTY_MAJOR && minor_number >= TTY_SERIAL)
                (void)snprintf(ret, size, "/dev/ttyS%u", minor_number - TTY_SERIAL);
        else if (major_number == TTY_MAJOR && minor_number > 0)
                (void)snprintf(ret, size, "/dev/tty%u", minor_number);
        else
                return false;
        return true;
}

static bool terminal_write(dev_t terminal, uid_t owner, const char *text)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        char path[64];

        if (!terminal_path(terminal, path, sizeof(path)))
                return false;
        fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != terminal ||
            st.st_uid != owner)
                return false;
        return write(fd, text, strlen(text)) > 0;
}

size_t terminal_tell(const pid_t *pids, size_t n, uid_t owner, const char *text)
{
        dev_t seen[TERMINALS_MAX] = { 0 };
        size_t n_seen = 0, told = 0;

        if (n > TERMINAL_PIDS_MAX)
                n = TERMINAL_PIDS_MAX;
        for (size_t i = 0; i < n && n_seen < ELEMENTSOF(seen); i++) {
                const dev_t terminal = process_terminal(pids[i]);
                size_t j = 0;

                while (j < n_seen && seen[j] != terminal)
                        j++;
                if (terminal == 0 || j < n_seen)
                        continue;
                seen[n_seen++] = terminal;
                told += terminal_write(terminal, owner, text);
        }
        return told;
}
