#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A client and a Redis in network namespaces of their own, joined by a pair of veth of 1 MB/s each way (TBF). Prints
# JSON objects, one a line: what each client measured by its own clock, how long the server
# waited for a CPU meanwhile, and what it says of its commands.
# Usage: trip.sh [-f] SERVER_CGROUP GET_CGROUP SET_CGROUP EVAL_CGROUP   the clients' cgroups, by what they ask
#   -f: they are far from the server: what they talk to passes bytes on to it without looking at them
# However it ends, its processes and namespaces are gone then. Those of a run that was killed go with the next one.
set -euo pipefail

far=
[ "$1" != -f ] || { far=yes && shift; }
server_cgroup=$1
name=tallyman-trip-$$
work=$(mktemp -d)
here=$(dirname "$0")
address=10.215.1.2 port=6379
server='' relay=''

end() {
	local end
	[ -z "$server" ] || kill "$server" $relay 2>/dev/null || true
	wait
	for end in c s; do
		ip netns del "$name-$end" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap end EXIT
trap 'exit 143' TERM INT HUP

for old in /run/netns/tallyman-trip-*-[cs]; do
	pid=${old#*-trip-}
	[ ! -e "$old" ] || [ -d "/proc/${pid%-?}" ] || ip netns del "${old##*/}"
done

# inside CGROUP END COMMAND...: runs it in a cgroup and a network namespace; replaces the shell.
inside() {
	echo "$BASHPID" >"$1/cgroup.procs"
	exec ip netns exec "$name-$2" "${@:3}"
}

for end in c s; do
	ip netns add "$name-$end"
	ip -n "$name-$end" link set lo up
done
ip link add eth0 netns "$name-c" type veth peer name eth0 netns "$name-s"
ip -n "$name-c" addr add 10.215.1.1/24 dev eth0
ip -n "$name-s" addr add $address/24 dev eth0
for end in c s; do
	ip -n "$name-$end" link set eth0 up
	tc -n "$name-$end" qdisc add dev eth0 root tbf rate 8mbit burst 2kb latency 1s
done
(inside "$server_cgroup" s redis-server --bind $address --port $port --save '' --protected-mode no \
	--dir "$work" >"$work/log") &
server=$!
redis() {
	ip netns exec "$name-s" redis-cli -h $address "$@"
}
for _ in $(seq 100); do
	redis ping >/dev/null 2>&1 && break
	sleep 0.1
done
redis setrange large 9999 x >/dev/null
redis config resetstat >/dev/null
if [ -n "$far" ]; then
	(inside "$server_cgroup" s "$here/trip_relay.py" $address 6380 $port >"$work/relay") &
	relay=$!
	for _ in $(seq 100); do
		grep -q ready "$work/relay" && break
		sleep 0.1
	done
	port=6380
fi
# What the server has waited for a CPU, in ns.
queued() {
	cut -d ' ' -f 2 "/proc/$server/schedstat"
}
for what in get set eval; do
	shift
	before=$(queued)
	(inside "$1" c "$here/trip_client.py" $what $address $port) &
	wait $!
	echo "{\"queued\": \"$what\", \"queued_ns\": $(($(queued) - before))}"
done
redis info commandstats | sed -n 's/^cmdstat_\([a-z]*\):calls=\([0-9]*\),usec=\([0-9]*\),.*/{"server": "\1", "calls": \2, "us": \3}/p'
