#!/bin/sh
# Runs an MPI program for a test: mpirun.sh RANKS [mpirun's options] PROGRAM [arguments]
# More ranks than cores are allowed; root is if we are root (a container). MPI's scratch files go to a directory of
# their own that is removed, and mpirun ends with this script, however that ends.
set -eu
ranks=$1
shift
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/chordkv-mpi.XXXXXX")
child=
finish() {
    status=$?
    trap - EXIT HUP INT TERM
    if [ -n "$child" ] && kill -TERM "$child" 2>/dev/null; then
        wait "$child" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT
trap 'exit 143' HUP INT TERM
TMPDIR=$scratch mpirun --oversubscribe -n "$ranks" "$@" </dev/null &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
