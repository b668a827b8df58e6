/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world.h"

#include "lib/base/path.h"
#include "lib/gate/format.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

World world;

/* A wrapped function and its prototype. */
#define WRAP(type, name, ...)                                                                      \
        type __wrap_##name(__VA_ARGS__);                                                           \
        type __wrap_##name(__VA_ARGS__)

#define NONCE       UINT64_C(0x1122334455667788)
#define FD_FILE     1000 /* and so on, by FileName */
#define FD_SOCKET   1100
#define FD_LOW      1 /* where a host has closed its own */
#define OWNER_OTHER 4242

/* ---- memory -----------------------------------------------------------------------------------*/

#ifdef __has_include
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

/* One exchange is over 256 KiB, for which a sanitizer asks the kernel anew each time. There is one
 * at a time; its end is guarded all the same. */
#define LARGE_SIZE (200u * 1024)
static _Alignas(64) uint8_t large[512 * 1024];
static bool large_is_used;

WRAP(void *, calloc, size_t n, size_t size)
{
        if (n != 1 || size < LARGE_SIZE || size > sizeof(large) || large_is_used)
                return calloc(n, size);
        large_is_used = true;
        ASAN_UNPOISON_MEMORY_REGION(large, size);
        return memset(large, 0, size);
}

WRAP(void, free, void *p)
{
        if (p != large) {
                free(p);
                return;
        }
        FUZZ_HOLDS(large_is_used, "what is freed was there");
        large_is_used = false;
        ASAN_POISON_MEMORY_REGION(large, sizeof(large));
}

/* ---- setting up -------------------------------------------------------------------------------*/

static const char *const lawful[FILE_N] = {
        [FILE_GATES_RUN] = GATES_HEADER "\ngate ops enforce ssh,sudo svc-*,%ops\nend 1\n",
        [FILE_GATES_STATE] = GATES_HEADER "\ngate everyone enforce * *\naccount svc-deploy 70001\n"
                                          "end 2\n",
        [FILE_EXEMPT] = "root *\n",
        [FILE_EXEMPT_CONF] = "# people\njohn.* ssh\n",
        [FILE_EXEMPT_DIR] = "",
};

void world_init(const uint8_t *data, size_t size)
{
        FUZZ_HOLDS(!large_is_used, "nothing is forgotten");
        ASAN_POISON_MEMORY_REGION(large, sizeof(large));
        world = (World){ .in = { data, size }, .clock_usec = 1000000 };
        for (size_t i = 0; i < FILE_N; i++) {
                WorldFile *f = &world.files[i];

                f->kind = input_u8(&world.in) % FILE_KIND_N;
                if (f->kind == FILE_RAW) {
                        f->text = input_until(&world.in, 0x1e, &f->size);
                        continue;
                }
                f->text = strdup(lawful[i]);
                f->size = strlen(lawful[i]);
        }
}

void world_done(void)
{
        if (world.data_done)
                world.data_done(NULL, world.data, 0);
        for (size_t i = 0; i < FILE_N; i++)
                free(world.files[i].text);
        free(world.label);
}

const Person *person_find(const char *name, uid_t uid)
{
        for (size_t i = 0; i < ELEMENTSOF(people); i++)
                if (name ? streq(people[i].asked, name) : people[i].uid == uid)
                        return &people[i];
        return NULL;
}

bool world_allowed(const char *name)
{
        for (unsigned i = 0; i < world.n_allowed; i++)
                if (streq(world.allowed[i], name))
                        return true;
        return false;
}

/* ---- files ------------------------------------------------------------------------------------*/

static int fail(int error)
{
        errno = error;
        return -1;
}

static int file_open(FileName name)
{
        switch (world.files[name].kind) {
        case FILE_ABSENT:
                return fail(ENOENT);
        case FILE_SYMLINK:
                return fail(ELOOP);
        case FILE_REFUSED:
                return fail(EACCES);
        case FILE_NO_FD:
                return fail(EMFILE);
        default:
                world.n_open++;
                return FD_FILE + (int)name;
        }
}

static size_t positions[FILE_N];

WRAP(int, openat, int dir_fd, const char *path, int flags, ...)
{
        static const char *const paths[] = {
                [FILE_GATES_RUN] = PATH_GATES_RUN,
                [FILE_GATES_STATE] = PATH_GATES_STATE,
                [FILE_EXEMPT] = PATH_EXEMPT_FILE,
                [FILE_EXEMPT_CONF] = "people.conf",
        };

        FUZZ_HOLDS((flags & (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) ==
                           (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
                   "a file is opened with care");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (streq(paths[i], path)) {
                        FUZZ_HOLDS(dir_fd == (i == FILE_EXEMPT_CONF ? FD_FILE + FILE_EXEMPT_DIR
                                                                    : AT_FDCWD),
                                   "in its place");
                        positions[i] = 0;
                        return file_open((FileName)i);
                }
        FUZZ_HOLDS(false, "no file is opened but those that are specified");
        return -1;
}

WRAP(int, open, const char *path, int flags, ...)
{
        FUZZ_HOLDS(streq(path, PATH_EXEMPT_DIR) && flags & O_CLOEXEC && flags & O_DIRECTORY,
                   "the directory is opened as one");
        return file_open(FILE_EXEMPT_DIR);
}

WRAP(int, fstat, int fd, struct stat *ret)
{
        const WorldFile *f = &world.files[(fd - FD_FILE) % FILE_N];
        bool is_dir = fd == FD_FILE + FILE_EXEMPT_DIR || f->kind == FILE_DIRECTORY;

        FUZZ_HOLDS(fd >= FD_FILE && fd < FD_FILE + FILE_N, "an open file");
        *ret = (struct stat){ .st_mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
                              .st_uid = f->kind == FILE_OTHERS ? OWNER_OTHER : world.euid,
                              .st_size = (off_t)f->size };
        if (f->kind == FILE_WRITABLE)
                ret->st_mode |= 020;
        return 0;
}

WRAP(ssize_t, read, int fd, void *ret, size_t n)
{
        size_t *position = &positions[(fd - FD_FILE) % FILE_N];
        const WorldFile *f = &world.files[(fd - FD_FILE) % FILE_N];

        if (f->kind == FILE_BROKEN)
                return fail(EIO);
        if (n > f->size - *position)
                n = f->size - *position;
        memcpy(ret, f->text + *position, n);
        *position += n;
        return (ssize_t)n;
}

WRAP(off_t, lseek, int fd, off_t offset, int whence)
{
        FUZZ_HOLDS(offset == 0 && whence == SEEK_SET, "a file is read from its begin");
        positions[(fd - FD_FILE) % FILE_N] = 0;
        return 0;
}

WRAP(int, close, int fd)
{
        (void)fd;
        FUZZ_HOLDS(world.n_open > 0, "what is closed was open");
        world.n_open--;
        return 0;
}

static struct dirent entries[] = { { .d_name = "." },
                                   { .d_name = ".hidden.conf" },
                                   { .d_name = "people" },
                                   { .d_name = "people.conf" } };
static size_t next_entry;

WRAP(DIR *, fdopendir, int fd)
{
        (void)fd;
        next_entry = 0;
        return (DIR *)(void *)entries;
}

WRAP(struct dirent *, readdir, DIR *dir)
{
        (void)dir;
        return next_entry < ELEMENTSOF(entries) ? &entries[next_entry++] : NULL;
}

WRAP(int, dirfd, DIR *dir)
{
        (void)dir;
        return FD_FILE + FILE_EXEMPT_DIR;
}

WRAP(int, closedir, DIR *dir)
{
        (void)dir;
        return __wrap_close(FD_FILE + FILE_EXEMPT_DIR);
}

/* ---- people -----------------------------------------------------------------------------------*/

WRAP(uid_t, getuid, void)
{
        return world.uid;
}

WRAP(uid_t, geteuid, void)
{
        return world.euid;
}

WRAP(gid_t, getegid, void)
{
        return 0;
}

static int person_answer(const Person *p, struct passwd *entry, char *buffer, size_t size,
                         struct passwd **ret)
{
        *ret = NULL;
        if (!p)
                return 0;
        if (p->error)
                return p->error;
        if (strlen(p->name) >= size)
                return ERANGE;
        memcpy(buffer, p->name, strlen(p->name) + 1);
        *entry = (struct passwd){ .pw_name = buffer, .pw_uid = p->uid, .pw_gid = 100 };
        *ret = entry;
        return 0;
}

WRAP(int, getpwnam_r, const char *name, struct passwd *entry, char *buffer, size_t size,
     struct passwd **ret)
{
        return person_answer(person_find(name, 0), entry, buffer, size, ret);
}

WRAP(int, getpwuid_r, uid_t uid, struct passwd *entry, char *buffer, size_t size,
     struct passwd **ret)
{
        return person_answer(person_find(NULL, uid), entry, buffer, size, ret);
}

WRAP(int, getgrouplist, const char *user, gid_t gid, gid_t *ret, int *n)
{
        const Person *p = NULL;
        int room = *n, needed;

        for (size_t i = 0; i < ELEMENTSOF(people); i++)
                if (people[i].name && streq(people[i].name, user))
                        p = &people[i];
        needed = !p ? 1 : p->has_many_groups ? 100000 : p->in_ops ? 2 : 1;
        *n = needed;
        if (needed > room)
                return -1;
        ret[0] = gid;
        if (needed > 1)
                ret[1] = 500;
        return needed;
}

WRAP(int, getgrnam_r, const char *name, struct group *entry, char *buffer, size_t size,
     struct group **ret)
{
        (void)buffer;
        (void)size;
        *ret = NULL;
        if (streq(name, "broken"))
                return EIO;
        if (!streq(name, "ops"))
                return 0;
        *entry = (struct group){ .gr_gid = 500 };
        *ret = entry;
        return 0;
}

/* ---- the agent --------------------------------------------------------------------------------*/

/* What the input makes of a system call: mostly nothing. */
static int misfortune(const int *errors, size_t n)
{
        uint8_t chance = input_u8(&world.in);

        return chance < 192 ? 0 : errors[chance % n];
}

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ret)
{
        (void)clock;
        *ret = (struct timespec){ .tv_sec = (time_t)(world.clock_usec / 1000000),
                                  .tv_nsec = (long)(world.clock_usec % 1000000) * 1000 };
        return 0;
}

WRAP(ssize_t, getrandom, void *ret, size_t n, unsigned flags)
{
        const uint64_t nonce = NONCE;

        FUZZ_HOLDS(n == sizeof(nonce) && flags & GRND_NONBLOCK, "a nonce is not waited for");
        if (input_u8(&world.in) > 250)
                return fail(EAGAIN);
        memcpy(ret, &nonce, n);
        return (ssize_t)n;
}

WRAP(int, lstat, const char *path, struct stat *ret)
{
        uint8_t kind = input_u8(&world.in);

        FUZZ_HOLDS(streq(path, PATH_PAM_SOCK), "no socket but the agent's");
        if (kind > 240)
                return fail(ENOENT);
        *ret = (struct stat){ .st_mode = kind > 230 ? S_IFREG | 0600 : S_IFSOCK | 0600,
                              .st_uid = kind > 220 ? OWNER_OTHER : world.euid };
        return 0;
}

WRAP(int, socket, int domain, int type, int protocol)
{
        uint8_t kind = input_u8(&world.in);

        (void)protocol;
        FUZZ_HOLDS(domain == AF_UNIX && type & SOCK_CLOEXEC && type & SOCK_NONBLOCK,
                   "a socket that nobody inherits and that does not block");
        if (kind > 240)
                return fail(EMFILE);
        world.n_open++;
        return kind > 220 ? FD_LOW : FD_SOCKET;
}

WRAP(int, fcntl, int fd, int command, ...)
{
        FUZZ_HOLDS(fd == FD_LOW && command == F_DUPFD_CLOEXEC, "a low descriptor is moved up");
        if (input_u8(&world.in) > 240)
                return fail(EMFILE);
        world.n_open++;
        return FD_SOCKET;
}

WRAP(int, connect, int fd, const struct sockaddr *address, socklen_t size)
{
        static const int errors[] = { EAGAIN, ECONNREFUSED, ENOENT, EACCES, EINTR };
        int error = misfortune(errors, ELEMENTSOF(errors));

        (void)address;
        (void)size;
        FUZZ_HOLDS(fd == FD_SOCKET, "no standard descriptor is connected");
        world.n_connects++;
        return error ? fail(error) : 0;
}

WRAP(int, getsockopt, int fd, int level, int name, void *ret, socklen_t *size)
{
        uint8_t kind = input_u8(&world.in);
        struct ucred *peer = ret;

        (void)fd;
        FUZZ_HOLDS(level == SOL_SOCKET && name == SO_PEERCRED && *size == sizeof(*peer),
                   "the agent is asked who it is");
        if (kind > 250)
                return fail(ENOPROTOOPT);
        *peer = (struct ucred){ .uid = kind > 240 ? OWNER_OTHER : world.euid };
        world.asked = kind <= 240;
        return 0;
}

WRAP(int, poll, struct pollfd *p, nfds_t n, int timeout)
{
        uint8_t kind = input_u8(&world.in);

        world.n_polls++;
        world.n_waits += timeout > 0;
        FUZZ_HOLDS(timeout >= 0 && timeout <= 2001, "no wait beyond the deadline");
        FUZZ_HOLDS(world.n_polls < 5000, "no end of waiting");
        if (kind > 240) {
                world.clock_usec += (uint64_t)timeout * 500;
                return fail(EINTR);
        }
        if (n == 0 || kind > 128) {
                world.clock_usec += (uint64_t)timeout * 1000;
                return 0;
        }
        p->revents = kind > 120 ? POLLHUP : kind > 112 ? POLLNVAL : p->events;
        return 1;
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *m, int flags)
{
        static const int errors[] = { EAGAIN, EPIPE, ECONNRESET, ENOBUFS, EINTR };
        int error = misfortune(errors, ELEMENTSOF(errors));
        size_t size = m->msg_iov[0].iov_len;

        FUZZ_HOLDS(fd == FD_SOCKET && flags & MSG_NOSIGNAL && flags & MSG_DONTWAIT,
                   "sent without a signal and without blocking");
        FUZZ_HOLDS(world.asked, "to an agent whose owner was asked for");
        if (error)
                return fail(error);
        memcpy(world.message, m->msg_iov[0].iov_base, size);
        FUZZ_HOLDS(wire_request_decode(world.message, size, &world.request) == 0,
                   "a lawful request");
        FUZZ_HOLDS(world.request.real_uid == world.uid, "that says who asks");
        world.n_asked++;
        return (ssize_t)size;
}

/* The reply: lawful, or about another question, or from another type, or bytes of the input. */
static size_t reply_make(uint8_t kind, uint8_t *ret, size_t capacity)
{
        WireReply reply = { .type = WIRE_VERDICT,
                            .nonce = world.request.nonce,
                            .subject = world.request.subject,
                            .verdict = kind % 2,
                            .reason = wire_text(kind % 2 ? "granted" : "no-grant"),
                            .decision = 7 };
        char *message = NULL;
        size_t size = 0, at;

        if (kind & 2)
                reply.message = wire_text(message = input_until(&world.in, 0x1e, NULL));
        if (kind >> 2 == 1)
                reply.nonce++;
        if (kind >> 2 == 2)
                reply.subject = wire_text("root");
        if (kind >> 2 == 3)
                reply.type = WIRE_KEYS_LIST;
        if (wire_reply_encode(&reply, ret, capacity, &size) != 0)
                size = 0;
        for (at = 0; kind >> 2 == 4 && at < 4 && size > 0; at++)
                ret[input_u8(&world.in) % size] ^= input_u8(&world.in);
        if (kind >> 2 == 5)
                size = input_u8(&world.in) % (size + 1);
        free(message);
        return size;
}

/* Would anybody say that these bytes allow what was asked? */
static void reply_judge(const uint8_t *data, size_t size)
{
        const WireText *subject = &world.request.subject;
        WireReply r;

        if (wire_reply_decode(data, size, &r) != 0 || r.type != WIRE_VERDICT || r.verdict != 1 ||
            r.nonce != world.request.nonce || r.subject.size != subject->size ||
            memcmp(r.subject.data, subject->data, subject->size) != 0 || world.n_allowed >= 2)
                return;
        FUZZ_HOLDS(world.request.mode == WIRE_MODE_ENFORCE,
                   "only an enforced question is waited for");
        (void)wire_text_copy(*subject, world.allowed[world.n_allowed],
                             sizeof(world.allowed[world.n_allowed]));
        world.n_allowed++;
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *m, int flags)
{
        static const int errors[] = { EAGAIN, ECONNRESET, EINTR, ENOMEM };
        int error = misfortune(errors, ELEMENTSOF(errors));
        uint8_t kind;
        size_t size;

        FUZZ_HOLDS(fd == FD_SOCKET && flags & MSG_DONTWAIT && flags & MSG_CMSG_CLOEXEC,
                   "received without blocking");
        FUZZ_HOLDS(world.n_asked > 0, "what was asked for");
        if (error)
                return fail(error);
        kind = input_u8(&world.in) % 32;
        m->msg_flags = 0;
        size = reply_make(kind, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
        if (kind == 31)
                m->msg_flags = MSG_TRUNC;
        else
                reply_judge(m->msg_iov[0].iov_base, size);
        return (ssize_t)size;
}

/* ---- libpam -----------------------------------------------------------------------------------*/

WRAP(int, pam_get_item, const pam_handle_t *pamh, int item, const void **ret)
{
        (void)pamh;
        *ret = item == PAM_SERVICE ? world.service : item == PAM_USER ? world.user : world.label;
        return PAM_SUCCESS;
}

WRAP(int, pam_get_user, pam_handle_t *pamh, const char **ret, const char *prompt)
{
        (void)pamh;
        (void)prompt;
        world.user = input_u8(&world.in) > 128 ? "svc-deploy" : NULL;
        *ret = world.user;
        return world.user ? PAM_SUCCESS : PAM_CONV_ERR;
}

WRAP(int, pam_get_data, const pam_handle_t *pamh, const char *name, const void **ret)
{
        (void)pamh;
        (void)name;
        *ret = world.data;
        return world.data ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

WRAP(int, pam_set_data, pam_handle_t *pamh, const char *name, void *data,
     void (*done)(pam_handle_t *pamh, void *data, int status))
{
        (void)pamh;
        (void)name;
        FUZZ_HOLDS(!world.data, "a login is bound once");
        if (world.data_fails)
                return PAM_BUF_ERR;
        world.data = data;
        world.data_done = done;
        return PAM_SUCCESS;
}

WRAP(const char *, pam_getenv, pam_handle_t *pamh, const char *name)
{
        (void)pamh;
        (void)name;
        return world.label;
}

/* One line, whatever stood in a name or an answer (O13). */
static _printf_(1, 0) void line_check(const char *format, va_list args)
{
        char line[4096];
        int n = vsnprintf(line, sizeof(line), format, args);

        FUZZ_HOLDS(n > 0 && (size_t)n < sizeof(line), "a line of some length");
        for (const char *p = line; *p; p++)
                FUZZ_HOLDS((unsigned char)*p >= 0x20 && *p != 0x7f, "a line is one line");
}

_printf_(3, 4) void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format,
                                      ...);
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
        va_list args;

        (void)pamh;
        (void)priority;
        va_start(args, format);
        line_check(format, args);
        va_end(args);
}

_printf_(4, 5) int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response,
                                     const char *format, ...);
int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
        va_list args;

        (void)pamh;
        FUZZ_HOLDS((style == PAM_ERROR_MSG || style == PAM_TEXT_INFO) && !response,
                   "nobody is asked for anything");
        va_start(args, format);
        line_check(format, args);
        va_end(args);
        world.n_prompts++;
        return input_u8(&world.in) > 128 ? PAM_CONV_ERR : PAM_SUCCESS;
}
