/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sockets of an agent that nobody holds them for: where PID 1 is no systemd. Each is made ready
 * under another name first: nobody ever meets one that is open to more than it should be, and an
 * agent that takes over from one that died leaves no moment without. */

#include "nhi-agentd/listener-internal.h"
#include "nhi-agentd/set/localdb.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NEW_SUFFIX ".new"

typedef struct Place {
        const char *path, *group; /* NULL: root's */
        mode_t mode;
        int type, backlog;
} Place;

/* As in conf/units/nhi-agentd-*.socket, which say why. */
static const Place places[PEER_N] = {
        [PEER_PAM] = { PATH_PAM_SOCK, NULL, 0600, SOCK_SEQPACKET, SOMAXCONN },
        [PEER_CONTROL] = { PATH_CONTROL_SOCK, NULL, 0666, SOCK_STREAM, 128 },
        [PEER_KEYS] = { PATH_KEYS_SOCK, "nhi-keys", 0660, SOCK_SEQPACKET, SOMAXCONN },
        [PEER_FEED] = { PATH_FEED_SOCK, "nhi-fetch", 0660, SOCK_SEQPACKET, SOMAXCONN },
};

static int bind_new(int fd, const char *path)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        const size_t n = strlen(path);

        if (n >= sizeof(name.sun_path))
                return -ENAMETOOLONG;
        memcpy(name.sun_path, path, n + 1);
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        return bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
}

/* Nobody can connect before listen(), and nobody finds it before the rename. */
static int place_bind(const Place *p, gid_t gid, int fd)
{
        char fresh[sizeof(((struct sockaddr_un *)NULL)->sun_path) + sizeof(NEW_SUFFIX)];
        int r;

        (void)snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, p->path);
        r = bind_new(fd, fresh);
        if (r < 0)
                return r;
        if (chmod(fresh, p->mode) < 0 || (p->group && lchown(fresh, (uid_t)-1, gid) < 0) ||
            listen(fd, p->backlog) < 0 || rename(fresh, p->path) < 0)
                return -errno;
        return 0;
}

static int place_open(Listener *l, PeerKind kind)
{
        _cleanup_close_ int fd = -EBADF;
        const Place *p = &places[kind];
        uint32_t gid = 0;
        int r;

        if (p->group && !localdb_group(l->agent->local, p->group, &gid))
                return -ESRCH;
        fd = socket(AF_UNIX, p->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = place_bind(p, gid, fd);
        if (r == 0)
                r = listener_add(l, kind, fd);
        if (r == 0)
                (void)TAKE_FD(fd);
        return r;
}

int listener_bind(Listener *l, char ret_error[static AGENT_ERROR_MAX])
{
        for (unsigned k = 0; k < PEER_N; k++) {
                const int r = place_open(l, (PeerKind)k);

                if (r == -ESRCH)
                        (void)snprintf(ret_error, AGENT_ERROR_MAX,
                                       "%s: there is no group %s; systemd-sysusers makes it",
                                       places[k].path, places[k].group);
                else if (r < 0)
                        (void)snprintf(ret_error, AGENT_ERROR_MAX, "%s: %s", places[k].path,
                                       strerror(-r));
                if (r < 0)
                        return r;
        }
        return 0;
}
