/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One journal entry of the agent, as `nhictl log` shows it. Pure: the journal is behind a getter.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_TEXT_MAX 512

/* The value of a field of the current entry into ret, cut to size; false where there is none. */
typedef bool (*LogGetter)(void *userdata, const char *field, char *ret, size_t size);

#define LOG_COLUMNS 9 /* log_headings */
extern const char *const log_headings[LOG_COLUMNS + 1];

typedef struct LogRow {
        int64_t time_usec;
        char cells[LOG_COLUMNS][LOG_TEXT_MAX];
} LogRow;

void log_row_read(LogGetter get, void *userdata, int64_t time_usec, LogRow *ret);
/* Every NHI_ field and the message; NULL: memory. The names are those of the journal, in lower case
 * and without "NHI_". */
json_t *log_json(LogGetter get, void *userdata, int64_t time_usec);

/* The MESSAGE_ID of an event's name; NULL where there is none such. */
const char *log_message_id(const char *event);
/* Every MESSAGE_ID there is, ended by NULL. */
extern const char *const log_message_ids[];
