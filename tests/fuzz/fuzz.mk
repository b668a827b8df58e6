# SPDX-License-Identifier: LGPL-2.1-or-later
# One source, two programs: tests/fuzz/fuzz-NAME.c with libFuzzer below $(B)/fuzz (make fuzz), and with a main that
# replays files (tests/fuzz/replay, part of make check). tests/fuzz/targets.txt lists what each is about.

FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz-*.c)
FUZZ_BIN     := $(patsubst tests/%.c,$(B)/tests/%,$(FUZZ_SOURCES))
# libFuzzer brings a main of its own.
FUZZ_MAIN    ?= $(B)/tobj/tests/fuzz/replay-main.o

$(FUZZ_BIN): $(B)/tests/%: $(B)/tobj/tests/%.o $(FUZZ_MAIN) $(B)/libtest.a
	@mkdir -p $(@D)
	$(link) -o $@ $(filter %.o,$^) $(B)/libtest.a $(LIBS_TEST)

# Code under test for which a target stands in for others: its calls of these functions, and nobody else's, are wrapped.
FUZZ_WRAPPED := $(patsubst %,$(B)/tobj/tests/fuzz/fuzz-%-wrapped.o,conf feed ledger nss pam reply sessions set)
$(FUZZ_WRAPPED):
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD -r   $@")
	$(Q)ld -r $(addprefix --wrap=,$(FUZZ_WRAP)) -o $@ $^
$(B)/tests/fuzz/fuzz-conf:   $(B)/tobj/tests/fuzz/fuzz-conf-wrapped.o
$(B)/tests/fuzz/fuzz-feed:   $(B)/tobj/tests/fuzz/fuzz-feed-wrapped.o
$(B)/tests/fuzz/fuzz-ledger: $(B)/tobj/tests/fuzz/fuzz-ledger-wrapped.o
$(B)/tests/fuzz/fuzz-nss:    $(B)/tobj/tests/fuzz/fuzz-nss-wrapped.o
$(B)/tests/fuzz/fuzz-reply:  $(B)/tobj/tests/fuzz/fuzz-reply-wrapped.o
$(B)/tests/fuzz/fuzz-sessions: $(B)/tobj/tests/fuzz/fuzz-sessions-wrapped.o
$(B)/tests/fuzz/fuzz-pam:    $(B)/tobj/tests/fuzz/fuzz-pam-wrapped.o $(call tobj,$(wildcard tests/fuzz/pam-world*.c))
$(B)/tests/fuzz/fuzz-set:    $(B)/tobj/tests/fuzz/fuzz-set-wrapped.o

$(B)/tobj/tests/fuzz/fuzz-conf-wrapped.o: $(call tobj,$(call room,nhi-agentd/config))
$(B)/tobj/tests/fuzz/fuzz-conf-wrapped.o: FUZZ_WRAP := file_read_trusted scandir
$(B)/tobj/tests/fuzz/fuzz-feed-wrapped.o: $(call tobj,nhi-agentd/feed.c)
$(B)/tobj/tests/fuzz/fuzz-feed-wrapped.o: FUZZ_WRAP := peer_fd peer_agent peer_hold peer_extend peer_reply peer_close \
	recvmsg close set_bytes_map set_bytes_free sets_offer_bytes
$(B)/tobj/tests/fuzz/fuzz-ledger-wrapped.o: $(call tobj,$(call room,nhictl/ledger) $(SET) $(JOSE))
$(B)/tobj/tests/fuzz/fuzz-ledger-wrapped.o: FUZZ_WRAP := document_read open openat fstat flock fd_write_all fdatasync fsync fchmod close fdopendir readdir \
	closedir crypto_sign_verify_detached crypto_sign_detached
$(B)/tobj/tests/fuzz/fuzz-nss-wrapped.o: $(call tobj,$(NSS))
$(B)/tobj/tests/fuzz/fuzz-nss-wrapped.o: FUZZ_WRAP := snapshot_open snapshot_is_superseded clock_gettime realloc
$(B)/tobj/tests/fuzz/fuzz-reply-wrapped.o: $(call tobj,nhictl/agent-client.c)
$(B)/tobj/tests/fuzz/fuzz-reply-wrapped.o: FUZZ_WRAP := unix_connect_by send recv fd_wait close now_monotonic_usec
$(B)/tobj/tests/fuzz/fuzz-sessions-wrapped.o: $(call tobj,nhi-agentd/session/state.c nhi-agentd/session/session.c)
$(B)/tobj/tests/fuzz/fuzz-sessions-wrapped.o: FUZZ_WRAP := file_read_trusted file_replace session_watch cgroup_close \
	process_cgroup syscall close now_boottime_usec
$(B)/tobj/tests/fuzz/fuzz-set-wrapped.o: $(call tobj,$(SET) $(JOSE))
$(B)/tobj/tests/fuzz/fuzz-set-wrapped.o: FUZZ_WRAP := crypto_sign_verify_detached
$(B)/tobj/tests/fuzz/fuzz-pam-wrapped.o: $(call tobj,$(PAM) $(GATE) $(WIRE) $(BASE))
$(B)/tobj/tests/fuzz/fuzz-pam-wrapped.o: FUZZ_WRAP := calloc free openat open fstat lstat read lseek close \
	fdopendir readdir dirfd closedir getuid geteuid getegid limits_may_hide_names getpwnam_r getpwuid_r getgrouplist getgrnam_r \
	clock_gettime getrandom socket fcntl connect getsockopt poll sendmsg recvmsg \
	pam_get_item pam_get_user pam_get_data pam_set_data pam_getenv pam_syslog pam_prompt

# Two builds of each: a quick one for the many, that traps; and one with every sanitizer, that then goes on from what the
# quick one found. FUZZ_STATE keeps corpora and counts from one run to the next.
FUZZ_CC    ?= clang
FUZZ_STATE ?= $(B)/fuzz
T          ?= 60
FUZZ_quick_CFLAGS  := -O2 -g -fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined \
	-fno-sanitize-coverage=trace-cmp,indirect-calls
FUZZ_quick_LDFLAGS := -fsanitize=fuzzer,undefined -fsanitize-trap=undefined
FUZZ_asan_CFLAGS   := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_asan_LDFLAGS  := -fsanitize=fuzzer,address,undefined
.PHONY: fuzz fuzz-build fuzz-quick fuzz-asan
fuzz-build: $(FUZZ_BIN)
fuzz-quick fuzz-asan: fuzz-%:
	@$(MAKE) --no-print-directory B=$(B)/fuzz/$* CC='$(FUZZ_CC)' FUZZ_MAIN= \
		CFLAGS='$(FUZZ_$*_CFLAGS)' LDFLAGS='$(FUZZ_$*_LDFLAGS)' \
		$(if $(TARGETS),$(TARGETS:%=$(B)/fuzz/$*/tests/fuzz/fuzz-%),fuzz-build)
fuzz: ## every fuzz target for T seconds (T=60), or TARGETS="a b"; fails on a finding
	@tests/host/packages.sh install build fuzz
	@$(MAKE) --no-print-directory fuzz-quick fuzz-asan
	@tests/fuzz/run $(B)/fuzz $(FUZZ_STATE) $(T) $(TARGETS)
