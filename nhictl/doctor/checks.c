/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/checks.h"

const DoctorCheck doctor_checks[] = {
#define DOCTOR_CHECK_ROW(function, name, help) { name, function, help },
        DOCTOR_CHECKS(DOCTOR_CHECK_ROW)
#undef DOCTOR_CHECK_ROW
                { NULL, NULL, NULL },
};

void doctor_check_run(const DoctorCheck *c, const DoctorHost *h, Findings *f)
{
        size_t before = f->n;

        c->run(h, f);
        if (f->n == before && !f->failed)
                finding_warn(f, c->name, "report this as a defect of nhictl",
                             "the check ended without an answer");
}
