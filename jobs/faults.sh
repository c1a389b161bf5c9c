#!/usr/bin/env bash
# Ranks that fall silent, pause or are killed while operations flow: how soon it is noticed, and what it costs.
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/faults.sh [OPTIONS]

One rank fails a quarter of the way through: it falls silent, it pauses and comes back, or it is killed. k = 3, so no data is
lost. The dead don't come back, so every repetition is a run of its own. A kill needs mpirun, whose ranks can outlive one of
theirs; with --launcher srun there is none.
Prints the plan, runs what isn't finished yet, and makes a page with tables and figures. Ends with 0 if every answer was
right.

END_OF_USAGE
    settings_usage
}

setting ranks 5 count "ranks, one node each"
setting fault "silence pause kill" "words:silence|pause|kill" "how a rank fails"
setting victim 3 count "the rank that fails"
setting pause 1500ms text "how long a pause is"
setting suspect-after auto text "how long a rank must be silent to be taken for dead; auto: 200 ms for each rank that shares a core"
setting replicas 3 counts "copies of each key"
setting consistency "linearizable eventual" "words:linearizable|eventual" "who answers, and when"
setting window 8 count "operations that each client keeps under way"
setting keys 10000 count "keys that are there"
setting operations 1000000 count "updates and queries; they should last longer than it takes to notice the fault"
setting repetitions 3 count "runs of each kind"
settings_read "$@"

((settings[victim] < settings[ranks])) || die 2 "--victim must be one of the ranks 1 to $((settings[ranks] - 1))"
workload fill "${settings[keys]}" "${settings[keys]}"
fill=$workload_path
workload mix "${settings[operations]}" "${settings[keys]}"
for kind in ${settings[fault]}; do
    if [[ $kind == kill && ${settings[launcher]} == srun ]]; then
        complain "kill is left out: under srun the death of a rank ends the run"
        continue
    fi
    how=$kind
    [[ $kind != pause ]] || how+="=${settings[pause]}"
    for consistency in ${settings[consistency]}; do
        for k in ${settings[replicas]}; do
            for ((repetition = 1; repetition <= settings[repetitions]; repetition++)); do
                point "$kind-k$k-$consistency-r$repetition" "${settings[ranks]}" --replicas "$k" --consistency "$consistency" \
                    --mode parallel --window "${settings[window]}" --phase "insert=$fill" --phase "mix=$workload_path" \
                    --suspect-after "${settings[suspect-after]}" \
                    --at "op=$((settings[operations] / 4)):crash:${settings[victim]}:$how"
            done
        done
    done
done
points_run
