# SPDX-License-Identifier: LGPL-2.1-or-later
# Packages for Fedora and RHEL: rpm/nhi.spec, docs/RPM.md. RPM_CHECK=1 runs the unit tests in the build, too.

.PHONY: rpm check-rpm rpm-tools
rpm-tools:
	@tests/host/packages.sh install build rpm
rpm: rpm-tools $(B)/dist/$(DIST).tar.gz ## packages for Fedora and RHEL into build/rpm/ (a preview, see docs/RPM.md)
	@rpm/build.sh $(B) $(B)/dist/$(DIST).tar.gz $(VERSION) $(if $(filter 1,$(RPM_CHECK)),,--without check)

check-rpm: rpm-tools ## the RPM packages and their scripts in a throw-away root
	@tests/rpm/run.sh $(B)
