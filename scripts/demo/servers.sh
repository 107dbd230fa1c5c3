# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Throw-away servers and cgroups for scripts that source this. Sets `work` (a folder, gone in the end), `bin`
# (PostgreSQL's programs), `cgroups` (the hierarchy's root). What is appended to `pids` and `workers` is
# ended, what is made by make_cgroup() removed, however the script ends.

name=$(basename "$0")
pids=()
workers=()
made=()

fail() {
	echo "$name: $*" >&2
	exit 1
}

# Also runs after a failure or ^C.
cleanup() {
	local pid

	trap '' INT TERM
	for pid in "${workers[@]}" "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	[ ! -e "$work/pg/data/postmaster.pid" ] ||
		as_postgres "$bin/pg_ctl" -s -m immediate -D "$work/pg/data" stop || true
	for pid in "${workers[@]}" "${pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	for ((pid = ${#made[@]}; pid-- > 0;)); do
		rmdir "${made[pid]}" || true
	done
	rm -rf "$work"
}

# A container of the demo: a cgroup named so.
make_cgroup() {
	mkdir "$cgroups/$1" || fail "$cgroups/$1 is there already: does another demo run?"
	made+=("$cgroups/$1")
}

# in_cgroup NAME COMMAND...: in the place of this (sub)shell.
in_cgroup() {
	echo 0 >"$cgroups/$1/cgroup.procs"
	shift
	exec "$@"
}

as_postgres() {
	setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}

wait_for() {
	local what=$1 try
	shift
	for ((try = 0; try < 200; try++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "$what did not start: $(tail -n 5 "$work"/*.log)"
}

# Listens at port 54329 of the Unix socket in $work/pg only.
start_postgres() {
	install -d -o postgres -g postgres "$work/pg"
	(cd / && as_postgres "$bin/initdb" -D "$work/pg/data" -A trust -U postgres -E UTF8 --no-locale \
		--no-sync --no-instructions >/dev/null)
	in_cgroup demo.postgres setpriv --reuid=postgres --regid=postgres --clear-groups \
		"$bin/postgres" -D "$work/pg/data" -k "$work/pg" -c listen_addresses= -c port=54329 \
		-c fsync=off -c autovacuum=off >"$work/postgres.log" 2>&1 &
	pids+=($!)
	wait_for PostgreSQL "$bin/pg_isready" -q -h "$work/pg" -p 54329
}

# Listens at $work/redis.sock only.
start_redis() {
	in_cgroup demo.redis redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --appendonly no --dir "$work" \
		>"$work/redis.log" 2>&1 &
	pids+=($!)
	wait_for Redis redis-cli -s "$work/redis.sock" ping
}

# The start of every script that uses this file.
begin() {
	[ "$(id -u)" = 0 ] || fail "needs root (BPF, cgroups, a PostgreSQL user)"
	[ -x build/tallyman ] || fail "no build/tallyman: run make"
	bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	[ -x "$bin/initdb" ] || fail "no PostgreSQL below /usr/lib/postgresql: run scripts/setup.sh"
	cgroups=/sys/fs/cgroup
	[ ! -e $cgroups/unified/cgroup.procs ] || cgroups=$cgroups/unified
	work=$(mktemp -d "/tmp/tallyman-${name%.sh}.XXXXXX")
	chmod 755 "$work"
	trap cleanup EXIT
	trap 'exit 130' INT TERM
}
