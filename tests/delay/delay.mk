# SPDX-License-Identifier: LGPL-2.1-or-later
# `make delay`: unit and module tests, whose threads are held up by chance (tests/delay/delay.c), under UBSan. What fails
# there fails some day on a slower machine. ROUNDS=3: so many times.

ROUNDS ?= 1
.PHONY: delay
delay: $(B)/delay/delay.so ## the tests with delays by chance: what fails asserted a speed
	@tests/host/packages.sh install build
	$(Q)$(MAKE) -s -j$(shell nproc) B=$(B)/delay CFLAGS='-O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined' tests-build
	$(Q)tests/delay/run $(B)/delay $(ROUNDS)

# Tests that define one of these calls have their own.
$(B)/delay/delay.so: tests/delay/delay.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD) $(filter-out -Wmissing-prototypes -Wredundant-decls,$(WARN)) -O1 -fPIC -shared -o $@ $<
