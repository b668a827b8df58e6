# SPDX-License-Identifier: LGPL-2.1-or-later
# Fault loops: each scenario with its 1st, 2nd, ... allocation and system call failing.

# Every scenario brings its allocator along; libraries find it because the program exports it.
FAULT_LOOP := $(addprefix $(B)/tobj/tests/fault/,inject.o calls.o alloc.o crash.o tree.o scenario.o)
FAULT_BIN  := $(patsubst tests/fault/%.c,$(B)/fault/%,$(wildcard tests/fault/fault-*.c))
# An allocator is asked before a sanitizer is there.
$(B)/tobj/tests/fault/alloc.o: override CFLAGS := $(filter-out -fsanitize=%,$(CFLAGS)) \
        $(if $(findstring -fsanitize=address,$(CFLAGS)),-DSANITIZED=1)
# What several of them share.
$(B)/fault/fault-agent $(B)/fault/fault-kill $(B)/fault/fault-world: $(B)/tobj/tests/fault/agent-host.o
$(FAULT_BIN): $(B)/fault/%: $(B)/tobj/tests/fault/%.o $(FAULT_LOOP) $(B)/libtest.a
	@mkdir -p $(@D)
	$(link) -rdynamic -o $@ $(filter %.o,$^) $(B)/libtest.a $(LIBS_TEST)

# All faults, and once more under a sanitizer, which sees what else goes wrong with them. There a run takes ten times as
# long: every 7th. STEP=all or every how many-th, ASAN_STEP likewise. `make check` runs tests/fault/run BUILD-DIR short.
STEP ?= all
ASAN_STEP ?= 7
FAULT_ASAN := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
.PHONY: fault fault-build
fault-build: $(FAULT_BIN) $(TEST_MOD)
fault: ## every scenario with every allocation and system call failing, and kill -9 at each; plain and under ASan
	@tests/host/packages.sh install build
	@$(MAKE) --no-print-directory fault-build
	@$(MAKE) --no-print-directory B=$(B)/asan CFLAGS='$(FAULT_ASAN)' fault-build
	@r=0; echo "== faults: $(STEP)"; tests/fault/run $(B) $(STEP) || r=1; \
	echo "== under ASan: $(ASAN_STEP)"; tests/fault/run $(B)/asan $(ASAN_STEP) || r=1; exit $$r
