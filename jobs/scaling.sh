#!/usr/bin/env bash
# More ranks: the same work shared by more of them (strong scaling), and as much work for each (weak scaling).
set -euo pipefail
# shellcheck source=jobs/points.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"

usage() {
    cat <<'END_OF_USAGE'
Usage: jobs/scaling.sh [OPTIONS]

Throughput against the number of ranks. Strong: the same operations for any number; weak: as many for each rank. A rank has
one node. The operations are updates and queries, half each, of keys that are all there. Where ranks share cores the curves
tell what sharing costs, not how the ring scales: --ranks names the numbers that this machine is good for.
Prints the plan, runs what isn't finished yet, and makes a page with tables and figures. Ends with 0 if every answer was
right.

END_OF_USAGE
    settings_usage
}

# As far as the job's slots go, in a batch job.
slots=$(common_batch_slots)
((${slots:-0} > 0)) || slots=8
ranks=1
for ((n = 2; n <= slots; n *= 2)); do
    ranks+=" $n"
done
setting ranks "$ranks" counts "numbers of ranks"
setting kind "strong weak" "words:strong|weak" "which scaling"
setting replicas 1 counts "copies of each key; more than there are ranks means all"
setting consistency linearizable "words:linearizable|eventual" "who answers, and when"
setting window 16 count "operations that each client keeps under way"
setting keys 10000 count "keys that are there"
setting operations 200000 count "operations of a strong point, all ranks together"
setting operations-per-rank 50000 count "operations of a weak point for each rank"
setting repetitions 5 count "how often each point is run, each time on an empty ring"
settings_read "$@"

workload fill "${settings[keys]}" "${settings[keys]}"
fill=$workload_path
for kind in ${settings[kind]}; do
    for consistency in ${settings[consistency]}; do
        for k in ${settings[replicas]}; do
            for ranks in ${settings[ranks]}; do
                operations=${settings[operations]}
                [[ $kind == strong ]] || operations=$((settings[operations-per-rank] * ranks))
                workload mix "$operations" "${settings[keys]}"
                point "$kind-n$ranks-k$k-$consistency" "$ranks" --replicas "$k" --consistency "$consistency" --mode parallel \
                    --window "${settings[window]}" --phase "insert=$fill" --phase "mix=$workload_path" --warmup 1 \
                    --repetitions "${settings[repetitions]}"
            done
        done
    done
done
points_run
