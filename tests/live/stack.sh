#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two network namespaces, NAME-a and NAME-b, joined by a pair of veth: 10.215.1.1 and 10.215.1.2. Says "ready"
# and stays until it gets SIGTERM; the namespaces are gone then. Those of a run that was killed go with the next one.
# Usage: stack.sh NAME flood|limited
#   flood: what arrives in NAME-b is handled by the first CPU, whichever sent it
#   limited: NAME-a sends 8 Mbit/s at most
set -euo pipefail

name=$1 mode=$2

end() {
	ip netns del "$name-a" 2>/dev/null || true
	ip netns del "$name-b" 2>/dev/null || true
}
trap end EXIT
trap 'exit 0' TERM INT HUP

for old in /run/netns/tallyman-stack-*-[ab]; do
	pid=${old#*-stack-}
	[ ! -e "$old" ] || [ -d "/proc/${pid%-?}" ] || ip netns del "${old##*/}"
done
ip netns add "$name-a"
ip netns add "$name-b"
for end in a b; do # nothing is sent but what a test sends
	ip netns exec "$name-$end" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
done
ip link add eth0 netns "$name-a" type veth peer name eth0 netns "$name-b"
ip -n "$name-a" addr add 10.215.1.1/24 dev eth0
ip -n "$name-b" addr add 10.215.1.2/24 dev eth0
ip -n "$name-a" link set eth0 up
ip -n "$name-b" link set eth0 up
neighbour() {
	ip -n "$name-$1" neigh replace "$2" dev eth0 nud permanent lladdr \
		"$(ip netns exec "$name-$3" cat /sys/class/net/eth0/address)"
}
neighbour a 10.215.1.2 b
neighbour b 10.215.1.1 a
case $mode in
flood) ip netns exec "$name-b" sh -c 'echo 1 >/sys/class/net/eth0/queues/rx-0/rps_cpus' ;;
limited) tc -n "$name-a" qdisc add dev eth0 root tbf rate 8mbit burst 4kb limit 1mb ;;
esac
echo ready
while :; do sleep 0.1; done
