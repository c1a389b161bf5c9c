#!/usr/bin/env bash
# The distributed-systems course assignment: insert, query and mix on a ring of 10 nodes, with 1, 3 and 5 copies of each
# key, linearizable and eventual. Each point is one ring that runs the three files in turn.
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/toychord.sh [OPTIONS]

The course assignment: 500 inserts, 500 queries and 500 mixed operations on 10 nodes, for each number of copies and each
consistency, with one operation at a time (serial) and with every node at work (parallel). Prints the plan, runs what isn't
finished yet, and makes a page with tables and figures beside the published values. Ends with 0 if every answer was right.

END_OF_USAGE
    settings_usage
}

setting ranks 10 count "nodes of the ring, one a rank"
setting replicas "1 3 5" counts "copies of each key"
setting consistency "linearizable eventual" "words:linearizable|eventual" "who answers, and when"
setting mode "serial parallel" "words:serial|parallel" "one operation at a time, or every node's clients at once"
setting window 16 count "operations that each client keeps under way (parallel)"
setting repetitions 5 count "how often each point is run, each time on an empty ring"
setting workloads "" text "a folder with insert, query and mix (or requests) as .csv or .txt, such as the assignment's; by default workloads/"
settings_read "$@"

# phase_file WHAT...: the first of these that the folder has.
phase_file() {
    local name extension
    for name in "$@"; do
        for extension in csv txt; do
            if [[ -r $folder/$name.$extension ]]; then
                points_path "$folder/$name.$extension"
                return 0
            fi
        done
    done
    die 2 "'$folder' has no $1.csv and no $1.txt"
}

folder=${settings[workloads]:-$root/workloads}
insert=$(phase_file insert)
query=$(phase_file query)
mix=$(phase_file requests mix)

for mode in ${settings[mode]}; do
    for consistency in ${settings[consistency]}; do
        for k in ${settings[replicas]}; do
            parallel=()
            [[ $mode == serial ]] || parallel=(--window "${settings[window]}")
            point "k$k-$consistency-$mode" "${settings[ranks]}" --replicas "$k" --consistency "$consistency" --mode "$mode" \
                "${parallel[@]}" --phase "insert=$insert" --phase "query=$query" --phase "mix=$mix" --warmup 1 \
                --repetitions "${settings[repetitions]}"
        done
    done
done
points_run
