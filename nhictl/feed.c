/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl feed: a signed set carried by hand to the agent of this host. */

#include "lib/wire/feed.h"
#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/memfd.h"
#include "lib/base/path.h"
#include "lib/jose/jose.h"
#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/* The set whole, without the line ends that an editor or a mail adds behind it. */
static int set_read(const char *path, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *bytes = NULL;
        _cleanup_close_ int opened = -EBADF;
        bool is_stdin = streq(path, "-");
        size_t size = 0;
        int r;

        if (!is_stdin) {
                opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (opened < 0)
                        return -errno;
        }
        bytes = malloc(FEED_SET_MAX);
        if (!bytes)
                return -ENOMEM;
        r = fd_read_all(is_stdin ? STDIN_FILENO : opened, bytes, FEED_SET_MAX, &size);
        if (r < 0)
                return r;
        while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
                size--;

        *ret = TAKE_PTR(bytes);
        *ret_size = size;
        return 0;
}

/* What the set says of itself, unverified: it only picks the source's number. NULL: unreadable. */
static char *set_issuer(const char *jws, size_t size)
{
        const char *payload = memchr(jws, '.', size), *end;
        _cleanup_free_ uint8_t *json = malloc(size + 1);
        size_t json_size = 0;
        json_t *document;
        char *issuer = NULL;

        end = payload ? memchr(payload + 1, '.', size - (size_t)(payload + 1 - jws)) : NULL;
        if (!json || !end ||
            base64url_decode(payload + 1, (size_t)(end - payload - 1), json, size, &json_size) != 0)
                return NULL;
        document = json_loadb((const char *)json, json_size, 0, NULL);
        if (member_text(document, "iss"))
                issuer = strdup(member_text(document, "iss"));
        json_decref(document);
        return issuer;
}

/* The issuer's position in agentd.conf, as the agent tells it; 0 where nobody knows. */
static uint32_t issuer_index(const char *issuer)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL, *entry;
        uint32_t index = 0;
        size_t i;

        if (issuer && request && agent_call(request, &reply) == 0)
                json_array_foreach(json_object_get(reply, "issuers"), i, entry)
                        if (streq_ptr(member_text(entry, "issuer"), issuer))
                                index = (uint32_t)i;
        json_decref(request);
        json_decref(reply);
        return index;
}

/* 0 and the agent's line. */
static int set_feed(const char *jws, size_t size, uint32_t index,
                    char ret[static FEED_REPLY_MAX + 1])
{
        uint64_t deadline_usec = now_monotonic_usec() + FEED_REPLY_USEC;
        _cleanup_close_ int memfd = -EBADF, fd = -EBADF;
        FeedHeader header = { 0 };
        size_t n = 0;
        int r;

        memcpy(header.magic, FEED_MAGIC, sizeof(header.magic));
        for (unsigned i = 0; i < 4; i++)
                header.issuer_index_le[i] = (uint8_t)(index >> (8 * i));

        r = memfd_sealed("nhi-grant-set", jws, size, &memfd);
        if (r < 0)
                return r;
        r = unix_connect(PATH_FEED_SOCK, SOCK_SEQPACKET, owner_trusted(), &fd);
        if (r < 0)
                return r;
        r = datagram_send_fd(fd, &header, sizeof(header), memfd, deadline_usec);
        if (r < 0)
                return r;
        r = datagram_recv(fd, ret, FEED_REPLY_MAX, deadline_usec, &n);
        if (r < 0)
                return r;
        ret[n] = '\0';
        ret[strcspn(ret, "\r\n")] = '\0';
        return 0;
}

static VerbStatus feed_failed(int r)
{
        if (r == -ENOENT || r == -ECONNREFUSED)
                return fail(VERB_UNREACHABLE,
                            "no agent listens at %s: systemctl start "
                            "nhi-agentd-feed.socket nhi-agentd.service",
                            PATH_FEED_SOCK);
        if (r == -EACCES || r == -EPERM)
                return fail(VERB_FAILED, "%s is root's and nhi-fetch's: sudo nhictl feed ...",
                            PATH_FEED_SOCK);
        return fail(VERB_UNREACHABLE, "the agent did not answer at %s: %s", PATH_FEED_SOCK,
                    strerror(-r));
}

static VerbStatus feed_judge(const Output *o, const char *line)
{
        if (strncmp(line, "refused", 7) == 0)
                return fail(VERB_STALE, "the agent refused the set: %s", line + 7);
        if (strncmp(line, "accepted ", 9) != 0 && strncmp(line, "unchanged ", 10) != 0)
                return fail(VERB_UNREACHABLE, "the agent gave no answer that is understood: %s",
                            line);
        say("%s", line);
        return output_changed(o, line[0] == 'a') < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus feed_run(Call *call)
{
        _cleanup_free_ char *jws = NULL, *issuer = NULL;
        char line[FEED_REPLY_MAX + 1];
        size_t size = 0;
        int r;

        r = set_read(call->operands.items[0], &jws, &size);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", call->operands.items[0],
                            r == -EFBIG ? "larger than a grant set may be" : strerror(-r));
        issuer = set_issuer(jws, size);
        r = set_feed(jws, size, issuer_index(issuer), line);
        return r < 0 ? feed_failed(r) : feed_judge(&call->out, line);
}

const Verb verb_feed = {
        .name = "feed",
        .synopsis = "FILE|-",
        .help = "hand a signed grant set to this host's agent\n"
                "The agent believes its signature only. For root. Exit status 4: the set was "
                "refused.",
        .operands_min = 1,
        .operands_max = 1,
        .run = feed_run,
};
