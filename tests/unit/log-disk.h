/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A disk below the store whose calls fail when they are told to, or lose their power: what was not
 * synced by then is there, or not, sector by sector, and of the names an end is missing. The
 * store's calls come here by the linker's --wrap (LOG_DISK_WRAPS in the Makefile). */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_SECTOR  512
#define DISK_OPS_MAX 4096u

typedef struct DiskOp {
        enum { DISK_DATA, DISK_CREATE, DISK_RENAME } kind;
        ino_t ino; /* of the file; of the directory for names */
        int fd;
        off_t offset, size_before;
        size_t size;
        char *before; /* what stood there */
        char from[64], to[64];
} DiskOp;

static struct {
        unsigned n_calls, fail_at; /* 0: never */
        int error;
        bool for_good; /* the power is gone: this call and all after it do nothing */
        bool is_off, fired;
        DiskOp ops[DISK_OPS_MAX];
        unsigned n_ops;
        unsigned n_writes;
        off_t space; /* that can be reserved at a time; 0: any */
} disk;

ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __real_posix_fallocate(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate(int fd, off_t offset, off_t size);
int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);

static bool disk_fails(void)
{
        disk.n_calls++;
        if (disk.is_off || (disk.fail_at > 0 && disk.n_calls == disk.fail_at)) {
                disk.fired = true;
                disk.is_off = disk.for_good;
                errno = disk.error;
                return true;
        }
        return false;
}

static ino_t disk_ino(int fd, off_t *ret_size)
{
        struct stat st = {};

        (void)fstat(fd, &st);
        if (ret_size)
                *ret_size = st.st_size;
        return st.st_ino;
}

static DiskOp *disk_note(int kind, int fd)
{
        DiskOp *op = &disk.ops[disk.n_ops++];

        if (disk.n_ops >= DISK_OPS_MAX)
                abort();
        *op = (DiskOp){ .kind = kind, .fd = -1 };
        op->ino = disk_ino(fd, &op->size_before);
        return op;
}

/* Of size bytes from offset on, what is there now. */
static void disk_note_data(int fd, off_t offset, size_t size)
{
        DiskOp *op = disk_note(DISK_DATA, fd);

        op->fd = dup(fd);
        op->offset = offset;
        op->size = size;
        op->before = calloc(1, size + 1);
        if (pread(fd, op->before, size, offset) < 0)
                abort();
}

static void disk_forget(DiskOp *op)
{
        free(op->before);
        if (op->fd >= 0)
                (void)close(op->fd);
}

static void disk_synced(int fd)
{
        const ino_t ino = disk_ino(fd, NULL);
        unsigned n = 0;

        for (unsigned i = 0; i < disk.n_ops; i++)
                if (disk.ops[i].ino == ino)
                        disk_forget(&disk.ops[i]);
                else
                        disk.ops[n++] = disk.ops[i];
        disk.n_ops = n;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
        if (disk_fails()) {
                /* Half of it may be there all the same. */
                if (!disk.for_good)
                        (void)__real_pwrite(fd, data, size / 2, offset);
                return -1;
        }
        disk.n_writes++;
        disk_note_data(fd, offset, size);
        return __real_pwrite(fd, data, size, offset);
}

int __wrap_fdatasync(int fd)
{
        if (disk_fails())
                return -1;
        disk_synced(fd);
        return 0;
}

int __wrap_fsync(int fd)
{
        if (disk_fails())
                return -1;
        disk_synced(fd);
        return 0;
}

int __wrap_ftruncate(int fd, off_t size)
{
        off_t before = 0;

        if (disk_fails())
                return -1;
        (void)disk_ino(fd, &before);
        if (before > size)
                disk_note_data(fd, size,
                               (size_t)(before - size) < 65536 ? (size_t)(before - size) : 65536);
        return __real_ftruncate(fd, size);
}

/* A small step, so that a test need not read and write megabytes. */
int __wrap_posix_fallocate(int fd, off_t offset, off_t size)
{
        if (disk_fails())
                return disk.error;
        if (disk.space > 0 && size > disk.space)
                return ENOSPC;
        return __real_posix_fallocate(fd, offset, size);
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
        mode_t mode = 0;
        bool is_new;
        va_list ap;
        int fd;

        if (flags & O_CREAT) {
                va_start(ap, flags);
                mode = (mode_t)va_arg(ap, int);
                va_end(ap);
        }
        if (disk_fails())
                return -1;
        is_new = flags & O_CREAT && faccessat(dir, name, F_OK, 0) < 0;
        fd = __real_openat(dir, name, flags, mode);
        if (fd >= 0 && is_new)
                (void)snprintf(disk_note(DISK_CREATE, dir)->to, 64, "%s", name);
        return fd;
}

int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        DiskOp *op;

        if (disk_fails())
                return -1;
        if (__real_renameat2(from_dir, from, to_dir, to, flags) < 0)
                return -1;
        op = disk_note(DISK_RENAME, from_dir);
        (void)snprintf(op->from, sizeof(op->from), "%s", from);
        (void)snprintf(op->to, sizeof(op->to), "%s", to);
        return 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
        return __wrap_renameat2(from_dir, from, to_dir, to, 0);
}

/* ---- the cut ----------------------------------------------------------------------------------
 */

static void disk_undo_data(const DiskOp *op)
{
        struct stat st;

        for (size_t at = 0; at < op->size;) {
                size_t n = DISK_SECTOR - (size_t)(op->offset + (off_t)at) % DISK_SECTOR;

                if (n > op->size - at)
                        n = op->size - at;
                if (random() % 2)
                        (void)__real_pwrite(op->fd, op->before + at, n, op->offset + (off_t)at);
                at += n;
        }
        /* A size grows durably only with a sync, and may have. */
        if (fstat(op->fd, &st) == 0 && st.st_size > op->size_before && random() % 2)
                (void)__real_ftruncate(op->fd, op->size_before);
}

static void disk_undo_name(int dir, const DiskOp *op)
{
        if (op->kind == DISK_CREATE)
                (void)unlinkat(dir, op->to, 0);
        else
                (void)__real_renameat2(dir, op->to, dir, op->from, 0);
}

/* The power was cut: undo what the disk forgot. */
static void disk_cut(int dir)
{
        unsigned n_names = 0, n_lost, n_kept = 0;

        for (unsigned i = 0; i < disk.n_ops; i++)
                n_names += disk.ops[i].kind != DISK_DATA;
        for (unsigned i = disk.n_ops; i-- > 0;)
                if (disk.ops[i].kind == DISK_DATA)
                        disk_undo_data(&disk.ops[i]);
        n_lost = n_names > 0 ? (unsigned)random() % (n_names + 1) : 0;
        for (unsigned i = disk.n_ops; i-- > 0 && n_kept < n_lost;)
                if (disk.ops[i].kind != DISK_DATA) {
                        disk_undo_name(dir, &disk.ops[i]);
                        n_kept++;
                }
        for (unsigned i = 0; i < disk.n_ops; i++)
                disk_forget(&disk.ops[i]);
        disk.n_ops = 0;
}

static void disk_arm(unsigned fail_at, int error, bool for_good)
{
        disk.n_calls = 0;
        disk.fail_at = fail_at;
        disk.error = error;
        disk.for_good = for_good;
        disk.is_off = disk.fired = false;
}

static void disk_forget_all(void)
{
        for (unsigned i = 0; i < disk.n_ops; i++)
                disk_forget(&disk.ops[i]);
        disk.n_ops = 0;
}
