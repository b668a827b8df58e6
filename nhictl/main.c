/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/verb.h"

#include <locale.h>

int main(int argc, char **argv)
{
        /* The width of what is printed; numbers and messages stay as they are. */
        (void)setlocale(LC_CTYPE, "");
        return nhictl_main(argc, argv);
}
