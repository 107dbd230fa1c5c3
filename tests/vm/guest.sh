#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The first and only process tree of the guest: Redis, PostgreSQL and a web server under load, traced; then a loop
# with a CPU quota of cgroup version 2. All goes to the console, between marks that counts.py knows.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
read -r cmdline </proc/cmdline
for word in $cmdline; do
	case $word in
	refuse=?*) refuse="--refuse ${word#refuse=}" ;;
	debug=?*) debug=--debug ;;
	esac
done

# Where a guest's time went: a section of the console and the seconds since boot.
uptime_mark() {
	echo "$1 $(cut -d ' ' -f 1 /proc/uptime)"
}

echo "@kernel $(uname -r) $refuse"
# shellcheck disable=SC2086 # options, or none
case " $cmdline " in *" only=doctor "*) tallyman doctor $refuse $debug; echo "@end"; reboot -f ;; esac

# A fifth of a CPU for a loop that nobody competes with: prints its delay and its throttling, both in
# nanoseconds, by the kernel's own count, and what was charged to whom.
quota() {
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/limited
	echo "20000 100000" >/sys/fs/cgroup/limited/cpu.max
	printf 'tenants:\n  - match: {cgroup: "/limited"}\n    name: limited\n' >/tmp/config
	# shellcheck disable=SC2086
	tallyman record -o /tmp/tape --json --config /tmp/config --cpu-budget off $refuse >/tmp/out 2>/tmp/err &
	tracer=$!
	until grep -q 'tracing:' /tmp/err || ! kill -0 $tracer 2>/dev/null; do sleep 0.2; done
	sh -c 'echo 0 >/sys/fs/cgroup/limited/cgroup.procs; while :; do :; done' &
	loop=$!
	sleep 6
	kill -STOP $loop # or it would be throttled on, when nobody traces it any more
	sleep 0.3
	read -r _ delay _ </proc/$loop/schedstat
	throttled=$(sed -n 's/throttled_usec //p' /sys/fs/cgroup/limited/cpu.stat)
	kill -INT $tracer
	wait $tracer
	echo "@quota $delay ${throttled}000"
	kill -KILL $loop
	grep '"waiter_tenant":"limited"' /tmp/out
	echo "@listening"
	grep '"kind":"listener"' /tmp/out
}
case " $cmdline " in *" only=quota "*) quota; echo "@end"; reboot -f ;; esac
redis-server --port 6379 --unixsocket /tmp/redis.sock --save '' --daemonize yes >/dev/null
until redis-cli ping >/dev/null 2>&1; do sleep 0.2; done

# A cluster that the host has made, with pgbench's tables; its server may not run as root.
as_postgres() {
	su -s /bin/sh postgres -c "PATH=/usr/lib/postgresql/bin:/bin; export PATH; $*"
}
mkdir /dev/shm
chmod 1777 /dev/shm
export PGHOST=/tmp PGUSER=postgres
[ ! -e /data ] || as_postgres "exec postgres -D /data -k /tmp >/tmp/postgres.log 2>&1" &
tries=0
until [ ! -e /data ] || as_postgres "psql -qAtc 'select pg_stat_statements_reset()'" >/tmp/psql.log 2>&1; do
	sleep 0.5
	tries=$((tries + 1))
	if [ $tries = 200 ]; then
		cat /tmp/postgres.log /tmp/psql.log
		reboot -f
	fi
done

uptime_mark @tracer
# shellcheck disable=SC2086
tallyman watch --for 600s --json --program-stats --cpu-budget off $refuse --debug >/tmp/out 2>/tmp/err &
tracer=$!
until grep -q 'tracing:' /tmp/err || ! kill -0 $tracer 2>/dev/null; do sleep 0.2; done
if ! kill -0 $tracer 2>/dev/null; then
	wait $tracer
	echo "@refused $?"
	grep '^tallyman: ' /tmp/err | grep -v verified: || tail -n 20 /tmp/err
	echo "@end"
	reboot -f
fi
uptime_mark @load
redis-cli config resetstat >/dev/null
for pipeline in 1 16; do
	redis-benchmark -q -n 2000 -c 20 -P $pipeline -t get,set >/dev/null
	redis-benchmark -q -n 2000 -c 20 -P $pipeline -t get,set -s /tmp/redis.sock >/dev/null
done
mkdir /tmp/www
dd if=/dev/zero of=/tmp/www/file bs=1k count=300 2>/dev/null
httpd -p 127.0.0.1:8080 -h /tmp/www
for _ in 1 2 3 4 5 6 7 8 9 10; do
	wget -q -O /dev/null http://127.0.0.1:8080/file
	wget -q -O /dev/null http://127.0.0.1:8080/none
done 2>/dev/null
if [ -e /data ]; then
	for mode in simple extended prepared; do
		as_postgres "pgbench -n -S -M $mode -c 4 -t 100 -h 127.0.0.1" >/dev/null 2>&1
	done
	as_postgres "pgbench -n -c 2 -t 50" >/dev/null 2>&1
fi
redis-cli incr text >/dev/null
redis-cli -s /tmp/redis.sock lpush get x >/dev/null
redis-cli get get >/dev/null # WRONGTYPE
uptime_mark @stats
redis-cli info commandstats
[ ! -e /data ] || as_postgres psql -qAt <<'EOF'
COPY (SELECT 'statement ' || upper(substr(ltrim(query), 1, 6)) || ' ' || sum(calls) FROM pg_stat_statements
	WHERE ltrim(query) ~* '^(select|update|insert) ' AND query !~ 'reset' GROUP BY upper(substr(ltrim(query), 1, 6))) TO STDOUT;
EOF
sleep 1
kill -INT $tracer
wait $tracer
echo "@status $?"
grep '^tallyman: ' /tmp/err | grep -v verified:
uptime_mark @verified
sed -n 's/.*verified: //p' /tmp/err
echo "@trace"
cat /tmp/out
quota
echo "@end"
reboot -f
