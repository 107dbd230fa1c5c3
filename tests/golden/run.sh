#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Replays each kept recording (NAME.rec) and compares what is printed with what is kept beside it,
# byte for byte. Where a change of output is meant: UPDATE=1 tests/golden/run.sh, and look at the difference. Where
# the records changed (WIRE_VERSION): tests/golden/record.sh, as root.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
tallyman=${TALLYMAN:-build/tallyman}
got=$(mktemp)
trap 'rm -f "$got"' EXIT
number=0 status=0

# check EXPECTED COMMAND OPTION...
check() {
	local expected=$1
	shift

	number=$((number + 1))
	if ! "$tallyman" "$@" --config tests/golden/tallyman.yaml >"$got"; then
		echo "not ok $number - $expected"
		status=1
	elif [ -n "${UPDATE:-}" ]; then
		cat "$got" >"$expected"
		echo "ok $number - $expected"
	elif diff -u "$expected" "$got" >"$got.diff"; then
		echo "ok $number - $expected"
	else
		echo "not ok $number - $expected"
		sed 's/^/# /' "$got.diff" | head -n 40
		status=1
	fi
	rm -f "$got.diff"
}

recordings=(tests/golden/*.rec)
echo "1..$((4 * ${#recordings[@]} + 2))"
for recording in "${recordings[@]}"; do
	check "${recording%.rec}.txt" replay "$recording"
	check "${recording%.rec}.json" replay "$recording" --json
	check "${recording%.rec}.blame" blame --replay "$recording"
	check "${recording%.rec}.requests" requests --replay "$recording" --slower 200us
done
check tests/golden/network.net net --replay tests/fuzz/seeds/recording/network
check tests/golden/network.json net --replay tests/fuzz/seeds/recording/network --json
exit $status
