/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/authkeys.h"

#include "nhi-agentd/listener.h"
#include "nhi-agentd/request.h"
#include "nhi-agentd/shed.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/wire/codec.h"

#include <stdio.h>
#include <time.h>

typedef struct KeyLine {
        const SshKey *key;
        const char *jti;
        int64_t end_sec;
} KeyLine;

typedef struct KeyLines {
        KeyLine lines[AUTHKEYS_MAX];
        size_t n;
} KeyLines;

static void add_key(KeyLines *l, const SshKey *key, const char *jti, int64_t end_sec)
{
        for (size_t i = 0; i < l->n; i++) {
                KeyLine *k = &l->lines[i];

                if (!streq(k->key->algorithm, key->algorithm) || !streq(k->key->blob, key->blob))
                        continue;
                if (end_sec > k->end_sec)
                        *k = (KeyLine){ key, jti, end_sec };
                return;
        }
        if (l->n < AUTHKEYS_MAX)
                l->lines[l->n++] = (KeyLine){ key, jti, end_sec };
}

static bool term_has_ssh(const Term *t)
{
        for (size_t i = 0; t->type == TERM_LOGIN && i < t->services.n; i++)
                if (streq(t->services.items[i], "ssh"))
                        return true;
        return false;
}

static void add_grant(Agent *a, const Grant *g, Now now, KeyLines *l)
{
        const HostView view = agent_host_view(a);
        const Account *ours = grant_store_account(&a->store, g->account);
        const AccessRequest request = {
                .kind = REQUEST_KEYS,
                .account = g->account,
                .uid = ours ? ours->uid : 0,
                .class = "ssh",
        };
        const Decision d = decide_one(&a->store, g, &view, &request, now);

        if (d.verdict != VERDICT_ALLOW)
                return;
        for (size_t i = 0; i < g->n_terms; i++) {
                const Term *t = &g->terms[i];

                for (size_t k = 0; term_has_ssh(t) && k < t->n_ssh_keys; k++)
                        add_key(l, &t->ssh_keys[k], g->jti, d.end_sec);
        }
}

/* sshd(8), AUTHORIZED_KEYS FILE FORMAT; the Z makes it UTC. A login is a shell, so restrict gives
 * the terminal back; tunnels and agent forwarding stay off. */
static char *key_line(const KeyLine *k)
{
        const time_t end = (time_t)k->end_sec;
        char expiry[32], *line = NULL;
        struct tm tm;

        if (!gmtime_r(&end, &tm) || strftime(expiry, sizeof(expiry), "%Y%m%d%H%M%SZ", &tm) == 0)
                return NULL;
        if (asprintf(&line, "restrict,pty,expiry-time=\"%s\" %s %s %s", expiry, k->key->algorithm,
                     k->key->blob, k->jti) < 0)
                return NULL;
        return line;
}

size_t authkeys_lines(Agent *a, const char *account, char **ret, size_t n)
{
        const Now now = agent_now(a);
        size_t n_grants = 0, n_lines = 0;
        const Grant *const *grants = grant_store_find(&a->store, account, &n_grants);
        KeyLines l = {};

        for (size_t i = 0; i < n_grants; i++)
                add_grant(a, grants[i], now, &l);
        for (size_t i = 0; i < l.n && n_lines < n; i++) {
                char *line = key_line(&l.lines[i]);

                if (line && strlen(line) < AUTHKEYS_LINE_SIZE)
                        ret[n_lines++] = line;
                else
                        free(line);
        }
        return n_lines;
}

/* As many lines as fit a message: a key that is left out is denied, none is cut. */
static int reply_encode(const WireRequest *wire, char **lines, size_t n, void *storage,
                        uint8_t *out, size_t *ret_size)
{
        int r = WIRE_E_TOO_LARGE;

        for (;; n--) {
                WireReply reply = { .type = WIRE_KEYS_LIST,
                                    .nonce = wire->nonce,
                                    .subject = wire->subject };

                r = wire_list_build((const char *const *)lines, n, storage, WIRE_MSG_MAX,
                                    &reply.keys);
                if (r == 0)
                        r = wire_reply_encode(&reply, out, WIRE_MSG_MAX, ret_size);
                if (r == 0 || n == 0)
                        return r;
        }
}

static void record_denial(Agent *a, const char *account)
{
        const Account *ours = grant_store_account(&a->store, account);
        const Event e = {
                .kind = EVENT_DENIAL,
                .account = account,
                .uid = ours ? ours->uid : 0,
                .class = "ssh",
                .phase = "keys",
                .mode = "enforce",
                .has_decision = true,
                .decision = { .reason = REASON_NO_GRANT },
        };
        IdMapUser known;

        /* Others may have keys of their own: nothing is denied by having none of ours. */
        if (idmap_user_by_name(a->idmap, account, &known))
                shed_record(requests_shed(a->requests), 0, &e);
}

static void answer(Peer *p, const WireRequest *wire, const char *account)
{
        Agent *a = peer_agent(p);
        _cleanup_free_ uint8_t *out = malloc(WIRE_MSG_MAX), *storage = malloc(WIRE_MSG_MAX);
        char *lines[AUTHKEYS_MAX];
        size_t n, size = 0;
        int r;

        n = authkeys_lines(a, account, lines, ELEMENTSOF(lines));
        if (n == 0)
                record_denial(a, account);
        r = out && storage ? reply_encode(wire, lines, n, storage, out, &size) : -ENOMEM;
        for (size_t i = 0; i < n; i++)
                free(lines[i]);
        if (r != 0)
                peer_close(p);
        else
                (void)peer_reply(p, out, size);
}

void keys_serve(Peer *p)
{
        uint8_t *in = requests_buffer(peer_agent(p)->requests);
        char account[LABEL_SIZE_MAX + 1];
        WireRequest wire;
        size_t size = 0;
        int r;

        r = datagram_recv(peer_fd(p), in, WIRE_MSG_MAX, now_monotonic_usec(), &size);
        if (r == -ETIMEDOUT || r == -EAGAIN)
                return;
        if (r < 0 || wire_request_decode(in, size, &wire) != 0 || wire.type != WIRE_KEYS ||
            wire_text_copy(wire.subject, account, sizeof(account)) < 0 || !name_is_sane(account)) {
                peer_close(p);
                return;
        }
        answer(p, &wire, account);
}
