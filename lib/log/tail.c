/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/segment.h"

#include "lib/base/macro.h"

size_t log_segment_extent(const char *data, size_t size)
{
        const char *nul = size > 0 ? memchr(data, '\0', size) : NULL;

        return nul ? (size_t)(nul - data) : size;
}

/* Most of a young segment is reserved: by words. */
size_t log_used_size(const char *data, size_t size)
{
        uint64_t word;

        while (size >= sizeof(word)) {
                memcpy(&word, data + size - sizeof(word), sizeof(word));
                if (word != 0)
                        break;
                size -= sizeof(word);
        }
        while (size > 0 && data[size - 1] == '\0')
                size--;
        return size;
}

/* Begin of the line that ends (with its newline) at end. */
static size_t line_begin(const char *data, size_t end)
{
        const char *newline = end > 1 ? memrchr(data, '\n', end - 1) : NULL;

        return newline ? (size_t)(newline - data) + 1 : 0;
}

static void read_first(const char *data, size_t size, LogTail *t)
{
        const char *newline = memchr(data, '\n', size), *id;
        size_t id_size = 0;
        LogLine line;

        if (!newline || log_line_parse(data, (size_t)(newline - data), &line) < 0)
                return;
        t->first_seq = line.seq;
        id = log_line_text(&line, LOG_FIELD_LOG, &id_size);
        if (id && id_size == LOG_ID_SIZE)
                memcpy(t->log_id, id, LOG_ID_SIZE);
}

int log_tail_find(const char *data, size_t size, LogTail *ret)
{
        const size_t extent = log_segment_extent(data, size), used = log_used_size(data, size);
        const char *newline = extent > 0 ? memrchr(data, '\n', extent) : NULL;
        LogTail t = { .records_size = newline ? (size_t)(newline - data) + 1 : 0 };
        LogLine line;
        size_t begin;

        t.fragment_size = used > t.records_size ? used - t.records_size : 0;
        if (t.fragment_size > LOG_TORN_MAX)
                return -EBADMSG;
        if (t.records_size > 0) {
                begin = line_begin(data, t.records_size);
                if (log_line_parse(data + begin, t.records_size - 1 - begin, &line) < 0)
                        return -EBADMSG;
                log_chain_follow(&t.chain, line.seq, data + begin, t.records_size - 1 - begin);
                t.is_ended = line.event_size == strlen(LOG_EVENT_SEGMENT_END) &&
                             memcmp(line.event, LOG_EVENT_SEGMENT_END, line.event_size) == 0;
                read_first(data, t.records_size, &t);
        }
        *ret = t;
        return 0;
}

void log_fragment_settle(char *fragment, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (fragment[i] == '\0' || fragment[i] == '\n')
                        fragment[i] = ' ';
}
