#!/usr/bin/env bash
# Hops and their price: fingers, successors only, every node known to all, and fingers with the whole successor list.
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/routing.sh [OPTIONS]

How many hops a request takes to its owner, and how long, for each way of routing and each size of the ring; beside what the
sorted ids alone let one expect. A ring with more nodes than --ranks has virtual nodes: as many on each rank.
Prints the plan, runs what isn't finished yet, and makes a page with tables and figures. Ends with 0 if every answer was
right.

END_OF_USAGE
    settings_usage
}

setting nodes "2 4 8 16 32 64" counts "sizes of the ring"
setting ranks 8 count "ranks at most: a larger ring has N / ranks nodes on each (at most 64)"
setting routing "finger ring onehop successors" "words:finger|ring|onehop|successors" \
    "ways of routing; successors: fingers and the whole successor list"
setting successors 4 count "length of the successor list"
setting keys 2000 count "keys that are inserted"
setting operations 2000 count "queries"
setting mode serial "word:serial|parallel" "one operation at a time, or every node's clients at once"
setting repetitions 3 count "how often each point is run, each time on an empty ring"
settings_read "$@"

workload fill "${settings[keys]}" "${settings[keys]}"
fill=$workload_path
workload query "${settings[operations]}" "${settings[keys]}"
for routing in ${settings[routing]}; do
    for nodes in ${settings[nodes]}; do
        ranks=$((nodes < settings[ranks] ? nodes : settings[ranks]))
        while ((nodes % ranks != 0)); do
            ranks=$((ranks - 1))
        done
        ((nodes / ranks <= 64)) || die 2 "$nodes nodes on $ranks ranks are more than 64 on each: give more --ranks"
        how=(--routing "$routing")
        [[ $routing != successors ]] || how=(--routing finger --route-successors)
        point "$routing-$nodes" "$ranks" --virtual-nodes $((nodes / ranks)) "${how[@]}" --successors "${settings[successors]}" \
            --mode "${settings[mode]}" --phase "insert=$fill" --phase "query=$workload_path" \
            --repetitions "${settings[repetitions]}"
    done
done
points_run
