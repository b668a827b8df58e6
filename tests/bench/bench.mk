# SPDX-License-Identifier: LGPL-2.1-or-later
# `make bench`: programs tests/bench/bench-NAME.c and scripts bench-NAME.sh (their contract: bench.h), run by
# tests/bench/run.
#
# They link the product's own objects, built as the product is, but with every path below $(BENCHROOT)
# ($(call bobj,FILES)). What a program needs beyond the archive of the agent's rooms stands in BENCH_OBJ_NAME
# (files), BENCH_LIB_NAME (libraries) and BENCH_NEED_NAME (what must be there when it runs).

BENCHROOT := $(abspath $(B))/bench/root
bobj       = $(patsubst %.c,$(B)/bobj/%.o,$(1))
BENCHES   := $(wildcard tests/bench/bench-*.c)
BENCH_BIN := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCHES))

$(B)/bobj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC bench $<")
	$(Q)$(CC) $(ALL_CFLAGS) -DPATH_ROOT='"$(BENCHROOT)"' -fvisibility=hidden -MMD -MP -c -o $@ $<

$(B)/bench/rooms.a: $(call bobj,$(BASE) $(WIRE) $(GATE) $(SNAPSHOT) $(JOSE) $(LOG) $(CORE) $(SET) $(filter-out %/main.c,$(AGENT)))
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

# The agent and the modules as they ship, but for their paths.
$(B)/bench/nhi-agentd: $(call bobj,nhi-agentd/main.c) $(B)/bench/rooms.a
	$(link) -pie -o $@ $^ $(LIBS_AGENT)
$(B)/bench/pam_nhi.so: $(call bobj,$(PAM) $(WIRE) $(GATE) $(BASE)) pam_nhi/pam_nhi.map
	@mkdir -p $(@D)
	$(link) -shared -Wl,--version-script=pam_nhi/pam_nhi.map -Wl,-z,defs -o $@ $(filter %.o,$^) -lpam
$(B)/bench/libnss_nhi.so.2: $(call bobj,$(NSS) $(SNAPSHOT) $(BASE)) nss_nhi/nss_nhi.map
	@mkdir -p $(@D)
	$(link) -shared -Wl,-soname,libnss_nhi.so.2 -Wl,--version-script=nss_nhi/nss_nhi.map -Wl,-z,defs -o $@ $(filter %.o,$^)
$(B)/bench/libnss_nhiempty.so.2: $(call bobj,tests/bench/nss-empty.c)
	@mkdir -p $(@D)
	$(link) -shared -Wl,-soname,libnss_nhiempty.so.2 -o $@ $^

# What each needs, by its owner:
BENCH_OBJ_accept := tests/bench/grant-set.c
BENCH_OBJ_nss  := tests/bench/nss-world.c
BENCH_NEED_nss := $(B)/bench/libnss_nhi.so.2 $(B)/bench/libnss_nhiempty.so.2
BENCH_LIB_log  := -Wl,--wrap=fdatasync
# The others' agents write to a disk that syncs at once.
BENCH_NOSYNC   := arrival decide pam
$(foreach n,$(BENCH_NOSYNC),$(eval BENCH_OBJ_$(n) += tests/bench/no-sync.c)$(eval BENCH_LIB_$(n) += -Wl,--wrap=fdatasync))
BENCH_OBJ_verify := nhictl/when.c $(wildcard nhictl/log/source.c nhictl/log/stream.c nhictl/log/unpack.c nhictl/log/verify*.c nhictl/log/heads.c)
BENCH_NEED_pam := $(B)/bench/pam_nhi.so

bench_names := $(patsubst tests/bench/bench-%.c,%,$(BENCHES))
$(foreach n,$(bench_names),$(eval $(B)/bench/bench-$(n): $(call bobj,$(BENCH_OBJ_$(n))) | $(BENCH_NEED_$(n))))
$(BENCH_BIN): $(B)/bench/bench-%: $(B)/bobj/tests/bench/bench-%.o $(B)/bobj/tests/bench/bench.o $(B)/bench/rooms.a
	$(link) -o $@ $(filter %.o,$^) $(B)/bench/rooms.a $(LIBS_TEST) $(BENCH_LIB_$*)

# Who watches sessions die, for bench-ending.sh, which boots a host.
$(B)/bench/end-watch: $(call bobj,tests/bench/end-watch.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^

# A fleet of fetchers and its feed, for bench-scale.sh.
$(B)/bench/scale-fleet: $(call bobj,tests/bench/scale-fleet.c $(filter-out %/main.c,$(FETCH)) $(HTTP) $(BASE))
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(LIBS_FETCH)
$(B)/bench/scale-feed: $(call bobj,tests/bench/scale-feed.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^

.PHONY: bench bench-build bench-scale
bench-build: $(BENCH_BIN) $(B)/bench/end-watch
bench: ## speed against what it is measured by, as root; regenerates the tables of docs/PERFORMANCE.md and README.md
	@tests/host/packages.sh install build boot
	@$(MAKE) --no-print-directory bench-build
	@tests/bench/run $(B)
bench-scale: ## a central side with 10,000 hosts, as root; regenerates the tables of docs/SCALE.md
	@tests/host/packages.sh install build boot
	@$(MAKE) --no-print-directory $(B)/nhictl $(B)/bench/scale-fleet $(B)/bench/scale-feed
	@tests/bench/run $(B) scale
