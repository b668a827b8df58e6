/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A wire message as the decision core wants it. No I/O. */

#include "nhi-agentd/agent.h"

#include "lib/base/name.h"
#include "lib/wire/codec.h"

/* Owns copies of everything: the message may go. */
typedef struct RequestData {
        WireRequest wire;  /* numbers only: its views are void */
        const char *class; /* NULL: not a service that anything is granted for */
        char *lists;       /* bytes behind argv and edit */
        SshKey key;
        AccessRequest access;
        /* Texts, each ended by its NUL and never cleared as a whole: most of it is room. */
        char service[LABEL_SIZE_MAX + 1], subject[LABEL_SIZE_MAX + 1], target[LABEL_SIZE_MAX + 1];
        char target_group[LABEL_SIZE_MAX + 1], ruser[LABEL_SIZE_MAX + 1], tty[LABEL_SIZE_MAX + 1];
        char rhost[1025], auth_info[WIRE_TEXT_MAX + 1], command[WIRE_TEXT_MAX + 1];
        char class_buf[SERVICE_SIZE_MAX + 1];
        char egid_name[LABEL_SIZE_MAX + 1];
        /* What the record says was asked for: the command line, or what sudoedit opens (its command
         * would be the editor); cut to fit, "" where there is none. */
        char asked[WIRE_TEXT_MAX + 1];
} RequestData;
#define REQUEST_DATA_CLEARED offsetof(RequestData, service)

/* 0; -EBADMSG for what no lawful client sends; -ENOMEM. */
int request_read(const Agent *a, const WireRequest *wire, RequestData *ret);
void request_data_done(RequestData *d);

/* The first key of SSH_AUTH_INFO_0 ("publickey ALGORITHM BLOB" a line), cut up in place. False
 * where there is none. */
bool auth_info_key(char *auth_info, SshKey *ret);
/* A numeric address, IPv4 as ::ffff:a.b.c.d; a zone is dropped. Never asks a resolver. */
bool origin_parse(const char *text, uint8_t ret[static 16]);
