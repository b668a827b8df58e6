/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fault/agent-host.h"

#include "lib/snapshot/reader.h"
#include "nhi-agentd/state.h"

#include <err.h>

#define ACCOUNT(name, uid)                                                                         \
        "{\"name\":\"" name "\",\"kind\":\"workload\",\"owner\":\"payments\",\"uid\":" uid         \
        ",\"gid\":" uid ",\"gecos\":\"\",\"home\":\"/var/lib/" name "\",\"shell\":\"/bin/sh\"}"

/* With nothing under way, how long until nothing more is to be expected of whoever is asked or
 * asks; and where something is under way that a fault may have ended, longer than anything takes on
 * one of the agent's threads. */
#define IDLE_USEC  3000u
#define QUIET_USEC 300000u
#define TURN_USEC  1000u

#define UID_OLD 70001u
#define UID_NEW 70002u

Fixture host;
char *host_old_set, *host_new_set;
static int loop_result;

static char *sign(int64_t version, const char *accounts, const char *jti, const char *account)
{
        _cleanup_free_ char *grant = fixture_grant(jti, account, 3600, FIXTURE_LOGIN);

        return fixture_set(&host, version, accounts, grant);
}

void host_start_at_work(void)
{
        loop_result = 0;
        fixture_agent(&host);
        fixture_load(&host);
        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++)
                (void)unlink(fixture_doors[i].path);
        listen_all(&host);
}

void host_start(void)
{
        host_start_at_work();
        host_run_idle();
}

void host_stop(void)
{
        fixture_stop(&host);
}

static void make_key(void)
{
        static bool is_there;

        if (is_there)
                return;
        if (sodium_init() < 0 || signing_key_generate(&host.key) != 0)
                errx(2, "no key");
        fixture_files(&host);
        is_there = true;
}

/* Anew for each scenario, since a set ends: on what the scenario before began with. */
void host_prepare(void)
{
        make_key();
        host.base_sec = fixture_now() > host.base_sec ? fixture_now() : host.base_sec + 1;
        free(host_old_set);
        free(host_new_set);
        host_old_set = sign(0, ACCOUNT("svc-old", "70001"), "g-old", "svc-old");
        host_new_set = sign(1, ACCOUNT("svc-old", "70001") "," ACCOUNT("svc-new", "70002"), "g-new",
                            "svc-new");
        host_start();
        if (strncmp(host_offer(host_old_set), "accepted ", 9) != 0)
                errx(2, "%s", host.line);
        host_run_idle();
        host_stop();
}

static int try_doors(void)
{
        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++) {
                struct sockaddr_un address;
                const int fd =
                        socket(AF_UNIX, fixture_doors[i].type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                int r;

                if (fd < 0)
                        return -errno;
                address_of(fixture_doors[i].path, &address);
                (void)unlink(address.sun_path);
                r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0
                            ? -errno
                            : listener_add(host.agent->listener, fixture_doors[i].kind, fd);
                if (r < 0) {
                        (void)close(fd);
                        return r;
                }
        }
        return listener_start(host.agent->listener);
}

int host_try_start(void)
{
        char config_error[CONFIG_ERROR_MAX] = "", error[AGENT_ERROR_MAX] = "";
        const SessionsHost sessions = { .userdata = NULL };
        Config *config = NULL;
        int r;

        loop_result = 0;
        r = sd_event_new(&host.event);
        if (r < 0)
                return r;
        r = config_load(PATH_CONF_FILE, PATH_CONF_DIR, &config, config_error);
        if (r < 0)
                return r;
        r = agent_new(host.event, config, &host.agent);
        if (r < 0) {
                config_free(config);
                return r;
        }
        r = agent_load(host.agent, error);
        if (r < 0 && error[0] == '\0')
                fault_fail("refused to start and did not say why: %s", strerror(-r));
        if (r == 0)
                r = sessions_new(host.event, &sessions, PATH_SESSIONS_RUN, &host.agent->sessions);
        if (r < 0)
                return r;
        host.agent->reconciled = true;
        agent_refresh(host.agent);
        return try_doors();
}

bool host_has_exited(void)
{
        return loop_result < 0;
}

static int run_a_turn(void)
{
        const int r = sd_event_run(host.event, TURN_USEC);

        if (r < 0)
                loop_result = r;
        return r;
}

static bool is_settled(void)
{
        return host.agent && fixture_is_settled(&host) && writer_n_pending(host.agent->worker) == 0;
}

/* So long has nothing to happen that nothing will. */
static uint64_t quiet_usec(void)
{
        return is_settled() ? IDLE_USEC : QUIET_USEC;
}

static void run_loop(bool (*done)(void), bool may_be_lost)
{
        uint64_t now = now_monotonic_usec(), heard = now;
        const uint64_t deadline = now + 10 * USEC_PER_SEC;

        while (!done() && !host_has_exited() && now < deadline) {
                const int r = run_a_turn();

                now = now_monotonic_usec();
                if (r > 0)
                        heard = now;
                if (may_be_lost && !fault_is_clean() && now > heard + quiet_usec())
                        return;
        }
}

void host_run_until(bool (*done)(void))
{
        run_loop(done, false);
}

void host_run_expecting(bool (*done)(void))
{
        run_loop(done, true);
}

void host_run_idle(void)
{
        uint64_t heard = now_monotonic_usec();

        while (!host_has_exited() && now_monotonic_usec() < heard + quiet_usec())
                if (run_a_turn() > 0)
                        heard = now_monotonic_usec();
}

static bool is_answered(void)
{
        return __atomic_load_n(&fault->answered, __ATOMIC_SEQ_CST) == fault->asked;
}

unsigned host_next_question(unsigned last)
{
        while (__atomic_load_n(&fault->asked, __ATOMIC_SEQ_CST) == last)
                (void)usleep(200);
        return fault->asked;
}

void host_ask_accounts(void)
{
        const Question *q = scenario->data;
        static WireExchange x;

        for (unsigned n = 0;;) {
                WireRequest request = pam("sshd", q->account, q->uid, WIRE_PHASE_ACCOUNT);
                WireReply reply;
                int r;

                n = host_next_question(n);
                r = wire_ask(PATH_PAM_SOCK, geteuid(), &request,
                             now_monotonic_usec() + 2 * USEC_PER_SEC, &x, &reply);
                fault->verdict = r == 0 ? (int)reply.verdict : -1;
                __atomic_store_n(&fault->answered, n, __ATOMIC_SEQ_CST);
        }
}

void host_helper(void (*serve)(void))
{
        static pid_t helper;

        if (helper > 0) {
                (void)kill(helper, SIGKILL);
                (void)waitpid(helper, NULL, 0);
        }
        fault->asked = fault->answered = 0;
        helper = fault_helper(serve);
        if (helper < 0)
                err(2, "fork");
}

void host_ask(void)
{
        fault->verdict = -1;
        (void)__atomic_add_fetch(&fault->asked, 1, __ATOMIC_SEQ_CST);
        host_run_until(is_answered);
        if (!is_answered() && !host_has_exited())
                fault_fail("no answer, and no end of it");
}

bool host_allows(const char *account, uint32_t uid)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = account,
                                    .uid = uid,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(host.agent);

        return decide(&host.agent->store, &view, &ask, agent_now(host.agent)).verdict ==
               VERDICT_ALLOW;
}

Known host_known(void)
{
        return (Known){ .old = host_allows("svc-old", UID_OLD),
                        .new = host_allows("svc-new", UID_NEW) };
}

const char *host_offer(const char *jws)
{
        return fixture_offer(&host, strdup(jws));
}

void host_check_snapshot(void)
{
        Snapshot s = {};
        const int r = snapshot_open(PATH_SNAPSHOT, owner_trusted(), &s);

        if (r == 0)
                snapshot_close(&s);
        else if (r != SNAPSHOT_E_ABSENT)
                fault_fail("a snapshot that is none: %d", r);
}

static bool starts_with(const char *text, const char *what)
{
        return strncmp(text, what, strlen(what)) == 0;
}

void host_check_progress(void)
{
        Known k;

        host_offer(host_new_set);
        if (!starts_with(host.line, "accepted ") && !starts_with(host.line, "unchanged "))
                fault_fail("the new set: %s", host.line);
        k = host_known();
        if (k.old || !k.new)
                fault_fail("after the new set: old %d, new %d", k.old, k.new);
        host_offer(host_old_set);
        if (!starts_with(host.line, "refused version-floor"))
                fault_fail("the old set after the new one: %s", host.line);
        host_run_idle();
        host_check_snapshot();
}

void host_check_restart(void)
{
        const SetFloor *floor;
        Known k;

        host_start();
        k = host_known();
        floor = state_floor(host.agent->state, FIXTURE_ISSUER);
        if (k.old == k.new)
                fault_fail("started anew: old %d, new %d", k.old, k.new);
        if (!floor || floor->ver < host.base_sec * 1000)
                fault_fail("the floor is lower than it was");
        if (k.new != (floor && floor->ver > host.base_sec * 1000))
                fault_fail("another set than the floor's");
        if (idmap_n_users(host.agent->idmap) < (k.new ? 2 : 1))
                fault_fail("ids are forgotten");
        host_check_snapshot();
        host_check_progress();
        host_stop();
}
