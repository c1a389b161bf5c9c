#!/bin/sh
# Stands in for ssh where mpirun starts its daemons: fake_rsh.sh [-OPTION...] HOST COMMAND... runs the command here. So one
# machine is several nodes to mpirun.
set -eu
while [ "${1#-}" != "$1" ]; do
    shift
done
shift
exec setsid sh -c "$*"
