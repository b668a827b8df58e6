/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/history-batch.h"

#include "lib/base/io.h"
#include "nhi-agentd/set/set.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int push(HistoryBatch *b, const char *text, size_t size)
{
        char *grown = realloc(b->text, b->size + size);

        if (!grown)
                return -ENOMEM;
        memcpy(grown + b->size, text, size);
        b->text = grown;
        b->size += size;
        return 0;
}

static int add_line(HistoryBatch *b, const HistoryEntry *e, const HistoryLinks *links)
{
        History *h = b->l->history;
        HistoryLine line = { .file = (char *)(uintptr_t)e->file,
                             .number = h->n_numbers + 1,
                             .is_publication = e->action == HISTORY_PUBLISHED && !e->file };
        _cleanup_free_ char *text = NULL;
        HistoryEntry signed_by = *e;
        HistoryLinks all = { 0 };
        int r;

        if (links)
                all = *links;
        all.n_prev = history_heads(h, all.prev, HISTORY_PREV_MAX);
        if (all.n_prev > HISTORY_PREV_MAX)
                all.n_prev = HISTORY_PREV_MAX;
        signed_by.who = b->l->who;
        signed_by.at_sec = b->l->now_sec;
        text = history_format(&signed_by, h, &all);
        if (!text)
                return -ENOMEM;
        content_hash(text, strlen(text), line.hash);
        (void)snprintf(line.before, sizeof(line.before), "%s", e->before ? e->before : "");
        (void)snprintf(line.after, sizeof(line.after), "%s", e->after ? e->after : "");
        r = push(b, text, strlen(text));
        if (r == 0)
                r = push(b, "\n", 1);
        if (r == 0)
                r = history_add(h, &line, &all);
        b->n++;
        return r;
}

int history_batch_mend(HistoryBatch *b)
{
        const HistoryEntry torn = { .action = HISTORY_TORN, .torn = b->l->history->torn };
        int r = 0;

        if (b->l->history->is_open)
                r = push(b, "\n", 1);
        if (r == 0 && *torn.torn)
                r = add_line(b, &torn, NULL);
        b->l->history->is_open = false;
        b->l->history->torn[0] = '\0';
        return r;
}

int history_batch_add(HistoryBatch *b, const HistoryEntry *e, const HistoryLinks *links)
{
        const HistoryEntry joined = { .action = HISTORY_JOINED };
        int r = b->l->history_error;

        if (r == 0)
                r = history_batch_mend(b);
        while (r == 0 && history_heads(b->l->history, NULL, 0) > HISTORY_PREV_MAX)
                r = add_line(b, &joined, NULL);
        return r == 0 ? add_line(b, e, links) : r;
}

/* A ledger.json that was written by hand stands alone; an old ledger's .gitattributes does not know
 * the file yet. */
static void complete_attributes(const Ledger *l)
{
        static const char file[] = ".gitattributes", line[] = "\n" LEDGER_HISTORY_ATTRIBUTES;
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size, skip;

        (void)ledger_write_git_files(l->path);
        if (document_read(l->dir_fd, file, DOCUMENT_SIZE_MAX, &text, &size) < 0 ||
            strstr(text, HISTORY_FILE " "))
                return;
        skip = size == 0 || text[size - 1] == '\n';
        fd = openat(l->dir_fd, file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                (void)fd_write_all(fd, line + skip, strlen(line + skip));
}

/* As open as the ledger's documents. */
static int create_history(const Ledger *l, int *ret_fd)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = openat(l->dir_fd, HISTORY_FILE,
                    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || fstat(l->dir_fd, &st) < 0)
                return -errno;
        if (fchmod(fd, st.st_mode & 0664) < 0 || fsync(l->dir_fd) < 0)
                return -errno;
        complete_attributes(l);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int open_history(const Ledger *l, int *ret_fd, off_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = openat(l->dir_fd, HISTORY_FILE,
                    O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT)
                return -errno;
        r = fd < 0 ? create_history(l, &fd) : 0;
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EPERM;
        *ret_size = st.st_size;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* What a failed write left is taken back: nobody has acted on it. */
static int append(const Ledger *l, const char *text, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        off_t before = 0;
        int r = open_history(l, &fd, &before);

        if (r < 0)
                return r;
        r = fd_write_all(fd, text, size);
        if (r == 0 && fdatasync(fd) < 0)
                r = -errno;
        if (r < 0 && ftruncate(fd, before) < 0)
                return r;
        return r;
}

int history_batch_write(HistoryBatch *b)
{
        int r = b->size > 0 ? append(b->l, b->text, b->size) : 0;

        if (r < 0)
                b->l->history_error = r;
        history_batch_done(b);
        return r;
}

void history_batch_done(HistoryBatch *b)
{
        free(b->text);
        b->text = NULL;
        b->size = 0;
}
