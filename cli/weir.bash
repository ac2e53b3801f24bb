# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of weir(1) for bash: subcommands, options, and, from the server that --url or WEIR_URL names, streams. What
# may come next is weir's own to say (weir __complete); this puts words together again that bash has split at : and =.

_weir() {
    local line=$COMP_LINE words=() word rest i current prefix candidate
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        rest=${line#"${line%%[![:space:]]*}"}
        if ((${#words[@]})) && [ "$rest" = "$line" ]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        line=${rest#"$word"}
    done
    for i in "${!words[@]}"; do
        words[i]=${words[i]//[\\\'\"]/}
    done
    current=${words[-1]}

    prefix=
    [[ $COMP_WORDBREAKS != *:* || $current != *:* ]] || prefix=${current%"${current##*:}"}
    [[ $COMP_WORDBREAKS != *=* || $current != --*=* ]] || prefix=${current%%=*}=

    COMPREPLY=()
    while IFS= read -r candidate; do
        if [ "$candidate" = @files ]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "${current#"$prefix"}")
            return
        fi
        printf -v candidate %q "${candidate#"$prefix"}"
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _weir weir
