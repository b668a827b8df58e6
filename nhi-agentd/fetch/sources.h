/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sources.json (lib/base/path.h): what the agent wants fetched. */

#include "nhi-agentd/fetch/source.h"

#include <sys/types.h>

#define SOURCES_MAX       128u
#define SOURCES_SIZE_MAX  (256u * 1024)
#define SOURCES_ERROR_MAX 256

typedef struct SourceList {
        SourceSpec *specs;
        size_t n;
        void *storage;
} SourceList;

/* Parse the text. 0 and *ret; -EBADMSG and a sentence; -ENOMEM. */
int sources_parse(const char *text, size_t size, SourceList *ret,
                  char ret_error[static SOURCES_ERROR_MAX]);
/* Read and parse the file, which owner must have written. -ENOENT: the agent never ran. */
int sources_load(const char *path, uid_t owner, SourceList *ret,
                 char ret_error[static SOURCES_ERROR_MAX]);
void sources_done(SourceList *l);
