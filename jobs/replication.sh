#!/usr/bin/env bash
# What copies cost: numbers of copies, both consistencies, and windows from one operation under way to many.
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/replication.sh [OPTIONS]

Throughput and latency against the number of copies and the window (operations that each client keeps under way), linearizable
and eventual. The operations are updates and queries, half each, of keys that are all there.
Prints the plan, runs what isn't finished yet, and makes a page with tables and figures. Ends with 0 if every answer was
right.

END_OF_USAGE
    settings_usage
}

setting ranks 5 count "ranks, one node each"
setting replicas "1 2 3 5" counts "copies of each key"
setting consistency "linearizable eventual" "words:linearizable|eventual" "who answers, and when"
setting window "1 4 16 64" counts "operations that each client keeps under way"
setting keys 10000 count "keys that are there"
setting operations 100000 count "updates and queries"
setting repetitions 3 count "how often each point is run, each time on an empty ring"
settings_read "$@"

workload fill "${settings[keys]}" "${settings[keys]}"
fill=$workload_path
workload mix "${settings[operations]}" "${settings[keys]}"
for consistency in ${settings[consistency]}; do
    for k in ${settings[replicas]}; do
        for window in ${settings[window]}; do
            point "k$k-$consistency-w$window" "${settings[ranks]}" --replicas "$k" --consistency "$consistency" \
                --mode parallel --window "$window" --phase "insert=$fill" --phase "mix=$workload_path" --warmup 1 \
                --repetitions "${settings[repetitions]}"
        done
    done
done
points_run
