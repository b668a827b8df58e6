/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/heads-local.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "nhi-agentd/event.h"
#include "nhictl/agent-client.h"
#include "nhictl/reply.h"

#include <sodium.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

#define KEY_FILE_MAX 4096u
#define FIELD        "NHI_HEAD="

static int key_from_file(Jwk *ret)
{
        SigningKey key = {};
        char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(PATH_HOST_KEY, owner_trusted(), KEY_FILE_MAX, &text, &size);
        if (r == 0)
                r = signing_key_parse(text, size, &key);
        if (r == 0)
                *ret = key.public;
        signing_key_done(&key);
        if (text)
                sodium_memzero(text, size);
        free(text);
        return r;
}

static int ask_agent(json_t **ret)
{
        json_t *request = json_pack("{s:s}", "verb", "status");
        int r = request ? agent_call(request, ret) : -ENOMEM;

        json_decref(request);
        return r;
}

static int key_from_agent(Jwk *ret)
{
        _cleanup_free_ char *text = NULL;
        json_t *reply = NULL;
        int r = ask_agent(&reply);

        if (r < 0)
                return r;
        text = json_write(json_object_get(reply, "host_key"), JSON_COMPACT);
        json_decref(reply);
        return text ? jwk_parse(text, strlen(text), ret) : -ENOENT;
}

int log_heads_local_key(Jwk *ret)
{
        return key_from_file(ret) == 0 || key_from_agent(ret) == 0 ? 0 : -ENOENT;
}

/* ---- heads -------------------------------------------------------------------------------------
 */

static const EventRow events[EVENT_N] = { EVENTS(EVENT_ROW) };

/* Anybody may log the same fields from elsewhere. */
static int match_agent(sd_journal *j)
{
        char id[64];
        int r;

        (void)snprintf(id, sizeof(id), "MESSAGE_ID=%s", events[EVENT_LOG_HEAD].message_id);
        r = sd_journal_add_match(j, "_SYSTEMD_UNIT=nhi-agentd.service", 0);
        if (r >= 0)
                r = sd_journal_add_match(j, "_UID=0", 0);
        return r < 0 ? r : sd_journal_add_match(j, id, 0);
}

static int read_entry(sd_journal *j, LogHeads *h)
{
        const void *data;
        size_t size;

        if (sd_journal_get_data(j, "NHI_HEAD", &data, &size) < 0 || size < strlen(FIELD))
                return 0;
        return log_heads_add(h, (const char *)data + strlen(FIELD), size - strlen(FIELD),
                             "journal");
}

/* A journal that cannot be read has no heads: how many there were is told. */
static int read_journal(LogHeads *h)
{
        sd_journal *j = NULL;
        int r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

        if (r >= 0)
                r = match_agent(j);
        if (r >= 0)
                r = sd_journal_seek_tail(j);
        for (unsigned i = 0; r >= 0 && i < LOG_HEADS_JOURNAL_MAX; i++) {
                if (sd_journal_previous(j) <= 0)
                        break;
                r = read_entry(j, h);
        }
        sd_journal_close(j);
        return r == -ENOMEM ? r : 0;
}

static int read_state(LogHeads *h)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        LogHead head;

        if (file_read_trusted(PATH_LOG_HEAD, owner_trusted(), LOG_HEAD_TEXT_MAX + 1, &text, &size) <
                    0 ||
            log_head_parse(text, size, &head) < 0)
                return 0;
        return log_heads_give_beside(h, &head, "log-head.json");
}

int log_heads_parse_status(const json_t *status, int64_t now_usec, LogHead *ret)
{
        const json_t *log = json_object_get(status, "log");
        const char *id = member_text(log, "id"), *hash = member_text(log, "head");
        const int64_t seq = member_number(log, "seq");
        LogHead head = { .real_usec = now_usec };

        if (!id || !hash || strlen(id) != LOG_ID_SIZE || seq <= 0 || seq > (int64_t)LOG_SEQ_MAX ||
            log_hash_parse(hash, strlen(hash), head.chain.hash) < 0)
                return -EBADMSG;
        memcpy(head.log_id, id, LOG_ID_SIZE);
        head.chain.seq = (uint64_t)seq;
        *ret = head;
        return 0;
}

/* Newer than any that was signed. An agent that does not answer, or has no log open, has none. */
static int read_agent(LogHeads *h)
{
        json_t *reply = NULL;
        LogHead head;
        int r = ask_agent(&reply);

        if (r == 0)
                r = log_heads_parse_status(reply, now_realtime_usec(), &head);
        json_decref(reply);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return log_heads_give(h, &head, "agent");
}

int log_heads_read_local(LogHeads *h)
{
        int r = read_journal(h);

        if (r == 0)
                r = read_state(h);
        return r < 0 ? r : read_agent(h);
}
