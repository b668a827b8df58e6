/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/options.h"

#include "lib/base/macro.h"

static const struct {
        const char *word;
        size_t offset;
} words[] = {
#define OPTION_ROW(member, word, help) { word, offsetof(Options, member) },
        OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

static bool option_take(Options *o, const char *word)
{
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i].word, word)) {
                        *(bool *)((char *)o + words[i].offset) = true;
                        return true;
                }
        return false;
}

Options options_parse(int argc, const char **argv)
{
        Options o = { 0 };

        for (int i = 0; i < argc; i++)
                if (!option_take(&o, argv[i]) && !o.unknown)
                        o.unknown = argv[i];
        return o;
}
