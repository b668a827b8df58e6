# SPDX-License-Identifier: LGPL-2.1-or-later
# One source, two programs: tests/fuzz/fuzz-NAME.c with libFuzzer below $(B)/fuzz (make fuzz), and with a main that
# replays files (tests/fuzz/replay, part of make check). tests/fuzz/targets.txt lists what each is about.

FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz-*.c)
FUZZ_BIN     := $(patsubst tests/%.c,$(B)/tests/%,$(FUZZ_SOURCES))
# libFuzzer brings a main of its own.
FUZZ_MAIN    ?= $(B)/tobj/tests/fuzz/replay-main.o

$(FUZZ_BIN): $(B)/tests/%: $(B)/tobj/tests/%.o $(FUZZ_MAIN) $(B)/libtest.a
	@mkdir -p $(@D)
	$(link) $(addprefix -Wl$(comma)--wrap=,$(FUZZ_WRAP)) -o $@ $(filter %.o,$^) $(B)/libtest.a $(LIBS_TEST)
comma := ,

FUZZ_CC       ?= clang
FUZZ_SANITIZE := address,undefined
T             ?= 60
.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_BIN)
fuzz: ## every fuzz target for T seconds (T=60), or TARGETS="a b"; fails on a finding
	@tests/host/packages.sh install build fuzz
	@$(MAKE) --no-print-directory B=$(B)/fuzz CC='$(FUZZ_CC)' FUZZ_MAIN= \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -fno-sanitize-recover=all' \
		LDFLAGS='-fsanitize=fuzzer,$(FUZZ_SANITIZE)' \
		$(if $(TARGETS),$(TARGETS:%=$(B)/fuzz/tests/fuzz/fuzz-%),fuzz-build)
	@tests/fuzz/run $(B) $(T) $(TARGETS)
