#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# build.sh BUILD-DIR TARBALL VERSION [RPMBUILD-ARG...]: the packages of rpm/nhi.spec from `make dist`, into BUILD-DIR/rpm.
# Two builds of one tree are bit-identical: time, host and owner come from the spec's changelog or are fixed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1/rpm" && readlink -f "$1/rpm")
tarball=$2
version=$3
shift 3

spec_version=$(sed -n 's/^Version:[[:blank:]]*//p' rpm/nhi.spec)
[[ $spec_version == "$version" ]] || { echo "rpm/nhi.spec: Version is $spec_version, the Makefile's is $version" >&2; exit 1; }

top=$out/top
rm -rf "$top" "$out"/*.rpm
mkdir -p "$top"/{SOURCES,SPECS,BUILD,RPMS,SRPMS}
cp "$tarball" "$top/SOURCES/"
cp conf/sysusers.d/nhi.conf "$top/SOURCES/nhi.conf"
cp rpm/nhi.spec "$top/SPECS/"

# --nodeps: where the build dependencies come from Debian, rpm's database knows none of them.
# brp-compress wants bash and names sh, which is dash there.
umask 022
# Where rpm makes no packages of debugging information, symbols and the build's own path stay in, and in the build-id.
[[ -n $(rpm --eval '%{?_enable_debug_packages}') ]] ||
        set -- --define "build_cflags %{optflags} -ffile-prefix-map=$top/BUILD/nhi-$version=." --define 'build_ldflags -s' "$@"
rpmbuild -bb --nodeps --quiet --define "_topdir $top" --define 'dist %{nil}' --define '_buildhost localhost' \
        --define 'source_date_epoch_from_changelog 1' --define 'use_source_date_epoch_as_buildtime 1' \
        --define 'clamp_mtime_to_source_date_epoch 1' \
        --define '__brp_compress bash %{_rpmconfigdir}/brp-compress %{?_prefix}' "$@" "$top/SPECS/nhi.spec" >"$out/build.log" 2>&1 ||
        { tail -40 "$out/build.log" >&2; echo "rpm: rpmbuild failed; the whole log is $out/build.log" >&2; exit 1; }
find "$top/RPMS" -name '*.rpm' -exec mv -t "$out" {} +
rm -rf "$top/BUILD" "$top/BUILDROOT"
ls -1 "$out"/*.rpm
