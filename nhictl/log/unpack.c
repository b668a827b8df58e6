/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/unpack.h"

#include <zstd.h>
#include <zstd_errors.h>

#define INPUT_SIZE (128u * 1024)

/* What a compressed segment needs. */
struct Unpacker {
        ZSTD_DCtx *context;
        ZSTD_inBuffer in;
        uint64_t size;   /* that came out of it */
        bool has_frame;  /* a file of no frame at all is none */
        bool is_open;    /* within a frame */
        bool is_pending; /* more comes without input */
        char input[INPUT_SIZE];
};

Unpacker *unpacker_free(Unpacker *u)
{
        if (!u)
                return NULL;
        (void)ZSTD_freeDCtx(u->context);
        free(u);
        return NULL;
}

int unpacker_new(Unpacker **ret)
{
        _cleanup_(unpacker_freep) Unpacker *u = calloc(1, sizeof(*u));

        if (u)
                u->context = ZSTD_createDCtx();
        if (!u || !u->context)
                return -ENOMEM;
        if (ZSTD_isError(
                    ZSTD_DCtx_setParameter(u->context, ZSTD_d_windowLogMax, LOG_STREAM_WINDOW_LOG)))
                return -EINVAL;
        u->in.src = u->input;
        *ret = TAKE_PTR(u);
        return 0;
}

int read_at(int fd, uint64_t *offset, void *ret, size_t capacity, size_t *ret_size)
{
        ssize_t n;

        do
                n = pread(fd, ret, capacity, (off_t)*offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        *offset += (uint64_t)n;
        *ret_size = (size_t)n;
        return 0;
}

int unpacker_read(Unpacker *u, int fd, uint64_t *offset, char *ret, size_t capacity,
                  size_t *ret_size)
{
        ZSTD_outBuffer out = { .dst = ret, .size = capacity };
        int r;

        while (out.pos < out.size) {
                size_t left;

                if (u->in.pos == u->in.size && !u->is_pending) {
                        r = read_at(fd, offset, u->input, sizeof(u->input), &u->in.size);
                        u->in.pos = 0;
                        if (r < 0)
                                return r;
                        if (u->in.size == 0)
                                break;
                }
                left = ZSTD_decompressStream(u->context, &out, &u->in);
                if (ZSTD_isError(left))
                        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM
                                                                                       : -EBADMSG;
                u->has_frame = true;
                u->is_open = left > 0;
                u->is_pending = left > 0 && out.pos == out.size;
        }
        if (out.pos == 0 && (u->is_open || !u->has_frame))
                return -EBADMSG;
        u->size += out.pos;
        if (u->size > LOG_STREAM_SIZE_MAX)
                return -EFBIG;
        *ret_size = out.pos;
        return 0;
}
