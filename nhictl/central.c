/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/central.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/fleet/show.h"
#include "nhictl/key-exec.h"
#include "nhictl/key-file.h"
#include "nhictl/ledger/refresh.h"
#include "nhictl/who.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define JWK_SIZE_MAX 8192u
#define PROGRESS_MIN 256u  /* hosts */
#define REASON_MAX   4096u /* bytes of its encoding; history cuts it again */

void central_say_notes(Ledger *l)
{
        json_t *notes = ledger_notes_take(l);
        const json_t *note;
        size_t i;

        json_array_foreach(notes, i, note)
                say("%s", json_string_value(note));
        json_decref(notes);
}

static int prepare_writing(const Call *call, Ledger *l)
{
        size_t n = l->history ? json_array_size(l->history->problems) : 0;
        char who[WHO_SIZE];

        if (n > 0)
                say("%s/%s (%zu in all: nhictl ledger check lists them)", l->path,
                    json_string_value(json_array_get(l->history->problems, 0)), n);
        if (l->history && !l->history->is_there && l->revisions &&
            strstr(l->revisions, "Z " LEDGER_REVISION_HEAD))
                say("%s/" HISTORY_FILE " is gone, though revisions names lines of it: it begins "
                    "anew (nhictl ledger check)",
                    l->path);
        if (ledger_author(l, call->now_sec, who_am_i(who)) < 0)
                return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

/* Somebody who has the ledger may be typing a passphrase, or publishing for a fleet. */
static void say_waiting(const char *path, bool writing)
{
        _cleanup_free_ char *lock = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (asprintf(&lock, "%s/.lock", path) < 0) {
                lock = NULL;
                return;
        }
        fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && flock(fd, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 &&
            errno == EWOULDBLOCK)
                say("%s: another nhictl is at it; waiting", path);
}

int central_open(const Call *call, const CentralOptions *o, bool writing, Ledger **ret)
{
        const char *path = o->ledger ? o->ledger : PATH_LEDGER_DIR;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        char error[LEDGER_ERROR_MAX];
        const json_t *problem;
        size_t i;
        int r;

        say_waiting(path, writing);
        if (ledger_open(path, writing, &l, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        json_array_foreach(l->problems, i, problem) {
                say("left out: %s", json_string_value(problem));
        }
        r = writing ? prepare_writing(call, l) : VERB_OK;
        if (r == VERB_OK)
                *ret = TAKE_PTR(l);
        return r;
}

static int exec_key(const char *path, SigningKey *ret)
{
        char error[KEY_EXEC_ERROR_MAX];

        return key_exec_open(path, ret, error) == 0 ? VERB_OK : fail(VERB_FAILED, "%s", error);
}

int central_key(const CentralOptions *o, SigningKey *ret)
{
        const char *path = o->key ? o->key : PATH_ISSUER_KEY;

        return key_exec_is(path) ? exec_key(path, ret)
                                 : key_file_open(path, o->passphrase_file, ret, NULL);
}

int central_public_key(const CentralOptions *o, Jwk *ret)
{
        const char *path = o->key ? o->key : PATH_ISSUER_KEY;
        SigningKey key = { 0 };
        int r;

        if (!key_exec_is(path))
                return key_file_public(path, ret);
        r = exec_key(path, &key);
        if (r == VERB_OK)
                *ret = key.public;
        key_done(&key);
        return r;
}

static int say_report(const PublishReport *report, const char *done)
{
        const json_t *text;
        size_t i;

        json_array_foreach(report->notes, i, text) {
                say("%s", json_string_value(text));
        }
        if (report->n_failed > 0)
                return fail(VERB_FAILED, "%zu of %zu hosts were not %s", report->n_failed,
                            report->n_failed + report->n_published + report->n_unchanged, done);
        if (report->list_failed)
                return fail(VERB_FAILED, "the revocation list or the key list was not "
                                         "published");
        return VERB_OK;
}

static json_t *report_result(const PublishReport *report)
{
        json_t *hosts = json_array(), *host;
        size_t i;

        json_array_foreach(report->hosts, i, host) {
                if (!streq(document_text(host, "action"), "unchanged"))
                        (void)json_array_append(hosts, host);
        }
        return json_pack("{s:b, s:I, s:I, s:I, s:s, s:o}", "changed",
                         report->n_published > 0 || report->list_published, "published",
                         (json_int_t)report->n_published, "unchanged",
                         (json_int_t)report->n_unchanged, "failed", (json_int_t)report->n_failed,
                         "revocations",
                         report->list_failed      ? "failed"
                         : report->list_published ? "published"
                                                  : "unchanged",
                         "hosts", hosts);
}

/* One line on a terminal, written over. */
static void show_progress(void *userdata, size_t n_done, size_t n_all)
{
        if (n_all <= PROGRESS_MIN || isatty(STDERR_FILENO) != 1)
                return;
        fprintf(stderr, "\r\033[Kpublished: %zu of %zu%s", n_done, n_all,
                n_done == n_all ? "\r\033[K" : "");
        (void)fflush(stderr);
}

static json_t *report_versions(const PublishReport *report)
{
        json_t *versions = json_object();
        const json_t *host;
        size_t i;

        json_array_foreach(report->hosts, i, host) {
                if (!streq(document_text(host, "action"), "failed"))
                        (void)json_object_set(versions, document_text(host, "host"),
                                              json_object_get(host, "ver"));
        }
        return versions;
}

static int publish(const CentralOptions *o, Ledger *l, const PublishRequest *given,
                   json_t **ret_result, json_t **ret_versions)
{
        PublishRequest request = *given;
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        SigningKey key = { 0 };
        int r;

        r = central_key(o, &key);
        if (r != VERB_OK)
                return r;
        request.progress = show_progress;
        r = ledger_publish(l, &key, &request, &report, error);
        if (r == 0 && l->settings.reports && !request.target)
                fleet_remember(l, &key, request.now_usec / 1000000, report_versions(&report));
        key_done(&key);
        central_say_notes(l);
        if (r < 0)
                return fail(r == -ESTALE ? VERB_STALE : VERB_FAILED, "%s", error);
        r = say_report(&report, "published");
        if (ret_result)
                *ret_result = report_result(&report);
        if (ret_versions)
                *ret_versions = report_versions(&report);
        publish_report_done(&report);
        return r;
}

int central_publish(const CentralOptions *o, Ledger *l, const PublishRequest *request,
                    json_t **ret_result)
{
        return publish(o, l, request, ret_result, NULL);
}

static int read_jwk(const char *path, Jwk *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = file_read_trusted(path, geteuid(), JWK_SIZE_MAX, &text, &size);

        if (r < 0)
                return fail(VERB_FAILED,
                            "%s: %s (the issuer's public key, as nhictl key show prints it; it "
                            "must be yours and writable by nobody else: --trust FILE)",
                            path, strerror(-r));
        return jwk_parse(text, size, ret) == 0
                       ? VERB_OK
                       : fail(VERB_FAILED, "%s is no public Ed25519 JWK", path);
}

int central_refresh(const CentralOptions *o, Ledger *l, const char *issuer_jwk,
                    const PublishRequest *given, json_t **ret_result)
{
        PublishRequest request = *given;
        char error[LEDGER_ERROR_MAX];
        PublishReport report;
        SigningKey key = { 0 };
        Jwk issuer;
        int r;

        r = read_jwk(issuer_jwk, &issuer);
        if (r == VERB_OK)
                r = central_key(o, &key);
        if (r != VERB_OK)
                return r;
        request.progress = show_progress;
        r = ledger_refresh(l, &key, &issuer, &request, &report, error);
        key_done(&key);
        if (r < 0)
                return fail(r == -ESTALE ? VERB_STALE : VERB_FAILED, "%s", error);
        r = say_report(&report, "re-dated");
        *ret_result = report_result(&report);
        publish_report_done(&report);
        return r;
}

int central_finish_versions(const Call *call, const CentralOptions *o, Ledger *l,
                            json_t **ret_versions)
{
        const PublishRequest request = { .mode = PUBLISH_CHANGED, .now_usec = now_realtime_usec() };
        char who[WHO_SIZE];
        int r;

        if (ret_versions)
                *ret_versions = NULL;
        r = ledger_commit(l, call->now_sec, who_am_i(who));
        central_say_notes(l);
        if (r < 0)
                return fail(VERB_FAILED,
                            "%s/revisions: %s: what was changed is in the ledger and on no host. "
                            "Mend that, then: nhictl publish",
                            l->path, strerror(-r));
        if (o->no_publish || !l->settings.publish)
                return VERB_OK;
        r = publish(o, l, &request, NULL, ret_versions);
        if (r != VERB_OK)
                say("the change is in the ledger and not yet on every host: nhictl publish");
        return r;
}

int central_finish(const Call *call, const CentralOptions *o, Ledger *l)
{
        return central_finish_versions(call, o, l, NULL);
}

int central_done(const Call *call, const CentralOptions *o, Ledger *l, bool changed)
{
        int r = central_finish(call, o, l);

        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                return VERB_FAILED;
        return r;
}

int central_change(Ledger *l, HistoryAction action, DocKind kind, const char *name, json_t *doc,
                   const char *reason)
{
        int r = ledger_change(l, action, kind, name, doc, reason);

        central_say_notes(l);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s %s was not written: %s", l->path,
                            ledger_kind_name(kind), name, strerror(-r));
        return VERB_OK;
}

int central_check_name(DocKind kind, const char *name)
{
        static const char *const grammar[DOC_N] = {
                [DOC_ACCOUNT] = "a lower-case letter or _, then lower-case letters, digits, _ and "
                                "-, at most 32 in all",
                [DOC_OWNER] = "a letter or digit, then letters, digits, '.', '_' and '-', at most "
                              "64 in all",
                [DOC_HOST] = "a DNS name in lower case, at most 200 characters",
                [DOC_GRANT] = "what nhictl grant printed",
        };

        if (ledger_name_is_valid(kind, name))
                return VERB_OK;
        return fail(VERB_USAGE, "\"%s\" is no name of a %s: it is %s", name, ledger_kind_name(kind),
                    grammar[kind]);
}

json_t *central_mark(int64_t now_sec, const char *reason)
{
        char who[WHO_SIZE];

        return json_pack("{s:o, s:s, s:o*}", "at", document_time_new(now_sec), "by", who_am_i(who),
                         "reason", reason ? document_text_new(reason, REASON_MAX) : NULL);
}

int central_mark_document(Ledger *l, HistoryAction action, DocKind kind, const char *name,
                          int64_t now_sec, const char *reason, bool *ret_changed)
{
        const char *mark = history_action_name(action);
        json_t *doc = ledger_get(l, kind, name);
        json_t *marked;
        int r;

        /* L3 */
        if (!doc && ledger_has_file(l, kind, name))
                return fail(VERB_FAILED,
                            "%s %s in %s cannot be read (nhictl ledger check), and is not %s. "
                            "Hosts lose what it gives with the next nhictl publish, until it is "
                            "mended",
                            ledger_kind_name(kind), name, l->path, mark);
        if (!doc)
                return fail(VERB_USAGE, "there is no %s %s in %s", ledger_kind_name(kind), name,
                            l->path);
        if (json_object_get(doc, mark))
                return VERB_OK;
        marked = json_copy(doc);
        if (!marked || json_object_set_new(marked, mark, central_mark(now_sec, reason)) < 0) {
                json_decref(marked);
                return fail(VERB_FAILED, "out of memory");
        }
        r = central_change(l, action, kind, name, marked, reason);
        *ret_changed |= r == VERB_OK;
        return r;
}
