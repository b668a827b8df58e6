/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Logins at given moments, for tests/host/cases/race.sh: each goes through the whole PAM stack of a
 * service as sshd or cron does, and holds its session open with a process of the account. It leaves
 * out what needs a client: the network, the handshake, a shell.
 *
 *   login-race RESULTS     reads "NS SERVICE ACCOUNT NAME" lines from stdin, ordered by NS, the
 * time since the epoch at which the login begins (0: at once)
 *
 * NAME is what the account's process is called (argv[0] of a sleep). Each login appends a line to
 * RESULTS when PAM has answered: "NAME SERVICE ACCOUNT PHASE ASKED ANSWERED", where PHASE is
 * "granted" or the one that denied, and ASKED and ANSWERED stand around pam_open_session(), or
 * around the call that denied. Ends when every login has ended. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull
#define TEXT_MAX     64

typedef struct Login {
        unsigned long long at_ns;
        char service[TEXT_MAX], account[TEXT_MAX], name[TEXT_MAX];
} Login;

typedef struct Phase {
        const char *name;
        int (*call)(pam_handle_t *pam, int flags);
        int flags;
} Phase;

static int results_fd;

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t ns)
{
        const struct timespec t = { .tv_sec = (time_t)(ns / NSEC_PER_SEC),
                                    .tv_nsec = (long)(ns % NSEC_PER_SEC) };

        while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
                ;
}

static int say_nothing(int n, const struct pam_message **messages, struct pam_response **ret,
                       void *userdata)
{
        *ret = calloc((size_t)n, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void result(const Login *l, const char *phase, uint64_t asked_ns)
{
        char line[6 * TEXT_MAX];
        const int n = snprintf(line, sizeof(line), "%s %s %s %s %llu %llu\n", l->name, l->service,
                               l->account, phase, (unsigned long long)asked_ns,
                               (unsigned long long)now_ns());

        if (write(results_fd, line, (size_t)n) != n)
                perror("login-race: results");
}

/* NULL where every phase let it in; else the one that did not. */
static const char *phases_run(pam_handle_t *pam, uint64_t *ret_asked_ns)
{
        static const Phase phases[] = {
                { "account", pam_acct_mgmt, 0 },
                { "setcred", pam_setcred, PAM_ESTABLISH_CRED },
                { "session", pam_open_session, 0 },
        };

        for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
                *ret_asked_ns = now_ns();
                if (phases[i].call(pam, phases[i].flags) != PAM_SUCCESS)
                        return phases[i].name;
        }
        return NULL;
}

static _Noreturn void account_run(const Login *l)
{
        const struct passwd *pw = getpwnam(l->account);

        if (!pw || initgroups(l->account, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
            setuid(pw->pw_uid) < 0)
                _exit(126);
        (void)execl("/bin/sleep", l->name, "3600", NULL);
        _exit(127);
}

/* As sshd's monitor: it waits for its child and closes the session. */
static void session_hold(const Login *l, pam_handle_t *pam)
{
        const pid_t child = fork();

        if (child == 0)
                account_run(l);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        (void)pam_close_session(pam, 0);
}

static _Noreturn void login_run(const Login *l)
{
        static const struct pam_conv conversation = { say_nothing, NULL };
        pam_handle_t *pam = NULL;
        uint64_t asked_ns = now_ns();
        const char *denied;

        if (setsid() < 0 || pam_start(l->service, l->account, &conversation, &pam) != PAM_SUCCESS)
                _exit(EXIT_FAILURE);
        (void)pam_set_item(pam, PAM_TTY, "ssh");
        (void)pam_set_item(pam, PAM_RHOST, "127.0.0.1");
        denied = phases_run(pam, &asked_ns);
        result(l, denied ? denied : "granted", asked_ns);
        if (!denied)
                session_hold(l, pam);
        (void)pam_end(pam, denied ? PAM_PERM_DENIED : PAM_SUCCESS);
        _exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
        Login l;

        if (argc != 2) {
                (void)fprintf(stderr, "usage: login-race RESULTS <LOGINS\n");
                return 2;
        }
        results_fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (results_fd < 0) {
                perror(argv[1]);
                return EXIT_FAILURE;
        }
        while (scanf("%llu %63s %63s %63s", &l.at_ns, l.service, l.account, l.name) == 4) {
                pid_t pid;

                wait_until(l.at_ns);
                pid = fork();
                if (pid == 0)
                        login_run(&l);
                if (pid < 0)
                        perror("login-race: fork");
        }
        while (wait(NULL) > 0 || errno == EINTR)
                ;
        return EXIT_SUCCESS;
}
