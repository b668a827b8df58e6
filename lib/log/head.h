/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The head of the chain, signed by the host and kept elsewhere (journal, anchor), so that a log
 * that was cut or rolled back shows. As a compact JWS (lib/jose) of type LOG_HEAD_TYP whose payload
 * is
 *
 *   {"log":ID,"seq":N,"head":HASH,"time":TIME,"host":NAME}
 *
 * and nothing else, in this order, without white space: head is the BLAKE2b-256 of line seq
 * without its newline, as the next record's prev has it. */

#include "lib/log/chain.h"

#define LOG_HEAD_TYP      "nhi-head+jws"
#define LOG_HOST_MAX      253u
#define LOG_HEAD_TEXT_MAX 640u

typedef struct LogHead {
        char log_id[LOG_ID_SIZE + 1];
        LogChain chain;
        int64_t real_usec;
        char host[LOG_HOST_MAX + 1];
} LogHead;

/* 0, or -EINVAL where host is no text that a host name may be (printable ASCII without quotes and
 * backslashes). */
int log_head_format(const LogHead *h, char ret[static LOG_HEAD_TEXT_MAX + 1]);
/* Exactly what log_head_format() makes; a newline behind it is passed over. 0 or -EBADMSG. */
int log_head_parse(const char *text, size_t size, LogHead *ret);
