#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three tenants work on one PostgreSQL and one Redis for 20 seconds while tallyman looks on; then its tables
# are printed, who waited for whom, and what the clients counted themselves beside what it counted. All
# of it is thrown away at the end: servers, cgroups, files. Needs root.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${DEMO_SECONDS:-20}
tenants=(acme globex initech)

# shellcheck source=scripts/demo/servers.sh
. scripts/demo/servers.sh

create_databases() {
	local tenant

	for tenant in "${tenants[@]}"; do
		"$bin/createdb" -h "$work/pg" -p 54329 -U postgres "$tenant"
		"$bin/psql" -q -o /dev/null -h "$work/pg" -p 54329 -U postgres -f scripts/demo/schema.sql "$tenant"
	done
}

# work TENANT STEP PAUSE_MS: one worker in the tenant's cgroup.
work() {
	local out="$work/$1.$2.${#workers[@]}.sent"

	in_cgroup "tenants.slice-$1" /usr/bin/python3 scripts/demo/workload.py "$work/pg" 54329 "$1" \
		"$work/redis.sock" "$2" $((seconds - 3)) "$3" >"$out" 2>>"$work/worker.log" &
	workers+=($!)
}

start_work() {
	work acme order_intake 20
	work acme warehouse 10
	work acme portal 10
	work initech dispatch 15
	work initech invoicing 50
	work initech order_intake 30
	# The noisy one: its month's end reports, several at once and without a pause.
	work globex invoicing 0
	work globex invoicing 0
	work globex invoicing 0
	work globex portal 1
	work globex warehouse 5
}

main() {
	local cgroup worker

	begin
	for cgroup in demo.postgres demo.redis "${tenants[@]/#/tenants.slice-}"; do
		make_cgroup "$cgroup"
	done
	echo "== starting a PostgreSQL and a Redis of our own, with a database for each of: ${tenants[*]}"
	start_postgres
	create_databases
	start_redis
	echo "== $seconds seconds of work: globex is the noisy one"
	build/tallyman record -o "$work/demo.rec" --config scripts/demo/tallyman.yaml \
		>"$work/tables" 2>"$work/tallyman.log" &
	pids+=($!)
	wait_for tallyman grep -q tracing: "$work/tallyman.log"
	start_work
	for worker in "${workers[@]}"; do
		wait "$worker" || fail "a worker failed: $(cat "$work/worker.log")"
	done
	# Only now: on a slow machine the workers alone take long to start. A moment for what is on its way.
	sleep 1
	kill -TERM "${pids[-1]}"
	wait "${pids[-1]}" || fail "tallyman failed: $(cat "$work/tallyman.log")"
	cat "$work/tallyman.log" "$work/tables"
	echo
	echo "== who waited for whom, and on what"
	build/tallyman blame --replay "$work/demo.rec" --config scripts/demo/tallyman.yaml
	echo
	echo "== what the clients counted themselves, and what tallyman counted at both ends"
	build/tallyman replay "$work/demo.rec" --json --config scripts/demo/tallyman.yaml >"$work/traced.json"
	/usr/bin/python3 scripts/demo/compare.py "$work/traced.json" "$work"/*.sent
}

main
