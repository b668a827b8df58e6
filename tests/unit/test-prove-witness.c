/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What witnesses say, read: entries of the journal, records of wtmp and of the log, sets, /proc. */

#include "lib/jose/jose.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/prove/witness.h"
#include "prove-fixture.h"

#include <sys/stat.h>
#include <utmpx.h>

/* ---- the journal ---- */

typedef struct Fields {
        const char *const *items; /* "NAME=VALUE", NULL ends */
} Fields;

static bool get(void *userdata, const char *field, char *ret, size_t size)
{
        const Fields *f = userdata;
        const size_t n = strlen(field);

        for (const char *const *i = f->items; *i; i++)
                if (strncmp(*i, field, n) == 0 && (*i)[n] == '=') {
                        (void)snprintf(ret, size, "%s", *i + n + 1);
                        return true;
                }
        return false;
}

static EntryClock clock_of_test;

#define entry(p, sec, ...) entry_at((p), (sec), (sec), (const char *const[]){ __VA_ARGS__, NULL })
static void entry_at(Proof *p, double real, double mono, const char *const *items)
{
        Fields f = { items };

        entry_take(p,
                   &(JournalEntry){ .get = get,
                                    .userdata = &f,
                                    .real_usec = at(real),
                                    .mono_usec = at(mono),
                                    .boot = "b1",
                                    .cursor = "c" },
                   &clock_of_test);
}

static Proof proof_of_entries(void)
{
        clock_of_test = (EntryClock){ .real_usec = 0 };
        return proof_new();
}

#define OPENED(service, user) "MESSAGE=pam_unix(" service ":session): session opened for user " user
#define CLOSED(service, user) "MESSAGE=pam_unix(" service ":session): session closed for user " user
#define OF_SSHD               "_UID=0", "_PID=439", "_EXE=/usr/sbin/sshd", "_SYSTEMD_UNIT=ssh.service"

static void messages_of_pam_unix_are_read(void **state)
{
        static const struct {
                const char *text, *service, *user;
                bool is_open;
        } rows[] = {
                { "pam_unix(sshd:session): session opened for user olga(uid=1002) by (uid=0)",
                  "sshd", "olga", true },
                { "pam_unix(sshd:session): session opened for user olga by (uid=0)", "sshd", "olga",
                  true },
                { "pam_unix(login:session): session opened for user root(uid=0) by LOGIN(uid=0)",
                  "login", "root", true },
                { "pam_unix(su-l:session): session opened for user a by b(uid=1) by x(uid=2)",
                  "su-l", "a by b", true },
                { "pam_unix(sshd:session): session closed for user olga", "sshd", "olga", false },
        };
        PamMessage m;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_true(pam_message_parse(rows[i].text, &m));
                assert_string_equal(m.service, rows[i].service);
                assert_string_equal(m.user, rows[i].user);
                assert_int_equal(m.is_open, rows[i].is_open);
        }
}

static void other_messages_are_none(void **state)
{
        static const char *const texts[] = {
                "",
                "pam_unix(",
                "pam_unix(:session): session opened for user x by (uid=0)",
                "pam_unix(sshd:auth): authentication failure",
                "pam_unix(sshd:session): session opened for user ",
                "pam_unix(sshd:session): session opened for user (uid=0) by (uid=0)",
                "xpam_unix(sshd:session): session opened for user olga by (uid=0)",
                "Invalid user pam_unix(sshd:session): session opened for user root from ::1",
        };
        char large[2048];
        PamMessage m;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_false(pam_message_parse(texts[i], &m));
        (void)snprintf(large, sizeof(large),
                       "pam_unix(sshd:session): session opened for user %0999d by x", 1);
        assert_false(pam_message_parse(large, &m));
}

static void a_login_is_seen_from_open_to_close(void **state)
{
        Proof p = proof_of_entries();
        const Sighting *s;

        entry(&p, 10, OF_SSHD, OPENED("sshd", "svc-deploy(uid=70001) by (uid=0)"));
        entry(&p, 20, "_UID=0", "_PID=440", CLOSED("sshd", "svc-deploy")); /* another's */
        s = &p.sightings.items[0];
        assert_int_equal(p.sightings.n, 1);
        assert_false(s->end_is_known);
        entry(&p, 30, OF_SSHD, CLOSED("sshd", "svc-deploy"));
        assert_true(s->end_is_known);
        assert_int_equal(s->end_usec, at(30));
        entry(&p, 50, OF_SSHD, CLOSED("sshd", "svc-deploy")); /* once */
        assert_int_equal(s->end_usec, at(30));
        assert_string_equal(s->account, "svc-deploy");
        assert_string_equal(s->class, "ssh");
        assert_int_equal(s->pid, 439);
        proof_done(&p);
}

/* Anybody may log this text. */
static void what_a_user_logs_is_no_login(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 10, "_UID=1003", "_PID=5", "_EXE=/usr/sbin/sshd",
              OPENED("sshd", "svc-deploy by (uid=0)"));
        entry(&p, 10, "_PID=5", OPENED("sshd", "svc-deploy by (uid=0)"));
        entry(&p, 10, "_UID=1003", "_SYSTEMD_UNIT=systemd-logind.service",
              "MESSAGE_ID=" ENTRY_SESSION_NEW, "USER_ID=svc-deploy", "SESSION_ID=3", "LEADER=5");
        entry(&p, 10, "_UID=0", "_SYSTEMD_UNIT=evil.service", "MESSAGE_ID=" ENTRY_SESSION_NEW,
              "USER_ID=svc-deploy", "SESSION_ID=3", "LEADER=5");
        assert_int_equal(p.sightings.n, 0);
        proof_done(&p);
}

/* sudo's real uid is the caller's, whatever it says: who lies accuses himself. */
static void a_sudo_is_of_the_uid_that_the_kernel_names(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 10, "_UID=1003", "_PID=469", "_EXE=/usr/bin/sudo",
              OPENED("sudo", "root(uid=0) by olga(uid=1002)"));
        assert_int_equal(p.sightings.n, 1);
        assert_string_equal(p.sightings.items[0].account, "bob");
        assert_string_equal(p.sightings.items[0].class, "sudo");
        proof_done(&p);
}

/* logger(1), or a program of one's own: else who is gated accuses himself at will, and no proof is
 * ever had again. */
static void a_sudo_is_said_by_the_installed_program(void **state)
{
        static const char *const not_it[] = { "/usr/bin/logger",
                                              "/home/olga/sudo",
                                              "/tmp/usr/bin/su",
                                              "/usr/bin/pseudo",
                                              "sudo",
                                              "" };
        static const char *const is_it[] = { "/usr/bin/sudo", "/bin/su", "/usr/bin/doas" };
        Proof p = proof_of_entries();
        char exe[64];

        for (size_t i = 0; i < ELEMENTSOF(not_it); i++) {
                (void)snprintf(exe, sizeof(exe), "_EXE=%s", not_it[i]);
                entry(&p, 10, "_UID=1002", "_PID=9", exe,
                      OPENED("sudo", "root(uid=0) by olga(uid=1002)"));
                assert_int_equal(p.sightings.n, 0);
        }
        entry(&p, 10, "_UID=1002", "_PID=9", OPENED("sudo", "root(uid=0) by olga(uid=1002)"));
        assert_int_equal(p.sightings.n, 0);
        for (size_t i = 0; i < ELEMENTSOF(is_it); i++) {
                (void)snprintf(exe, sizeof(exe), "_EXE=%s", is_it[i]);
                entry(&p, 10, "_UID=1002", "_PID=9", exe,
                      OPENED("sudo", "root(uid=0) by olga(uid=1002)"));
                assert_int_equal(p.sightings.n, i + 1);
        }
        proof_done(&p);
}

static void atd_calls_as_daemon(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 10, "_UID=1", "_PID=9", OPENED("atd", "svc-deploy by (uid=1)"));
        entry(&p, 10, "_UID=1", "_PID=10", OPENED("sshd", "svc-deploy by (uid=1)"));
        assert_int_equal(p.sightings.n, 1);
        assert_string_equal(p.sightings.items[0].class, "at");
        proof_done(&p);
}

/* The leader of a unit becomes the unit's program, of whoever wrote it. */
static void a_session_is_not_closed_by_what_it_became(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 10, "_UID=0", "_PID=496", OPENED("nhi-unit", "svc-backup by (uid=0)"));
        entry(&p, 20, "_UID=1005", "_PID=496", "_EXE=/usr/lib/systemd/systemd",
              CLOSED("nhi-unit", "svc-backup"));
        assert_false(p.sightings.items[0].end_is_known);
        entry(&p, 10, "_UID=1002", "_PID=9", "_EXE=/usr/bin/sudo",
              OPENED("sudo", "root by (uid=1002)"));
        entry(&p, 20, "_UID=1002", "_PID=9", "_EXE=/home/olga/sudo", CLOSED("sudo", "root"));
        assert_false(p.sightings.items[1].end_is_known);
        entry(&p, 30, "_UID=1002", "_PID=9", "_EXE=/usr/bin/sudo", CLOSED("sudo", "root"));
        assert_true(p.sightings.items[1].end_is_known);
        proof_done(&p);
}

/* UsePAM no: nobody else says a word. */
static void sshd_says_whom_it_accepts(void **state)
{
        Proof p = proof_of_entries();
        char user[65];

        entry(&p, 10, OF_SSHD, "_COMM=sshd",
              "MESSAGE=Accepted publickey for svc-deploy from ::1 port 1 ssh2: ED25519 SHA256:x");
        entry(&p, 11, "_UID=0", "_PID=5", "_COMM=sshd-session",
              "MESSAGE=Accepted password for olga from ::1 port 1 ssh2");
        entry(&p, 12, "_UID=0", "_PID=6", "_COMM=logger",
              "MESSAGE=Accepted password for olga from ::1 port 1 ssh2");
        entry(&p, 12, "_UID=1003", "_PID=6", "_COMM=sshd",
              "MESSAGE=Accepted password for olga from ::1 port 1 ssh2");
        assert_int_equal(p.sightings.n, 2);
        assert_int_equal(p.sightings.items[0].witness, WITNESS_SSHD);
        assert_int_equal(p.sightings.items[0].pid, 439);
        assert_string_equal(p.sightings.items[0].account, "svc-deploy");
        assert_string_equal(p.sightings.items[1].account, "olga");
        proof_done(&p);

        assert_true(sshd_message_parse("Accepted x for a from b from c", user, sizeof(user)));
        assert_string_equal(user, "a from b");
        assert_false(sshd_message_parse("Accepted x for a", user, sizeof(user)));
        assert_false(sshd_message_parse("Accepted", user, sizeof(user)));
        assert_false(sshd_message_parse("Accepted x for  from c", user, sizeof(user)));
        assert_false(sshd_message_parse("Failed x for a from c", user, sizeof(user)));
}

#define OF_LOGIND "_UID=0", "_SYSTEMD_UNIT=systemd-logind.service", "LEADER=439", "SESSION_ID=7"

static void logind_names_sessions(void **state)
{
        Proof p = proof_of_entries();
        const Sighting *s;

        entry(&p, 10, OF_LOGIND, "MESSAGE_ID=" ENTRY_SESSION_NEW, "USER_ID=svc-deploy");
        entry(&p, 40, OF_LOGIND, "MESSAGE_ID=" ENTRY_SESSION_REMOVED, "USER_ID=svc-deploy");
        assert_int_equal(p.sightings.n, 1);
        s = &p.sightings.items[0];
        assert_int_equal(s->witness, WITNESS_LOGIND);
        assert_string_equal(s->logind, "7");
        assert_int_equal(s->pid, 439);
        assert_int_equal(s->end_usec, at(40));
        proof_done(&p);
}

/* A busy logind says it late; PID 1 is believed, and nobody else who says the same. */
static void a_scope_that_is_gone_is_the_end_of_its_session(void **state)
{
        Proof p = proof_of_entries();
        const Sighting *s;

        entry(&p, 10, OF_LOGIND, "MESSAGE_ID=" ENTRY_SESSION_NEW, "USER_ID=svc-deploy");
        entry(&p, 20, "_PID=77", "UNIT=session-7.scope", "MESSAGE_ID=" ENTRY_UNIT_SUCCESS);
        entry(&p, 21, "_PID=1", "UNIT=session-70.scope", "MESSAGE_ID=" ENTRY_UNIT_SUCCESS);
        entry(&p, 22, "_PID=1", "UNIT=session-.scope", "MESSAGE_ID=" ENTRY_UNIT_SUCCESS);
        s = &p.sightings.items[0];
        assert_false(s->end_is_known);
        entry(&p, 30, "_PID=1", "UNIT=session-7.scope", "MESSAGE_ID=" ENTRY_UNIT_SUCCESS);
        entry(&p, 50, OF_LOGIND, "MESSAGE_ID=" ENTRY_SESSION_REMOVED, "USER_ID=svc-deploy");
        assert_true(s->end_is_known);
        assert_int_equal(s->end_usec, at(30));
        proof_done(&p);
}

#define OF_AUDIT "_TRANSPORT=audit", "_PID=439", "_UID=0", "_AUDIT_SESSION=3"

static void the_kernels_records_are_read(void **state)
{
        Proof p = proof_of_entries();
        const Sighting *s;

        entry(&p, 10, OF_AUDIT, "_AUDIT_TYPE_NAME=USER_START", "AUDIT_FIELD_ACCT=svc-deploy",
              "AUDIT_FIELD_EXE=/usr/sbin/sshd", "AUDIT_FIELD_RES=success");
        entry(&p, 11, OF_AUDIT, "_AUDIT_TYPE_NAME=USER_START", "AUDIT_FIELD_ACCT=svc-deploy",
              "AUDIT_FIELD_EXE=/usr/sbin/sshd", "AUDIT_FIELD_RES=failed");
        entry(&p, 12, OF_AUDIT, "_AUDIT_TYPE_NAME=USER_LOGIN", "AUDIT_FIELD_ACCT=svc-deploy");
        entry(&p, 13, "_TRANSPORT=syslog", "_AUDIT_TYPE_NAME=USER_START", "_UID=0");
        entry(&p, 60, OF_AUDIT, "_AUDIT_TYPE_NAME=USER_END");
        assert_int_equal(p.sightings.n, 1);
        s = &p.sightings.items[0];
        assert_int_equal(s->witness, WITNESS_AUDIT);
        assert_string_equal(s->account, "svc-deploy");
        assert_string_equal(s->class, "ssh");
        assert_int_equal(s->audit_session, 3);
        assert_int_equal(s->end_usec, at(60));
        proof_done(&p);
}

static void units_are_known_by_their_invocation(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 10, "_PID=1", "UNIT=pay.service", "INVOCATION_ID=abc",
              "MESSAGE_ID=" ENTRY_UNIT_STARTING);
        entry(&p, 11, "_PID=1", "UNIT=pay.service", "INVOCATION_ID=abc",
              "MESSAGE_ID=" ENTRY_UNIT_STARTED);
        entry(&p, 11, "_PID=77", "UNIT=pay.service", "INVOCATION_ID=def",
              "MESSAGE_ID=" ENTRY_UNIT_STARTED);
        entry(&p, 12, "_PID=1", "UNIT=a.mount", "INVOCATION_ID=ghi",
              "MESSAGE_ID=" ENTRY_UNIT_STARTED);
        entry(&p, 30, "_PID=1", "UNIT=pay.service", "INVOCATION_ID=abc",
              "MESSAGE_ID=" ENTRY_UNIT_SUCCESS);
        entry(&p, 31, "_PID=1", "UNIT=pay.service", "INVOCATION_ID=abc",
              "MESSAGE_ID=" ENTRY_UNIT_STOPPED);
        assert_int_equal(p.units.n, 1);
        assert_int_equal(p.units.items[0].start_usec, at(10));
        assert_int_equal(p.units.items[0].end_usec, at(30));
        proof_done(&p);
}

#define MAIN_EXITED "MESSAGE=x.service: Main process exited, code=killed, status=9/KILL"

static void lives_of_agent_and_log_are_read(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 9, "_PID=1", "UNIT=nhi-agentd.service", "MESSAGE_ID=" ENTRY_UNIT_EXIT,
              "MESSAGE=nhi-agentd.service: Control process exited, code=exited, status=1");
        entry(&p, 10, "_PID=1", "UNIT=nhi-agentd.service", "MESSAGE_ID=" ENTRY_UNIT_EXIT,
              MAIN_EXITED);
        entry(&p, 11, "_PID=9", "UNIT=nhi-agentd.service", "MESSAGE_ID=" ENTRY_UNIT_EXIT,
              MAIN_EXITED);
        entry(&p, 12, "_PID=1", "UNIT=other.service", "MESSAGE_ID=" ENTRY_UNIT_EXIT, MAIN_EXITED);
        entry(&p, 13, "_UID=0", "_SYSTEMD_UNIT=nhi-agentd.service", "NHI_EVENT=log-failed",
              "MESSAGE_ID=c6a299cb5bb042e6addecb429f7efb62");
        entry(&p, 14, "_UID=1003", "_SYSTEMD_UNIT=session-3.scope", "NHI_EVENT=log-failed",
              "MESSAGE_ID=c6a299cb5bb042e6addecb429f7efb62");
        assert_int_equal(p.lives.n, 3);
        assert_int_equal(p.lives.items[1].kind, LIFE_AGENT_EXIT);
        assert_int_equal(p.lives.items[2].kind, LIFE_LOG_FAILED);
        proof_done(&p);
}

#define OF_JOURNALD "_UID=0", "_COMM=systemd-journal"

static void messages_that_were_dropped_are_a_gap(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 100, OF_JOURNALD, "MESSAGE_ID=" ENTRY_SUPPRESSED,
              "MESSAGE=Suppressed 4711 messages from chatty.service");
        entry(&p, 100, "_UID=1003", "_COMM=systemd-journal", "MESSAGE_ID=" ENTRY_SUPPRESSED,
              "MESSAGE=Suppressed 4711 messages from ssh.service");
        entry(&p, 100, "_UID=0", "_COMM=logger", "MESSAGE_ID=" ENTRY_SUPPRESSED,
              "MESSAGE=Suppressed 4711 messages from ssh.service");
        assert_int_equal(p.gaps.n, 0);
        entry(&p, 100, OF_JOURNALD, "MESSAGE_ID=" ENTRY_SUPPRESSED,
              "MESSAGE=Suppressed 4711 messages from ssh.service");
        assert_gap(&p, GAP_WITNESS, 70, 100);
        proof_done(&p);
}

#define STOPS  OF_JOURNALD, "MESSAGE_ID=" ENTRY_JOURNAL_STOP
#define STARTS OF_JOURNALD, "MESSAGE_ID=" ENTRY_JOURNAL_START

static void time_without_the_journal_is_a_gap(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 5, STOPS);
        entry(&p, 2400, STARTS);
        entry_end(&p, &clock_of_test);
        assert_gap(&p, GAP_WITNESS, 5, 2400);
        proof_done(&p);
}

static void and_up_to_now_where_it_did_not_come_back(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 5, STOPS);
        entry_end(&p, &clock_of_test);
        assert_gap(&p, GAP_WITNESS, 5, 3600);
        proof_done(&p);
}

/* It was killed, and said nothing. */
static void nobody_knows_since_when_a_journal_was_dead(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 100, "MESSAGE=x");
        entry(&p, 2400, STARTS);
        entry_end(&p, &clock_of_test);
        assert_gap(&p, GAP_WITNESS, 100, 2400);
        proof_done(&p);
}

/* Started anew; at a boot; in the boot after; and who only says so. */
static void a_journal_that_begins_is_no_gap(void **state)
{
        Proof p = proof_of_entries();

        entry(&p, 100, STARTS);
        entry(&p, 400, STOPS);
        entry(&p, 410, STARTS);
        entry(&p, 500, "_UID=1003", "_COMM=systemd-journal", "MESSAGE_ID=" ENTRY_JOURNAL_STOP);
        entry(&p, 1000, "_UID=1003", "_COMM=systemd-journal", "MESSAGE_ID=" ENTRY_JOURNAL_START);
        entry(&p, 1100, STOPS);
        (void)snprintf(clock_of_test.boot, sizeof(clock_of_test.boot), "the-boot-before");
        entry(&p, 2000, STARTS);
        entry_end(&p, &clock_of_test);
        assert_proved(&p);
        proof_done(&p);
}

static void a_clock_that_jumps_is_a_gap(void **state)
{
        static const char *const nothing[] = { "MESSAGE=x", NULL };
        Proof p = proof_of_entries();

        entry_at(&p, 100, 100, nothing);
        entry_at(&p, 111, 109, nothing); /* slewed */
        assert_int_equal(p.gaps.n, 0);
        entry_at(&p, 214, 112 - .000001, nothing); /* 3 s went by, it says 103 */
        assert_gap(&p, GAP_CLOCK, 111, 214);
        proof_done(&p);

        p = proof_of_entries();
        entry_at(&p, 100, 100, nothing);
        entry_at(&p, 50, 101, nothing);
        assert_gap(&p, GAP_CLOCK, 50, 100);
        proof_done(&p);

        p = proof_of_entries();
        entry_at(&p, 100, 100, nothing);
        (void)snprintf(clock_of_test.boot, sizeof(clock_of_test.boot), "the-boot-before");
        entry_at(&p, 400, 1, nothing);
        assert_int_equal(p.gaps.n, 0);
        proof_done(&p);
}

/* ---- wtmp ---- */

static struct utmpx line_of(short type, const char *line, const char *user, double sec)
{
        struct utmpx u = { .ut_type = type, .ut_pid = 445 };

        (void)snprintf(u.ut_line, sizeof(u.ut_line), "%s", line);
        memcpy(u.ut_user, user, strnlen(user, sizeof(u.ut_user)));
        u.ut_tv.tv_sec = (int32_t)(at(sec) / 1000000);
        return u;
}

static void terminals_are_opened_and_closed(void **state)
{
        struct utmpx file[] = {
                line_of(BOOT_TIME, "~", "reboot", 1),
                line_of(USER_PROCESS, "pts/0", "svc-deploy", 10),
                line_of(USER_PROCESS, "tty1", "an-account-whose-name-fills-it-all", 11),
                line_of(DEAD_PROCESS, "pts/0", "", 20),
                line_of(DEAD_PROCESS, "pts/9", "", 21),
                line_of(USER_PROCESS, "pts/0", "bob", 30),
                line_of(RUN_LVL, "~", "shutdown", 40),
        };
        Proof p = proof_new();

        wtmp_take(&p, "wtmp", file, sizeof(file));
        assert_int_equal(p.sightings.n, 3);
        assert_int_equal(p.sightings.items[0].end_usec, at(20));
        assert_string_equal(p.sightings.items[0].class, "ssh");
        assert_string_equal(p.sightings.items[0].where, "wtmp record 2, pts/0");
        assert_int_equal(p.sightings.items[1].end_usec, at(40));
        assert_string_equal(p.sightings.items[1].class, "login");
        assert_string_equal(p.sightings.items[1].account, "an-account-whose-name-fills-it-a");
        assert_int_equal(p.sightings.items[2].end_usec, at(40));
        assert_int_equal(p.gaps.n, 0);
        proof_done(&p);
}

/* sshd was killed, and the terminal was another's next; the host crashed. */
static void when_a_terminal_without_a_logout_ended_nobody_saw(void **state)
{
        struct utmpx file[] = {
                line_of(USER_PROCESS, "pts/0", "svc-deploy", 10),
                line_of(USER_PROCESS, "pts/0", "bob", 90),
                line_of(BOOT_TIME, "~", "reboot", 200),
        };
        Proof p = proof_new();

        wtmp_take(&p, "wtmp", file, sizeof(file));
        assert_int_equal(p.sightings.n, 2);
        assert_int_equal(p.sightings.items[0].end_usec, at(90));
        assert_false(p.sightings.items[0].end_is_known);
        assert_int_equal(p.sightings.items[1].end_usec, at(200));
        assert_false(p.sightings.items[1].end_is_known);
        proof_done(&p);
}

/* wtmp was rotated while somebody was there. */
static void a_terminal_is_closed_in_the_next_file(void **state)
{
        const struct utmpx before = line_of(USER_PROCESS, "pts/0", "bob", 10),
                           after = line_of(DEAD_PROCESS, "pts/0", "", 20);
        Proof p = proof_new();

        wtmp_take(&p, "wtmp.1", &before, sizeof(before));
        wtmp_take(&p, "wtmp", &after, sizeof(after));
        assert_int_equal(p.sightings.n, 1);
        assert_int_equal(p.sightings.items[0].end_usec, at(20));
        proof_done(&p);
}

static void a_wtmp_that_was_cut_within_a_record_is_a_gap(void **state)
{
        struct utmpx file[] = { line_of(USER_PROCESS, "pts/0", "bob", 10), { .ut_type = 0 } };
        Proof p = proof_new();

        wtmp_take(&p, "wtmp", file, sizeof(file) - 1);
        assert_int_equal(p.sightings.n, 1);
        assert_int_equal(p.gaps.n, 1);
        proof_done(&p);
}

static void a_wtmp_that_is_not_there_is_missed_where_utmp_is(void **state)
{
        Proof p = proof_new();

        p.witnesses[WITNESS_WTMP] = (WitnessState){ .is_there = false };
        witness_wtmp(&p, "/nonexistent", false, true);
        assert_false(p.witnesses[WITNESS_WTMP].is_expected);
        witness_wtmp(&p, "/nonexistent", true, false);
        assert_true(p.witnesses[WITNESS_WTMP].is_expected);
        assert_false(p.witnesses[WITNESS_WTMP].is_there);
        proof_done(&p);
}

/* ---- the log's records ---- */

static void record(Proof *p, uint64_t seq, double sec, const char *json)
{
        json_t *j = json_loads(json, 0, NULL);

        assert_non_null(j);
        log_take(p, seq, at(sec), j);
        json_decref(j);
}

static Proof proof_of_records(void)
{
        Proof p = proof_new();

        p.lives.n = 0;
        p.log_first_usec = p.log_last_usec = 0;
        p.boot = "";
        return p;
}

#define WHO "\"account\":\"svc-deploy\",\"uid\":70001,\"class\":\"ssh\",\"service\":\"sshd\","
#define ALLOWED                                                                                    \
        "\"phase\":\"open-session\",\"mode\":\"enforce\",\"verdict\":\"allow\",\"until\":"         \
        "1795347000,"                                                                              \
        "\"grant\":\"g-1\",\"issuer\":\"iss\",\"set\":\"h\",\"pid\":439,\"audit_session\":3,"      \
        "\"logind_session\":\"3\",\"boot\":\"b\""

static void a_stay_is_read_from_its_records(void **state)
{
        Proof p = proof_of_records();
        const Stay *s;

        record(&p, 1, 9, "{\"event\":\"agent-start\",\"boot\":\"b\"}");
        record(&p, 2, 10, "{\"event\":\"decision\"," WHO ALLOWED "}");
        record(&p, 3, 10.1,
               "{\"event\":\"session-start\"," WHO ALLOWED
               ",\"session\":\"s1\",\"scope\":\"session-3.scope\"}");
        record(&p, 4, 70, "{\"event\":\"session-end\"," WHO "\"session\":\"s1\",\"boot\":\"b\"}");
        assert_int_equal(p.stays.n, 1);
        s = &p.stays.items[0];
        assert_true(s->has_started);
        assert_int_equal(s->seq, 3);
        assert_int_equal(s->start_usec, at(10));
        assert_int_equal(s->end_usec, at(70));
        assert_int_equal(s->until_usec, INT64_C(1795347000000000));
        assert_int_equal(s->audit_session, 3);
        assert_string_equal(s->scope, "session-3.scope");
        assert_string_equal(s->logind, "3");
        assert_string_equal(p.boot, "b");
        assert_int_equal(p.log_first_usec, at(9));
        assert_int_equal(p.log_last_usec, at(70));
        proof_done(&p);
}

/* The last second that a number of microseconds holds is no end of a stay, either. */
static void a_stay_until_a_time_that_is_none_is_over_when_it_begins(void **state)
{
        static const char *const times[] = { "9223372036853", "9223372036854775807", "253402300800",
                                             "-1" };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                Proof p = proof_of_records();
                char text[512];

                (void)snprintf(text, sizeof(text),
                               "{\"event\":\"decision\"," WHO
                               "\"phase\":\"open-session\",\"mode\":\"enforce\","
                               "\"verdict\":\"allow\",\"until\":%s,\"pid\":439,\"boot\":\"b\"}",
                               times[i]);
                record(&p, 1, 9, "{\"event\":\"agent-start\",\"boot\":\"b\"}");
                record(&p, 2, 10, text);
                record(&p, 3, 200, "{\"event\":\"agent-stop\",\"boot\":\"b\"}");
                (void)seen(&p, WITNESS_WTMP, "svc-deploy", "ssh", 439, 10, 70);
                proof_judge(&p);
                assert_int_equal(p.stays.n, 1);
                assert_int_equal(p.stays.items[0].until_usec, at(10));
                proof_done(&p);
        }
}

static void only_what_was_enforced_and_allowed_is_a_stay(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 1,
               "{\"event\":\"decision\"," WHO
               "\"phase\":\"account\",\"mode\":\"enforce\",\"verdict\":\"allow\",\"pid\":1}");
        record(&p, 2, 2,
               "{\"event\":\"decision\"," WHO
               "\"phase\":\"open-session\",\"mode\":\"observe\",\"verdict\":\"allow\",\"pid\":1}");
        record(&p, 3, 3,
               "{\"event\":\"denial\"," WHO
               "\"phase\":\"open-session\",\"mode\":\"enforce\",\"verdict\":\"deny\",\"pid\":1}");
        record(&p, 4, 4,
               "{\"event\":\"decision\"," WHO
               "\"phase\":\"open-session\",\"mode\":\"enforce\",\"verdict\":\"deny\",\"pid\":1}");
        assert_int_equal(p.stays.n, 0);
        assert_int_equal(p.refusals.n, 1);
        assert_true(p.refusals.items[0].of_session);
        proof_done(&p);
}

static void an_allowed_session_that_was_denied_after_all_is_no_stay(void **state)
{
        static const struct {
                const char *denied;
                size_t n;
        } rows[] = {
                { "\"class\":\"ssh\",\"phase\":\"open-session\",\"pid\":439}", 1 },
                { "\"class\":\"ssh\",\"phase\":\"account\",\"pid\":439}", 2 },
                { "\"class\":\"ssh\",\"phase\":\"open-session\",\"pid\":440}", 2 },
                { "\"class\":\"sudo\",\"phase\":\"open-session\",\"pid\":439}", 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Proof p = proof_of_records();
                char denial[256];

                (void)snprintf(denial, sizeof(denial),
                               "{\"event\":\"denial\",\"account\":\"svc-deploy\",%s",
                               rows[i].denied);
                record(&p, 1, 10, "{\"event\":\"decision\"," WHO ALLOWED "}");
                record(&p, 2, 10.1,
                       "{\"event\":\"decision\"," WHO "\"phase\":\"open-session\","
                       "\"mode\":\"enforce\",\"verdict\":\"allow\",\"pid\":441}");
                record(&p, 3, 10.2, denial);
                assert_int_equal(p.stays.n, rows[i].n);
                assert_int_equal(p.stays.items[rows[i].n - 1].pid, 441);
                assert_int_equal(p.refusals.n, 1);
                proof_done(&p);
        }
}

/* sudo bears its caller's audit session: not its own. */
static void an_elevation_has_no_audit_session_of_its_own(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 1,
               "{\"event\":\"session-start\",\"account\":\"olga\",\"class\":\"sudo\",\"service\":"
               "\"sudo\",\"pid\":5,\"audit_session\":3,\"session\":\"s1\"}");
        assert_int_equal(p.stays.items[0].audit_session, PROVE_UNSET);
        proof_done(&p);
}

static void numbers_of_sessions_begin_anew_at_a_boot(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 1, "{\"event\":\"session-start\"," WHO "\"session\":\"s1\",\"boot\":\"a\"}");
        record(&p, 2, 2, "{\"event\":\"session-end\"," WHO "\"session\":\"s1\",\"boot\":\"b\"}");
        assert_int_equal(p.stays.items[0].end_usec, PROVE_OPEN);
        proof_done(&p);
}

static void what_was_written_later_counts_from_when_it_was(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 1, "{\"event\":\"session-start\"," WHO "\"session\":\"s1\",\"boot\":\"a\"}");
        record(&p, 2, 500,
               "{\"event\":\"session-end\"," WHO
               "\"session\":\"s1\",\"boot\":\"a\",\"carried\":true,"
               "\"at\":\"2026-11-22T11:20:10.000000Z\"}");
        assert_int_equal(p.stays.items[0].end_usec, at(10));
        assert_int_equal(p.log_last_usec, at(500));
        proof_done(&p);
}

static void changes_of_modes_are_read(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 1, "{\"event\":\"config-changed\",\"detail\":\"/etc/nhi/agentd.conf\"}");
        record(&p, 2, 2,
               "{\"event\":\"config-changed\",\"mode\":\"observe\",\"code\":\"gate\","
               "\"detail\":\"a: from b: from enforce to observe\"}");
        record(&p, 3, 3,
               "{\"event\":\"config-changed\",\"code\":\"gate\",\"detail\":\"jobs: from observe to "
               "none\"}");
        assert_int_equal(p.modes.n, 2);
        assert_string_equal(p.modes.items[0].gate, "a: from b");
        assert_true(p.modes.items[0].was_enforced);
        assert_false(p.modes.items[0].is_enforced);
        assert_false(p.modes.items[0].is_gone);
        assert_true(p.modes.items[1].is_gone);
        proof_done(&p);
}

static void a_log_whose_time_goes_back_has_a_gap(void **state)
{
        Proof p = proof_of_records();

        record(&p, 1, 500, "{\"event\":\"x\"}");
        record(&p, 2, 499, "{\"event\":\"x\"}");
        assert_int_equal(p.gaps.n, 0);
        record(&p, 3, 100, "{\"event\":\"x\"}");
        assert_int_equal(p.gaps.n, 1);
        assert_int_equal(p.gaps.items[0].kind, GAP_CLOCK);
        assert_int_equal(p.gaps.items[0].start_usec, at(100));
        assert_int_equal(p.gaps.items[0].end_usec, at(499));
        proof_done(&p);
}

/* ---- the log as a whole ---- */

static void log_is(Proof *p, const VerifyReport *v, unsigned n_bad)
{
        const LogHeads heads = { .n_bad = n_bad, .bad = "journal: a wrong signature" };

        log_judge(p, "/log", &heads, v);
}

/* Up to a head that is believed, and that of the agent is younger than the question. */
static void a_log_is_evidence_up_to_its_last_head(void **state)
{
        Proof p = proof_new();
        VerifyReport *v = calloc(1, sizeof(*v));

        assert_non_null(v);
        *v = (VerifyReport){ .n_records = 9, .n_heads = 1, .head_usec = at(3600) };
        log_is(&p, v, 0);
        assert_proved(&p);
        proof_done(&p);

        p = proof_new();
        v->head_usec = at(3000);
        log_is(&p, v, 0);
        assert_gap(&p, GAP_LOG, 3000, 3600);
        proof_done(&p);

        p = proof_new();
        v->n_heads = 0;
        v->n_heads_weak = 1;
        log_is(&p, v, 0);
        assert_gap(&p, GAP_LOG, 0, 3600);
        proof_done(&p);
        free(v);
}

static void a_log_that_is_not_whole_is_none(void **state)
{
        static const struct {
                VerifyReport v;
                unsigned n_bad;
                const char *why;
        } rows[] = {
                { { .n_records = 9, .n_heads = 1, .head_usec = INT64_MAX }, 1, "wrong signature" },
                { { .n_records = 9, .n_heads = 1, .head_usec = INT64_MAX, .n_problems = 1 },
                  0,
                  "record 0" },
                { { .n_records = 0 }, 0, "no record" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Proof p = proof_new();

                log_is(&p, &rows[i].v, rows[i].n_bad);
                assert_false(p.log_is_evidence);
                assert_non_null(strstr(p.log_wrong, rows[i].why));
                assert_gap(&p, GAP_LOG, 0, 3600);
                proof_done(&p);
        }
}

/* ---- sets ---- */

static void a_set_says_until_when_its_grants_hold(void **state)
{
        Proof p = proof_new();
        SetFact f = { .hash = "h", .time_usec = at(0) };
        json_t *payload =
                json_pack("{s:s, s:I, s:[{s:s, s:I, s:s}, {s:s, s:I}, {s:s, s:I, s:[s]}]}", "iss",
                          "iss", "exp", (json_int_t)(BASE_SEC + 5000), "grants", "jti", "g-1",
                          "exp", (json_int_t)(BASE_SEC + 9000), "account", "svc-deploy", "jti",
                          "g-not-stayed", "exp", (json_int_t)(BASE_SEC + 9000), "jti", "g-0", "exp",
                          (json_int_t)(BASE_SEC + 4000), "windows", "11:00..11:30 UTC");

        stay(&p, "svc-deploy", "ssh", 1, 0, 10)->grant = "g-1";
        stay(&p, "svc-deploy", "ssh", 2, 0, 10)->grant = "g-0";
        assert_int_equal(set_take(&p, &f, payload), 0);
        assert_true(f.is_known);
        assert_int_equal(f.n_grants, 2);
        assert_string_equal(f.grants[0].jti, "g-0");
        assert_int_equal(f.grants[0].end_usec, at(4000));
        assert_int_equal(f.grants[0].n_windows, 1);
        assert_int_equal(p.windows.items[f.grants[0].window].end, 11 * 60 + 30);
        assert_int_equal(f.grants[1].n_windows, 0);
        assert_string_equal(f.grants[1].account, "svc-deploy");
        assert_int_equal(f.grants[1].end_usec, at(5000)); /* the set's own end */
        json_decref(payload);
        free(f.grants);
        proof_done(&p);
}

typedef struct SetWorld {
        char dir[64], hash[65];
        SigningKey key;
        LogKeys keys;
} SetWorld;

static void put_typ(SetWorld *w, const char *typ, const char *payload)
{
        char *jws = NULL, path[192];
        FILE *f;

        assert_int_equal(jws_sign(&w->key, typ, payload, strlen(payload), &jws), 0);
        content_hash(jws, strlen(jws), w->hash);
        (void)snprintf(path, sizeof(path), "%s/sets/%s.jws", w->dir, w->hash);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(jws, f) >= 0);
        assert_int_equal(fclose(f), 0);
        free(jws);
}

static void set_put(SetWorld *w, const char *payload)
{
        put_typ(w, JWS_TYP_GRANTS, payload);
}

static SetWorld *set_world_new(const char *issuer)
{
        SetWorld *w = calloc(1, sizeof(*w));
        char path[96];

        assert_non_null(w);
        (void)snprintf(w->dir, sizeof(w->dir), "/tmp/nhi-test-prove.XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        (void)snprintf(path, sizeof(path), "%s/sets", w->dir);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(signing_key_generate(&w->key), 0);
        w->keys.items = calloc(1, sizeof(*w->keys.items));
        assert_non_null(w->keys.items);
        w->keys.items[0] = (LogKey){ .jwk = w->key.public, .issuer = strdup(issuer) };
        w->keys.n = 1;
        return w;
}

static void set_world_free(SetWorld *w)
{
        char command[128];

        (void)snprintf(command, sizeof(command), "rm -r %s", w->dir);
        assert_int_equal(system(command), 0);
        signing_key_done(&w->key);
        log_keys_done(&w->keys);
        free(w);
}

#define PAYLOAD(issuer)                                                                            \
        "{\"iss\":\"" issuer "\",\"iat\":1795346000,\"exp\":1795356400,\"grants\":"                \
        "[{\"jti\":\"g-1\",\"account\":\"svc-deploy\",\"exp\":1795350000}]}"

/* The set of a stay is read, whether the record of its acceptance was pruned or not. */
static void the_set_of_a_stay_is_read_by_its_hash(void **state)
{
        SetWorld *w = set_world_new("iss");
        Proof p = proof_new();

        set_put(w, PAYLOAD("iss"));
        stay(&p, "svc-deploy", "ssh", 439, 10, 600)->set = w->hash;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        witness_sets(&p, w->dir, &w->keys);
        assert_int_equal(p.sets.n, 2); /* and the fixture's */
        assert_true(p.sets.items[1].is_known);
        assert_string_equal(p.sets.items[1].issuer, "iss");
        assert_proved(&p);
        proof_done(&p);
        set_world_free(w);
}

/* The hash of a statement about the set whose hash w->hash is, which stays. */
static void statement_put(SetWorld *w, const char *typ, char ret[static 65])
{
        char set[65], payload[512];

        memcpy(set, w->hash, sizeof(set));
        (void)snprintf(payload, sizeof(payload),
                       "{\"iss\":\"iss\",\"set\":\"%s\",\"ver\":7,\"iat\":%lld,\"exp\":%lld}", set,
                       (long long)BASE_SEC + 50, (long long)BASE_SEC + 3000);
        put_typ(w, typ, payload);
        memcpy(ret, w->hash, 65);
        memcpy(w->hash, set, sizeof(set));
}

/* A set that was over by itself when the session began. */
static void a_set_that_was_kept_fresh_holds_longer(void **state)
{
        static const struct {
                const char *typ;  /* of the statement */
                double came;      /* into force; 0: no record says so */
                double log_first; /* where the log begins */
                bool is_proved;
                FindingKind kind;
        } rows[] = {
                { JWS_TYP_FRESHNESS, 60, -3600, true, 0 },
                { JWS_TYP_FRESHNESS, 0, -3600, false, FINDING_NOT_IN_SET },
                { JWS_TYP_FRESHNESS, 700, -3600, false, FINDING_NOT_IN_SET },
                { JWS_TYP_GRANTS, 60, -3600, false, FINDING_NOT_IN_SET },
                { JWS_TYP_FRESHNESS, 0, 500, false, FINDING_UNSIGNED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SetWorld *w = set_world_new("iss");
                Proof p = proof_new();
                char hash[65];

                set_put(w, "{\"iss\":\"iss\",\"iat\":1795342900,\"exp\":1795346500,\"grants\":"
                           "[{\"jti\":\"g-1\",\"account\":\"svc-deploy\",\"exp\":1795360000}]}");
                statement_put(w, rows[i].typ, hash);
                p.log_first_usec = at(rows[i].log_first);
                stay(&p, "svc-deploy", "ssh", 439, 600, 1200)->set = w->hash;
                p.log_last_usec = 0;
                if (rows[i].came != 0) {
                        json_t *j = json_pack("{s:s, s:s, s:s}", "event", "set-fresh", "detail",
                                              "iss version 7 is good", "set", hash);

                        log_take(&p, 1, at(rows[i].came), j);
                        json_decref(j);
                }
                p.log_last_usec = at(3590);
                seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 600, 900);
                witness_sets(&p, w->dir, &w->keys);
                if (rows[i].is_proved)
                        assert_proved(&p);
                else
                        assert_found(&p, rows[i].kind);
                proof_done(&p);
                set_world_free(w);
        }
}

/* A key that nobody trusts, another issuer's key, a set that was changed, and one that is away. */
static void a_set_that_its_issuer_did_not_sign_is_not_known(void **state)
{
        static const struct {
                const char *issuer, *payload;
                bool is_trusted, is_there, is_proved;
        } rows[] = {
                { "iss", PAYLOAD("iss"), true, true, true },
                { "iss", PAYLOAD("iss"), false, true, false },
                { "other", PAYLOAD("iss"), true, true, false },
                { "iss", PAYLOAD("iss"), true, false, false },
                { "iss", "{\"iss\":\"iss\"}", true, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SetWorld *w = set_world_new(rows[i].issuer);
                Proof p = proof_new();

                set_put(w, rows[i].payload);
                w->keys.n = rows[i].is_trusted;
                if (!rows[i].is_there)
                        w->hash[0] = w->hash[0] == '0' ? '1' : '0';
                stay(&p, "svc-deploy", "ssh", 439, 10, 600)->set = w->hash;
                seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
                witness_sets(&p, w->dir, &w->keys);
                w->keys.n = 1;
                if (rows[i].is_proved)
                        assert_proved(&p);
                else
                        assert_found(&p, FINDING_UNSIGNED);
                proof_done(&p);
                set_world_free(w);
        }
}

static void what_is_no_set_is_not_known(void **state)
{
        static const char *const texts[] = { "{}", "[]", "{\"iss\":\"x\"}",
                                             "{\"iss\":1,\"grants\":[]}" };
        Proof p = proof_new();

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                SetFact f = { .hash = "h" };
                json_t *payload = json_loads(texts[i], 0, NULL);

                assert_int_equal(set_take(&p, &f, payload), -EBADMSG);
                assert_false(f.is_known);
                json_decref(payload);
        }
        proof_done(&p);
}

/* ---- what is there now ---- */

static void a_cgroup_names_its_unit(void **state)
{
        static const struct {
                const char *path, *unit;
        } rows[] = {
                { "/user.slice/user-1003.slice/session-7.scope", "session-7.scope" },
                { "/user.slice/user-1003.slice/user@1003.service/app.slice/x.scope",
                  "user@1003.service" },
                { "/system.slice/ssh.service", "ssh.service" },
                { "/system.slice/system-ssh.slice/ssh@1.service", "ssh@1.service" },
                { "/", "" },
                { "", "" },
                { "/user.slice", "" },
                { "/.slice/a", "a" },
        };
        char unit[64];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(cgroup_unit(rows[i].path, unit, sizeof(unit)), rows[i].unit);
}

static void put(const char *dir, const char *name, const char *text)
{
        char path[256];
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void process_put(const char *proc, const char *pid, const char *stat, const char *nspid)
{
        char dir[128], status[128];

        (void)snprintf(dir, sizeof(dir), "%s/%s", proc, pid);
        (void)snprintf(status, sizeof(status), "Name:\tx\nUid:\t1003\t70001\t0\t0\nNSpid:\t%s\n",
                       nspid);
        assert_int_equal(mkdir(dir, 0755), 0);
        put(dir, "stat", stat);
        put(dir, "status", status);
        put(dir, "cgroup", "1:name=systemd:/other\n0::/system.slice/ssh.service\n");
        put(dir, "comm", "a) Z 1\n");
        put(dir, "loginuid", "70001");
        put(dir, "sessionid", "4294967295");
}

#define NUMBERS " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "

static void processes_are_read_from_proc(void **state)
{
        char proc[] = "/tmp/nhi-test-prove.XXXXXX", command[128];
        Proof p = proof_new();
        const Process *x;

        assert_non_null(mkdtemp(proc));
        process_put(proc, "500", "500 (a) Z 1) S" NUMBERS "200 0 0", "500");
        process_put(proc, "501", "501 (dead) Z" NUMBERS "200 0 0", "501");
        process_put(proc, "502", "502 (cut) S 1 2 3", "502");
        process_put(proc, "not-a-pid", "", "");
        witness_processes(&p, proc, at(0));
        assert_int_equal(p.processes.n, 1);
        x = &p.processes.items[0];
        assert_int_equal(x->pid, 500);
        assert_int_equal(x->start_usec, at(200.0 / (double)sysconf(_SC_CLK_TCK)));
        assert_int_equal(x->uid, 70001);
        assert_int_equal(x->loginuid, 70001);
        assert_int_equal(x->audit_session, PROVE_UNSET);
        assert_string_equal(x->unit, "ssh.service");
        assert_string_equal(x->name, "a) Z 1");
        assert_false(x->is_contained);
        process_put(proc, "503", "503 (b) S" NUMBERS "200 0 0", "503\t1");
        p.processes.n = 0;
        witness_processes(&p, proc, at(0));
        assert_int_equal(p.processes.n, 2);
        assert_int_equal(p.processes.items[0].is_contained, p.processes.items[0].pid == 503);
        assert_int_equal(p.processes.items[1].is_contained, p.processes.items[1].pid == 503);
        (void)snprintf(command, sizeof(command), "rm -r %s", proc);
        assert_int_equal(system(command), 0);
        proof_done(&p);
}

static void without_proc_there_is_no_witness(void **state)
{
        Proof p = proof_new();

        witness_processes(&p, "/nonexistent", 0);
        assert_gap(&p, GAP_WITNESS, 3600, 3600);
        proof_done(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_of_pam_unix_are_read),
                cmocka_unit_test(other_messages_are_none),
                cmocka_unit_test(a_login_is_seen_from_open_to_close),
                cmocka_unit_test(what_a_user_logs_is_no_login),
                cmocka_unit_test(a_sudo_is_of_the_uid_that_the_kernel_names),
                cmocka_unit_test(a_sudo_is_said_by_the_installed_program),
                cmocka_unit_test(atd_calls_as_daemon),
                cmocka_unit_test(a_session_is_not_closed_by_what_it_became),
                cmocka_unit_test(sshd_says_whom_it_accepts),
                cmocka_unit_test(logind_names_sessions),
                cmocka_unit_test(a_scope_that_is_gone_is_the_end_of_its_session),
                cmocka_unit_test(the_kernels_records_are_read),
                cmocka_unit_test(units_are_known_by_their_invocation),
                cmocka_unit_test(lives_of_agent_and_log_are_read),
                cmocka_unit_test(messages_that_were_dropped_are_a_gap),
                cmocka_unit_test(time_without_the_journal_is_a_gap),
                cmocka_unit_test(and_up_to_now_where_it_did_not_come_back),
                cmocka_unit_test(nobody_knows_since_when_a_journal_was_dead),
                cmocka_unit_test(a_journal_that_begins_is_no_gap),
                cmocka_unit_test(a_clock_that_jumps_is_a_gap),
                cmocka_unit_test(terminals_are_opened_and_closed),
                cmocka_unit_test(when_a_terminal_without_a_logout_ended_nobody_saw),
                cmocka_unit_test(a_terminal_is_closed_in_the_next_file),
                cmocka_unit_test(a_wtmp_that_was_cut_within_a_record_is_a_gap),
                cmocka_unit_test(a_wtmp_that_is_not_there_is_missed_where_utmp_is),
                cmocka_unit_test(a_stay_is_read_from_its_records),
                cmocka_unit_test(a_stay_until_a_time_that_is_none_is_over_when_it_begins),
                cmocka_unit_test(only_what_was_enforced_and_allowed_is_a_stay),
                cmocka_unit_test(an_allowed_session_that_was_denied_after_all_is_no_stay),
                cmocka_unit_test(an_elevation_has_no_audit_session_of_its_own),
                cmocka_unit_test(numbers_of_sessions_begin_anew_at_a_boot),
                cmocka_unit_test(what_was_written_later_counts_from_when_it_was),
                cmocka_unit_test(changes_of_modes_are_read),
                cmocka_unit_test(a_log_whose_time_goes_back_has_a_gap),
                cmocka_unit_test(a_log_is_evidence_up_to_its_last_head),
                cmocka_unit_test(a_log_that_is_not_whole_is_none),
                cmocka_unit_test(a_set_says_until_when_its_grants_hold),
                cmocka_unit_test(the_set_of_a_stay_is_read_by_its_hash),
                cmocka_unit_test(a_set_that_was_kept_fresh_holds_longer),
                cmocka_unit_test(a_set_that_its_issuer_did_not_sign_is_not_known),
                cmocka_unit_test(what_is_no_set_is_not_known),
                cmocka_unit_test(a_cgroup_names_its_unit),
                cmocka_unit_test(processes_are_read_from_proc),
                cmocka_unit_test(without_proc_there_is_no_witness),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
