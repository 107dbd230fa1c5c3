#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots another kernel in a virtual machine, with Redis, PostgreSQL and the tracer in a file system of its own, and
# compares the tracer's counts with those of the servers, and what a loop with a cpu.max waited for with the
# kernel's count. Needs qemu-system-x86, busybox-static, both servers. GUEST_ONLY=quota: only the latter.
# SYSROOT=FOLDER: an arm64 kernel; programs are taken from that file system, which has no PostgreSQL.
# Usage: tests/vm/run.sh VMLINUZ [KIND[,KIND...] [refused]]   KIND: hook kinds that the tracer shall do without;
#        refused: the kernel is too old, and the tracer shall say so in one line
# Also, that what listens already is known. With GUEST_DEBUG=1 the guest prints what libbpf and the kernel's verifier say.
set -euo pipefail

kernel=$1
refuse=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
sysroot=${SYSROOT:-}
tallyman=${TALLYMAN:-$here/../../build/${sysroot:+arm64/}tallyman}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

where() {
	PATH=${sysroot:+$sysroot/usr/bin:$sysroot/bin:}$PATH command -v "$1"
}

# Another architecture's: the libraries that a file names, and those that these name.
put_libraries_of_sysroot() {
	local library path

	for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') ld-linux-aarch64.so.1; do
		for path in /lib/aarch64-linux-gnu/$library /lib/$library; do
			if [ -e "$sysroot$path" ] && [ ! -e "$work/root$path" ]; then
				install -D "$sysroot$path" "$work/root$path"
				put_libraries_of_sysroot "$sysroot$path"
			fi
		done
	done
}

# Programs and the libraries that they name, at their own paths.
put_program() {
	local library

	install -D "$1" "$work/root/bin/$(basename "$1")"
	if [ -n "$sysroot" ]; then
		put_libraries_of_sysroot "$1"
		return
	fi
	for library in $(ldd "$1" | grep -o '/[^ ]*'); do
		[ -e "$work/root$library" ] || install -D "$library" "$work/root$library"
	done
}

# PostgreSQL where its own paths lead to, and a cluster with pgbench's tables.
put_postgres() {
	local servers bin home run=(setpriv --reuid=postgres --regid=postgres --clear-groups env PGHOST="$work/run" PGUSER=postgres)

	servers=(/usr/lib/postgresql/*/bin/postgres)
	bin=$(dirname "${servers[-1]}")
	for program in "$bin"/{postgres,psql,pgbench}; do
		put_program "$program"
		mkdir -p "$work/root$bin"
		mv "$work/root/bin/${program##*/}" "$work/root$bin/"
	done
	ln -s "${bin#/usr/lib/postgresql/}" "$work/root/usr/lib/postgresql/bin"
	home=${bin%/bin}
	tar -C / -c "${home#/}"/lib/{plpgsql,pg_stat_statements,dict_snowball}.so usr/share/zoneinfo/Etc \
		usr/share/postgresql/"${bin//[^0-9]/}"/{timezonesets,extension} | tar -C "$work/root" -x
	install -d -o postgres -g postgres "$work/root/data" "$work/run"
	chmod 755 "$work"
	"${run[@]}" "$bin/initdb" -D "$work/root/data" -A trust -U postgres --no-locale --no-sync >/dev/null
	cat >>"$work/root/data/postgresql.conf" <<-EOF
		shared_preload_libraries = 'pg_stat_statements'
		shared_buffers = 16MB
		fsync = off
		jit = off
		autovacuum = off
		timezone = 'Etc/UTC'
		listen_addresses = '127.0.0.1'
	EOF
	"${run[@]}" "$bin/pg_ctl" -D "$work/root/data" -o "-k $work/run -c listen_addresses=" -l "$work/run/log" -w start >/dev/null
	"${run[@]}" "$bin/psql" -qc 'CREATE EXTENSION pg_stat_statements'
	"${run[@]}" "$bin/pgbench" -iq 2>/dev/null
	"${run[@]}" "$bin/pg_ctl" -D "$work/root/data" -w stop >/dev/null
	grep -E '^(root|postgres):' /etc/passwd >"$work/root/etc/passwd"
	grep -E '^(root|postgres):' /etc/group >"$work/root/etc/group"
}

mkdir -p "$work"/root/{bin,dev,proc,sys,tmp,etc}
put_program "$tallyman"
for program in redis-server redis-cli redis-benchmark; do
	path=$(readlink -f "$(where "$program")")
	put_program "$path"
	[ "${path##*/}" = "$program" ] || ln -sf "${path##*/}" "$work/root/bin/$program"
done
[ -n "$sysroot" ] || put_postgres
install "$(where busybox)" "$work/root/bin/busybox"
install -m 755 "$here/guest.sh" "$work/root/init"
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs"

# A guest's own start-up may not last: the time limit is qemu's, whom nobody else waits for.
machine=(qemu-system-x86_64)
console=ttyS0
if [ -n "$sysroot" ]; then
	machine=(qemu-system-aarch64 -machine "virt,gic-version=max")
	console=ttyAMA0
fi
timeout "${GUEST_SECONDS:-600}" "${machine[@]}" -accel tcg,thread=multi -cpu max -smp 2 -m 1536 \
	-nographic -no-reboot -nic none -kernel "$kernel" -initrd "$work/initramfs" \
	-append "console=$console panic=-1 quiet refuse=$refuse debug=${GUEST_DEBUG:-} only=${GUEST_ONLY:-}" </dev/null \
	>"$work/console" 2>&1 || echo "run.sh: qemu ended with status $?" >>"$work/console"
tr -d '\r' <"$work/console" | tee "${GUEST_LOG:-/dev/null}" | "$here/counts.py" "${3:-counts}"
