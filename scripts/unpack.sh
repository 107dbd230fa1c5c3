#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks packages of another Debian suite below build/debian-SUITE, for tests that need an older library or
# another kernel, and prints that folder. Nothing is installed: lists and archives are in a package
# configuration of its own. What is there already is not fetched again. "NAME/PREFIX" is what the package
# depends on and begins so, which is how the newest kernel is named. Exit 1, one line: why it cannot.
# Usage: scripts/unpack.sh SUITE PACKAGE[/PREFIX]...
set -euo pipefail

suite=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)/build/debian-$suite
apt=(-q -o "Dir::Etc::SourceList=$root/.apt/sources.list" -o Dir::Etc::SourceParts=-
	-o "Dir::State::Lists=$root/.apt/lists" -o Dir::State::status=/dev/null
	-o "Dir::Cache=$root/.apt/cache" -o APT::Sandbox::User=root)

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

unpack() {
	local package

	package=$(resolve "$1")
	[ -n "$package" ] || fail "nothing in the archive is $1"
	(cd "$root/.apt" && apt-get "${apt[@]}" download "$package" >log 2>&1) ||
		fail "cannot fetch $package: $(grep -m1 -E '^(E|W|Err)' "$root/.apt/log")"
	dpkg-deb -x "$root"/.apt/*.deb "$root"
	rm "$root"/.apt/*.deb
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
