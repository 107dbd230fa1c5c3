#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after the other and ends with one line, "N passed, N failed, N skipped"; exit 1
# if any failed. A program prints TAP (cmocka does when asked); one named fuzz_* runs for FUZZ_SECONDS (or
# its share of FUZZ_TOTAL_SECONDS, or FUZZ_RUNS executions); any other that prints no TAP is one test, judged by
# its exit status.
# A skipped test says why in the line before: print_message("skip: reason\n").
# Live tests (and guests, which take all CPUs) trace the whole machine, and would count each other's requests: one at a time, machine-wide.
# They judge times on machines that are not theirs alone: one that fails is run once more, and both
# runs are told. What fails twice has failed.
set -uo pipefail

fuzz_dir=build/fuzz
limit=${TEST_TIMEOUT:-1200} # seconds for one program; six times that for all guests
passed=0 failed=0 skipped=0 unsteady=
live_lock=${TALLYMAN_LIVE_LOCK:-/tmp/tallyman-live.lock}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

export CMOCKA_MESSAGE_OUTPUT=TAP
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# All of what is allocated is filled with a pattern, not the first 4 KiB only: so no test relies on zeros.
export ASAN_OPTIONS=${ASAN_OPTIONS:-max_malloc_fill_size=1048576}

# Prints what went wrong in a TAP log, each skip with its reason, and last "passed failed skipped".
# cmocka writes a skip as "not ok N # SKIP name". Tests that the plan has and the log has not were cut
# off by a crash or a failed set-up.
judge_tap() {
	awk -v name="$1" '
	function group_end() { if (plan > run) cut += plan - run; plan = run = 0 }
	/^1\.\.[0-9]+/ { group_end(); plan = substr($0, 4) + 0; tap = 1; note = ""; next }
	/^(not )?ok [0-9]+ *(- )?# SKIP/ {
		run++; skipped++; tap = 1
		sub(/^.*# SKIP */, "")
		printf "SKIP %s: %s (%s)\n", name, $0, note == "" ? "no reason given" : note
		note = ""; next
	}
	/^ok [0-9]+/ { run++; passed++; tap = 1; note = ""; next }
	/^not ok [0-9]+/ {
		run += $3 > 0; failed += !/GROUP SETUP/; tap = 1
		sub(/^not ok [0-9]+ -? */, "")
		printf "FAIL %s: %s%s\n", name, $0, note == "" ? "" : " (" note ")"
		note = ""; telling = 1; next
	}
	/^# (not )?ok - / { telling = 0; next }
	/^#/ { if (telling) print "     " $0; next }
	NF { telling = 0; if (note !~ /^skip:/ || /^skip:/) note = $0 }
	END {
		group_end()
		if (cut) printf "FAIL %s: %d tests did not run to their end\n", name, cut
		gsub(/^skip: */, "", note)
		print passed + 0, failed + cut, skipped + 0, tap + 0
	}' "$log" | sed 's/(skip: */(/'
}

why_ended() {
	case $1 in
	0) echo "told no test result" ;;
	124 | 137) echo "killed after $2 s" ;;
	13[0-9] | 14[0-9]) echo "died of signal $(($1 - 128))" ;;
	*) echo "exit status $1" ;;
	esac
}

show_log() {
	tail -n 40 "$log" | sed 's/^/     /'
}

is_live() {
	[[ $1 == *tests/live/* || $1 == *tests/vm/* ]]
}

# Sets p, f, s: what passed, failed and was skipped. Prints what went wrong.
run_once() {
	local program=$1 name=$2 guard=() seconds=$limit status verdict tap

	[[ $program != tests/vm/* ]] || seconds=$((6 * limit))
	! is_live "$program" || guard=(flock -o "$live_lock") # not inherited by what it starts
	"${guard[@]}" timeout -k 10 "$seconds" "$program" >"$log" 2>&1 </dev/null
	status=$?
	verdict=$(judge_tap "$name")
	read -r p f s tap <<<"${verdict##*$'\n'}"
	if [ "$tap" = 0 ] && [[ $name != *test_* ]]; then
		[ "$status" = 0 ] && p=1 || f=1
	fi
	sed '$d' <<<"$verdict"
	if [ "$status" != 0 ] && { [ "$f" = 0 ] || [ "$tap" = 0 ]; } || [ $((p + f + s)) = 0 ]; then
		echo "FAIL $name: $(why_ended "$status" "$seconds")"
		show_log
		[ "$f" -gt 0 ] || f=1
	elif [ "$status" -gt 128 ] || [ "$status" = 124 ]; then
		echo "     $name: $(why_ended "$status" "$seconds")"
		show_log
	fi
}

run_program() {
	local program=$1 name=${1#build/} p f s

	run_once "$program" "$name"
	if [ "$f" -gt 0 ] && is_live "$program"; then
		echo "AGAIN $name"
		run_once "$program" "$name"
		[ "$f" -gt 0 ] || unsteady+=" $(basename "$name")"
	fi
	[ "$f" -gt 0 ] || printf 'ok   %s (%d passed, %d skipped)\n' "$name" "$p" "$s"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# Executions, time, coverage (edges) and the most memory, of a run that is in the log.
fuzz_figures() {
	awk '/ cov: [0-9]+/ { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
	/^Done [0-9]+ runs/ { runs = $2; seconds = $5 }
	/^stat::peak_rss_mb/ { rss = $2 }
	END { printf "%d runs, %d s, %d/s, coverage %d, %d MiB", runs, seconds,
		seconds ? runs / seconds : runs, cov, rss }' "$log"
}

# Inputs that libFuzzer found are kept in build/fuzz/, so that the next run starts where this one ended.
run_fuzzer() {
	local program=$1 seconds=$2 name noun inputs

	name=$(basename "$1")
	noun=${name#fuzz_}
	inputs=("$fuzz_dir/corpus/$noun")
	mkdir -p "${inputs[0]}" "$fuzz_dir/crashes"
	[ ! -d "tests/fuzz/seeds/$noun" ] || inputs+=("tests/fuzz/seeds/$noun")
	if "$program" -max_total_time="$seconds" -runs="${FUZZ_RUNS:--1}" -print_final_stats=1 \
		-timeout=10 -rss_limit_mb=1024 -close_fd_mask=1 \
		-artifact_prefix="$fuzz_dir/crashes/$noun-" "${inputs[@]}" >"$log" 2>&1 </dev/null; then
		echo "ok   $name ($(fuzz_figures))"
		passed=$((passed + 1))
	else
		echo "FAIL $name: see $fuzz_dir/crashes/"
		show_log
		failed=$((failed + 1))
	fi
}

fuzzers=0
for program in "$@"; do
	[[ $(basename "$program") != fuzz_* ]] || fuzzers=$((fuzzers + 1))
done
seconds=${FUZZ_SECONDS:-300}
if [ -n "${FUZZ_TOTAL_SECONDS:-}" ] && [ "$fuzzers" -gt 0 ]; then
	seconds=$((FUZZ_TOTAL_SECONDS / fuzzers))
	[ "$seconds" -gt 0 ] || seconds=1
fi

for program in "$@"; do
	if [[ $(basename "$program") == fuzz_* ]]; then
		run_fuzzer "$program" "$seconds"
	else
		run_program "$program"
	fi
done

[ -z "$unsteady" ] || echo "passed the second time only:$unsteady"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
