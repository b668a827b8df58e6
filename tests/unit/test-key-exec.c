/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `--key exec:COMMAND`. The command is this program itself: test-key-exec HOW SEED public|sign. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/key-exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What a command that hangs is given first. */
#define FIRST_USEC  (USEC_PER_SEC / 5)
#define ENOUGH_USEC (60 * USEC_PER_SEC)

static SigningKey key_of(const char *seed_text)
{
        uint8_t seed[crypto_sign_SEEDBYTES] = "", public[crypto_sign_PUBLICKEYBYTES];
        SigningKey k = { 0 };

        (void)snprintf((char *)seed, sizeof(seed), "%s", seed_text);
        (void)crypto_sign_seed_keypair(public, k.secret, seed);
        jwk_from_public(public, &k.public);
        return k;
}

/* Closes its output and goes on, as does what it started. */
static _Noreturn void hang(void)
{
        (void)close(STDOUT_FILENO);
        (void)fork();
        for (;;)
                (void)pause();
}

/* Does somebody type the PIN at the terminal? */
static bool has_pin(void)
{
        char pin[8] = "";
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

        return fd >= 0 && write(fd, "PIN?", 4) == 4 && read(fd, pin, sizeof(pin) - 1) > 0 &&
               streq(pin, "1234\n");
}

static int print_public(const SigningKey *k, const char *how)
{
        if (streq(how, "hangs-at-once"))
                hang();
        char *text = NULL;

        if (streq(how, "mute"))
                return 0;
        if (jwk_format(&k->public, &text) < 0)
                return 1;
        puts(text);
        free(text);
        return 0;
}

static int print_signature(const SigningKey *k, const char *how)
{
        char text[8192], encoded[128];
        uint8_t signature[crypto_sign_BYTES];
        size_t size = fread(text, 1, sizeof(text), stdin);

        if (streq(how, "hangs"))
                hang();
        if (streq(how, "fails") || (streq(how, "asks") && !has_pin()))
                return 1;
        if (streq(how, "other-text"))
                text[0] ^= 1;
        (void)crypto_sign_detached(signature, NULL, (const uint8_t *)text, size, k->secret);
        base64url_encode(signature, streq(how, "short") ? 60 : sizeof(signature), encoded);
        puts(encoded);
        return 0;
}

static int be_the_command(const char *how, const char *seed, const char *what)
{
        SigningKey k = key_of(seed);
        SigningKey other = key_of("other");

        if (streq(what, "public"))
                return print_public(&k, how);
        return print_signature(streq(how, "other-key") ? &other : &k, how);
}

static int open_key_within(const char *how, uint64_t usec, SigningKey *ret,
                           char error[static KEY_EXEC_ERROR_MAX])
{
        char self[512] = "", *line = NULL;
        int r;

        assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
        assert_true(asprintf(&line, "exec:'%s' %s seed", self, how) > 0);
        r = key_exec_open_within(line, usec, ret, error);
        free(line);
        return r;
}

static int open_key(const char *how, SigningKey *ret, char error[static KEY_EXEC_ERROR_MAX])
{
        return open_key_within(how, ENOUGH_USEC, ret, error);
}

static void what_the_command_signs_is_a_jws_of_its_key(void **state)
{
        char error[KEY_EXEC_ERROR_MAX], *jws = NULL, *payload = NULL;
        const SigningKey real = key_of("seed");
        const Jwk *trusted = &real.public;
        size_t signer, size;
        SigningKey k;

        if (open_key("well", &k, error) < 0)
                fail_msg("%s", error);
        assert_string_equal(k.public.kid, real.public.kid);
        assert_int_equal(jws_sign(&k, "t+jwt", "hello", 5, &jws), 0);
        assert_int_equal(jws_open(jws, strlen(jws), "t+jwt", &trusted, 1, &signer, &payload, &size),
                         JWS_OK);
        assert_string_equal(payload, "hello");
        free(jws);
        free(payload);
        key_done(&k);
}

static void what_does_not_verify_is_not_used(void **state)
{
        static const struct {
                const char *how;
                int error;
        } cases[] = {
                { "other-text", -EKEYREJECTED },
                { "other-key", -EKEYREJECTED },
                { "short", -EBADMSG },
                { "fails", -EREMOTEIO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char error[KEY_EXEC_ERROR_MAX], *jws = NULL;
                SigningKey k;

                assert_int_equal(open_key(cases[i].how, &k, error), 0);
                assert_int_equal(jws_sign(&k, "t+jwt", "hello", 5, &jws), cases[i].error);
                assert_null(jws);
                key_done(&k);
        }
}

static void a_command_that_is_none_is_said(void **state)
{
        char error[KEY_EXEC_ERROR_MAX];
        SigningKey k;

        assert_int_equal(key_exec_open("exec:relative", &k, error), -EINVAL);
        assert_int_equal(key_exec_open("exec:/no/where", &k, error), -ENOENT);
        assert_non_null(strstr(error, "/no/where public"));
        assert_int_equal(open_key("mute", &k, error), -EBADMSG);
        assert_false(key_exec_is("/etc/nhi/issuer.key"));
}

/* Both come to us, so that they can be seen to have ended. false: the command was ended before it
 * had started another. */
static bool both_have_been_killed(void)
{
        int status;

        if (waitpid(-1, &status, 0) < 0)
                return false;
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(waitpid(-1, &status, 0), -1); /* the command itself was waited for */
        return true;
}

static bool hangs_at_once(uint64_t usec)
{
        char error[KEY_EXEC_ERROR_MAX];
        SigningKey k;

        assert_int_equal(open_key_within("hangs-at-once", usec, &k, error), -ETIMEDOUT);
        assert_non_null(strstr(error, "Try it by hand"));
        return both_have_been_killed();
}

static bool hangs_at_signing(uint64_t usec)
{
        char error[KEY_EXEC_ERROR_MAX], *jws = NULL;
        SigningKey k;
        int r = open_key_within("hangs", usec, &k, error);

        if (r == -ETIMEDOUT) {
                assert_false(both_have_been_killed());
                return false;
        }
        assert_int_equal(r, 0);
        assert_int_equal(jws_sign(&k, "t+jwt", "hello", 5, &jws), -ETIMEDOUT);
        assert_null(jws);
        key_done(&k);
        return both_have_been_killed();
}

/* How long a command needs until it hangs is the machine's affair: until it had the time. */
static void a_command_that_hangs_is_ended_with_what_it_started(void **state)
{
        static bool (*const ways[])(uint64_t usec) = { hangs_at_once, hangs_at_signing };

        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                uint64_t usec = FIRST_USEC;

                while (!ways[i](usec)) {
                        assert_true(usec < ENOUGH_USEC);
                        usec *= 4;
                }
        }
}

/* In a session of its own, whose terminal this is. */
static int sign_at_terminal(const char *path)
{
        char error[KEY_EXEC_ERROR_MAX], *jws = NULL;
        SigningKey k;
        int fd;

        if (setsid() < 0 || (fd = open(path, O_RDWR)) < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
                return 2;
        if (open_key("asks", &k, error) < 0 || jws_sign(&k, "t+jwt", "hello", 5, &jws) < 0)
                return 3;
        return tcgetpgrp(fd) == getpgrp() ? 0 : 4;
}

static void a_command_may_ask_at_the_terminal_and_gives_it_back(void **state)
{
        int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal, status = -1;
        pid_t pid;

        assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
        terminal = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(terminal >= 0);
        assert_int_equal(write(fd, "1234\n", 5), 5);
        pid = fork();
        if (pid == 0)
                _exit(sign_at_terminal(ptsname(fd)));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        (void)close(terminal);
        (void)close(fd);
}

static void read_until(int fd, char last)
{
        char c = '\0';

        while (c != last)
                assert_int_equal(read(fd, &c, 1), 1);
}

/* Else who publishes for a fleet is asked again for each host. */
static void ctrl_c_at_the_terminal_that_was_lent_ends_us_too(void **state)
{
        int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal, status = -1;
        pid_t pid;

        assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
        terminal = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(terminal >= 0);
        pid = fork();
        if (pid == 0)
                _exit(sign_at_terminal(ptsname(fd)));
        read_until(fd, '?');
        assert_int_equal(write(fd, "\003", 1), 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGINT);
        (void)close(terminal);
        (void)close(fd);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_the_command_signs_is_a_jws_of_its_key),
                cmocka_unit_test(what_does_not_verify_is_not_used),
                cmocka_unit_test(a_command_that_is_none_is_said),
                cmocka_unit_test(a_command_that_hangs_is_ended_with_what_it_started),
                cmocka_unit_test(a_command_may_ask_at_the_terminal_and_gives_it_back),
                cmocka_unit_test(ctrl_c_at_the_terminal_that_was_lent_ends_us_too),
        };

        if (sodium_init() < 0)
                return 1;
        if (argc == 4)
                return be_the_command(argv[1], argv[2], argv[3]);
        return cmocka_run_group_tests_name("key-exec", tests, NULL, NULL);
}
