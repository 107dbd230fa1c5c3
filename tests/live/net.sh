#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A client and a server in network namespaces of their own, joined by a pair of veth. Prints JSON objects, one
# a line: what the client did by its own count, then the counters that the two namespaces' kernel has.
# Usage: net.sh connections|connections6|loss|rtt|queue|drops|dns CLIENT_CGROUP SERVER_CGROUP [QUIET_CGROUP]
#   connections6: the same as connections, by IPv6
#   loss: 2 % of what the client sends is dropped; another client, in QUIET_CGROUP, loses nothing
#   queue: the server accepts nothing; says "full" at last and stays as it is until it gets SIGTERM
# However it ends, its processes and namespaces are gone then. Those of a run that was killed go with the next one.
set -euo pipefail

mode=$1 client_cgroup=$2 server_cgroup=$3 quiet_cgroup=${4:-}
name=tallyman-net-$$
work=$(mktemp -d)
here=$(dirname "$0")
address=10.214.1.2 port=9000 silent=9100
[ "$mode" != connections6 ] || address=fd00:214::2
outputs=0

end() {
	local running end
	mapfile -t running <<<"$(jobs -p)"
	kill "${running[@]}" 2>/dev/null || true
	wait
	for end in c s; do
		ip netns del "$name-$end" 2>/dev/null || true
	done
	rm -rf "$work" "/etc/netns/$name-c"
}
trap end EXIT
trap 'exit 143' TERM INT HUP

for old in /run/netns/tallyman-net-*-[cs]; do
	pid=${old#*-net-}
	[ ! -e "$old" ] || [ -d "/proc/${pid%-?}" ] || ip netns del "${old##*/}"
done

# inside CGROUP END COMMAND...: runs it in a cgroup and a network namespace; replaces the shell.
inside() {
	echo "$BASHPID" >"$1/cgroup.procs"
	exec ip netns exec "$name-$2" "${@:3}"
}

# counters END: one JSON object of its TCP counters.
counters() {
	ip netns exec "$name-$1" cat /proc/net/snmp /proc/net/netstat | awk -v end="$1" '
		/^(Tcp|TcpExt|Udp):/ && !names { names = $0; next }
		/^(Tcp|TcpExt|Udp):/ {
			n = split(names, name)
			split($0, value)
			for (i = 2; i <= n; i++)
				all = all ", \"" ($1 == "Udp:" ? "Udp" : "") name[i] "\": " value[i]
			names = ""
		}
		END { print "{\"end\": \"" end "\"" all "}" }'
}

# background CGROUP END WORD COMMAND...: until it says the word.
background() {
	local out=$work/$((outputs++))
	: >"$out"
	(inside "$1" "$2" "${@:4}" >"$out") &
	for _ in $(seq 600); do
		grep -q "$3" "$out" && return
		kill -0 "$!" || exit 1
		sleep 0.1
	done
	echo "net.sh: ${*:4}: never said $3" >&2
	exit 1
}

# foreground CGROUP END COMMAND...: until it ends. A signal interrupts only a wait.
foreground() {
	(inside "$@") &
	wait "$!"
}

for end in c s; do
	ip netns add "$name-$end"
	ip -n "$name-$end" link set lo up
done
ip link add eth0 netns "$name-c" type veth peer name eth0 netns "$name-s"
ip -n "$name-c" addr add 10.214.1.1/24 dev eth0
ip -n "$name-s" addr add 10.214.1.2/24 dev eth0
for end in c s; do
	ip netns exec "$name-$end" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	ip -n "$name-$end" link set eth0 up
done
ip -n "$name-c" addr add fd00:214::1/64 dev eth0 nodad
ip -n "$name-s" addr add fd00:214::2/64 dev eth0 nodad
ip netns exec "$name-c" sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_syn_retries'
ip netns exec "$name-s" nft -f - <<END
table inet lab {
	chain in {
		type filter hook input priority 0
		tcp dport $silent drop
		udp dport $silent drop
		tcp dport $((silent + 1)) reject with icmpx host-unreachable
		${quiet_cgroup:+tcp dport $port numgen random mod 100 < 2 drop}
	}
}
END

case $mode in
connections | connections6)
	background "$server_cgroup" s ready "$here/net_peer.py" serve $address $port
	foreground "$client_cgroup" c "$here/net_peer.py" connections $address $port $silent
	;;
loss)
	background "$server_cgroup" s ready "$here/net_peer.py" serve $address $port
	background "$server_cgroup" s ready "$here/net_peer.py" serve $address $((port + 1))
	foreground "$client_cgroup" c "$here/net_peer.py" bulk $address $port
	foreground "$quiet_cgroup" c "$here/net_peer.py" quiet $address $((port + 1))
	;;
rtt)
	background "$server_cgroup" s ready "$here/net_peer.py" serve $address $port
	foreground "$client_cgroup" c "$here/net_peer.py" rtt $address $port
	;;
dns)
	mkdir -p "/etc/netns/$name-c" # which ip puts in the place of /etc
	printf 'nameserver %s\noptions timeout:2 attempts:1\n' $address >"/etc/netns/$name-c/resolv.conf"
	background "$server_cgroup" s ready "$here/net_peer.py" names $address 53
	foreground "$client_cgroup" c "$here/net_peer.py" dns $address 53
	;;
drops)
	background "$server_cgroup" s ready "$here/net_peer.py" deaf $address $port
	foreground "$client_cgroup" c "$here/net_peer.py" drops $address $port $silent
	;;
queue)
	background "$server_cgroup" s ready "$here/net_peer.py" hold $address $port 4
	background "$client_cgroup" c kept "$here/net_peer.py" fill $address $port
	grep kept "$work/1"
	;;
esac
sleep 0.3 # the last FIN and its answer
counters c
counters s
if [ "$mode" = queue ]; then
	ip netns exec "$name-s" ss -ltnH | awk '{ print "{\"backlog\": " $2 ", \"limit\": " $3 "}" }'
	echo full
	wait
fi
