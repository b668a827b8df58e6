/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/note.h"

#include <string.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

void note_clear(Note *n)
{
        n->size = 0;
        n->text[0] = '\0';
}

void note_text(Note *n, const char *text)
{
        static const char more[] = "...";
        size_t size, room = NOTE_SIZE_MAX - sizeof(more) - n->size;

        if (!n->wanted || !text || room == 0)
                return;
        size = strlen(text);
        if (size > room) {
                memcpy(n->text + n->size, text, room);
                memcpy(n->text + n->size + room, more, sizeof(more));
                n->size += room;
                return;
        }
        memcpy(n->text + n->size, text, size + 1);
        n->size += size;
}

void note_number(Note *n, uint64_t value)
{
        char digits[21];
        size_t i = sizeof(digits) - 1;

        digits[i] = '\0';
        do {
                digits[--i] = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        note_text(n, digits + i);
}

static void note_two_digits(Note *n, int64_t value, const char *before)
{
        const char digits[3] = { (char)('0' + value / 10 % 10), (char)('0' + value % 10), '\0' };

        note_text(n, before);
        note_text(n, digits);
}

/* The date of a day since the epoch, in the proleptic Gregorian calendar: years are counted from
 * 1 March, so that the leap day is the last of its year. */
static void note_date(Note *n, int64_t day)
{
        enum { DAYS_TO_EPOCH = 719468, ERA_DAYS = 146097 }; /* from 0000-03-01; 400 years */
        int64_t z = day + DAYS_TO_EPOCH, era = z / ERA_DAYS, of_era = z % ERA_DAYS;
        int64_t year_of_era =
                (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
        int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t month = (5 * of_year + 2) / 153; /* 0: March */
        int64_t year = era * 400 + year_of_era + (month >= 10 ? 1 : 0);

        note_number(n, (uint64_t)year);
        note_two_digits(n, month < 10 ? month + 3 : month - 9, "-");
        note_two_digits(n, of_year - (153 * month + 2) / 5 + 1, "-");
}

void note_time(Note *n, int64_t sec)
{
        if (!n->wanted)
                return;
        if (sec < 0 || sec > TIME_SEC_MAX) {
                note_text(n, "no lawful time");
                return;
        }
        note_date(n, sec / 86400);
        note_two_digits(n, sec / 3600 % 24, "T");
        note_two_digits(n, sec / 60 % 60, ":");
        note_two_digits(n, sec % 60, ":");
        note_text(n, "Z");
}

void note_list(Note *n, const StrList *list)
{
        if (list->n == 0)
                note_text(n, "nothing");
        for (size_t i = 0; i < list->n; i++) {
                note_text(n, i > 0 ? ", " : NULL);
                note_text(n, list->items[i]);
        }
}

static bool address_is_v4(const uint8_t addr[static 16])
{
        return memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0;
}

static void note_group(Note *n, unsigned value)
{
        static const char hex[] = "0123456789abcdef";
        char text[5];
        size_t size = 0;

        for (int shift = 12; shift >= 0; shift -= 4)
                if (size > 0 || value >> shift || shift == 0)
                        text[size++] = hex[(value >> shift) & 15];
        text[size] = '\0';
        note_text(n, text);
}

void note_address(Note *n, const uint8_t addr[static 16])
{
        if (!n->wanted)
                return;
        if (address_is_v4(addr)) {
                for (int i = 12; i < 16; i++) {
                        note_text(n, i > 12 ? "." : NULL);
                        note_number(n, addr[i]);
                }
                return;
        }
        for (int i = 0; i < 16; i += 2) {
                note_text(n, i > 0 ? ":" : NULL);
                note_group(n, (unsigned)addr[i] << 8 | addr[i + 1]);
        }
}

void note_cidr(Note *n, const Cidr *c)
{
        note_address(n, c->addr);
        note_text(n, "/");
        note_number(n, address_is_v4(c->addr) && c->prefix >= 96 ? c->prefix - 96u : c->prefix);
}
