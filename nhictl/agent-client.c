/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/agent-client.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "lib/wire/control.h"
#include "nhictl/verb.h"

#include <dirent.h>
#include <fnmatch.h>
#include <libconfig.h>
#include <poll.h>
#include <sys/socket.h>

static int send_all(int fd, const char *data, size_t size, uint64_t deadline_usec)
{
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0) {
                        data += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                int r = fd_wait(fd, POLLOUT, deadline_usec);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Grow *buffer so that there is room behind used. */
static int make_room(char **buffer, size_t *capacity, size_t used)
{
        size_t wanted = *capacity ? *capacity * 2 : 65536;
        char *grown;

        if (used < *capacity)
                return 0;
        if (used >= CONTROL_REPLY_MAX)
                return -EBADMSG;
        grown = realloc(*buffer, wanted);
        if (!grown)
                return -ENOMEM;
        *buffer = grown;
        *capacity = wanted;
        return 0;
}

/* One line, without its line feed; the agent closes behind it. */
static int receive_line(int fd, uint64_t deadline_usec, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *buffer = NULL;
        size_t capacity = 0, used = 0;

        for (;;) {
                ssize_t n;
                int r = make_room(&buffer, &capacity, used);

                if (r < 0)
                        return r;
                n = recv(fd, buffer + used, capacity - used, MSG_DONTWAIT);
                if (n == 0)
                        break;
                if (n > 0) {
                        used += (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = fd_wait(fd, POLLIN, deadline_usec);
                if (r < 0)
                        return r;
        }
        if (used == 0)
                return -ECONNRESET;
        if (buffer[used - 1] != '\n')
                return -EBADMSG;
        *ret_size = used - 1;
        *ret = TAKE_PTR(buffer);
        return 0;
}

static int exchange(int fd, const char *line, size_t size, uint64_t deadline_usec, json_t **ret)
{
        _cleanup_free_ char *reply = NULL;
        size_t reply_size = 0;
        json_t *document;
        int r;

        r = send_all(fd, line, size, deadline_usec);
        if (r < 0)
                return r;
        r = receive_line(fd, deadline_usec, &reply, &reply_size);
        if (r < 0)
                return r;
        document = json_loadb(reply, reply_size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(document)) {
                json_decref(document);
                return -EBADMSG;
        }
        *ret = document;
        return 0;
}

int agent_call_at(const char *path, uid_t owner, json_t *request, uint64_t usec, json_t **ret)
{
        uint64_t deadline_usec = now_monotonic_usec() + usec;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *line = NULL;
        size_t size;
        int r;

        line = json_write(request, JSON_COMPACT);
        if (!line)
                return -ENOMEM;
        size = strlen(line);
        if (size + 1 > CONTROL_REQUEST_MAX)
                return -EMSGSIZE;
        line[size] = '\n'; /* the NUL's place: the line is sent by size */
        r = unix_connect_by(path, SOCK_STREAM, owner, deadline_usec, &fd);
        if (r < 0)
                return r;
        return exchange(fd, line, size + 1, deadline_usec, ret);
}

int agent_call(json_t *request, json_t **ret)
{
        return agent_call_at(PATH_CONTROL_SOCK, 0, request, AGENT_DEADLINE_USEC, ret);
}

static int status_of_code(const char *code)
{
        static const struct Row {
                const char *code;
                int status;
        } table[] = { { "denied", VERB_PROBLEM }, { "usage", VERB_USAGE } };

        for (size_t i = 0; code && i < ELEMENTSOF(table); i++) {
                if (streq(table[i].code, code))
                        return table[i].status;
        }
        return VERB_FAILED;
}

static bool has_issuers(const char *path)
{
        config_t c;
        bool yes;

        if (access(path, R_OK) < 0)
                return errno != ENOENT;
        config_init(&c);
        yes = !config_read_file(&c, path) || config_lookup(&c, "issuers");
        config_destroy(&c);
        return yes;
}

/* nhictl init writes a file there; the one beside it comes with the package and names no issuer.
 * What cannot be read is taken as set up. */
bool agent_is_set_up(void)
{
        DIR *dir = opendir(PATH_CONF_DIR);
        const struct dirent *entry;
        bool found = false;

        if (!dir && errno != ENOENT)
                return true;
        while (dir && !found && (entry = readdir(dir)))
                found = fnmatch("*.conf", entry->d_name, FNM_PERIOD) == 0;
        if (dir)
                (void)closedir(dir);
        return found || has_issuers(PATH_CONF_FILE);
}

static int say_unreachable(int r)
{
        bool silent = r == -ENOENT || r == -ECONNREFUSED;

        if (silent && !agent_is_set_up())
                return fail(VERB_UNREACHABLE, "no agent listens at %s: this host is not set up: %s",
                            PATH_CONTROL_SOCK, AGENT_SET_UP_BY);
        if (silent)
                return fail(VERB_UNREACHABLE,
                            "no agent listens at %s: systemctl start "
                            "nhi-agentd-control.socket nhi-agentd.service",
                            PATH_CONTROL_SOCK);
        if (r == -EBADMSG)
                return fail(VERB_UNREACHABLE, "what answers at %s is not an agent of this version",
                            PATH_CONTROL_SOCK);
        return fail(VERB_UNREACHABLE,
                    "the agent did not answer at %s: %s: systemctl status nhi-agentd; "
                    "/usr/libexec/nhi/nhi-agentd --check-config",
                    PATH_CONTROL_SOCK, strerror(-r));
}

int agent_ask(json_t *request, json_t **ret)
{
        json_t *reply = NULL;
        const char *text;
        int r;

        if (!request)
                return fail(VERB_FAILED, "out of memory");
        r = agent_call(request, &reply);
        json_decref(request);
        if (r == -EMSGSIZE)
                return fail(VERB_USAGE, "the request is over %u bytes", CONTROL_REQUEST_MAX);
        if (r < 0)
                return say_unreachable(r);
        if (!json_is_true(json_object_get(reply, "ok"))) {
                text = json_string_value(json_object_get(reply, "error"));
                r = fail(status_of_code(json_string_value(json_object_get(reply, "code"))), "%s",
                         text ? text : "the agent refused without saying why");
                json_decref(reply);
                return r;
        }
        *ret = reply;
        return VERB_OK;
}
