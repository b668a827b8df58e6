# SPDX-License-Identifier: LGPL-2.1-or-later
# `make coverage`: which lines and branches the tests reach, room by room: unit and module tests, the fuzzers' corpora
# and the fault loops.

COVERAGE_CFLAGS  := -DCOVERAGE -O0 -g --coverage -fprofile-update=atomic
COVERAGE_LDFLAGS := --coverage -Wl,--wrap=_exit -Wl,--export-dynamic-symbol=coverage_add \
                    -Wl,--export-dynamic-symbol=coverage_remove $(B)/coverage/exit.o

.PHONY: coverage coverage-tools
coverage-tools:
	@tests/host/packages.sh install build coverage
coverage: coverage-tools $(B)/coverage/exit.o ## lines and branches that the tests reach, room by room
	$(Q)$(MAKE) -s -j$(shell nproc) B=$(B)/coverage CFLAGS='$(COVERAGE_CFLAGS)' LDFLAGS='$(COVERAGE_LDFLAGS)' tests-build fuzz-build fault-build
	$(Q)tests/coverage/run $(B)/coverage

$(B)/coverage/exit.o: tests/coverage/exit.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD) $(WARN) -O1 -fPIC -c -o $@ $<
