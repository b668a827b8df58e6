/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sudo's approval plugin, API 1.15 (sudo_plugin(5), "Approval plugin API"): called for each command
 * that sudoers has accepted, sudoedit and intercepted ones too; `sudo -l` and `-v` don't come here.
 *
 *  S1 open() MUST NOT return 0: sudo would go on without the plugin.
 *  S2 A gated invoker's command MUST run only after the agent has said so.
 *  S3 An ungated or exempt invoker's MUST NOT wait for the agent, nor one who is only observed.
 *  S4 The names that are judged MUST belong to the ids that sudo will use. */

#include "lib/base/macro.h"
#include "sudo_nhi/ask.h"

#include <stdio.h>
#include <sudo_plugin.h>

#define CHECK_ALLOWED 1
#define CHECK_DENIED  0
#define CHECK_ERROR   (-1)

#define ADVICE_AGENT "an administrator with an exempt account runs: systemctl status nhi-agentd"

/* sudo loads the plugin once and calls it from one thread; the API has no place for a closure. */
static struct {
        Invoker invoker;
        bool has_options;
        sudo_printf_t print;
        char message[ASK_MESSAGE_SIZE + 64]; /* what errstr points to: it outlives close() */
} plugin;

/* Say why, to sudo's log and to the person (sudo prints errstr of a policy plugin only). */
static int refuse(int result, const char **errstr, const char *token, const char *sentence,
                  const char *advice)
{
        (void)snprintf(plugin.message, sizeof(plugin.message), "nhi: %s (%s); %s", sentence, token,
                       advice);
        if (errstr)
                *errstr = plugin.message;
        if (plugin.print)
                (void)plugin.print(SUDO_CONV_ERROR_MSG, "%s\n", plugin.message);
        return result;
}

static int on_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print,
                   char *const settings[], char *const user_info[], int submit_optind,
                   char *const submit_argv[], char *const submit_envp[],
                   char *const plugin_options[], const char **errstr)
{
        plugin.print = print;
        if (SUDO_API_VERSION_GET_MAJOR(version) != SUDO_API_VERSION_MAJOR)
                return refuse(CHECK_ERROR, errstr, "sudo-api",
                              "this sudo speaks another plugin API than sudo_nhi",
                              "an administrator runs as root: nhictl sudo disable");
        invoker_done(&plugin.invoker);
        if (invoker_init(&plugin.invoker, user_info) < 0)
                return refuse(CHECK_ERROR, errstr, "bad-request", "sudo does not say who calls it",
                              "an administrator looks at the version of sudo");
        plugin.has_options = plugin_options && plugin_options[0];
        return 1;
}

static void on_close(void)
{
        invoker_done(&plugin.invoker);
        plugin.print = NULL;
}

static int answer(Answer a, const char *message, const char **errstr)
{
        switch (a) {
        case ANSWER_ALLOWED:
                return CHECK_ALLOWED;
        case ANSWER_DENIED:
                (void)snprintf(plugin.message, sizeof(plugin.message), "nhi: %s", message);
                if (errstr)
                        *errstr = plugin.message;
                if (plugin.print)
                        (void)plugin.print(SUDO_CONV_ERROR_MSG, "%s\n", plugin.message);
                return CHECK_DENIED;
        case ANSWER_FAULT:
                break;
        }
        return refuse(CHECK_ERROR, errstr, "agent-absent",
                      "sudo needs a grant and nhi-agentd did not answer", ADVICE_AGENT);
}

static int check_enforced(char *const command_info[], char *const run_argv[], const char **errstr)
{
        char message[ASK_MESSAGE_SIZE];
        CommandFault f;
        Command c;
        Answer a;

        if (plugin.has_options)
                return refuse(CHECK_ERROR, errstr, "bad-option",
                              "sudo_nhi was given an option that it does not know",
                              "an administrator corrects its line in /etc/sudo.conf");
        f = command_init(&c, command_info, run_argv, &plugin.invoker);
        if (f == COMMAND_FAULT_CHROOT)
                return refuse(CHECK_DENIED, errstr, command_fault_token(f),
                              command_fault_sentence(f), "run it without -R");
        if (f != COMMAND_FAULT_NONE)
                return refuse(CHECK_ERROR, errstr, command_fault_token(f),
                              command_fault_sentence(f), "try again, or ask an administrator");
        a = ask_command(&plugin.invoker, &c, message);
        command_done(&c);
        return answer(a, message, errstr);
}

static void check_observed(char *const command_info[], char *const run_argv[])
{
        Command c;

        if (command_init(&c, command_info, run_argv, &plugin.invoker) != COMMAND_FAULT_NONE)
                return;
        tell_command(&plugin.invoker, &c);
        command_done(&c);
}

static int on_check(char *const command_info[], char *const run_argv[], char *const run_envp[],
                    const char **errstr)
{
        switch (gate_account_mode(&plugin.invoker.account, "sudo")) {
        case GATE_UNGATED:
        case GATE_EXEMPT:
                return CHECK_ALLOWED;
        case GATE_OBSERVE:
                check_observed(command_info, run_argv);
                return CHECK_ALLOWED;
        case GATE_ENFORCE:
                break;
        }
        return check_enforced(command_info, run_argv, errstr);
}

static int on_show_version(int verbose)
{
        if (plugin.print)
                (void)plugin.print(SUDO_CONV_INFO_MSG, "nhi approval plugin version %s\n",
                                   NHI_VERSION);
        return 1;
}

/* The symbol that sudo.conf names. */
extern struct approval_plugin sudo_nhi_approval;
__attribute__((visibility("default"))) struct approval_plugin sudo_nhi_approval = {
        .type = SUDO_APPROVAL_PLUGIN,
        .version = SUDO_API_VERSION,
        .open = on_open,
        .close = on_close,
        .check = on_check,
        .show_version = on_show_version,
};
