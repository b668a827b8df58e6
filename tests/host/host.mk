# SPDX-License-Identifier: LGPL-2.1-or-later
# Throw-away hosts: tests/host/lib.sh boots them, tests/host/run judges them.

.PHONY: demo check-host packages
packages: ## install what building and booting need (tests/packages.txt; Debian, root)
	@tests/host/packages.sh install build boot

demo: packages ## the whole path on a throw-away host, step by step; KEEP=1 leaves the host up; SOURCE=etcd, SOURCE=https: real servers
	@KEEP=$(KEEP) tests/host/demo.sh $(B)

check-host: packages ## the demo and the host scenarios (tests/host/cases); CASES='...' selects by name
	@KEEP=$(KEEP) tests/host/run $(B) $(CASES)

# The registry of sessions without the rest of the agent, for tests/host/cases/registry.sh.
LAB := tests/host/session-lab.c $(BASE) lib/jose/json.c nhi-agentd/core/reason.c nhi-agentd/boot.c nhi-agentd/caller.c nhi-agentd/process.c \
       $(call room,nhi-agentd/session)
$(B)/tests/host/session-lab: $(call obj,$(LAB))
	@mkdir -p $(@D)
	$(link) -o $@ $^ -lsystemd -ljansson -lpam

# Refused su by the hundred thousand, for tests/host/cases/storm.sh.
$(B)/tests/host/su-storm: $(call obj,tests/host/su-storm.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^ -lpam

# Logins at given moments, for tests/host/cases/race.sh.
$(B)/tests/host/login-race: $(call obj,tests/host/login-race.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^ -lpam

# The decision log held against its schema and the journal, for tests/host/cases/evidence.sh.
$(B)/tests/host/log-lab: $(call obj,tests/host/log-lab.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^ -ljansson -lpam

# Processes that are hard to end, for tests/host/cases/escapes.sh.
$(B)/tests/host/escape-lab: $(call obj,tests/host/escape-lab.c)
	@mkdir -p $(@D)
	$(link) -o $@ $^

# A wall clock for one process, for tests/host/cases/failures.sh.
$(B)/tests/host/set-clock.so: $(call obj,tests/host/set-clock.c)
	@mkdir -p $(@D)
	$(link) -shared -o $@ $^

# A large service of nsswitch.conf(5), for tests/host/cases/pam.sh.
$(B)/tests/host/nss-late.so: $(call obj,tests/host/nss-late.c)
	@mkdir -p $(@D)
	$(link) -shared -o $@ $^

.PHONY: host-debs
host-debs: ## the packages that hosts install, built in a clean root of NHI_SUITE (bookworm, trixie)
	@tests/host/deb.sh $(B) $(or $(NHI_SUITE),bookworm)
