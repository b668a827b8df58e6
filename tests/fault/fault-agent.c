/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent while allocations and system calls fail (A10, A11, A12, A16): no allow that should not
 * be, the old state or the new one and nothing in between, right again when nothing fails any more
 * or gone with an error (systemd starts it again). Where it is killed, what is on disk must do. */

#include "tests/fault/agent-host.h"

#include "lib/wire/feed.h"
#include "nhi-agentd/state.h"

#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>

static const Question granted = { "svc-old", 70001, true };
static const Question not_granted = { "svc-new", 70002, false };

/* ---- who feeds: a process of its own, as nhi-fetchd is
 * --------------------------------------------
 */

static char fed[FEED_REPLY_MAX + 1];
static char *fed_line = fed; /* shared with who feeds */

static void feed_new_set(void)
{
        const FeedHeader header = { .magic = FEED_MAGIC };
        const int set = memfd_create("set", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd_write_all(set, host_new_set, strlen(host_new_set)) < 0 ||
            fcntl(set, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                _exit(1);
        for (unsigned n = fault->asked;;) {
                const uint64_t deadline = now_monotonic_usec() + 5 * USEC_PER_SEC;
                size_t size = 0;
                int fd = -EBADF;

                n = host_next_question(n);
                if (unix_connect(PATH_FEED_SOCK, SOCK_SEQPACKET, geteuid(), &fd) < 0 ||
                    datagram_send_fd(fd, &header, sizeof(header), set, deadline) < 0 ||
                    datagram_recv(fd, fed_line, FEED_REPLY_MAX, deadline, &size) < 0)
                        size = 0;
                fed_line[size] = '\0';
                if (fd >= 0)
                        (void)close(fd);
                __atomic_store_n(&fault->answered, n, __ATOMIC_SEQ_CST);
        }
}

/* ---- decide and answer ------------------------------------------------------------------------
 */

static void answer_prepare(void)
{
        host_prepare();
        host_helper(host_ask_accounts);
}

static void answer_judge(void)
{
        const Question *q = scenario->data;

        if (fault->verdict == VERDICT_ALLOW && !q->allowed)
                fault_fail("%s was allowed", q->account);
        if (!host_has_exited()) {
                host_ask();
                if (fault->verdict != (q->allowed ? VERDICT_ALLOW : VERDICT_DENY))
                        fault_fail("afterwards: %d", fault->verdict);
        }
        host_run_idle();
        host_stop();
}

static void recover(void)
{
        host_check_restart();
}

/* ---- accept a set -----------------------------------------------------------------------------
 */

static void accept_prepare(void)
{
        host_prepare();
        if (fed_line == fed)
                fed_line = mmap(NULL, sizeof(fed), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (fed_line == MAP_FAILED)
                err(2, "mmap");
        host_helper(feed_new_set);
}

static void accept_run(void)
{
        fed_line[0] = '\0';
        host_ask();
        if (!host_has_exited())
                host_run_idle();
}

static void accept_judge(void)
{
        const bool accepted = strncmp(fed_line, "accepted ", 9) == 0;
        const Known k = host_known();

        if (fault_is_clean() && !accepted)
                fault_fail("%s", fed_line);
        if (k.old && k.new)
                fault_fail("old and new are in force together");
        if (accepted && (k.old || !k.new))
                fault_fail("accepted, and not in force: old %d, new %d", k.old, k.new);
        host_check_snapshot();
        if (!host_has_exited())
                host_check_progress();
        host_stop();
        host_check_restart();
}

/* ---- publish ----------------------------------------------------------------------------------
 */

static int given_back;

static void publish_run(void)
{
        given_back = agent_give_back(host.agent, "g-old");
        host_run_idle();
}

static void publish_judge(void)
{
        if (given_back == 0 && host_allows("svc-old", 70001))
                fault_fail("given back, and still allowed");
        host_check_snapshot();
        if (!host_has_exited()) {
                agent_refresh(host.agent);
                host_run_idle();
                host_check_progress();
        }
        host_stop();
}

static void publish_recover(void)
{
        host_start();
        host_check_snapshot();
        host_check_progress();
        host_stop();
}

/* ---- start from disk ---------------------------------------------------------------------------
 */

static int started;

static void start_run(void)
{
        host.agent = NULL;
        host.event = NULL;
        started = host_try_start();
        if (started == 0)
                host_run_idle();
}

static void start_judge(void)
{
        if (fault_is_clean() && (started < 0 || !host_known().old))
                fault_fail("does not start: %d", started);
        if (started == 0 && host_known().new)
                fault_fail("allows what no set has granted");
        if (started == 0 && !host_has_exited())
                host_check_progress();
        host_stop();
        host_check_restart();
}

/* ---- reload ------------------------------------------------------------------------------------
 */

static void reload_begin(void)
{
        host_start();
        fixture_write(PATH_CONF_DIR "/99.conf", "limits: { peers_max = 64; };\n");
}

static bool is_reloaded(void)
{
        return host.agent->config->peers_max == 64 || host.agent->config_error[0];
}

/* What could not be judged by the new configuration is judged again a little later. */
static bool is_old_known(void)
{
        return host_known().old;
}

static void reload_run(void)
{
        (void)agent_reload(host.agent);
        host_run_expecting(is_reloaded);
        host_run_idle();
}

static void reload_judge(void)
{
        if (fault_is_clean() && host.agent->config->peers_max != 64)
                fault_fail("the configuration is not changed");
        if (host_known().new)
                fault_fail("allows what no set has granted");
        if (!host_has_exited()) {
                host.agent->config_error[0] = '\0';
                if (agent_reload(host.agent) < 0)
                        fault_fail("afterwards: cannot reload");
                host_run_until(is_reloaded);
                host_run_idle();
                if (host.agent->config->peers_max != 64 || host.agent->config_error[0])
                        fault_fail("afterwards: %s", host.agent->config_error);
                host_run_until(is_old_known);
                if (!is_old_known())
                        fault_fail("afterwards: the set in force is not in force any more");
                host_check_progress();
        }
        host_stop();
}

#define AGENT(title, p, b, r, j, again, d, step)                                                   \
        {                                                                                          \
                .name = title, .prepare = p, .begin = b, .run = r, .judge = j, .recover = again,   \
                .data = d, .leak_checked = true, .short_step = step                                \
        }

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                AGENT("agent-answer-granted", answer_prepare, host_start, host_ask, answer_judge,
                      recover, &granted, 0),
                AGENT("agent-answer-denied", answer_prepare, host_start, host_ask, answer_judge,
                      recover, &not_granted, 3),
                AGENT("agent-accept", accept_prepare, host_start, accept_run, accept_judge, recover,
                      NULL, 37),
                AGENT("agent-publish", host_prepare, host_start, publish_run, publish_judge,
                      publish_recover, NULL, 23),
                AGENT("agent-start", host_prepare, NULL, start_run, start_judge, recover, NULL, 53),
                AGENT("agent-reload", host_prepare, reload_begin, reload_run, reload_judge, recover,
                      NULL, 53),
        };

        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
