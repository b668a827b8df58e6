/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/macro.h"
#include "nhictl/log/export.h"
#include "nhictl/log/plain.h"
#include "nhictl/log/print.h"

#include <inttypes.h>

/* What a spreadsheet takes for a formula, and what stands for the mark that it is none. The last
 * ones are full-width forms, which some calculate as well. */
static bool is_formula(const char *text)
{
        static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                            "\xef\xbc\xa0" };

        for (size_t i = 0; i < ELEMENTSOF(wide); i++)
                if (strncmp(text, wide[i], 3) == 0)
                        return true;
        return *text && strchr("=+-@'", *text);
}

/* A cell and what follows it. */
static int put_cell(FILE *f, const char *text, const char *behind)
{
        const bool is_quoted = strpbrk(text, ",\"'") || is_formula(text);

        if (is_quoted && fputs(is_formula(text) ? "\"'" : "\"", f) == EOF)
                return -EIO;
        for (size_t n; *text; text += n) {
                n = strcspn(text, "\"");
                if (fwrite(text, 1, n, f) != n)
                        return -EIO;
                if (text[n] == '"' && fputs("\"\"", f) == EOF)
                        return -EIO;
                n += text[n] == '"';
        }
        return fputs(is_quoted ? "\"" : "", f) == EOF || fputs(behind, f) == EOF ? -EIO : 0;
}

/* seq, time, the members of nhi-log(5) in their order, hash. */
static int csv_begin(FILE *f)
{
        int r = fputs("seq,time,", f) == EOF ? -EIO : 0;

        for (unsigned i = 0; r == 0 && i < LOG_FIELD_N; i++)
                r = put_cell(f, log_fields[i].name, ",");
        return r < 0 || fputs("hash\r\n", f) == EOF ? -EIO : 0;
}

/* Of every record, not only of those that say it. */
static const char *origin(const LogRecord *r, LogField field)
{
        return field == LOG_FIELD_HOST ? r->host : field == LOG_FIELD_LOG ? r->log_id : "";
}

static int csv_record(FILE *f, const LogRecord *record)
{
        char text[LOG_MEMBER_MAX], plain[LOG_MEMBER_MAX], hash[LOG_HASH_TEXT_SIZE + 1];
        const char *time = json_string_value(json_object_get(record->json, "time"));
        int r = fprintf(f, "%" PRIu64 ",%s,", record->head.seq, time) < 0 ? -EIO : 0;

        for (unsigned i = 0; r == 0 && i < LOG_FIELD_N; i++) {
                (void)log_member_format(text, record->json, (LogField)i);
                r = put_cell(f,
                             plain_line(plain, sizeof(plain),
                                        *text ? text : origin(record, (LogField)i)),
                             ",");
        }
        return r < 0 ? r : put_cell(f, log_record_hash(record, hash), "\r\n");
}

const LogFormat log_format_csv = { .name = "csv", .begin = csv_begin, .record = csv_record };
