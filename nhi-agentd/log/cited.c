/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which sets a segment cites, so that they are kept as long as the segment is. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/base/macro.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int cited_add(Cited *c, const char *text, size_t size)
{
        uint8_t hash[LOG_HASH_SIZE];
        size_t low = 0, high = c->n;

        if (log_hash_parse(text, size, hash) < 0)
                return 0;
        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = memcmp(hash, c->hashes[middle], sizeof(hash));

                if (order == 0)
                        return 0;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        if (c->n == c->capacity) {
                const size_t more = c->capacity > 0 ? 2 * c->capacity : 16;
                void *hashes = reallocarray(c->hashes, more, sizeof(*c->hashes));

                if (!hashes)
                        return -ENOMEM;
                c->hashes = hashes;
                c->capacity = more;
        }
        memmove(c->hashes[low + 1], c->hashes[low], (c->n - low) * sizeof(*c->hashes));
        memcpy(c->hashes[low], hash, sizeof(hash));
        c->n++;
        return 0;
}

void cited_done(Cited *c)
{
        free(c->hashes);
        *c = (Cited){};
}

int cited_save(const Cited *c, int dir_fd, uint64_t first_seq)
{
        char name[LOG_NAME_SIZE + 1];
        FILE *out;
        int fd, r = 0;

        log_name_format(LOG_FILE_SETS, first_seq, name);
        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, 0640) < 0 || !(out = fdopen(fd, "w"))) {
                r = -errno;
                (void)close(fd);
                return r;
        }
        for (size_t i = 0; i < c->n; i++) {
                char text[LOG_HASH_TEXT_SIZE + 1];

                log_hash_format(c->hashes[i], text);
                (void)fprintf(out, "%s\n", text);
        }
        if (fflush(out) != 0 || fsync(fd) < 0)
                r = -errno;
        if (fclose(out) != 0 && r == 0)
                r = -errno;
        return r;
}
