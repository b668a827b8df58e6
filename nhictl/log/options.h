/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs that read the log have in common: which records, of which directory. */

#include "nhictl/log/config.h"
#include "nhictl/log/reader.h"
#include "nhictl/verb.h"

typedef struct LogSelect {
        const char *account, *grant, *service, *verdict, *actor, *seq, *dir;
        ArgList events;
        int64_t since_sec, until_sec;
} LogSelect;

/* Rows of a verb's table; member: of its struct, a LogSelect. */
#define LOG_SELECT_OPTIONS(type, member)                                                               \
        { "account", 0, OPTION_STRING, offsetof(type, member.account), "A", "of one account" },        \
                { "grant", 0, OPTION_STRING, offsetof(type, member.grant), "ID", "of one grant" },     \
                { "service",     0,                                                                    \
                  OPTION_STRING, offsetof(type, member.service),                                       \
                  "S",           "of one service class (ssh), or PAM service (sshd)" },                \
                { "verdict", 0, OPTION_STRING, offsetof(type, member.verdict), "V", "allow or deny" }, \
                { "event",     0,                                                                      \
                  OPTION_LIST, offsetof(type, member.events),                                          \
                  "E",         "of one kind: decision, denial, session-end, ..." },                    \
                { "actor",       0,                                                                    \
                  OPTION_STRING, offsetof(type, member.actor),                                         \
                  "S",           "for this subject, or by this link of the act chain" },               \
                { "since",      0,                                                                     \
                  OPTION_SINCE, offsetof(type, member.since_sec),                                      \
                  "T",          "from this time or so long ago (1d)" },                                \
                { "until",      0,                                                                     \
                  OPTION_SINCE, offsetof(type, member.until_sec),                                      \
                  "T",          "before this time or so long ago" },                                   \
                { "seq",         0,                                                                    \
                  OPTION_STRING, offsetof(type, member.seq),                                           \
                  "A..B",        "from record A to record B; either may be left out" },                \
        {                                                                                              \
                "dir", 0, OPTION_STRING, offsetof(type, member.dir), "DIR",                            \
                        "another log's files than this host's"                                         \
        }

/* The filter that was asked for: VERB_OK, or VERB_USAGE and what was wrong is said. */
VerbStatus log_select_filter(const LogSelect *s, LogFilter *ret);
/* --dir, or this host's own. Returns ret, or s->dir. */
const char *log_select_dir(const LogSelect *s, char ret[static LOG_DIR_MAX]);
/* Open a reader, or say why not and who may. */
VerbStatus log_select_open(const char *dir, const LogFilter *f, LogReader **ret);

/* A LOG_READER_BAD is named on stderr. */
void log_say_bad(const char *dir, const LogRecord *bad);
