/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/journal.h"

#include "lib/base/macro.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

struct Journal {
        int fd;
        struct sockaddr_un address;
        socklen_t address_size;
        uint64_t dropped, reported;
        char data[JOURNAL_ENTRY_MAX];
};

static void put_bytes(JournalEntry *e, const void *data, size_t size)
{
        if (e->failed || size > JOURNAL_ENTRY_MAX - e->size) {
                e->failed = true;
                return;
        }
        memcpy(e->data + e->size, data, size);
        e->size += size;
}

static bool is_one_line(const char *value, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)value[i] < 0x20)
                        return false;
        return true;
}

/* Values with control characters go length-carrying, so no text can become a field (O13). */
void journal_put(JournalEntry *e, const char *field, const char *value)
{
        const size_t size = strnlen(value, JOURNAL_TEXT_MAX);
        uint64_t size_le = htole64(size);

        put_bytes(e, field, strlen(field));
        if (is_one_line(value, size)) {
                put_bytes(e, "=", 1);
        } else {
                put_bytes(e, "\n", 1);
                put_bytes(e, &size_le, sizeof(size_le));
        }
        put_bytes(e, value, size);
        put_bytes(e, "\n", 1);
}

void journal_put_number(JournalEntry *e, const char *field, int64_t value)
{
        char text[24], *at = text + sizeof(text) - 1;
        uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

        *at = '\0';
        do
                *--at = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        if (value < 0)
                *--at = '-';
        journal_put(e, field, at);
}

int journal_new(const char *socket_path, Journal **ret)
{
        Journal *j;

        if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return -ENAMETOOLONG;
        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->address.sun_family = AF_UNIX;
        memcpy(j->address.sun_path, socket_path, strlen(socket_path) + 1);
        j->address_size =
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(socket_path) + 1);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (j->fd < 0) {
                int r = -errno;

                free(j);
                return r;
        }
        *ret = j;
        return 0;
}

Journal *journal_free(Journal *j)
{
        if (!j)
                return NULL;
        (void)close(j->fd);
        free(j);
        return NULL;
}

/* An entry over the socket's limit travels as a sealed memfd. */
static int send_memfd(Journal *j, const JournalEntry *e)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct msghdr m = {
                .msg_name = &j->address,
                .msg_namelen = j->address_size,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        _cleanup_close_ int fd = memfd_create("nhi-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        struct cmsghdr *c;

        if (fd < 0 || write(fd, e->data, e->size) != (ssize_t)e->size)
                return -EIO;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        return sendmsg(j->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_datagram(Journal *j, const JournalEntry *e)
{
        return send(j->fd, e->data, e->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Connected, the kernel need not look the path up each time. Whoever cannot be reached may have
 * been replaced at the path: look there once before an entry is lost. */
static int send_entry(Journal *j, const JournalEntry *e)
{
        int r;

        if (e->failed)
                return -E2BIG;
        r = send_datagram(j, e);
        if (r < 0 && r != -EMSGSIZE && r != -ENOBUFS) {
                if (connect(j->fd, (const struct sockaddr *)(const void *)&j->address,
                            j->address_size) < 0)
                        return -errno;
                r = send_datagram(j, e);
        }
        return r == -EMSGSIZE || r == -ENOBUFS ? send_memfd(j, e) : r;
}

void journal_event(Journal *j, const Event *e)
{
        JournalEntry entry = { .data = j->data };
        const uint64_t unreported = j->dropped - j->reported;

        event_format(e, &entry);
        if (unreported > 0)
                journal_put_number(&entry, "NHI_JOURNAL_DROPPED", (int64_t)unreported);
        if (send_entry(j, &entry) < 0)
                j->dropped++;
        else
                j->reported += unreported;
}

uint64_t journal_dropped(const Journal *j)
{
        return j->dropped;
}
