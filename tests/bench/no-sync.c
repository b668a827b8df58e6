/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a disk takes to sync is bench-log's to measure; the others measure ours. */

int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
        return 0;
}
