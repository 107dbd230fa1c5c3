#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the kept recordings anew, from real servers, and what their replays must print. To be done when
# WIRE_VERSION changes or a session here does; look at the difference before you keep it. Needs root and a
# machine on which nothing else happens: a recording holds the names of all processes that started.
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=scripts/demo/servers.sh
. scripts/demo/servers.sh

# keep NAME COMMAND...: records while the command runs as tenant acme.
keep() {
	local recording=$1 tracer
	shift

	build/tallyman record -o "tests/golden/$recording.rec" --config tests/golden/tallyman.yaml --cpu-budget off \
		>"$work/live" 2>"$work/tallyman.log" &
	tracer=$!
	pids+=("$tracer")
	wait_for tallyman grep -q tracing: "$work/tallyman.log"
	(in_cgroup tenants.slice-acme "$@")
	sleep 0.3
	kill "$tracer"
	wait "$tracer"
	build/tallyman replay "tests/golden/$recording.rec" --config tests/golden/tallyman.yaml |
		cmp - "$work/live" || fail "the replay differs from the live run"
}

main() {
	local cgroup

	begin
	for cgroup in demo.postgres demo.redis tenants.slice-acme; do
		make_cgroup "$cgroup"
	done
	start_postgres
	start_redis
	"$bin/createdb" -h "$work/pg" -p 54329 -U postgres odoo
	"$bin/psql" -q -o /dev/null -h "$work/pg" -p 54329 -U postgres -f scripts/demo/schema.sql odoo
	keep postgres /usr/bin/python3 tests/golden/postgres.py "$work/pg" 54329 odoo
	keep redis /usr/bin/python3 tests/golden/redis.py "$work/redis.sock"
	chmod 644 tests/golden/*.rec
	UPDATE=1 tests/golden/run.sh
}

main
