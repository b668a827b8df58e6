/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who finds a place on a door (place.c: L1 to L3), and what comes in with a message. */

#include "tests/unit/doors-fixture.h"

#include "nhi-agentd/caller.h"
#include "nhi-agentd/listener-internal.h"
#include "tests/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#define PEERS_MAX   64u
#define PER_UID_MAX 8u
#define RESERVE     (PEERS_MAX / 8)

/* A door with peers that are only credentials. */
typedef struct FakeDoor {
        Listener listener;
        Peer peers[PEERS_MAX];
} FakeDoor;

static FakeDoor *fake_door(Fixture *f, PeerKind kind)
{
        FakeDoor *d = calloc(1, sizeof(*d));

        assert_non_null(d);
        f->agent->config->peers_max = PEERS_MAX;
        f->agent->config->peers_per_uid_max = PER_UID_MAX;
        d->listener.agent = f->agent;
        d->listener.doors[0] = (Door){ .listener = &d->listener, .kind = kind };
        return d;
}

/* True where there was a place, which is taken then. */
static bool enters(FakeDoor *d, uid_t uid)
{
        Door *door = &d->listener.doors[0];
        const struct ucred who = { .pid = getpid(), .uid = uid, .gid = uid };
        Peer *p = &d->peers[door->n_peers];

        if (!place_is_free(door, &who))
                return false;
        *p = (Peer){ .door = door, .next = door->peers, .credentials = who };
        door->peers = p;
        door->n_peers++;
        return true;
}

static void one_user_has_its_places_and_not_one_more(void **state) /* A04 L2 */
{
        FakeDoor *d = fake_door(*state, PEER_CONTROL);

        for (unsigned i = 0; i < PER_UID_MAX; i++)
                assert_true(enters(d, 1000));
        assert_false(enters(d, 1000));
        assert_true(enters(d, 1001));
        free(d);
}

static void all_others_together_leave_the_places_of_root(void **state) /* A04 L1 */
{
        FakeDoor *d = fake_door(*state, PEER_CONTROL);

        for (unsigned i = 0; i < PEERS_MAX - RESERVE; i++)
                assert_true(enters(d, 2000 + i));
        assert_false(enters(d, 9999));
        for (unsigned i = 0; i < RESERVE; i++)
                assert_true(enters(d, 0));
        assert_false(enters(d, 0));
        free(d);
}

static void what_root_takes_is_not_from_the_share_of_others(void **state)
{
        FakeDoor *d = fake_door(*state, PEER_CONTROL);

        for (unsigned i = 0; i < PEERS_MAX - 1; i++)
                assert_true(enters(d, 0));
        assert_true(enters(d, 1000));
        assert_false(enters(d, 1000));
        free(d);
}

static void subordinate_ids_are_one_person(void **state) /* A04 L2 */
{
        Fixture *f = *state;
        FakeDoor *d = fake_door(f, PEER_CONTROL);

        fixture_write(PATH_ROOT "/etc/subuid", "alice:100000:65536\nbob:165536:65536\n");
        localdb_free(f->agent->local);
        assert_int_equal(localdb_load(PATH_ROOT "/etc", &f->agent->local), 0);
        for (unsigned i = 0; i < PER_UID_MAX; i++)
                assert_true(enters(d, 100000 + i * 10000));
        assert_false(enters(d, 100001));
        assert_true(enters(d, 99999));
        free(d);
}

/* ---- real processes -------------------------------------------------------------------------- */

/* What su is: started by uid, connected as root. Writes a byte when it is connected n times, and
 * lives until it is killed. */
static pid_t su_like(uid_t uid, unsigned n, const char *path, int type)
{
        int ready[2];
        pid_t pid;
        char byte;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                if (setresuid(uid, 0, 0) < 0)
                        _exit(1);
                for (unsigned i = 0; i < n; i++)
                        (void)dial(path, type);
                (void)!write(ready[1], "", 1);
                for (;;)
                        (void)pause();
        }
        assert_true(pid > 0);
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        return pid;
}

static void reap(pid_t pid)
{
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

typedef struct Count {
        Listener *listener;
        PeerKind kind;
        size_t n;
} Count;

static bool is_count(void *userdata)
{
        const Count *c = userdata;

        return listener_n_peers(c->listener, c->kind) == c->n;
}

static void a_process_shows_who_started_it(void **state) /* L3 */
{
        const pid_t pid = su_like(12345, 0, NULL, 0);
        uid_t uid = 0;

        assert_int_equal(process_real_uid(pid, &uid), 0);
        assert_int_equal(uid, 12345);
        assert_int_equal(process_real_uid(getpid(), &uid), 0);
        assert_int_equal(uid, getuid());
        reap(pid);
        assert_int_equal(process_real_uid(pid, &uid), -ESRCH);
}

static void who_floods_by_su_leaves_places_on_the_pam_socket(void **state) /* A04 A05 L3 */
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        Count c = { f->agent->listener, PEER_PAM, 8 };
        pid_t pids[2];
        Ask a;

        f->agent->config->peers_max = 16;
        f->agent->config->peers_per_uid_max = 8;
        fixture_deploy(f, "g-1", 0);
        pids[0] = su_like(1000, 100, PATH_PAM_SOCK, SOCK_SEQPACKET);
        assert_true(fixture_until(f, is_count, &c));
        pids[1] = su_like(1001, 100, PATH_PAM_SOCK, SOCK_SEQPACKET);
        c.n = 14; /* two of sixteen are root's */
        assert_true(fixture_until(f, is_count, &c));
        ask(f, PATH_PAM_SOCK, &q, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.verdict, VERDICT_ALLOW);
        free(a.x);
        reap(pids[0]);
        reap(pids[1]);
        c.n = 0;
        assert_true(fixture_until(f, is_count, &c));
}

static void allow_descriptors(rlim_t n)
{
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_cur > n ? limit.rlim_cur : n;
        if (limit.rlim_max < n)
                limit.rlim_max = n;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                skip(); /* not ours to raise */
}

/* Whoever comes where the queue is full waits for us, who let them in. */
static int dial_and_let_in(Fixture *f)
{
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address;

        address_of(PATH_CONTROL_SOCK, &address);
        assert_true(fd >= 0);
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                assert_int_equal(errno, EAGAIN);
                assert_true(sd_event_run(f->event, 20000) >= 0);
        }
        return fd;
}

/* So many come in, as long as it takes until all of them are in at a time: what each may take is
 * four times as long where the first ones were gone before the last was let in. */
static void let_in(Fixture *f, Count *c, int *ret_fds, uint64_t deadline_usec)
{
        const uint64_t end = now_monotonic_usec() + 60 * USEC_PER_SEC;
        const size_t n = c->n;

        for (;; deadline_usec *= 4) {
                uint64_t until = now_monotonic_usec() + 2 * deadline_usec;

                f->agent->config->peer_deadline_usec = deadline_usec;
                for (size_t i = 0; i < n; i++)
                        ret_fds[i] = dial_and_let_in(f);
                while (!is_count(c) && now_monotonic_usec() < until)
                        assert_true(sd_event_run(f->event, 20000) >= 0);
                if (is_count(c))
                        return;
                assert_true(now_monotonic_usec() < end);
                for (size_t i = 0; i < n; i++)
                        (void)close(ret_fds[i]);
                c->n = 0;
                assert_true(fixture_until(f, is_count, c));
                c->n = n;
        }
}

/* A05: each sends a byte a time and never a line; each is gone at its deadline, and meanwhile
 * another is served. */
static void slow_senders_are_gone_at_their_deadline(void **state) /* A05 */
{
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        Count c = { f->agent->listener, PEER_CONTROL, 500 };
        uint64_t deadline;
        int fds[500];
        Ask a;

        allow_descriptors(2 * ELEMENTSOF(fds) + 64);
        f->agent->config->peers_max = 1024;
        fixture_deploy(f, "g-1", 0);
        let_in(f, &c, fds, 400000);
        /* Theirs are set: another one's record may take the disk longer. */
        f->agent->config->peer_deadline_usec = DOORS_PATIENCE_USEC;
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)send(fds[i], "{", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        ask(f, PATH_PAM_SOCK, &q, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.verdict, VERDICT_ALLOW);
        free(a.x);
        c.n = 0;
        deadline = now_monotonic_usec() + 60 * USEC_PER_SEC;
        while (!is_count(&c)) { /* whoever goes on sending wins nothing by it */
                assert_true(now_monotonic_usec() < deadline);
                for (size_t i = 0; i < ELEMENTSOF(fds); i += 50)
                        (void)send(fds[i], " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                assert_true(sd_event_run(f->event, 20000) >= 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
}

/* ---- what comes with a message --------------------------------------------------------------- */

static void send_descriptors(int fd, const void *data, size_t size)
{
        enum { N = 253 }; /* SCM_MAX_FD */
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(N * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        int fds[N];

        for (size_t i = 0; i < N; i++)
                fds[i] = fd;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(c), fds, sizeof(fds));
        assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), size);
}

static void descriptors_that_come_along_are_not_kept(void **state) /* A06 O4 */
{
        Fixture *f = *state;
        const size_t before = count_fds();
        uint8_t message[WIRE_HEADER_SIZE] = { 0x4e };

        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++) {
                const int fd = dial(fixture_doors[i].path, fixture_doors[i].type);
                Count c = { f->agent->listener, fixture_doors[i].kind, 1 };

                assert_true(fixture_until(f, is_count, &c));
                send_descriptors(fd, message, sizeof(message));
                (void)shutdown(fd, SHUT_WR);
                c.n = 0;
                assert_true(fixture_until(f, is_count, &c));
                (void)close(fd);
        }
        assert_int_equal(count_fds(), before);
}

static bool is_closed(void *userdata)
{
        char bytes[256];

        return recv(*(int *)userdata, bytes, sizeof(bytes), MSG_DONTWAIT) == 0;
}

/* Every way in which a size can lie, on the door of the modules and on the one of the keys. */
static void a_message_whose_size_lies_is_closed(void **state) /* A06 */
{
        static const uint32_t sizes[] = { 0, 1, 19, 21, 0x7fffffff, 0xffffffff };
        Fixture *f = *state;
        const WireRequest q = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        _cleanup_free_ uint8_t *message = calloc(1, WIRE_MSG_MAX + 1);
        const uint64_t before = f->agent->decision_id;
        size_t size = 0;

        assert_non_null(message);
        assert_int_equal(wire_request_encode(&q, message, WIRE_MSG_MAX, &size), 0);
        for (size_t k = 0; k < 2 * (ELEMENTSOF(sizes) + 1); k++) {
                const size_t i = k / 2;
                int fd = dial(k % 2 ? PATH_KEYS_SOCK : PATH_PAM_SOCK, SOCK_SEQPACKET);
                size_t n = size;

                if (i < ELEMENTSOF(sizes)) {
                        const uint32_t le = htole32(sizes[i]);

                        memcpy(message + 8, &le, sizeof(le));
                } else { /* right, with a byte behind it */
                        const uint32_t le = htole32((uint32_t)size);

                        memcpy(message + 8, &le, sizeof(le));
                        n++;
                }
                assert_int_equal(send(fd, message, n, MSG_NOSIGNAL), n);
                assert_true(fixture_until(f, is_closed, &fd));
                (void)close(fd);
        }
        assert_int_equal(f->agent->decision_id, before);
}

/* A23 in short: nothing that a connection costs stays behind. */
static void ten_thousand_connections_leave_nothing_behind(void **state) /* A04 A23 */
{
        Fixture *f = *state;
        Count c = { f->agent->listener, PEER_CONTROL, 0 };
        const size_t before = count_fds();
        int fds[100];

        for (unsigned round = 0; round < 100; round++) {
                for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                        fds[i] = dial(PATH_CONTROL_SOCK, SOCK_STREAM);
                for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                        (void)close(fds[i]);
                while (sd_event_run(f->event, 0) > 0)
                        ;
                assert_true(listener_n_peers(c.listener, PEER_CONTROL) <=
                            f->agent->config->peers_max);
        }
        assert_true(fixture_until(f, is_count, &c));
        assert_int_equal(count_fds(), before);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                CASE(one_user_has_its_places_and_not_one_more),
                CASE(all_others_together_leave_the_places_of_root),
                CASE(what_root_takes_is_not_from_the_share_of_others),
                CASE(subordinate_ids_are_one_person),
                cmocka_unit_test(a_process_shows_who_started_it),
                CASE(who_floods_by_su_leaves_places_on_the_pam_socket),
                CASE(slow_senders_are_gone_at_their_deadline),
                CASE(descriptors_that_come_along_are_not_kept),
                CASE(a_message_whose_size_lies_is_closed),
                CASE(ten_thousand_connections_leave_nothing_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
