/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl reading the agent's replies. Input: a verb, how the socket behaves, then replies, each
 * ended by byte 1e. What is taken for a reply is one line that is one JSON object; whatever it
 * says, the verb ends in a status that the manual knows, talk and tables are printable (output.h),
 * --json writes one document, and no descriptor is kept. */

#include "lib/base/macro.h"
#include "lib/wire/control.h"
#include "nhictl/agent-client.h"
#include "nhictl/verb.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>

#define FD          1000
#define OUTPUT_MAX  (256u * 1024)
#define SECOND_USEC 1000000u

static struct {
        Input in;
        char *reply; /* of the exchange that is going on */
        size_t size, at;
        uint32_t plan; /* three bits a system call */
        bool open, failed, line_was_sent;
        uint64_t clock_usec;
        unsigned n_calls;
} w;

int __wrap_unix_connect_by(const char *path, int type, uid_t owner, uint64_t deadline_usec,
                           int *ret_fd);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *ret, size_t size, int flags);
int __wrap_fd_wait(int fd, short events, uint64_t deadline_usec);
int __wrap_close(int fd);
uint64_t __wrap_now_monotonic_usec(void);

static unsigned plan_next(void)
{
        unsigned what = w.plan & 7;

        w.plan = w.plan >> 3 | what << 29;
        FUZZ_HOLDS(++w.n_calls < 100000, "an exchange ends");
        return what;
}

static ssize_t fail_with(int error)
{
        w.failed |= error != EINTR && error != EAGAIN;
        errno = error;
        return -1;
}

int __wrap_unix_connect_by(const char *path, int type, uid_t owner, uint64_t deadline_usec,
                           int *ret_fd)
{
        static const int errors[] = { -ENOENT, -ECONNREFUSED, -EPERM, -ETIMEDOUT };
        uint8_t chance = input_u8(&w.in);

        FUZZ_HOLDS(*path && type == SOCK_STREAM && owner == 0, "root's socket");
        FUZZ_HOLDS(deadline_usec > w.clock_usec, "with a deadline");
        FUZZ_HOLDS(!w.open, "one exchange at a time");
        if (chance > 248)
                return errors[chance % ELEMENTSOF(errors)];
        w.plan = input_u32(&w.in);
        free(w.reply);
        w.reply = input_until(&w.in, 0x1e, &w.size);
        w.at = 0;
        w.open = true;
        w.line_was_sent = false;
        *ret_fd = FD;
        return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
        unsigned what = plan_next();

        FUZZ_HOLDS(fd == FD && w.open && flags & MSG_NOSIGNAL && flags & MSG_DONTWAIT,
                   "sent without a signal and without blocking");
        FUZZ_HOLDS(size > 0 && size <= CONTROL_REQUEST_MAX, "a request within its limit");
        if (what == 7 && w.plan & 0x10)
                return fail_with(EPIPE);
        if (what >= 5)
                return fail_with(what == 5 ? EINTR : EAGAIN);
        if (what == 4)
                return 1;
        w.line_was_sent = ((const char *)data)[size - 1] == '\n';
        return (ssize_t)size;
}

ssize_t __wrap_recv(int fd, void *ret, size_t size, int flags)
{
        unsigned what = plan_next();
        size_t n = w.size - w.at;

        FUZZ_HOLDS(fd == FD && w.open && flags & MSG_DONTWAIT, "received without blocking");
        FUZZ_HOLDS(w.line_was_sent, "after a whole line was sent");
        FUZZ_HOLDS(size > 0, "into some room");
        if (what == 7 && w.plan & 0x20)
                return fail_with(ECONNRESET);
        if (what >= 6)
                return fail_with(what == 6 ? EINTR : EAGAIN);
        if (what == 5 && n > 3)
                n = 3;
        if (n > size)
                n = size;
        memcpy(ret, w.reply + w.at, n);
        w.at += n;
        return (ssize_t)n;
}

int __wrap_fd_wait(int fd, short events, uint64_t deadline_usec)
{
        (void)events;
        FUZZ_HOLDS(fd == FD && w.open, "an open socket is waited for");
        w.clock_usec += SECOND_USEC;
        if (w.clock_usec < deadline_usec)
                return 0;
        w.failed = true;
        return -ETIMEDOUT;
}

int __wrap_close(int fd)
{
        FUZZ_HOLDS(fd == FD && w.open, "what is closed was open");
        w.open = false;
        return 0;
}

uint64_t __wrap_now_monotonic_usec(void)
{
        return w.clock_usec;
}

/* ---- the exchange alone ---- */

static void reply_check(int r, const json_t *reply)
{
        bool is_line = w.size > 0 && w.reply[w.size - 1] == '\n';
        json_t *expected =
                is_line ? json_loadb(w.reply, w.size - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (r == 0)
                FUZZ_HOLDS(json_is_object(expected) && json_equal(expected, reply),
                           "a reply is one line that is one JSON object");
        else
                FUZZ_HOLDS(r == (w.size == 0 ? -ECONNRESET : -EBADMSG) && !json_is_object(expected),
                           "and any such line is one");
        json_decref(expected);
}

static void exchange(void)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;
        uint64_t begin = w.clock_usec;
        int r;

        w.size = 0;
        w.line_was_sent = false;
        r = agent_call_at("/sock", 0, request, 5 * SECOND_USEC, &reply);
        FUZZ_HOLDS(w.clock_usec - begin <= 5 * SECOND_USEC, "in time");
        FUZZ_HOLDS(r == 0 || (r < 0 && !reply), "a reply or an errno");
        if (w.line_was_sent && !w.failed)
                reply_check(r, reply);
        json_decref(reply);
        json_decref(request);
}

/* ---- whole verbs ---- */

static struct Out {
        size_t n;
        char text[OUTPUT_MAX];
} out, talk;

static ssize_t out_write(void *cookie, const char *data, size_t size)
{
        struct Out *o = cookie;
        size_t n = size < OUTPUT_MAX - o->n ? size : OUTPUT_MAX - o->n;

        memcpy(o->text + o->n, data, n);
        o->n += n;
        return (ssize_t)size;
}

static FILE *out_file, *talk_file;

static const struct {
        const char *words[4];
        bool json,
                printable; /* printable: its texts go through a table, or are none of the agent's */
} verbs_asked[] = {
        { { "status" }, false, false },
        { { "status", "--json" }, true, false },
        { { "list" }, false, true },
        { { "list", "--all" }, false, true },
        { { "list", "--json" }, true, false },
        { { "sessions" }, false, true },
        { { "sessions", "--json" }, true, false },
        { { "mine" }, false, true },
        { { "why", "svc-deploy" }, false, false },
        { { "why", "svc-deploy", "--json" }, true, false },
        { { "lock", "svc-deploy" }, false, true },
        { { "end", "s1" }, false, true },
        { { "observe" }, false, true },
};

static void printable_check(const struct Out *o)
{
        for (size_t i = 0; i < o->n; i++)
                FUZZ_HOLDS(((unsigned char)o->text[i] >= 0x20 && o->text[i] != 0x7f) ||
                                   o->text[i] == '\n',
                           "what an agent says moves no cursor");
}

static void document_check(const struct Out *o)
{
        json_error_t error;
        json_t *document = json_loadb(o->text, o->n, JSON_DECODE_ANY, &error);

        FUZZ_HOLDS(o->n == OUTPUT_MAX || json_is_object(document), "one JSON document");
        json_decref(document);
}

static void verb_call(size_t which)
{
        char *argv[6] = { (char *)"nhictl" };
        FILE *stdout_kept = stdout, *stderr_kept = stderr;
        int argc = 1, status;

        for (size_t i = 0; i < ELEMENTSOF(verbs_asked[which].words) && verbs_asked[which].words[i];
             i++)
                argv[argc++] = (char *)(uintptr_t)verbs_asked[which].words[i];
        out.n = talk.n = 0;
        stdout = out_file;
        stderr = talk_file;
        status = nhictl_main(argc, argv);
        (void)fflush(stdout);
        (void)fflush(stderr);
        stdout = stdout_kept;
        stderr = stderr_kept;
        FUZZ_HOLDS(status >= VERB_OK && status <= VERB_FAILED, "a status that the manual knows");
        printable_check(&talk);
        if (verbs_asked[which].printable)
                printable_check(&out);
        if (verbs_asked[which].json && status == VERB_OK)
                document_check(&out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        const cookie_io_functions_t functions = { .write = out_write };

        (void)argc;
        (void)argv;
        out_file = fopencookie(&out, "w", functions);
        talk_file = fopencookie(&talk, "w", functions);
        return out_file && talk_file && sodium_init() >= 0 ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t what;

        w.in = (Input){ data, size };
        w.clock_usec = SECOND_USEC;
        w.failed = false;
        w.n_calls = 0;
        what = input_u8(&w.in);
        if (what >= 192)
                exchange();
        else
                verb_call(what % ELEMENTSOF(verbs_asked));
        FUZZ_HOLDS(!w.open, "no descriptor is kept");
        free(w.reply);
        w.reply = NULL;
        return 0;
}
