/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revisions: what makes publishing a compare-and-set. A set names the revision it was made from;
 * only a ledger that knows that revision may publish over it. The file is merged by union, so a
 * merged checkout knows both sides' revisions. Its hashes are heads of history, and it is still a
 * file of its own: a history that is broken must not keep a revocation from being published.
 * A line that only says that sets were published makes no revision: else a checkout that publishes
 * and is thrown away would leave all others older copies. */

#include "lib/base/io.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/kind.h"
#include "nhictl/when.h"

#include <fcntl.h>
#include <stdio.h>

#define HASH_LENGTH (LEDGER_HASH_SIZE - 1)

/* The one head of a history that says what the documents are; NULL: there is none. */
static const char *settled_head(const Ledger *l)
{
        const char *head = NULL;

        if (!l->is_settled || l->history_error < 0 || history_heads(l->history, &head, 1) != 1)
                return NULL;
        return head;
}

static int hash_documents(const Ledger *l, char ret[static LEDGER_HASH_SIZE])
{
        _cleanup_free_ char *text = json_write(l->hashes, JSON_COMPACT | JSON_SORT_KEYS);

        if (!text)
                return -ENOMEM;
        content_hash(text, strlen(text), ret);
        return 0;
}

int ledger_revision(const Ledger *l, char ret[static LEDGER_HASH_SIZE])
{
        const char *head = settled_head(l);

        if (!head)
                return hash_documents(l, ret);
        memcpy(ret, history_base(l->history, head), LEDGER_HASH_SIZE);
        return 0;
}

bool ledger_knows(const Ledger *l, const char *hash)
{
        if (strlen(hash) != HASH_LENGTH)
                return false;
        for (const char *line = l->revisions; line && *line;) {
                const char *end = strchr(line, '\n');

                if (strncmp(line, hash, HASH_LENGTH) == 0 && line[HASH_LENGTH] == ' ')
                        return true;
                line = end ? end + 1 : NULL;
        }
        return false;
}

static bool is_last(const Ledger *l, const char *hash)
{
        size_t size = l->revisions ? strlen(l->revisions) : 0;
        const char *line;

        if (size == 0 || l->revisions[size - 1] != '\n')
                return false;
        for (line = l->revisions + size - 1; line > l->revisions && line[-1] != '\n'; line--)
                continue;
        return strncmp(line, hash, HASH_LENGTH) == 0 && line[HASH_LENGTH] == ' ';
}

static int append(Ledger *l, const char *line)
{
        _cleanup_close_ int fd = -EBADF;
        int r = ledger_file_open(l, "revisions", O_WRONLY | O_APPEND, 0664, &fd);

        if (r < 0)
                return r;
        r = fd_write_all(fd, line, strlen(line));
        if (r < 0)
                return r;
        return fsync(fd) < 0 || fsync(l->dir_fd) < 0 ? -errno : 0;
}

/* A line that a crash cut short is closed, so that it cannot swallow this one. */
static int note(Ledger *l, const char *hash)
{
        _cleanup_free_ char *line = NULL, *grown = NULL;
        const char *old = l->revisions ? l->revisions : "";
        bool torn = *old && old[strlen(old) - 1] != '\n';
        char time[WHEN_TIME_SIZE];
        int r;

        if (asprintf(&line, "%s%s %s %s%s\n", torn ? "\n" : "", hash,
                     when_format_time(time, l->now_sec),
                     settled_head(l) ? LEDGER_REVISION_HEAD : "", l->who) < 0)
                return -ENOMEM;
        if (asprintf(&grown, "%s%s", old, line) < 0)
                return -ENOMEM;
        r = append(l, line);
        if (r < 0)
                return r;
        free(l->revisions);
        l->revisions = TAKE_PTR(grown);
        return 0;
}

int ledger_commit(Ledger *l, int64_t now_sec, const char *who)
{
        char revision[LEDGER_HASH_SIZE];
        const char *head;
        int r;

        if (!l->writable)
                return -EINVAL;
        r = ledger_author(l, now_sec, who);
        if (r < 0)
                return r;
        (void)ledger_settle(l, NULL, NULL); /* L4: its errors are noted and stop nothing */
        r = ledger_revision(l, revision);
        if (r < 0)
                return r;
        head = settled_head(l);
        if (!head)
                head = revision;
        if (!streq(head, revision) && !ledger_knows(l, revision))
                r = note(l, revision);
        return r == 0 && !is_last(l, head) ? note(l, head) : r;
}
