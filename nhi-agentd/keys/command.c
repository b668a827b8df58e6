/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhi-authorized-keys USER [KEY-TYPE KEY-BLOB] [--then COMMAND ARGUMENT...]: sshd's
 * AuthorizedKeysCommand (sshd_config(5)), run as the system user nhi-keys.
 *
 *  K1 A key of a grant MUST be printed only for an account whose ssh logins are gated and enforced:
 *     only there the session ends with the grant.
 *  K2 On any error nothing MUST be printed, and the exit status is 1: sshd discards the output.
 *  K3 Another key command (--then) MUST NOT be run for an account that is gated and enforced.
 *  K4 For everybody else the agent MUST NOT be asked. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "nhi-agentd/keys/keys.h"

#include <fcntl.h>
#include <stdio.h>

#define CHAIN_WORD "--then"

static int usage(void)
{
        (void)fprintf(stderr, "usage: nhi-authorized-keys USER [KEY-TYPE KEY-BLOB] "
                              "[" CHAIN_WORD " COMMAND ARGUMENT...]\n");
        return 1;
}

/* The command of the chain: a program of root's that nobody else can change, like sshd's own rule.
 */
static int chain(char *argv[])
{
        _cleanup_close_ int fd = -EBADF;
        size_t size;

        if (argv[0][0] != '/' ||
            file_open_trusted(AT_FDCWD, argv[0], owner_trusted(), &fd, &size) < 0) {
                (void)fprintf(stderr,
                              "nhi-authorized-keys: %s: must be an absolute path to a program "
                              "that root owns and nobody else may write\n",
                              argv[0]);
                return 1;
        }
        (void)execv(argv[0], argv);
        (void)fprintf(stderr, "nhi-authorized-keys: %s: %s\n", argv[0], strerror(errno));
        return 1;
}

int keys_main(int argc, char *argv[])
{
        bool has_key = argc >= 4 && !streq(argv[2], CHAIN_WORD);
        int rest = has_key ? 4 : 2, r;
        const KeysQuestion q = { .user = argc > 1 ? argv[1] : NULL,
                                 .key_type = has_key ? argv[2] : NULL,
                                 .key_blob = has_key ? argv[3] : NULL };

        if (argc < 2 || (argc > rest && (!streq(argv[rest], CHAIN_WORD) || argc == rest + 1)))
                return usage();
        r = keys_print(&q, stdout);
        if (r == KEYS_E_UNGATED)
                return argc > rest ? chain(argv + rest + 1) : 0;
        if (r != 0) {
                (void)fprintf(stderr, "nhi-authorized-keys: %s: no keys: %s\n", argv[1],
                              r < 0 ? strerror(-r) : "the agent's answer made no sense");
                return 1;
        }
        return 0;
}
