#!/usr/bin/env bash
# Nodes that join and depart while operations flow: what moves, who waits, and for how long.
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/membership.sh [OPTIONS]

Joins, departures and both in turn, while updates and queries go on. The ring begins with all ranks but two; these are spares
until they join. At a fifth, two, three and four fifths of the operations something happens.
Prints the plan, runs what isn't finished yet, and makes a page with tables and figures. Ends with 0 if every answer was
right.

END_OF_USAGE
    settings_usage
}

setting ranks 6 count "ranks, one node each; two of them are spares at first"
setting events "join depart churn" "words:join|depart|churn" "two joins; two departures; a join, a departure, another join and another departure"
setting replicas "1 3" counts "copies of each key"
setting consistency "linearizable eventual" "words:linearizable|eventual" "who answers, and when"
setting window 8 count "operations that each client keeps under way"
setting keys 20000 count "keys that are there"
setting operations 200000 count "updates and queries"
setting repetitions 3 count "how often each point is run, each time with the first members"
settings_read "$@"

ranks=${settings[ranks]}
((ranks >= 5)) || die 2 "--ranks must be at least 5: two spares, two that depart, and rank 0"
workload fill "${settings[keys]}" "${settings[keys]}"
fill=$workload_path
workload mix "${settings[operations]}" "${settings[keys]}"
fifth=$((settings[operations] / 5))
((fifth > 0)) || die 2 "--operations must be at least 5"
first=$((ranks - 2)) # the spares
second=$((ranks - 1))

for kind in ${settings[events]}; do
    case $kind in
    join) events=(--at "op=$fifth:join:$first" --at "op=$((3 * fifth)):join:$second") ;;
    depart) events=(--at "op=$fifth:depart:1" --at "op=$((3 * fifth)):depart:2") ;;
    churn)
        events=(--at "op=$fifth:join:$first" --at "op=$((2 * fifth)):depart:1" --at "op=$((3 * fifth)):join:$second"
            --at "op=$((4 * fifth)):depart:2")
        ;;
    esac
    for consistency in ${settings[consistency]}; do
        for k in ${settings[replicas]}; do
            point "$kind-k$k-$consistency" "$ranks" --initial-nodes "$first" --replicas "$k" --consistency "$consistency" \
                --mode parallel --window "${settings[window]}" --phase "insert=$fill" --phase "mix=$workload_path" \
                "${events[@]}" --repetitions "${settings[repetitions]}"
        done
    done
done
points_run
