# SPDX-License-Identifier: LGPL-2.1-or-later
# Where everything belongs on Debian and Fedora. DESTDIR stages; every directory may be overridden.
#
# Nothing that is installed changes a login: the PAM profiles, the NSS line, sshd's drop-in and sudo's plugin line are
# switched on by an administrator (README.md), so the drop-in is installed as an example only.

BINDIR        ?= $(PREFIX)/bin
LIBEXECDIR    ?= $(PREFIX)/libexec/nhi
NSSDIR        ?= $(LIBDIR)
SYSUSERSDIR   ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR   ?= $(PREFIX)/lib/tmpfiles.d
CATALOGDIR    ?= $(PREFIX)/lib/systemd/catalog
PAMCONFIGSDIR ?= $(PREFIX)/share/pam-configs
# Where libpam looks for services after /etc/pam.d (Fedora: $(PREFIX)/share/pam.d). Not in /etc: there a file stays when
# its package goes.
VENDORPAMDIR  ?= $(PREFIX)/lib/pam.d
MANDIR        ?= $(PREFIX)/share/man
DOCDIR        ?= $(PREFIX)/share/doc/nhi
BASHCOMPDIR   ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR    ?= $(PREFIX)/share/zsh/vendor-completions
SYSCONFDIR    ?= /etc

# mode|directory|file,file...: install and uninstall both come from this table.
INSTALL_FILES = \
	0755|$(LIBEXECDIR)|$(B)/nhi-agentd,$(B)/nhi-fetchd,$(B)/nhi-authorized-keys,$(call install_list,conf/libexec/*) \
	0755|$(BINDIR)|$(B)/nhictl \
	0644|$(PAMDIR)|$(B)/pam_nhi.so \
	0644|$(NSSDIR)|$(B)/libnss_nhi.so.2 \
	0644|$(SUDODIR)|$(B)/sudo_nhi.so \
	0644|$(UNITDIR)|$(call install_list,conf/units/*) \
	0644|$(UNITDIR)/user@.service.d|conf/user-manager/20-nhi.conf \
	0644|$(SYSUSERSDIR)|conf/sysusers.d/nhi.conf \
	0644|$(TMPFILESDIR)|conf/tmpfiles.d/nhi.conf \
	0644|$(CATALOGDIR)|conf/nhi.catalog \
	0644|$(PAMCONFIGSDIR)|$(call install_list,conf/pam-configs/*) \
	0644|$(VENDORPAMDIR)|conf/pam.d/nhi-unit \
	0644|$(DOCDIR)/sshd|conf/sshd/20-nhi.conf \
	0644|$(DOCDIR)/container|conf/container/entrypoint \
	0644|$(DOCDIR)|README.md,CHANGELOG.md,$(call install_list,docs/*.md docs/*.schema.json) \
	0644|$(ZSHCOMPDIR)|conf/completions/_nhictl \
	$(foreach n,1 5 7 8,0644|$(MANDIR)/man$(n)|$(call install_list,docs/man/*.$(n)))
# Configuration: an administrator's edit survives the next install, and uninstall.
INSTALL_CONF = \
	0644|$(SYSCONFDIR)/nhi|conf/agentd.conf,conf/exempt
INSTALL_DIRS = $(SYSCONFDIR)/nhi/agentd.conf.d $(SYSCONFDIR)/nhi/exempt.d $(SYSCONFDIR)/nhi/trust

comma := ,
empty :=
install_list = $(subst $(empty) $(empty),$(comma),$(wildcard $(1)))
install_part = $(word $(2),$(subst |, ,$(1)))
install_from = $(subst $(comma), ,$(call install_part,$(1),3))

define install_line
	$(Q)install -d -m 0755 $(DESTDIR)$(call install_part,$(1),2)
	$(Q)install -m $(call install_part,$(1),1) $(call install_from,$(1)) $(DESTDIR)$(call install_part,$(1),2)/

endef
define install_conf_line
	$(Q)install -d -m 0755 $(DESTDIR)$(call install_part,$(1),2)
	$(Q)for f in $(call install_from,$(1)); do t=$(DESTDIR)$(call install_part,$(1),2)/$$(basename $$f); \
		if [ ! -e $$t ] || cmp -s $$f $$t; then install -m $(call install_part,$(1),1) $$f $$t; \
		else install -m $(call install_part,$(1),1) $$f $$t.new; echo "kept $$t, the shipped one is $$t.new"; fi; done

endef
define uninstall_line
	$(Q)rm -f $(foreach f,$(call install_from,$(1)),$(DESTDIR)$(call install_part,$(1),2)/$(notdir $(f)))

endef

# What nhictl init enabled; left behind it would be a failed unit at every boot.
INSTALL_UNITS = $(filter-out nhi-renew.service nhi-publish.service nhi-refresh.service,$(notdir $(wildcard conf/units/*)))

.PHONY: install uninstall
install: all ## install below DESTDIR (PREFIX, LIBDIR, PAMDIR, SUDODIR, UNITDIR ... override)
	$(foreach line,$(INSTALL_FILES),$(if $(call install_from,$(line)),$(call install_line,$(line))))
	$(foreach line,$(INSTALL_CONF),$(call install_conf_line,$(line)))
	$(Q)install -d -m 0755 $(addprefix $(DESTDIR),$(INSTALL_DIRS))
	$(Q)install -d -m 0755 $(DESTDIR)$(BASHCOMPDIR)
	$(Q)install -m 0644 conf/completions/nhictl.bash $(DESTDIR)$(BASHCOMPDIR)/nhictl

uninstall: ## stop the services, remove what install put there, but no configuration and no state
	$(Q)! grep -ls 'pam_nhi\.so' $(DESTDIR)$(SYSCONFDIR)/pam.d/common-* $(DESTDIR)$(SYSCONFDIR)/pam.d/*-auth | grep . || \
		{ echo "uninstall: pam_nhi.so still stands in these files; first run: pam-auth-update --disable nhi nhi-session"; exit 1; }
	$(Q)! grep -qs '^[^#]*sudo_nhi' $(DESTDIR)$(SYSCONFDIR)/sudo.conf || \
		{ echo "uninstall: $(SYSCONFDIR)/sudo.conf still loads sudo_nhi.so; first run: nhictl sudo disable"; exit 1; }
	$(Q)! grep -ls '^[^#]*nhi-authorized-keys' $(DESTDIR)$(SYSCONFDIR)/ssh/sshd_config $(DESTDIR)$(SYSCONFDIR)/ssh/sshd_config.d/* | grep . || \
		{ echo "uninstall: sshd still asks nhi-authorized-keys in these files; first remove them and reload sshd"; exit 1; }
	$(Q)[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || systemctl --quiet disable --now $(INSTALL_UNITS) || :
	$(foreach line,$(INSTALL_FILES),$(if $(call install_from,$(line)),$(call uninstall_line,$(line))))
	$(Q)rm -f $(DESTDIR)$(BASHCOMPDIR)/nhictl
	$(Q)rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)/sshd $(DESTDIR)$(DOCDIR)/container $(DESTDIR)$(DOCDIR) 2>/dev/null || :
