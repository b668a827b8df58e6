/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/keys/keys.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/path.h"
#include "lib/gate/account.h"
#include "lib/wire/client.h"

#include <pwd.h>

#define ENTRY_SIZE_MIN 1024u
#define ENTRY_SIZE_MAX (1024u * 1024)

/* sshd asks for names that getpwnam finds; one that is not found is asked about as nobody's uid. */
static int account_find(const char *user, GateAccount *ret)
{
        for (size_t size = ENTRY_SIZE_MIN; size <= ENTRY_SIZE_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd entry, *found = NULL;
                int r = buffer ? getpwnam_r(user, &entry, buffer, size, &found) : ENOMEM;

                if (r == ERANGE)
                        continue;
                if (r != 0)
                        return -r;
                *ret = (GateAccount){ .name = user,
                                      .uid = found ? entry.pw_uid : (uid_t)-1,
                                      .gid = found ? entry.pw_gid : (gid_t)-1 };
                return 0;
        }
        return -ERANGE;
}

static bool is_enforced(GateAccount *a)
{
        return gate_account_mode(a, "ssh") == GATE_ENFORCE;
}

/* One printable line: what a line feed would add to authorized_keys no grant has given. */
static bool line_is_sane(WireText line)
{
        for (size_t i = 0; i < line.size; i++)
                if (line.data[i] < 0x20 || line.data[i] == 0x7f)
                        return false;
        return line.size > 0;
}

static int lines_print(const WireList *keys, FILE *out)
{
        WireText line;
        size_t pos = 0;

        while (wire_list_next(keys, &pos, &line))
                if (!line_is_sane(line))
                        return KEYS_E_MALFORMED;
        for (pos = 0; wire_list_next(keys, &pos, &line);)
                (void)fprintf(out, "%.*s\n", (int)line.size, (const char *)line.data);
        return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

/* "publickey TYPE BLOB", as sshd writes SSH_AUTH_INFO_0; absent where it is too long for a record.
 */
static WireText offered_key(const KeysQuestion *q, char *buf, size_t size)
{
        int n;

        if (!q->key_type || !q->key_blob)
                return wire_text(NULL);
        n = snprintf(buf, size, "publickey %s %s", q->key_type, q->key_blob);
        return wire_text(n > 0 && (size_t)n < size ? buf : NULL);
}

static int keys_ask(const KeysQuestion *q, const GateAccount *a, FILE *out)
{
        uint64_t deadline = now_monotonic_usec() + KEYS_DEADLINE_USEC;
        _cleanup_free_ WireExchange *x = malloc(sizeof(*x));
        char offered[WIRE_TEXT_MAX + 1];
        WireRequest request = { .type = WIRE_KEYS, .subject = wire_text(q->user) };
        WireReply reply;
        int r;

        if (!x)
                return -ENOMEM;
        request.subject_uid = a->uid;
        request.real_uid = getuid();
        request.egid = getegid();
        request.auth_info = offered_key(q, offered, sizeof(offered));
        r = wire_ask(PATH_KEYS_SOCK, owner_trusted(), &request, deadline, x, &reply);
        if (r != 0)
                return r < 0 ? r : KEYS_E_MALFORMED;
        return lines_print(&reply.keys, out);
}

int keys_print(const KeysQuestion *q, FILE *out)
{
        GateAccount a;
        bool enforced;
        int r;

        if (!label_is_sane(q->user))
                return -EINVAL;
        r = account_find(q->user, &a);
        if (r < 0)
                return r;
        enforced = is_enforced(&a);
        if (enforced)
                r = keys_ask(q, &a, out);
        gate_account_done(&a);
        return enforced ? r : KEYS_E_UNGATED;
}
