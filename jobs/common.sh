# Functions shared by the scripts of jobs/, tests/run.sh and .ci/run. Sourced, never run. Sets nothing but functions.
# shellcheck shell=bash

# The last part of the calling script's name, for messages.
common_name() { basename -- "$0"; }

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$(common_name)" "$*" >&2; }

# die STATUS MESSAGE: statuses are those of chordkv (1 failure, 2 wrong usage).
die() {
    local status=$1
    shift
    complain "$*"
    exit "$status"
}

# The project's directory, from a file in one of its subdirectories (symbolic links followed).
common_root() { dirname -- "$(dirname -- "$(readlink -f -- "$1")")"; }

# How many compilations may run at once.
common_jobs() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

# Slots that a batch system gave us, -1 if it doesn't say; nothing outside of one.
common_batch_slots() {
    if [[ -n ${SLURM_JOB_ID:-} ]]; then
        local tasks=${SLURM_TASKS_PER_NODE:-${SLURM_JOB_CPUS_PER_NODE:-}}
        if [[ -n ${SLURM_NTASKS:-} ]]; then
            echo "$SLURM_NTASKS"
        elif [[ -n $tasks ]]; then # such as 4(x3),2
            awk -v list="$tasks" 'BEGIN { n = split(list, nodes, ","); for (i = 1; i <= n; i++) {
                times = 1; if (match(nodes[i], /\(x[0-9]+\)/)) times = substr(nodes[i], RSTART + 2, RLENGTH - 3)
                sum += nodes[i] * times } print sum }'
        else
            echo -1
        fi
    elif [[ -n ${PBS_NODEFILE:-} && -r ${PBS_NODEFILE:-} ]]; then
        wc -l <"$PBS_NODEFILE"
    fi
}

# Debian's packages: to build and run, and what the tests need beside them.
common_build_packages() {
    echo build-essential cmake pkg-config openmpi-bin libopenmpi-dev libssl-dev libhwloc-dev libcunit1-dev \
        libjansson-dev jq
}
common_analysis_packages() { echo python3 python3-pandas python3-matplotlib; } # what analysis/report.py needs
common_test_packages() {
    echo shellcheck groff-base mandoc spin slurm-wlm munge "$(common_analysis_packages)" chromium chromium-driver \
        python3-selenium iproute2 procps
}
# With these the tests of label fuzz are there, too.
common_fuzz_packages() { echo clang libclang-rt-14-dev; }
# For the tests/analysers of label full.
common_analyser_packages() { echo clang clang-tidy cppcheck valgrind; }

# Whether what a package is for is there, however it got there.
common_present() {
    case $1 in
    build-essential) command -v cc >/dev/null && command -v make >/dev/null ;;
    python3) [[ -x /usr/bin/python3 ]] ;; # the tests call Debian's own, not another in the PATH
    python3-*)
        /usr/bin/python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)' \
            "${1#python3-}" 2>/dev/null
        ;;
    chromium) [[ -x /usr/bin/chromium ]] ;;
    chromium-driver) [[ -x /usr/bin/chromedriver ]] ;;
    slurm-wlm) [[ -x /usr/sbin/slurmctld && -x /usr/sbin/slurmd ]] && command -v sbatch >/dev/null ;;
    munge) [[ -x /usr/sbin/munged ]] ;;
    iproute2) command -v ip >/dev/null ;;
    procps) command -v ps >/dev/null ;;
    groff-base) command -v groff >/dev/null ;;
    clang | cmake | jq | mandoc | shellcheck | spin) command -v "$1" >/dev/null ;;
    pkg-config) command -v pkg-config >/dev/null ;;
    openmpi-bin) command -v "${MPIRUN:-mpirun}" >/dev/null ;;
    libopenmpi-dev) command -v mpicc >/dev/null ;;
    libssl-dev) pkg-config --exists libcrypto 2>/dev/null ;;
    libhwloc-dev) pkg-config --exists hwloc 2>/dev/null ;;
    libcunit1-dev) pkg-config --exists cunit 2>/dev/null ;;
    libjansson-dev) pkg-config --exists jansson 2>/dev/null ;;
    libclang-rt-*) [[ -e $(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null) ]] ;;
    *) return 1 ;;
    esac
}

# Prints those of the given packages that are missing, in one line.
common_missing() {
    local package
    local -a missing=()
    for package in "$@"; do
        common_present "$package" || missing+=("$package")
    done
    echo "${missing[*]}"
}

# Installs those of the given packages that are missing, if it may (root or sudo without a password); else says what
# to install and returns 1.
common_install() {
    local -a missing=() as_root=()
    read -r -a missing <<<"$(common_missing "$@")" || true
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        complain "these are missing, under their Debian names, and there is no apt-get: ${missing[*]}"
        return 1
    fi
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            complain "packages are missing; install them with: sudo apt-get install ${missing[*]}"
            return 1
        fi
        as_root=(sudo -n)
    fi
    say "Installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get -qq update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
            "${missing[@]}"; } >"$log" 2>&1 &&
        [[ -n $(common_missing "${missing[@]}") ]]; then # else only a service could not be started, which nobody needs
        tail -n 20 -- "$log" >&2
        rm -f -- "$log"
        complain "apt-get could not install ${missing[*]}"
        return 1
    fi
    rm -f -- "$log"
    local left
    left=$(common_missing "${missing[@]}")
    if [[ -n $left ]]; then
        complain "still missing after apt-get: $left"
        return 1
    fi
}
