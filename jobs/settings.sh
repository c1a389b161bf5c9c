# Settings of the experiments, each from an option or from the environment. Sourced by points.sh, never run.
#
#   setting replicas "1 3 5" counts "copies of each key"
#
# makes the option --replicas and the variable CHORDKV_REPLICAS; the option wins. After settings_read the value stands in
# ${settings[replicas]}. A list may be separated by blanks or commas. Whatever is unknown or makes no sense is an error.
# shellcheck shell=bash

declare -A settings=() settings_kind=() settings_help=()
declare -a settings_order=()

# setting NAME DEFAULT KIND HELP: KIND is count, counts (a list), word:a|b, words:a|b (a list), text or switch.
setting() {
    settings_order+=("$1")
    settings[$1]=$2
    settings_kind[$1]=$3
    settings_help[$1]=$4
}

settings_variable() {
    local name=${1^^}
    echo "CHORDKV_${name//-/_}"
}

# settings_check NAME WHERE VALUE: the value in its usual form, in settings_value.
settings_check() {
    local kind=${settings_kind[$1]} where=$2 value=$3 allowed word
    local -a words=()
    read -r -a words <<<"${value//[,$'\n']/ }" || true
    case $kind in
    count | word:*) ((${#words[@]} == 1)) || die 2 "$where takes one value, not '$value'" ;;
    counts | words:*) ((${#words[@]} > 0)) || die 2 "$where needs at least one value" ;;
    esac
    case $kind in
    count | counts)
        for word in "${words[@]}"; do
            [[ $word =~ ^[1-9][0-9]{0,8}$ ]] || die 2 "$where takes whole numbers from 1 to 999999999, not '$word'"
        done
        value=${words[*]}
        ;;
    word:* | words:*)
        allowed=${kind#*:}
        for word in "${words[@]}"; do
            [[ $word != *'|'* && "|$allowed|" == *"|$word|"* ]] || die 2 "$where takes ${allowed//|/, }, not '$word'"
        done
        value=${words[*]}
        ;;
    switch) [[ $value == 0 || $value == 1 ]] || die 2 "$where takes 0 or 1, not '$value'" ;;
    esac
    settings_value=$value
}

# The options for --help.
settings_usage() {
    local name kind
    for name in "${settings_order[@]}"; do
        kind=${settings_kind[$name]}
        case $kind in
        count) kind=' N' ;;
        counts) kind=' N...' ;;
        word:*) kind=" ${kind#*:}" ;;
        words:*) kind=" ${kind#*:}..." ;;
        text) kind=' TEXT' ;;
        switch) kind= ;;
        esac
        printf '  --%s%s\n' "$name" "$kind"
        fold -s -w 104 <<<"${settings_help[$name]}${settings[$name]:+ [${settings[$name]}]}" | sed 's/^/        /; s/ *$//'
    done
    printf '\n%s\n' "The variable CHORDKV_NAME is the same as the option --name (CHORDKV_REPLICAS=\"1 3\" as --replicas \"1 3\"); options win." \
        "Lists are separated by blanks or commas. In [ ]: the default."
}

# settings_read ARGUMENTS...: reads the environment, then the arguments. Calls `usage` on --help.
settings_read() {
    local name variable settings_value
    local -A known=()
    for name in "${settings_order[@]}"; do
        known[$(settings_variable "$name")]=$name
    done
    # chordkv itself refuses variables that it doesn't know, so ours go no further.
    for variable in "${!CHORDKV_@}"; do
        [[ -n ${known[$variable]:-} ]] || die 2 "unknown variable $variable; --help lists those that count"
    done
    for name in "${settings_order[@]}"; do
        variable=$(settings_variable "$name")
        if [[ -n ${!variable+set} && " $* " != *" --help "* ]]; then
            settings_check "$name" "$variable" "${!variable}"
            settings[$name]=$settings_value
        fi
        unset "$variable"
    done
    while (($# > 0)); do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --*=*)
            set -- "${1%%=*}" "${1#*=}" "${@:2}"
            name=${1#--}
            [[ ${settings_kind[$name]:-switch} != switch ]] || die 2 "unknown option '$1=$2'; --help lists them"
            ;;
        --*) name=${1#--} ;;
        *) die 2 "unknown option '$1'; --help lists them" ;;
        esac
        [[ -n $name && -n ${settings_kind[$name]:-} ]] || die 2 "unknown option '$1'; --help lists them"
        if [[ ${settings_kind[$name]} == switch ]]; then
            settings[$name]=1
            shift
            continue
        fi
        (($# > 1)) || die 2 "$1 needs a value; --help explains it"
        settings_check "$name" "$1" "$2"
        settings[$name]=$settings_value
        shift 2
    done
}
