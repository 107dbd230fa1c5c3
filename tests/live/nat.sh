#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Redis behind a translated address: client, router and server in network namespaces of their own. Runs
# redis-benchmark -t get and prints how many GETs the server counted.
# Usage: nat.sh CLIENT_CGROUP SERVER_CGROUP GETS [masquerade]   masquerade: the client's address, too
set -euo pipefail

client_cgroup=$1 server_cgroup=$2 gets=$3 masquerade=${4:-}
name=tallyman-$$
work=$(mktemp -d)
server=

end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait
	for end in c r s; do
		ip netns del "$name-$end" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap end EXIT

# wire END NUMBER: a network 10.213.NUMBER.0/24 between router (.1) and an end (.2).
wire() {
	ip link add "eth$2" netns "$name-r" type veth peer name eth0 netns "$name-$1"
	ip -n "$name-r" addr add "10.213.$2.1/24" dev "eth$2"
	ip -n "$name-r" link set "eth$2" up
	ip -n "$name-$1" addr add "10.213.$2.2/24" dev eth0
	ip -n "$name-$1" link set eth0 up
	ip -n "$name-$1" route add default via "10.213.$2.1"
}

# inside CGROUP END COMMAND...: runs it in a cgroup and a network namespace; replaces the shell.
inside() {
	echo "$BASHPID" >"$1/cgroup.procs"
	exec ip netns exec "$name-$2" "${@:3}"
}

for end in c r s; do
	ip netns add "$name-$end"
	ip -n "$name-$end" link set lo up
done
wire c 1
wire s 2
ip netns exec "$name-r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip netns exec "$name-r" nft -f - <<END
table ip nat {
	chain before {
		type nat hook prerouting priority -100
		ip daddr 10.213.9.9 tcp dport 6380 dnat to 10.213.2.2:6379
	}
	chain after {
		type nat hook postrouting priority 100
		${masquerade:+oifname eth2 masquerade}
	}
}
END
(inside "$server_cgroup" s redis-server --bind 10.213.2.2 --port 6379 --save '' --protected-mode no \
	--dir "$work" >"$work/log") &
server=$!
redis() {
	ip netns exec "$name-s" redis-cli -h 10.213.2.2 "$@"
}
for _ in $(seq 100); do
	redis ping >/dev/null 2>&1 && break
	sleep 0.1
done
(inside "$client_cgroup" c redis-benchmark -h 10.213.9.9 -p 6380 -t get -n "$gets" -c 5 -q >/dev/null)
redis info commandstats | sed -n 's/^cmdstat_get:calls=\([0-9]*\),.*/\1/p'
