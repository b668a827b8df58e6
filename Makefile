# SPDX-License-Identifier: LGPL-2.1-or-later
# nhi: task-scoped host access for Linux. `make help` lists what can be made; V=1 shows commands.

VERSION := 0.1.0
B       ?= build
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

CC       ?= gcc
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR   ?= $(PREFIX)/$(if $(MULTIARCH),lib/$(MULTIARCH),lib64)
# Where the modules live on this system; distributors override.
PAMDIR   ?= $(LIBDIR)/security
SUDODIR  ?= $(PREFIX)/libexec/sudo
UNITDIR  ?= $(PREFIX)/lib/systemd/system

# Distributors, whose compiler may know more warnings, pass WERROR=.
WERROR ?= -Werror
WARN := -Wall -Wextra $(WERROR) -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wpointer-arith -Wundef -Wvla -Wcast-align -Wwrite-strings \
        -Wimplicit-fallthrough -Wno-unused-parameter
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
HARD := -ffunction-sections -fstack-protector-strong -fstack-clash-protection -fPIC \
        $(if $(filter x86_64% i386% i486% i586% i686%,$(MACHINE)),-fcf-protection) \
        $(if $(filter aarch64%,$(MACHINE)),-mbranch-protection=standard) \
        $(if $(foreach f,-fsanitize -O0 _FORTIFY_SOURCE,$(findstring $f,$(CPPFLAGS) $(CFLAGS))),,-D_FORTIFY_SOURCE=2)
LDHARD := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections
STD  := -std=gnu17 -D_GNU_SOURCE -I. -DNHI_VERSION='"$(VERSION)"'
ALL_CFLAGS = $(STD) $(WARN) $(HARD) $(CPPFLAGS) $(CFLAGS)

# ---- rooms (docs/ARCHITECTURE.md) --------------------------------------------------------------
room      = $(wildcard $(1)/*.c)
BASE     := $(call room,lib/base)
WIRE     := $(call room,lib/wire)
GATE     := $(call room,lib/gate)
SNAPSHOT := $(call room,lib/snapshot)
JOSE     := $(call room,lib/jose)
LOG      := $(call room,lib/log)
HTTP     := $(call room,lib/http)
CORE     := $(call room,nhi-agentd/core)
SET      := $(call room,nhi-agentd/set)
AGENT    := $(call room,nhi-agentd) $(call room,nhi-agentd/config) $(call room,nhi-agentd/control) \
            $(call room,nhi-agentd/session) $(call room,nhi-agentd/member) $(call room,nhi-agentd/log) \
            $(call room,nhi-agentd/metrics)
FETCH    := $(call room,nhi-agentd/fetch)
KEYS     := $(call room,nhi-agentd/keys)
CTL      := $(call room,nhictl) $(call room,nhictl/ledger) $(call room,nhictl/pam) $(call room,nhictl/confirm) \
            $(call room,nhictl/doctor) $(call room,nhictl/log) $(call room,nhictl/prove) \
            $(call room,nhictl/leftovers) $(call room,nhictl/store) $(call room,nhictl/fleet)
PAM      := $(call room,pam_nhi)
NSS      := $(call room,nss_nhi)
SUDO     := $(call room,sudo_nhi)

obj       = $(patsubst %.c,$(B)/obj/%.o,$(1))
tobj      = $(patsubst %.c,$(B)/tobj/%.o,$(1))

LIBS_AGENT := -lsystemd -lsodium -lconfig -ljansson -lpthread
LIBS_FETCH := -lsystemd -ljansson -lconfig -lcurl
LIBS_CTL   := -lsystemd -lsodium -ljansson -lsmartcols -lconfig -lpam -lzstd -lcurl -lpthread
LIBS_TEST  := -lcmocka -lsystemd -lsodium -lconfig -ljansson -lsmartcols -lcurl -lpam -lzstd -lpthread

MODULES  := $(B)/pam_nhi.so $(B)/libnss_nhi.so.2 $(B)/sudo_nhi.so
PROGRAMS := $(B)/nhi-agentd $(B)/nhi-fetchd $(B)/nhi-authorized-keys $(B)/nhictl

.PHONY: all help
all: $(MODULES) $(PROGRAMS) ## build modules and programs into build/

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

# ---- objects -----------------------------------------------------------------------------------
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(ALL_CFLAGS) -fvisibility=hidden -MMD -MP -c -o $@ $<

# The same for tests: every compiled-in path lies below $(TESTROOT), nothing is optimised away.
TESTROOT := $(abspath $(B))/root
$(B)/tobj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC test $<")
	$(Q)$(CC) $(ALL_CFLAGS) -DPATH_ROOT='"$(TESTROOT)"' -DNHI_TEST=1 -MMD -MP -c -o $@ $<

# Other builds may stand below $(B), and be under way: their files are none of ours.
-include $(shell find $(B)/obj $(B)/tobj $(B)/bobj -name '*.d' -type f 2>/dev/null)

define link
	$(if $(Q),@echo "  LD      $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LDHARD)
endef

$(B)/pam_nhi.so: $(call obj,$(PAM) $(WIRE) $(GATE) $(BASE)) pam_nhi/pam_nhi.map
	$(link) -shared -Wl,--version-script=pam_nhi/pam_nhi.map -Wl,-z,defs -o $@ $(filter %.o,$^) -lpam

$(B)/libnss_nhi.so.2: $(call obj,$(NSS) $(SNAPSHOT) $(BASE)) nss_nhi/nss_nhi.map
	$(link) -shared -Wl,-soname,libnss_nhi.so.2 -Wl,--version-script=nss_nhi/nss_nhi.map -Wl,-z,defs -o $@ $(filter %.o,$^)

$(B)/sudo_nhi.so: $(call obj,$(SUDO) $(WIRE) $(GATE) $(BASE)) sudo_nhi/sudo_nhi.map
	$(link) -shared -Wl,--version-script=sudo_nhi/sudo_nhi.map -Wl,-z,defs -o $@ $(filter %.o,$^)

$(B)/core.a: $(call obj,$(CORE))
	$(if $(Q),@echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/nhi-agentd: $(call obj,$(AGENT) $(SET) $(JOSE) $(LOG) $(GATE) $(SNAPSHOT) $(WIRE) $(BASE)) $(B)/core.a
	$(link) -pie -o $@ $(filter %.o,$^) $(B)/core.a $(LIBS_AGENT)

$(B)/nhi-fetchd: $(call obj,$(FETCH) $(HTTP) $(BASE))
	$(link) -pie -o $@ $^ $(LIBS_FETCH)

$(B)/nhi-authorized-keys: $(call obj,$(KEYS) $(GATE) $(WIRE) $(BASE))
	$(link) -pie -o $@ $^

$(B)/nhictl: $(call obj,$(CTL) $(SET) $(HTTP) $(JOSE) $(LOG) $(GATE) $(SNAPSHOT) $(WIRE) $(BASE)) $(B)/core.a
	$(link) -pie -o $@ $(filter %.o,$^) $(B)/core.a $(LIBS_CTL)

# ---- tests -------------------------------------------------------------------------------------
# One program per tests/unit|pam|nss|cve/test-*.c, linked with every room but the mains and modules.
TESTS    := $(wildcard tests/unit/test-*.c tests/pam/test-*.c tests/nss/test-*.c tests/cve/test-*.c)
TEST_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(TESTS))
TEST_ROOM := $(BASE) $(WIRE) $(GATE) $(SNAPSHOT) $(JOSE) $(LOG) $(HTTP) $(CORE) $(SET) \
             $(filter-out %/main.c,$(AGENT) $(FETCH) $(KEYS) $(CTL))
$(B)/libtest.a: $(call tobj,$(TEST_ROOM))
	$(if $(Q),@echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(TEST_BIN): $(B)/tests/%: $(B)/tobj/tests/%.o $(B)/tobj/tests/alone.o $(B)/libtest.a
	@mkdir -p $(@D)
	$(link) -o $@ $(filter %.o,$^) $(B)/libtest.a $(LIBS_TEST) -Wl,--wrap=_cmocka_run_group_tests

# The module's own table, and its calendar.
$(B)/tests/pam/test-law: $(B)/tobj/pam_nhi/law.o
$(B)/tests/pam/test-pam-environ: $(B)/tobj/pam_nhi/environ.o
# The module's own objects, with clocks that may fail.
$(B)/tests/nss/test-nss-parts: $(call tobj,$(NSS))
$(B)/tests/nss/test-nss-parts: LIBS_TEST += -Wl,--wrap=clock_gettime
# There is no bus to tie a session with: the test stands in for the registry.
$(B)/tests/unit/test-request: LIBS_TEST += -Wl,--wrap=session_open -Wl,--wrap=sessions_can_tie
# Refuses the first few of these.
$(B)/tests/unit/test-feed-client: LIBS_TEST += -Wl,--wrap=memfd_create
# Both clocks are the test's.
$(B)/tests/unit/test-time: LIBS_TEST += -Wl,--wrap=now_realtime_usec -Wl,--wrap=now_boottime_usec
# Servers of the tests' own.
$(B)/tests/unit/test-http $(B)/tests/unit/test-fetch-report $(B)/tests/unit/test-fleet $(B)/tests/unit/test-fetch-https $(B)/tests/unit/test-fetch-etcd $(B)/tests/unit/test-fetch-mirrors $(B)/tests/unit/test-publish-stores: LIBS_TEST += -lssl -lcrypto
$(B)/tests/unit/test-http-tls: LIBS_TEST += -lssl -lcrypto
# Where the client waits, the test looks first.
$(B)/tests/unit/test-store-client: LIBS_TEST += -lssl -lcrypto -Wl,--wrap=curl_multi_poll
$(B)/tests/unit/test-refresh: LIBS_TEST += -lssl -lcrypto
# The disk is the test's.
$(B)/tests/unit/test-log-crash: LIBS_TEST += $(addprefix -Wl$(comma)--wrap=,pwrite fdatasync fsync ftruncate posix_fallocate openat \
        renameat renameat2)
$(B)/tests/unit/test-ledger-crash: LIBS_TEST += $(addprefix -Wl$(comma)--wrap=,write fdatasync fsync rename posix_fallocate unlinkat)
$(B)/tests/unit/test-revoke: LIBS_TEST += -Wl,--wrap=rename
# Its syncs wait, and fail, as the test says.
$(B)/tests/unit/test-log-writer $(B)/tests/unit/test-evidence: LIBS_TEST += -Wl,--wrap=fdatasync
# Refuses the Nth of these.
$(B)/tests/unit/test-set-memory: LIBS_TEST += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray \
        -Wl,--wrap=strndup,--wrap=open_memstream,--wrap=asprintf \
        -Wl,--wrap=arena_alloc,--wrap=arena_text,--wrap=arena_text_size

# Modules built for tests: paths below the test root.
$(B)/tmod/pam_nhi.so: $(call tobj,$(PAM) $(WIRE) $(GATE) $(BASE)) pam_nhi/pam_nhi.map
	@mkdir -p $(@D)
	$(link) -shared -Wl,--version-script=pam_nhi/pam_nhi.map -o $@ $(filter %.o,$^) -lpam
$(B)/tmod/libnss_nhi.so.2: $(call tobj,$(NSS) $(SNAPSHOT) $(BASE)) nss_nhi/nss_nhi.map
	@mkdir -p $(@D)
	$(link) -shared -Wl,-soname,libnss_nhi.so.2 -Wl,--version-script=nss_nhi/nss_nhi.map -o $@ $(filter %.o,$^)
$(B)/tmod/sudo_nhi.so: $(call tobj,$(SUDO) $(WIRE) $(GATE) $(BASE)) sudo_nhi/sudo_nhi.map
	@mkdir -p $(@D)
	$(link) -shared -Wl,--version-script=sudo_nhi/sudo_nhi.map -o $@ $(filter %.o,$^)
TEST_MOD := $(B)/tmod/pam_nhi.so $(B)/tmod/libnss_nhi.so.2 $(B)/tmod/sudo_nhi.so
$(filter $(B)/tests/pam/test-pam%,$(TEST_BIN)): | $(B)/tmod/pam_nhi.so
$(B)/tests/nss/test-nss $(B)/tests/nss/test-nss-storm: | $(B)/tmod/libnss_nhi.so.2
$(B)/tests/nss/test-nss-load: | $(B)/tmod/libnss_nhi.so.2 $(B)/tests/nss/host-static $(B)/tests/nss/host-dynamic

# Programs that load the module, without a sanitizer. The linker would warn that a static one needs its glibc at run time.
$(B)/tests/nss/host-%: tests/nss/host-program.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC test $@")
	$(Q)$(CC) $(STD) $(WARN) -O1 $(if $(filter static,$*),-static -Xlinker --no-warnings) -o $@ $< -ldl
$(B)/tests/pam/test-sudo-plugin: | $(B)/tmod/sudo_nhi.so

# ---- proofs ------------------------------------------------------------------------------------
SOURCES   = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v '^build')
HEADERS   = $(filter %.h,$(SOURCES))

.PHONY: check lint lint-tools metrics clean tests-build
check: ## unit, module, interoperability and host tests (as root); ends "N passed, N failed"
	@tests/host/packages.sh install build boot deb rpm
	@command -v npm >/dev/null || tests/host/packages.sh install interop
	@tests/check.sh $(B)

lint-tools:
	@tests/host/packages.sh install build lint
lint: lint-tools all ## layering, symbols, format, both compilers, cppcheck, tables against documents
	@echo "  LINT    rooms";    tests/lint/includes.sh
	@echo "  LINT    binaries"; tests/lint/binaries.sh $(B)
	@echo "  LINT    words";    tests/lint/words.sh
	@echo "  LINT    tables";   tests/lint/tables.sh $(B)
	@echo "  LINT    threats";  tests/lint/threats.sh
	@echo "  LINT    packages"; tests/lint/packages.sh
	@echo "  LINT    headers";  for cc in gcc clang; do for h in $(HEADERS); do \
		echo "#include \"$$h\"" | $$cc $(STD) $(WARN) -Wno-unused-function -DNHI_TEST=1 -fsyntax-only -x c - || exit 1; done; done
	@echo "  LINT    format";   clang-format --dry-run -Werror $(SOURCES)
	@echo "  LINT    gcc";      $(MAKE) -s B=$(B)/lint-gcc CC=gcc all tests-build >/dev/null
	@echo "  LINT    clang";    $(MAKE) -s B=$(B)/lint-clang CC=clang all tests-build >/dev/null
	@echo "  LINT    cppcheck"; cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 -D_GNU_SOURCE -I. --include=tests/lint/cppcheck.h -j2 \
		$(filter-out tests/%,$(filter %.c,$(SOURCES)))
	@echo "  LINT    shell";    for s in $$(git ls-files '*.sh' .ci/run 'conf/libexec/*'); do bash -n $$s || exit 1; done
	@echo "lint: clean"

metrics: ## file and function lengths by room
	@tests/lint/metrics.sh

tests-build: $(TEST_BIN) $(TEST_MOD)

# What needs neither root nor a module: distributions' builds run these.
.PHONY: tests-unit
tests-unit: $(filter-out %/test-interop,$(filter $(B)/tests/unit/%,$(TEST_BIN)))
	$(Q)tests/run.sh unit $^

clean: ## remove build/
	rm -rf $(B)

include conf/install.mk packaging.mk rpm/rpm.mk tests/host/host.mk tests/bench/bench.mk tests/fuzz/fuzz.mk tests/fault/fault.mk tests/coverage/coverage.mk \
        tests/delay/delay.mk
