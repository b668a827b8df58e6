# SPDX-License-Identifier: LGPL-2.1-or-later
# Throw-away hosts: tests/host/lib.sh boots them, tests/host/run judges them.

.PHONY: demo check-host packages
packages: ## install what building and booting need (tests/packages.txt; Debian, root)
	@tests/host/packages.sh install build boot

# The build comes after the packages, so the scripts make host-stage by themselves.
demo: packages ## the whole path on a throw-away host, step by step; KEEP=1 leaves the host up
	@KEEP=$(KEEP) tests/host/demo.sh $(B)

check-host: packages ## the demo and the host scenarios (tests/host/cases); CASES='...' selects by name
	@KEEP=$(KEEP) tests/host/run $(B) $(CASES)

.PHONY: host-stage
host-stage: all
	$(Q)rm -rf $(B)/stage
	$(Q)$(MAKE) --no-print-directory -s B=$(B) DESTDIR=$(abspath $(B))/stage install
