#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks packages of another Debian suite below build/debian-SUITE, for tests that need an older library or
# another kernel, and prints that folder. Nothing is installed: lists and archives are in a package
# configuration of its own. What is there already is not fetched again. "NAME/PREFIX" is what the package
# depends on and begins so, which is how the newest kernel is named; "NAME+" is it with all that it depends on, as one
# file system. Exit 1, one line: why it cannot.
# Usage: scripts/unpack.sh SUITE[:ARCHITECTURE] PACKAGE[/PREFIX|+]...
set -euo pipefail

suite=${1%:*}
architecture=$(dpkg --print-architecture)
[[ $1 != *:* ]] || architecture=${1#*:}
root=$(cd "$(dirname "$0")/.." && pwd)/build/debian-${1/:/-}
shift
apt=(-q -o "Dir::Etc::SourceList=$root/.apt/sources.list" -o Dir::Etc::SourceParts=-
	-o "Dir::State::Lists=$root/.apt/lists" -o Dir::State::status=/dev/null
	-o "Dir::Cache=$root/.apt/cache" -o APT::Sandbox::User=root
	-o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture")

fail() {
	echo "unpack.sh: $suite: $*" >&2
	exit 1
}

# The archive that the machine gets Debian from.
archive_uri() {
	# shellcheck disable=SC2016 # apt's own names
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(COMPONENT) $(RELEASE)' |
		awk '$1 == "Debian" && $3 == "main" && $4 !~ /-/ { print $2; exit }'
}

lists_fetch() {
	local uri

	uri=$(archive_uri)
	[ -n "$uri" ] || fail "this machine has no Debian archive"
	mkdir -p "$root/.apt/lists/partial" "$root/.apt/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" \
		>"$root/.apt/sources.list"
	apt-get "${apt[@]}" update >"$root/.apt/log" 2>&1 || true
	! grep -q -E '^(E|Err)' "$root/.apt/log" ||
		fail "no list of packages: $(grep -m1 -E '^(E|Err)' "$root/.apt/log")"
}

# That of a package's dependencies, in its newest version, that begins so.
dependency() {
	apt-cache "${apt[@]}" show "$1" 2>/dev/null | awk -v prefix="$2" '/^(Pre-)?Depends:/ && !newer {
		newer = 1
		for (i = 2; i <= NF; i++)
			if (index($i, prefix) == 1 && !found) { found = $i; sub(",$", "", found) }
	} END { print found }'
}

# Follows NAME/PREFIX/PREFIX...
resolve() {
	local name=${1%%/*} rest=${1#"${1%%/*}"}

	while [ -n "$rest" ]; do
		rest=${rest#/}
		name=$(dependency "$name" "${rest%%/*}")
		rest=${rest#"${rest%%/*}"}
	done
	echo "$name"
}

# What would be installed where there is nothing.
with_dependencies() {
	apt-get "${apt[@]}" -s install --no-install-recommends "$1" 2>/dev/null | awk '/^Inst/ { print $2 }'
}

fetch() {
	local archive

	[ $# -gt 0 ] || return 0
	(cd "$root/.apt" && rm -f ./*.deb && apt-get "${apt[@]}" download "$@" >log 2>&1) ||
		fail "cannot fetch $*: $(grep -m1 -E '^(E|W|Err)' "$root/.apt/log")"
	for archive in "$root"/.apt/*.deb; do
		dpkg-deb --fsys-tarfile "$archive" | tar -C "$root" -x --keep-directory-symlink --no-same-owner
		rm "$archive"
	done
}

unpack() {
	local packages package

	if [[ $1 == *+ ]]; then
		mapfile -t packages < <(with_dependencies "${1%+}")
		mkdir -p "$root/usr/lib"
		ln -sfn usr/lib "$root/lib"
	else
		packages=("$(resolve "$1")")
	fi
	[ -n "${packages[0]-}" ] || fail "nothing in the archive is $1"
	for package in "${!packages[@]}"; do
		[ ! -e "$root/.apt/has-${packages[package]}" ] || unset "packages[package]"
	done
	fetch "${packages[@]}"
	for package in "${packages[@]}"; do
		touch "$root/.apt/has-$package"
	done
	touch "$root/.apt/has-${1//\//,}"
}

mkdir -p "$root/.apt"
exec 9>"$root/.apt/lock"
flock 9
for name in "$@"; do
	[ ! -e "$root/.apt/has-${name//\//,}" ] || continue
	[ -n "${fetched-}" ] || lists_fetch
	fetched=1
	unpack "$name"
done
echo "$root"
