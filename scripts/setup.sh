#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of scripts/packages.txt, from the Debian 12 archive that the machine has, and unpacks
# below build/debian what is only to be unpacked.
# When all is there it says nothing and takes a few milliseconds. No server that it installs is left
# running or set to start at boot: tests and demo start their own.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/tallyman.conf
services=(postgresql redis-server prometheus nginx)
placed=()
unpacked=$here/../build/debian

fail() {
	echo "setup.sh: $*" >&2
	exit 1
}

wanted_packages() {
	sed 's/#.*//; /^unpack /d' "$here/packages.txt" | xargs -n1
}

# Prints the packages that are not unpacked yet.
packed_packages() {
	local package
	sed -n 's/^unpack //p' "$here/packages.txt" | while read -r package; do
		[ -e "$unpacked/usr/share/doc/$package" ] || echo "$package"
	done
}

# Prints the wanted packages that are not installed.
missing_packages() {
	local have
	# shellcheck disable=SC2046 # one word a package is meant
	have=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $(wanted_packages) 2>/dev/null |
		sed -n 's/ installed$//p') || true
	comm -23 <(wanted_packages | sort) <(sort <<<"$have")
}

check_system() {
	# shellcheck disable=SC1091
	if ! (. /etc/os-release && [ "$ID" = debian ] && [ "$VERSION_ID" = 12 ]); then
		fail "this is not Debian 12; install by hand what stands for: $*"
	fi
	[ "$(id -u)" = 0 ] || fail "needs root to install: $*"
}

# Takes back what hold_services did.
release_services() {
	[ ${#placed[@]} = 0 ] || rm -f "${placed[@]}"
	placed=()
}

# While packages are unpacked no service starts and PostgreSQL makes no cluster of its own.
hold_services() {
	trap release_services EXIT
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		placed+=("$policy")
		chmod 755 "$policy"
	fi
	mkdir -p "$(dirname "$cluster")"
	echo "create_main_cluster = false" >"$cluster"
	placed+=("$cluster")
}

# Prints those of our services that this machine has.
present_services() {
	local service
	for service in "${services[@]}"; do
		[ ! -e "/etc/init.d/$service" ] || echo "$service"
	done
}

# Whichever init the machine has, the servers that came with us do not start at boot.
disable_services() {
	local service
	for service in "$@"; do
		update-rc.d "$service" disable >/dev/null || true
	done
}

install_packages() {
	local apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)

	export DEBIAN_FRONTEND=noninteractive
	if ! "${apt[@]}" -s install --no-install-recommends "$@" >/dev/null 2>&1; then
		"${apt[@]}" update
	fi
	# Old lists name files that the archive no longer has: fetch new ones, once.
	"${apt[@]}" install --no-install-recommends "$@" </dev/null || {
		"${apt[@]}" update
		"${apt[@]}" install --no-install-recommends "$@" </dev/null
	}
}

unpack_packages() {
	local apt=(apt-get -q -o APT::Sandbox::User=root) archive

	mkdir -p "$unpacked/archives"
	cd "$unpacked/archives"
	"${apt[@]}" download "$@" || {
		"${apt[@]}" update
		"${apt[@]}" download "$@"
	}
	for archive in *.deb; do
		dpkg-deb -x "$archive" ..
		rm "$archive"
	done
	cd ..
	rmdir archives
}

main() {
	local missing before added packed

	command -v dpkg-query >/dev/null || check_system "$(wanted_packages | xargs)"
	mapfile -t packed < <(packed_packages)
	if [ ${#packed[@]} -gt 0 ]; then
		check_system "${packed[*]}"
		echo "setup.sh: unpacking ${packed[*]}"
		unpack_packages "${packed[@]}"
	fi
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -gt 0 ] || return 0
	check_system "${missing[*]}"
	echo "setup.sh: installing ${missing[*]}"
	before=$(present_services)
	hold_services
	install_packages "${missing[@]}"
	mapfile -t added < <(comm -13 <(sort <<<"$before") <(present_services | sort))
	disable_services "${added[@]}"
}

main
