#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What looking into TLS costs: CPU time per request of a Redis server and its client together, over TLS,
# without the tracer, with it, and with --tls. Needs root, build/tallyman and the packages of the tests.
set -euo pipefail

cd "$(dirname "$0")/../.."
requests=${1:-40000}
work=$(mktemp -d)
port=16391
server=
agent=

end() {
	[ -z "$agent" ] || kill "$agent" 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap end EXIT

# User and system time of the server so far, in ms.
server_ms() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / hz }' \
		"/proc/$server/stat"
}

# The load's CPU time per request, in us.
load() {
	local before client

	before=$(server_ms)
	TIMEFORMAT='%U %S'
	client=$({ time redis-benchmark --tls --cacert "$work/cert" -h 127.0.0.1 -p $port -t get \
		-c 10 -n "$requests" -q >/dev/null 2>&1; } 2>&1)
	echo "$client $(server_ms) $before $requests" |
		awk '{ printf "%.1f", (($1 + $2) * 1e6 + ($3 - $4) * 1e3) / $5 }'
}

# With a tracer that was given these options.
traced() {
	build/tallyman record -o "$work/tape" "$@" >"$work/out" 2>"$work/err" &
	agent=$!
	until grep -q tracing "$work/err"; do sleep 0.1; done
	load
	kill "$agent"
	wait "$agent"
	agent=
}

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$work/key" \
	-out "$work/cert" 2>/dev/null
redis-server --port 0 --tls-port $port --tls-cert-file "$work/cert" --tls-key-file "$work/key" \
	--tls-ca-cert-file "$work/cert" --tls-auth-clients no --save "" --bind 127.0.0.1 \
	>"$work/log" &
server=$!
sleep 1
load >/dev/null
echo "CPU time of both ends, us per GET over TLS:"
echo "not traced     $(load)"
echo "traced         $(traced)"
echo "traced, --tls  $(traced --tls)"
