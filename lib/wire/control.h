/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control protocol on /run/nhi/control.sock (nhictl to the agent). This header is its
 * specification.
 *
 * SOCK_STREAM over AF_UNIX, 0666. The client sends one JSON object (RFC 8259) on one line, at most
 * CONTROL_REQUEST_MAX bytes with the newline; the agent answers with one JSON object on one line,
 * at most CONTROL_REPLY_MAX, and closes. Who asks is SO_PEERCRED: uid 0 and members of group
 nhi-admin see
 * everything, everybody else only what concerns the account of their own uid ("mine", "why",
 * "done"; "list", "sessions", "check" are narrowed to it); "end" of another's session, "reload",
 * "lock" and "unlock" are uid 0's.
 *
 *   request { "verb": "...", ... }       unknown verbs and members are refused
 *   reply   { "schema": 1, "ok": true, ... } or
 *           { "schema": 1, "ok": false, "code": "denied|usage|absent|failed", "error": "sentence" }
 *
 *   verb      members                      reply
 *   status    -                            host, version, pid, started, clock_behind, bus (bool),
 *                                          issuers [{issuer, source, ver, hash, iat, exp, age_sec,
 *                                          accepted, offered, quarantined,
 *                                          last_refusal{time, code, detail},
 *                                          answered_sec, limit_sec, left_sec, sources [{place,
 *                                          answered_sec, next_sec, trouble}], beside [{object,
 *                                          place, answered_sec, next_sec, trouble}]}],
 *                                          grants (n active), accounts, sessions,
 *                                          gates [{name, mode, services, accounts}],
 *                                          journal_dropped, config_error (of the last reload, or
 *                                          null), reloading (bool: not in force and published
 *                                          yet), log {id, seq, head, error (or null), carried,
 *                                          lost}, metrics {file, interval, written (0: not yet),
 *                                          error (or null)} where metrics.file is set, host_key (a
 public JWK); for who sees everything: quarantine
 *                                          [{issuer, entry, code, detail}], locked [..]
 *   list      account?, all? (bool)        grants [GRANT]: active ones; all: every one in the sets;
 *                                          truncated: true where there are more (10,000
 *                                          are told, 200 to who does not see everything);
 *                                          changed, published: number of the last change, and of
 *                                          the last one that PAM and NSS know
 *   mine      -                            account, grants [GRANT], truncated, changed, published
 *   why       account? (root), n?          denials [DENIAL], newest first
 *   sessions  account?                     sessions [SESSION]
 *   check     account, class, uid?, gids?, run_as?, run_as_group?, command? [path, arg...], edit?
 *             [path...], from?, unit?, at? (seconds)
 *                                          gate {mode, name}, verdict, reason, sentence, advice,
 *                                          jti?, until?, grants [{jti, rules [{rule, held,
 detail}]}]
 *   end       session, reason?             ended
 *   done      jti?                         ended [jti...]; without jti: all of the caller's grants
 *   lock      name, reason?                changed;   unlock likewise
 *   reload    -                            changed; the same as SIGHUP
 *   leftovers begin, found [{kind, what,   recorded: root's (nhi-leftovers.service): what sessions
 *             owner, since, account,       left behind is written down; more: how many further ones
 *             uid, grant, session, others, there are; begin: when it was begun to look, not
 *             why, advice}], more?, cut?   below 0; cut: not everything was looked at
 *   log-resume reason?                     changed (false: it had not failed); status shows
 *                                          what came of it
 *
 *   GRANT   { jti, account, sub, act [..], owner, reason, ticket, issued_by, issuer, set, nbf, exp,
 *             until (the earliest end), active (bool), state (reason token), max_sessions,
 sessions,
 *             windows [..], authorization_details (as it stands in the set) }
 *   SESSION { id, account, uid, jti, class, service, target, rhost, tty, scope, leader, started,
 *             until, ending, owner, reason, sub }
 *   DENIAL  { time, account, class, service, phase, target, command, reason, sentence, advice, jti,
 *             decision, mode, count, first }: of a flood count is more than one, first and time are
 *             those of its first and last denial
 *
 * Times are seconds since the epoch. Of an issuer offered is when its source last offered the set
 * in force; null: not yet under the configuration in force. limit_sec and left_sec are how long its
 * set is good, and still is; answered_sec and what stands in sources (so long ago each place
 * answered, so soon it is asked next, what is in its way) is what nhi-fetchd says; each is null
 * where it is not known. beside has the same of each place of what is fetched beside the sets:
 * object is keys, revocations or freshness. */

#define CONTROL_SCHEMA        1
#define CONTROL_LEFTOVERS_MAX 16u /* in one request: a path may be long */
#define CONTROL_REQUEST_MAX   65536u
#define CONTROL_REPLY_MAX     (64u * 1024 * 1024)
