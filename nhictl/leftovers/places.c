/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where leftovers lie. One table: whose directory, which names in it, how deep, and what counts. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/name.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

typedef enum Base {
        BASE_ROOT = 0, /* the host's: looked at only where a session had root */
        BASE_SHARED,   /* the host's, where accounts have files of their own */
        BASE_HOME,     /* every home directory of the scan */
        BASE_RUNTIME,  /* /run/user/UID of those */
} Base;

typedef enum Look {
        LOOK_FILES = 0, /* any file or link */
        LOOK_NAMED,     /* a file whose name is an account's: its own, whoever owns it */
        LOOK_DIRS,      /* a directory is one thing */
        LOOK_POWERS,    /* setuid, setgid, capabilities, devices */
        LOOK_AS_ROOT,   /* any file, but what its owner does there is the owner's business */
} Look;

typedef struct Place {
        LeftoverKind kind;
        Base base;
        const char *dir;
        const char *names; /* globs, with blanks between; NULL: all */
        unsigned depth;
        Look look;
} Place;

#define DEEP 40u

/* clang-format off: one a line */
static const Place places[] = {
        /* Where nobody but root can put anything comes first: no crowd hides it. */
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc",
          "crontab anacrontab cron.allow cron.deny at.allow at.deny", 0, LOOK_FILES },
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc/cron.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc/cron.hourly", NULL, 0, LOOK_FILES },
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc/cron.daily", NULL, 0, LOOK_FILES },
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc/cron.weekly", NULL, 0, LOOK_FILES },
        { LEFTOVER_CRON_TABLE, BASE_ROOT, "/etc/cron.monthly", NULL, 0, LOOK_FILES },
        { LEFTOVER_SYSTEM_UNIT, BASE_ROOT, "/etc/systemd", NULL, 3, LOOK_FILES },
        { LEFTOVER_SYSTEM_UNIT, BASE_ROOT, "/run/systemd/system", NULL, 2, LOOK_FILES },
        { LEFTOVER_SYSTEM_UNIT, BASE_ROOT, "/run/systemd/system.control", NULL, 2, LOOK_FILES },
        { LEFTOVER_SYSTEM_UNIT, BASE_ROOT, "/usr/local/lib/systemd", NULL, 3, LOOK_FILES },
        { LEFTOVER_SYSTEM_UNIT, BASE_ROOT, "/usr/lib/systemd",
          "*.service *.socket *.timer *.path *.conf *.mount *.target *-generator", 3, LOOK_FILES },
        { LEFTOVER_CONTAINER, BASE_ROOT, "/var/lib/docker/containers", NULL, 0, LOOK_DIRS },
        { LEFTOVER_CONTAINER, BASE_ROOT, "/var/lib/containers/storage/overlay-containers", NULL, 0,
          LOOK_DIRS },
        { LEFTOVER_CONTAINER, BASE_ROOT, "/etc/containers/systemd", NULL, 1, LOOK_FILES },
        { LEFTOVER_CONTAINER, BASE_ROOT, "/var/lib/lxc", NULL, 0, LOOK_DIRS },
        { LEFTOVER_CONTAINER, BASE_ROOT, "/var/lib/machines", NULL, 0, LOOK_DIRS },
        { LEFTOVER_SUDOERS, BASE_ROOT, "/etc", "sudoers sudo.conf doas.conf", 0, LOOK_FILES },
        { LEFTOVER_SUDOERS, BASE_ROOT, "/etc/sudoers.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_PAM, BASE_ROOT, "/etc", "pam.conf nsswitch.conf", 0, LOOK_FILES },
        { LEFTOVER_PAM, BASE_ROOT, "/etc/pam.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_PAM, BASE_ROOT, "/etc/security", NULL, 2, LOOK_FILES },
        { LEFTOVER_PAM, BASE_ROOT, "/usr/lib", "pam_*.so libnss_*.so*", 2, LOOK_FILES },
        { LEFTOVER_PAM, BASE_ROOT, "/usr/lib64", "pam_*.so libnss_*.so*", 1, LOOK_FILES },
        { LEFTOVER_SSHD, BASE_ROOT, "/etc/ssh", NULL, 2, LOOK_FILES },
        { LEFTOVER_ACCOUNTS, BASE_ROOT, "/etc",
          "passwd shadow group gshadow subuid subgid login.defs shells", 0, LOOK_FILES },
        { LEFTOVER_NHI, BASE_ROOT, "/etc/nhi", NULL, 2, LOOK_FILES },
        { LEFTOVER_PRELOAD, BASE_ROOT, "/etc", "ld.so.preload ld.so.conf environment", 0,
          LOOK_FILES },
        { LEFTOVER_PRELOAD, BASE_ROOT, "/etc/ld.so.conf.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_PROFILE, BASE_ROOT, "/etc",
          "profile bash.bashrc bashrc zsh* csh.* environment.d", 0, LOOK_FILES },
        { LEFTOVER_PROFILE, BASE_ROOT, "/etc/profile.d", NULL, 1, LOOK_FILES },
        { LEFTOVER_PROFILE, BASE_ROOT, "/etc/zsh", NULL, 1, LOOK_FILES },
        { LEFTOVER_PROFILE, BASE_ROOT, "/etc/skel", NULL, 2, LOOK_FILES },
        { LEFTOVER_PROFILE, BASE_ROOT, "/etc/xdg/autostart", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc", "rc.local inittab fstab crypttab modules", 0,
          LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/init.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/udev/rules.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/run/udev/rules.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/modules-load.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/modprobe.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/tmpfiles.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/sysctl.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/binfmt.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/initramfs-tools", NULL, 3, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/dracut.conf.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/default", NULL, 1, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/network", NULL, 2, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/NetworkManager/dispatcher.d", NULL, 2, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/update-motd.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/logrotate.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/apt", "*.conf [0-9]*", 1, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/dpkg", NULL, 1, LOOK_FILES },
        { LEFTOVER_BOOT, BASE_ROOT, "/etc/kernel", NULL, 2, LOOK_FILES },
        { LEFTOVER_POLICY, BASE_ROOT, "/etc/polkit-1", NULL, 3, LOOK_FILES },
        { LEFTOVER_POLICY, BASE_ROOT, "/usr/share/polkit-1/rules.d", NULL, 0, LOOK_FILES },
        { LEFTOVER_POLICY, BASE_ROOT, "/etc/dbus-1", NULL, 2, LOOK_FILES },
        { LEFTOVER_POLICY, BASE_ROOT, "/etc/selinux", "config", 0, LOOK_FILES },
        { LEFTOVER_POLICY, BASE_ROOT, "/etc/apparmor.d", NULL, 2, LOOK_FILES },

        { LEFTOVER_POSIX_IPC, BASE_SHARED, "/dev/shm", NULL, 1, LOOK_FILES },
        { LEFTOVER_POSIX_IPC, BASE_SHARED, "/dev/mqueue", NULL, 0, LOOK_FILES },
        { LEFTOVER_CRONTAB, BASE_SHARED, "/var/spool/cron/crontabs", NULL, 0, LOOK_NAMED },
        { LEFTOVER_CRONTAB, BASE_SHARED, "/var/spool/cron", NULL, 0, LOOK_NAMED },
        { LEFTOVER_AT_JOB, BASE_SHARED, "/var/spool/cron/atjobs", "[!.]*", 0, LOOK_FILES },
        { LEFTOVER_AT_JOB, BASE_SHARED, "/var/spool/at", "[!.]*", 0, LOOK_FILES },
        { LEFTOVER_LINGER, BASE_SHARED, "/var/lib/systemd/linger", NULL, 0, LOOK_NAMED },

        { LEFTOVER_USER_UNIT, BASE_HOME, ".config/systemd/user", NULL, 2, LOOK_FILES },
        { LEFTOVER_USER_UNIT, BASE_HOME, ".local/share/systemd/user", NULL, 2, LOOK_FILES },
        { LEFTOVER_USER_UNIT, BASE_RUNTIME, "systemd/transient", NULL, 1, LOOK_FILES },
        { LEFTOVER_USER_UNIT, BASE_RUNTIME, "systemd/user", NULL, 2, LOOK_FILES },
        { LEFTOVER_USER_UNIT, BASE_RUNTIME, "systemd/user.control", NULL, 2, LOOK_FILES },
        { LEFTOVER_AUTHORIZED_KEYS, BASE_HOME, ".ssh", "authorized_keys authorized_keys2 rc", 0,
          LOOK_FILES },
        { LEFTOVER_CONTAINER, BASE_HOME, ".local/share/containers/storage/overlay-containers", NULL,
          0, LOOK_DIRS },
        { LEFTOVER_PROFILE, BASE_HOME, "",
          ".profile .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .zshrc .zshenv "
          ".zprofile .zlogin .zlogout .kshrc .cshrc .tcshrc .login .logout .vimrc .pam_environment",
          0, LOOK_AS_ROOT },
        { LEFTOVER_PROFILE, BASE_HOME, ".ssh", "config environment", 0, LOOK_AS_ROOT },
        { LEFTOVER_PROFILE, BASE_HOME, ".config/autostart", NULL, 0, LOOK_AS_ROOT },

        { LEFTOVER_SETUID, BASE_SHARED, "/tmp", NULL, DEEP, LOOK_POWERS },
        { LEFTOVER_SETUID, BASE_SHARED, "/var/tmp", NULL, DEEP, LOOK_POWERS },
        { LEFTOVER_SETUID, BASE_SHARED, "/dev/shm", NULL, DEEP, LOOK_POWERS },
        { LEFTOVER_SETUID, BASE_SHARED, "/run/lock", NULL, DEEP, LOOK_POWERS },
        { LEFTOVER_SETUID, BASE_HOME, "", NULL, DEEP, LOOK_POWERS },
        { LEFTOVER_SETUID, BASE_RUNTIME, "", NULL, DEEP, LOOK_POWERS },

        /* Last: where bounds end a scan, they end this. */
        { LEFTOVER_SETUID, BASE_ROOT, "/", NULL, DEEP, LOOK_POWERS },
};
/* clang-format on */

/* ---- powers of a file --------------------------------------------------------------------------
 */

static bool has_capability(const Entry *e)
{
        _cleanup_close_ int fd = openat(e->dir_fd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char path[32], value[64];

        if (fd < 0)
                return false;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return getxattr(path, "security.capability", value, sizeof(value)) > 0;
}

/* setgid without execution by the group is what locks files, not what gives rights. */
static bool is_setuid(mode_t mode)
{
        return mode & S_ISUID || (mode & S_ISGID && mode & S_IXGRP);
}

static void see_powers(Scan *s, const Entry *e)
{
        const mode_t mode = e->st->st_mode;
        const int64_t usec = stat_usec(e->st);
        size_t n;

        if ((S_ISBLK(mode) || S_ISCHR(mode)) && e->st->st_rdev != makedev(0, 0))
                scan_found(s, LEFTOVER_DEVICE, e->path, e->st->st_uid, usec, true);
        if (!S_ISREG(mode))
                return;
        if (is_setuid(mode))
                scan_found(s, LEFTOVER_SETUID, e->path, e->st->st_uid, usec, false);
        else if (mode & 0111 && uses_find(s->uses, e->st->st_uid, usec, true, &n) &&
                 has_capability(e))
                scan_found(s, LEFTOVER_CAPABILITY, e->path, e->st->st_uid, usec, true);
}

/* ---- one entry ---------------------------------------------------------------------------------
 */

static bool name_is_wanted(const char *names, const char *name)
{
        while (names && *names) {
                const size_t size = strcspn(names, " ");
                char pattern[32];

                if (size < sizeof(pattern)) {
                        memcpy(pattern, names, size);
                        pattern[size] = '\0';
                        if (glob_match(pattern, name))
                                return true;
                }
                names += size + (names[size] == ' ');
        }
        return !names;
}

static uint32_t uid_of_name(const Scan *s, const char *name, uint32_t otherwise)
{
        for (size_t i = 0; i < s->uses->n; i++) {
                if (streq(s->uses->items[i].account, name))
                        return s->uses->items[i].uid;
                if (streq(s->uses->items[i].target, name))
                        return s->uses->items[i].target_uid;
        }
        return otherwise;
}

static void see_entry(Scan *s, const Entry *e, void *userdata)
{
        const Place *p = userdata;
        const bool is_dir = S_ISDIR(e->st->st_mode);
        uint32_t owner = e->st->st_uid;

        if (!name_is_wanted(p->names, e->name))
                return;
        if (p->look == LOOK_POWERS) {
                see_powers(s, e);
                return;
        }
        if (is_dir != (p->look == LOOK_DIRS))
                return;
        if (p->look == LOOK_NAMED)
                owner = uid_of_name(s, e->name, owner);
        scan_found(s, p->kind, e->path, owner, stat_usec(e->st),
                   p->look == LOOK_AS_ROOT || p->base == BASE_ROOT);
}

/* ---- one place ---------------------------------------------------------------------------------
 */

static void look_at_homes(Scan *s, const Place *p)
{
        for (size_t i = 0; i < s->n_homes; i++) {
                char runtime[64];
                const Home *h = &s->homes[i];

                (void)snprintf(runtime, sizeof(runtime), "/run/user/%u", h->uid);
                walk(s, p->base == BASE_HOME ? h->path : runtime, p->dir, p->depth, see_entry,
                     (void *)(uintptr_t)p);
        }
}

static bool is_home(const Scan *s, Base base, const char *path)
{
        for (size_t i = 0; i < s->n_homes; i++) {
                char runtime[64];

                (void)snprintf(runtime, sizeof(runtime), "/run/user/%u", s->homes[i].uid);
                if (streq(base == BASE_HOME ? s->homes[i].path : runtime, path))
                        return true;
        }
        return false;
}

bool scan_has_seen(const Scan *s, const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                const Place *p = &places[i];

                if (p->look != LOOK_POWERS || p->base == BASE_ROOT)
                        continue;
                if (p->base == BASE_SHARED ? streq(p->dir, path) : is_home(s, p->base, path))
                        return true;
        }
        return false;
}

void scan_places(Scan *s)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                const Place *p = &places[i];

                s->is_last = i + 1 == ELEMENTSOF(places);
                if (p->base == BASE_HOME || p->base == BASE_RUNTIME)
                        look_at_homes(s, p);
                else if (p->base == BASE_SHARED || s->uses->has_root)
                        walk(s, p->dir, "", p->depth, see_entry, (void *)(uintptr_t)p);
        }
}
