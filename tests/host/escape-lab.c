/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that are hard to end, for tests/host/cases/escapes.sh. MARK is what they are found by
 * in the process list; each goes on until it is killed.
 *
 *   escape-lab daemon MARK    daemon(3)
 *   escape-lab deaf MARK      ignores every signal that can be ignored
 *   escape-lab rename MARK    its command line and its name become "[MARK]"
 *   escape-lab traced MARK    a child that is stopped by its tracer, and the tracer
 *   escape-lab listen PORT    accepts connections and holds them
 *   escape-lab forks MARK     forks and exits, and so does every child, faster than anybody looks
 */

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAINS        4
#define LINK_USEC     5000 /* how long one link of a chain lives */
#define CHAINED_MAX   200  /* the dead count until somebody takes note of them */
#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))

static void be_deaf(void)
{
        for (int i = 1; i < NSIG; i++)
                (void)signal(i, SIG_IGN);
}

static int stay(char **argv)
{
        while (pause() < 0)
                ;
        return 0;
}

static int be_daemon(char **argv)
{
        return daemon(0, 0) < 0 ? 1 : stay(argv);
}

static int be_deaf_and_stay(char **argv)
{
        be_deaf();
        return stay(argv);
}

/* The command line lies in argv[0] and on; what was there must not show any more. */
static int be_renamed(char **argv)
{
        char name[64];
        const size_t size = (size_t)(argv[2] + strlen(argv[2]) - argv[0]);

        (void)snprintf(name, sizeof(name), "[%s]", argv[2]);
        memset(argv[0], 0, size);
        (void)snprintf(argv[0], size, "%s", name);
        (void)prctl(PR_SET_NAME, name);
        return stay(argv);
}

static int be_traced(char **argv)
{
        const pid_t child = fork();
        int status;

        if (child == 0) {
                (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                (void)raise(SIGSTOP);
                return stay(argv);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0)
                return 1;
        be_deaf();
        return stay(argv);
}

static int be_listener(char **argv)
{
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_port = htons((in_port_t)atoi(argv[2])),
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
                return 1;
        while (accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0)
                ;
        return 1;
}

/* A link that cannot fork tries again: a chain ends only where its one living link is killed. */
static int be_chain(void)
{
        for (;;) {
                if (fork() > 0)
                        return 0;
                (void)usleep(LINK_USEC);
        }
}

static int be_forks(char **argv)
{
        const struct rlimit limit = { .rlim_cur = CHAINED_MAX, .rlim_max = CHAINED_MAX };

        if (geteuid() == 0 || setrlimit(RLIMIT_NPROC, &limit) < 0)
                return 1;
        be_deaf();
        (void)setsid();
        for (int i = 0; i < CHAINS; i++)
                if (fork() == 0)
                        return be_chain();
        return stay(argv);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *word;
                int (*be)(char **argv);
        } table[] = {
                { "daemon", be_daemon }, { "deaf", be_deaf_and_stay }, { "rename", be_renamed },
                { "traced", be_traced }, { "listen", be_listener },    { "forks", be_forks },
        };

        for (size_t i = 0; argc == 3 && i < ELEMENTSOF(table); i++)
                if (strcmp(argv[1], table[i].word) == 0)
                        return table[i].be(argv);
        fprintf(stderr, "usage: escape-lab daemon|deaf|rename|traced|listen|forks MARK\n");
        return 2;
}
