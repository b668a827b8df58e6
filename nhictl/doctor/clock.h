/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/doctor/doctor.h"

/* What the kernel says about its clock (adjtimex(2)). */
typedef enum ClockState {
        CLOCK_UNKNOWN = 0,
        CLOCK_UNSYNCHRONISED,
        CLOCK_SYNCHRONISED,
} ClockState;

/* The check, once the kernel was asked. */
void clock_judge(const DoctorHost *h, ClockState state, Findings *f);
