/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/plain.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "lib/log/text.h"

#define BLANK "\\u0020"
#define CUT   "..."

/* What stands next in an encoded text, without the backslash that only JSON needs. */
static size_t next(const char *p, bool keep_blanks, bool is_edge, const char **ret,
                   size_t *ret_size)
{
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\')) {
                *ret = p + 1;
                *ret_size = 1;
                return 2;
        }
        if (*p == ' ' && is_edge && !keep_blanks) {
                *ret = BLANK;
                *ret_size = sizeof(BLANK) - 1;
                return 1;
        }
        *ret = p;
        *ret_size = *p == '\\' ? 6 : 1; /* an escape is kept whole, or not at all */
        return *ret_size;
}

/* Not in the middle of a character. */
static size_t whole_size(const char *text, size_t size)
{
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
                size--;
        return size;
}

static char *plain(char *ret, size_t size, const char *text, bool keep_blanks)
{
        char encoded[PLAIN_SIZE];
        const size_t max = size - sizeof(CUT);
        size_t encoded_size = 0, n = 0, i = 0;
        bool whole;

        whole = log_text_encode(text, encoded, sizeof(encoded) - 1, &encoded_size);
        encoded[encoded_size] = '\0';
        while (i < encoded_size) {
                const bool is_edge = i == 0 || i + 1 == encoded_size || encoded[i - 1] == ' ';
                const char *piece = NULL;
                size_t piece_size = 0;
                const size_t taken = next(encoded + i, keep_blanks, is_edge, &piece, &piece_size);

                if (piece_size > max - n) {
                        n = whole_size(ret, n);
                        whole = false;
                        break;
                }
                memcpy(ret + n, piece, piece_size);
                n += piece_size;
                ret[n] = encoded[i + taken];
                i += taken;
        }
        (void)snprintf(ret + n, size - n, "%s", whole ? "" : CUT);
        return ret;
}

char *plain_text(char *ret, size_t size, const char *text)
{
        return plain(ret, size, text, false);
}

char *plain_line(char *ret, size_t size, const char *text)
{
        return plain(ret, size, text, true);
}

/* DEL is ASCII, and what JSON need not escape. */
int plain_json(FILE *f, const json_t *v)
{
        _cleanup_free_ char *text = json_write(v, JSON_COMPACT | JSON_ENSURE_ASCII);

        if (!text)
                return -ENOMEM;
        for (const char *p = text; *p;) {
                const size_t n = strcspn(p, "\x7f");

                if (fwrite(p, 1, n, f) != n)
                        return -EIO;
                p += n;
                for (; *p == 0x7f; p++)
                        if (fputs("\\u007f", f) == EOF)
                                return -EIO;
        }
        return 0;
}
