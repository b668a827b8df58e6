# SPDX-License-Identifier: LGPL-2.1-or-later
# Packages. `make deb` builds Debian's from the tree as it lies here, uncommitted edits and all, without touching it.

.PHONY: deb dist
DIST := nhi-$(VERSION)

# The names of the tree's files, without git too (an unpacked tarball).
package_files = { git ls-files --cached --others --exclude-standard 2>/dev/null || \
	find . -path './build*' -prune -o -type f -print | sed 's,^\./,,'; } | \
	while read -r f; do [ ! -f "$$f" ] || echo "$$f"; done | LC_ALL=C sort -u

dist: $(B)/dist/$(DIST).tar.gz ## the source as a tarball in build/dist/, the same bytes each time
.PHONY: $(B)/dist/$(DIST).tar.gz
$(B)/dist/$(DIST).tar.gz:
	@mkdir -p $(@D)
	$(Q)epoch=$${SOURCE_DATE_EPOCH:-$$(dpkg-parsechangelog --show-field Timestamp 2>/dev/null || git log -1 --format=%ct)}; \
	$(package_files) | tar --files-from=- --transform='s,^,$(DIST)/,' --owner=0 --group=0 --numeric-owner \
		--mode='u=rwX,go=rX' --mtime="@$$epoch" --format=gnu -cf - | gzip -n9 >$@

deb: $(B)/dist/$(DIST).tar.gz ## Debian packages into build/deb/ (DEB_BUILD_OPTIONS='nocheck parallel=2' ...)
	$(Q)rm -rf $(B)/deb && mkdir -p $(B)/deb
	$(Q)cp $< $(B)/deb/nhi_$(VERSION).orig.tar.gz
	$(Q)tar -C $(B)/deb -xf $<
	$(Q)cd $(B)/deb/$(DIST) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b
	$(Q)rm -rf $(B)/deb/$(DIST)
	@ls $(B)/deb/*.deb
