/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hundred thousand su in minutes instead of a day: a setuid program that, run by anybody, goes
 * through what su asks PAM after the password, again and again. It leaves out what holds a single
 * su up: a process and the loading of modules each time, the password's hash, su's own second of
 * sleep after a refusal. So what is behind PAM gets more of it than real su could send.
 *
 *   su-storm SERVICE ACCOUNT COUNT PROCESSES
 *       COUNT account phases of SERVICE for ACCOUNT, spread over so many processes; on stdout
 *       "tried N denied N unavailable N other N" */

#include <security/pam_appl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 256
#define PHASES_A_LOAD 50 /* account phases for one loading of the modules */

typedef struct Tally {
        atomic_ulong left, denied, unavailable, other;
} Tally;

static int say_nothing(int n, const struct pam_message **messages, struct pam_response **ret,
                       void *userdata)
{
        *ret = calloc((size_t)n, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static bool take(atomic_ulong *left)
{
        unsigned long n = atomic_load(left);

        while (n > 0)
                if (atomic_compare_exchange_weak(left, &n, n - 1))
                        return true;
        return false;
}

static void count(Tally *t, int code)
{
        switch (code) {
        case PAM_PERM_DENIED:
                atomic_fetch_add(&t->denied, 1);
                break;
        case PAM_AUTHINFO_UNAVAIL:
                atomic_fetch_add(&t->unavailable, 1);
                break;
        default:
                atomic_fetch_add(&t->other, 1);
        }
}

/* False where there is no more to do. */
static bool storm_once(Tally *t, const char *service, const char *account)
{
        static const struct pam_conv conversation = { say_nothing, NULL };
        pam_handle_t *pamh = NULL;
        unsigned n;

        if (pam_start(service, account, &conversation, &pamh) != PAM_SUCCESS)
                return false;
        (void)pam_set_item(pamh, PAM_TTY, "/dev/tty1"); /* su does */
        for (n = 0; n < PHASES_A_LOAD && take(&t->left); n++)
                count(t, pam_acct_mgmt(pamh, 0));
        (void)pam_end(pamh, PAM_PERM_DENIED);
        return n == PHASES_A_LOAD;
}

static void spread(Tally *t, const char *service, const char *account, unsigned long n_processes)
{
        for (unsigned long i = 0; i < n_processes; i++) {
                const pid_t pid = fork();

                if (pid == 0) {
                        while (storm_once(t, service, account))
                                ;
                        _exit(EXIT_SUCCESS);
                }
                if (pid < 0)
                        perror("su-storm: fork");
        }
        while (wait(NULL) > 0)
                ;
}

int main(int argc, char **argv)
{
        const unsigned long count = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
        const unsigned long n_processes = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
        Tally *t;

        if (count == 0 || n_processes == 0 || n_processes > PROCESSES_MAX) {
                (void)fprintf(stderr, "usage: su-storm SERVICE ACCOUNT COUNT PROCESSES\n");
                return 2;
        }
        t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (t == MAP_FAILED) {
                perror("su-storm: mmap");
                return EXIT_FAILURE;
        }
        atomic_store(&t->left, count);
        spread(t, argv[1], argv[2], n_processes);
        printf("tried %lu denied %lu unavailable %lu other %lu\n", count - atomic_load(&t->left),
               atomic_load(&t->denied), atomic_load(&t->unavailable), atomic_load(&t->other));
        return EXIT_SUCCESS;
}
