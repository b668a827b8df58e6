/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/head.h"

#include "lib/base/macro.h"
#include "lib/log/record.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_host(const char *host)
{
        size_t n = strnlen(host, LOG_HOST_MAX + 1);

        if (n == 0 || n > LOG_HOST_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if (host[i] <= ' ' || host[i] > '~' || host[i] == '"' || host[i] == '\\')
                        return false;
        return true;
}

int log_head_format(const LogHead *h, char ret[static LOG_HEAD_TEXT_MAX + 1])
{
        char hash[LOG_HASH_TEXT_SIZE + 1], time[LOG_TIME_SIZE + 1];

        if (!is_host(h->host))
                return -EINVAL;
        log_hash_format(h->chain.hash, hash);
        log_time_format(h->real_usec, time);
        (void)snprintf(ret, LOG_HEAD_TEXT_MAX + 1,
                       "{\"log\":\"%s\",\"seq\":%" PRIu64
                       ",\"head\":\"%s\",\"time\":\"%s\",\"host\":\"%s\"}",
                       h->log_id, h->chain.seq, hash, time, h->host);
        return 0;
}

/* What stands between literal and the next quote: a view; false where literal is not there. */
static bool member(const char **p, const char *literal, const char **ret, size_t *ret_size)
{
        const size_t size = strlen(literal);
        const char *quote;

        if (strncmp(*p, literal, size) != 0)
                return false;
        quote = strchr(*p + size, '"');
        if (!quote)
                return false;
        *ret = *p + size;
        *ret_size = (size_t)(quote - *ret);
        *p = quote;
        return true;
}

/* Only what it would make itself is taken, so that one head has one spelling. */
int log_head_parse(const char *text, size_t size, LogHead *ret)
{
        char copy[LOG_HEAD_TEXT_MAX + 1], again[LOG_HEAD_TEXT_MAX + 1];
        const char *p = copy, *id, *hash, *time, *host;
        size_t id_size, hash_size, time_size, host_size;
        LogHead h = {};

        if (size > 0 && text[size - 1] == '\n')
                size--;
        if (size > LOG_HEAD_TEXT_MAX || memchr(text, '\0', size))
                return -EBADMSG;
        memcpy(copy, text, size);
        copy[size] = '\0';
        if (!member(&p, "{\"log\":\"", &id, &id_size) || id_size != LOG_ID_SIZE ||
            sscanf(p, "\",\"seq\":%16" SCNu64, &h.chain.seq) != 1 || h.chain.seq > LOG_SEQ_MAX)
                return -EBADMSG;
        p = strchr(p + 1, ',') + 1;
        p = strchr(p, ',');
        if (!p || !member(&p, ",\"head\":\"", &hash, &hash_size) ||
            log_hash_parse(hash, hash_size, h.chain.hash) < 0 ||
            !member(&p, "\",\"time\":\"", &time, &time_size) ||
            log_time_parse(time, time_size, &h.real_usec) < 0 ||
            !member(&p, "\",\"host\":\"", &host, &host_size) || host_size > LOG_HOST_MAX)
                return -EBADMSG;
        memcpy(h.log_id, id, id_size);
        memcpy(h.host, host, host_size);
        if (log_head_format(&h, again) < 0 || !streq(again, copy))
                return -EBADMSG;
        *ret = h;
        return 0;
}
