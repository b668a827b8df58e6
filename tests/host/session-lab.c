/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The registry of sessions on a real host, without the rest of the agent: an agent whose grants are
 * told to it, and a PAM application that opens a session as sshd or sudo would.
 *
 *   session-lab agent DIR                      serve DIR/sock; one line per event on stdout
 *   session-lab run DIR CLASS ACCOUNT JTI SECONDS [--pam SERVICE] [--parent-of] COMMAND...
 *       open a PAM session of SERVICE for ACCOUNT (pam_systemd makes the logind session), ask the
 *       agent from this very process, run COMMAND as ACCOUNT, close the session
 *   session-lab ask DIR WORDS...               grant JTI SECONDS | revoke JTI | unprove JTI |
 *                                              list | count JTI
 *   session-lab serve-unit DIR CLASS ACCOUNT JTI SECONDS COMMAND...   as run, in the unit's place
 */

#include "lib/base/io.h"
#include "nhi-agentd/session/session.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define LAB_GRANTS_MAX 64
#define LAB_TEXT_MAX   1024
#define LAB_GRACE_USEC 500000 /* PID 1 comes after it: its cases need not wait for a host's */

/* ---- the agent ---- */

typedef struct LabGrant {
        char jti[65];
        int64_t end_usec, boot_end_usec;
        Reason reason; /* REASON_GRANTED: until the end */
} LabGrant;

typedef struct Lab {
        sd_event *event;
        Sessions *sessions;
        const char *dir;
        LabGrant grants[LAB_GRANTS_MAX];
        size_t n_grants;
        sd_event_source *timer;
} Lab;

typedef struct LabPeer {
        Lab *lab;
        int fd;
        Caller caller;
} LabPeer;

static Now lab_now(void *userdata)
{
        return (Now){ .real_usec = now_realtime_usec(), .boot_usec = now_boottime_usec() };
}

static LabGrant *lab_grant(Lab *lab, const char *jti)
{
        for (size_t i = 0; i < lab->n_grants; i++)
                if (streq(lab->grants[i].jti, jti))
                        return &lab->grants[i];
        return NULL;
}

static LabGrant *lab_grant_set(Lab *lab, const char *jti, double seconds)
{
        LabGrant *g = lab_grant(lab, jti);
        int64_t usec = (int64_t)(seconds * 1e6);

        if (!g) {
                if (lab->n_grants == LAB_GRANTS_MAX)
                        return NULL;
                g = &lab->grants[lab->n_grants++];
                (void)snprintf(g->jti, sizeof(g->jti), "%s", jti);
        }
        g->end_usec = now_realtime_usec() + usec;
        /* whole seconds of the epoch, as in a set */
        g->end_usec -= g->end_usec % 1000000;
        g->boot_end_usec = now_boottime_usec() + (g->end_usec - now_realtime_usec());
        g->reason = REASON_GRANTED;
        return g;
}

static Decision lab_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        const LabGrant *g = lab_grant(userdata, tied->jti);
        Now now = lab_now(NULL);
        Decision d = { .reason = REASON_NO_SET };

        if (!g)
                return d;
        d.end_sec = g->end_usec / 1000000;
        d.boot_end_usec = g->boot_end_usec;
        d.reason = g->reason;
        if (d.reason == REASON_GRANTED &&
            (now.real_usec >= g->end_usec || now.boot_usec >= g->boot_end_usec))
                d.reason = REASON_EXPIRED;
        d.verdict = d.reason == REASON_GRANTED ? VERDICT_ALLOW : VERDICT_DENY;
        return d;
}

/* A uid of DIR/closed is one into which no way leads without a grant. */
static bool lab_is_closed(void *userdata, const char *account, uint32_t uid)
{
        const Lab *lab = userdata;
        uint32_t closed;
        char path[256];
        bool found = false;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/closed", lab->dir);
        f = fopen(path, "re");
        while (f && !found && fscanf(f, "%" SCNu32, &closed) == 1)
                found = closed == uid;
        if (f)
                (void)fclose(f);
        return found;
}

static const Grant *lab_find(void *userdata, const char *jti)
{
        return NULL;
}

static void lab_record(void *userdata, const Event *e)
{
        const char *name = e->kind == EVENT_SESSION_START ? "start"
                           : e->kind == EVENT_SESSION_END ? "end"
                           : e->kind == EVENT_STRAY       ? "stray"
                                                          : "survivor";

        if (!e->grant) {
                printf("%s account=%s code=%s unit=%s count=%" PRIu64 " survivors=%u detail=%s\n",
                       name, e->account, e->code, e->caller ? e->caller->unit : "-", e->n_denials,
                       e->n_survivors, e->detail);
                (void)fflush(stdout);
                return;
        }
        printf("%s session=%s account=%s jti=%s scope=%s code=%s took_usec=%" PRId64
               " survivors=%u detail=%s\n",
               name, e->session, e->account, e->grant->jti, e->scope, e->code ? e->code : "-",
               e->took_usec, e->n_survivors, e->detail ? e->detail : "-");
        (void)fflush(stdout);
}

static void lab_arm(Lab *lab);

static int on_lab_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Lab *lab = userdata;

        sessions_review(lab->sessions);
        lab_arm(lab);
        return 0;
}

static void lab_arm(Lab *lab)
{
        int64_t real, boot;

        lab->timer = sd_event_source_disable_unref(lab->timer);
        if (!sessions_next_end(lab->sessions, &real, &boot))
                return;
        (void)sd_event_add_time(lab->event, &lab->timer, CLOCK_REALTIME, (uint64_t)real, 1,
                                on_lab_timer, lab);
}

static void lab_reply(LabPeer *p, const char *text)
{
        (void)send(p->fd, text, strlen(text), MSG_NOSIGNAL);
        (void)close(p->fd);
        caller_done(&p->caller);
        free(p);
}

static void on_lab_opened(void *userdata, Reason reason, const char *session_id)
{
        LabPeer *p = userdata;
        Lab *lab = p->lab;
        char text[128];

        (void)snprintf(text, sizeof(text), "%s %s", reason_token(reason),
                       session_id ? session_id : "-");
        lab_reply(p, text);
        lab_arm(lab);
}

static void lab_open(LabPeer *p, char *class, char *account, const char *jti, double seconds)
{
        struct passwd *pw = getpwnam(account);
        LabGrant *g = lab_grant(p->lab, jti);
        AccessRequest request = { .kind = REQUEST_SESSION, .account = account, .class = class };
        Grant grant = { .jti = jti,
                        .account = account,
                        .sub = account,
                        .owner = "lab",
                        .reason = "lab",
                        .ticket = "",
                        .issued_by = "" };
        int r;

        if (!g)
                g = lab_grant_set(p->lab, jti, seconds);
        if (!pw || !g) {
                lab_reply(p, "no-account -");
                return;
        }
        request.uid = pw->pw_uid;
        request.elevation = streq(class, "sudo") || streq(class, "su");
        r = session_open(p->lab->sessions, &p->caller, &grant, &request, class, "", "lab",
                         g->end_usec / 1000000, g->boot_end_usec, on_lab_opened, p);
        if (r < 0)
                lab_reply(p, strerror(-r));
}

static void lab_list(LabPeer *p)
{
        static SessionView views[256];
        char text[LAB_TEXT_MAX * 8] = "";
        size_t n = sessions_list(p->lab->sessions, views, ELEMENTSOF(views)), used = 0;

        for (size_t i = 0; i < n && i < ELEMENTSOF(views) && used + 512 < sizeof(text); i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %s %s %s %s\n",
                                         views[i].id, views[i].account, views[i].jti,
                                         views[i].class, views[i].scope, views[i].state);
        lab_reply(p, text);
}

static void lab_serve(LabPeer *p, char *text)
{
        char verb[32] = "", a[64] = "", b[64] = "", jti[65] = "";
        double seconds = 0;
        Lab *lab = p->lab;
        LabGrant *g;

        if (sscanf(text, "%31s", verb) != 1) {
                lab_reply(p, "?");
        } else if (streq(verb, "open") &&
                   sscanf(text, "%*s %63s %63s %64s %lf", a, b, jti, &seconds) == 4) {
                lab_open(p, a, b, jti, seconds);
        } else if (streq(verb, "grant") && sscanf(text, "%*s %64s %lf", jti, &seconds) == 2) {
                (void)lab_grant_set(lab, jti, seconds);
                sessions_review(lab->sessions);
                lab_arm(lab);
                lab_reply(p, "ok");
        } else if (sscanf(text, "%*s %64s", jti) == 1 && (g = lab_grant(lab, jti))) {
                if (streq(verb, "revoke"))
                        g->reason = REASON_REVOKED;
                else if (streq(verb, "unprove"))
                        g->reason = REASON_NO_SET;
                sessions_review(lab->sessions);
                lab_reply(p, "ok");
        } else if (streq(verb, "list")) {
                lab_list(p);
        } else {
                lab_reply(p, "?");
        }
}

static int on_lab_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        char text[LAB_TEXT_MAX];
        LabPeer *p = calloc(1, sizeof(*p));
        ssize_t n;

        if (!p)
                return -ENOMEM;
        p->lab = userdata;
        p->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        p->caller.pidfd = -EBADF;
        n = p->fd < 0 ? -1 : recv(p->fd, text, sizeof(text) - 1, 0);
        if (n <= 0 || caller_read(p->fd, &p->caller) < 0) {
                lab_reply(p, "?");
                return 0;
        }
        text[n] = '\0';
        lab_serve(p, text);
        return 0;
}

static void on_lab_started(void *userdata, int r)
{
        printf("started r=%d sessions=%zu\n", r, sessions_count(((Lab *)userdata)->sessions));
        (void)fflush(stdout);
        lab_arm(userdata);
}

static int lab_socket(const char *dir, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        (void)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/sock", dir);
        return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

/* DIR/grants: what is in force from the start, "JTI SECONDS-SINCE-THE-EPOCH" a line. */
static void lab_load(Lab *lab, const char *dir)
{
        char path[256], jti[65];
        long long end;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/grants", dir);
        f = fopen(path, "re");
        while (f && fscanf(f, "%64s %lld", jti, &end) == 2) {
                LabGrant *g = lab_grant_set(lab, jti, 0);

                if (!g)
                        break;
                g->end_usec = end * 1000000;
                g->boot_end_usec = now_boottime_usec() + g->end_usec - now_realtime_usec();
        }
        if (f)
                (void)fclose(f);
}

static int lab_agent(const char *dir)
{
        static Lab lab;
        SessionsHost host = { .userdata = &lab,
                              .grace_usec = LAB_GRACE_USEC,
                              .judge = lab_judge,
                              .now = lab_now,
                              .record = lab_record,
                              .account_is_closed = lab_is_closed,
                              .grant = lab_find };
        struct sockaddr_un address;
        char state[256];
        int fd = lab_socket(dir, &address), r;

        (void)unlink(address.sun_path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, 64) < 0)
                return 1;
        lab.dir = dir;
        lab_load(&lab, dir);
        (void)snprintf(state, sizeof(state), "%s/sessions.json", dir);
        r = sd_event_new(&lab.event);
        if (r >= 0)
                r = sessions_new(lab.event, &host, state, &lab.sessions);
        if (r >= 0)
                r = sessions_start(lab.sessions, on_lab_started, &lab);
        if (r >= 0)
                r = sd_event_add_io(lab.event, NULL, fd, EPOLLIN, on_lab_connect, &lab);
        if (r >= 0)
                r = sd_event_loop(lab.event);
        return r < 0;
}

/* ---- the PAM application ---- */

static int lab_ask(const char *dir, const char *text, char *ret, size_t size)
{
        struct sockaddr_un address;
        int fd = lab_socket(dir, &address);
        ssize_t n;

        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                return -1;
        n = recv(fd, ret, size - 1, 0);
        (void)close(fd);
        if (n < 0)
                return -1;
        ret[n] = '\0';
        return 0;
}

static int no_conversation(int n, const struct pam_message **m, struct pam_response **ret,
                           void *data)
{
        return PAM_CONV_ERR;
}

static pam_handle_t *pam_begin(const char *service, const char *account)
{
        static const struct pam_conv conv = { .conv = no_conversation };
        pam_handle_t *pam = NULL;

        if (pam_start(service, account, &conv, &pam) != PAM_SUCCESS ||
            pam_setcred(pam, PAM_ESTABLISH_CRED) != PAM_SUCCESS ||
            pam_open_session(pam, 0) != PAM_SUCCESS) {
                fprintf(stderr, "pam failed\n");
                exit(5);
        }
        return pam;
}

static int run_child(const char *account, char **command)
{
        const struct passwd *pw = getpwnam(account);

        if (!pw || initgroups(account, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
            setuid(pw->pw_uid) < 0)
                _exit(126);
        (void)execvp(command[0], command);
        _exit(127);
}

static int lab_run(int argc, char **argv)
{
        const char *dir = argv[0], *class = argv[1], *account = argv[2];
        char text[LAB_TEXT_MAX], reply[LAB_TEXT_MAX];
        pam_handle_t *pam = NULL;
        int i = 5, status = 0;
        pid_t child;

        if (argc > 7 && streq(argv[5], "--pam")) {
                pam = pam_begin(argv[6], account);
                i = 7;
        }
        (void)snprintf(text, sizeof(text), "open %s %s %s %s", class, account, argv[3], argv[4]);
        if (lab_ask(dir, text, reply, sizeof(reply)) < 0)
                return 3;
        fprintf(stderr, "%s\n", reply);
        if (strncmp(reply, "granted ", 8) != 0)
                return 1;
        child = fork();
        if (child == 0)
                run_child(account, argv + i);
        (void)signal(SIGTERM, SIG_IGN); /* as sudo, which waits for its command */
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (pam) {
                (void)pam_close_session(pam, 0);
                (void)pam_end(pam, 0);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int lab_say(const char *dir, char **words)
{
        char text[LAB_TEXT_MAX] = "", reply[LAB_TEXT_MAX * 8];

        for (; *words; words++) {
                (void)strncat(text, *words, sizeof(text) - strlen(text) - 2);
                (void)strcat(text, " ");
        }
        if (lab_ask(dir, text, reply, sizeof(reply)) < 0)
                return 3;
        printf("%s%s", reply, reply[0] && reply[strlen(reply) - 1] == '\n' ? "" : "\n");
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 3 && streq(argv[1], "agent"))
                return lab_agent(argv[2]);
        if (argc > 7 && streq(argv[1], "run"))
                return lab_run(argc - 2, argv + 2);
        if (argc > 3 && streq(argv[1], "ask"))
                return lab_say(argv[2], argv + 3);
        fprintf(stderr, "usage: session-lab agent DIR | run DIR CLASS ACCOUNT JTI SECONDS "
                        "[--pam SERVICE] COMMAND... | ask DIR WORDS...\n");
        return 2;
}
