#!/bin/sh
# Stands in for ssh where mpirun starts its daemons: hosts_rsh.sh [-OPTION...] HOST COMMAND... runs the command on a host of
# hosts.py, which are listed in TEST_HOSTS as NAME=ITS-FIRST-PROCESS.
set -eu
while [ "${1#-}" != "$1" ]; do
    shift
done
host=$1
shift
for entry in $TEST_HOSTS; do
    if [ "${entry%=*}" = "$host" ]; then
        exec setsid nsenter --target "${entry#*=}" --net --uts --mount --ipc --time --pid sh -c "$*"
    fi
done
echo "hosts_rsh.sh: there is no host $host" >&2
exit 1
