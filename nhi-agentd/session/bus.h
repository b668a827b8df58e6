/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's one connection to the system bus: PID 1 and logind. Everything is asynchronous: no
 * function waits for an answer. A connection that is lost is made again with back-off; what was
 * under way then fails with a negative errno. */

#include "lib/base/macro.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Bus Bus;
typedef struct BusJob BusJob;

/* An answer that takes longer than this is a failed call. */
#define BUS_TIMEOUT_USEC 1500000ull

#define BUS_SYSTEMD      "org.freedesktop.systemd1"
#define BUS_SYSTEMD_PATH "/org/freedesktop/systemd1"
#define BUS_MANAGER      BUS_SYSTEMD ".Manager"
#define BUS_LOGIND       "org.freedesktop.login1"
#define BUS_LOGIND_PATH  "/org/freedesktop/login1"

/* on_change is called when the connection has become usable and when it is lost. */
int bus_new(sd_event *event, void (*on_change)(void *userdata, bool up), void *userdata, Bus **ret);
Bus *bus_free(Bus *b);
/* Begin to connect; on_change tells the outcome. Failures are tried again. */
void bus_start(Bus *b);
bool bus_is_up(const Bus *b);

/* A message to a method of PID 1's manager or of logind's. -ENOTCONN while the bus is away. */
int bus_message_manager(Bus *b, const char *method, sd_bus_message **ret);
int bus_message_logind(Bus *b, const char *path, const char *interface, const char *method,
                       sd_bus_message **ret);
int bus_message_unit_get(Bus *b, const char *path, const char *property, sd_bus_message **ret);
/* Send it; reply is called once, errors included (sd_bus_message_is_method_error()), unless the
 * slot is released before. A NULL ret_slot: nobody waits for the answer. */
int bus_send(Bus *b, sd_bus_message *m, sd_bus_message_handler_t reply, void *userdata,
             sd_bus_slot **ret_slot);
/* The errno of an error reply, as -errno; 0 for a good one. */
int bus_reply_errno(sd_bus_message *m);

/* Send a message whose reply is a job of PID 1, and wait for that job: done(userdata, 0) when it
 * ended as "done", else a negative errno, -ETIMEDOUT after BUS_TIMEOUT_USEC. Called once, never
 * from within bus_job_new(). done frees the job; to free it earlier is to stop waiting. */
int bus_job_new(Bus *b, sd_bus_message *m, void (*done)(void *userdata, int r), void *userdata,
                BusJob **ret);
BusJob *bus_job_free(BusJob *j);

/* Requests whose answers nobody waits for: the cgroup shows what became of them. 0 once sent. */
int bus_stop_unit(Bus *b, const char *unit);
int bus_kill_unit(Bus *b, const char *unit, int signal);
int bus_terminate_session(Bus *b, const char *session_id);
