/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/keys/keys.h"

int main(int argc, char *argv[])
{
        return keys_main(argc, argv);
}
