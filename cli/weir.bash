# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of weir(1) for bash: subcommands, options, and, from the server that --url or WEIR_URL names, streams. What
# may come next is weir's own to say (weir __complete); this puts words together again that bash has split at : and =.

_weir() {
    local line=$COMP_LINE words=() word rest i current option cut='' quoted='' candidate
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

    # of the word bash replaces what is behind the last : or =, but all of it within quotes, which it closes itself
    option=
    [[ $current != --*=* ]] || option=${current%%=*}=
    case ${COMP_WORDS[COMP_CWORD]} in
    [\'\"]*) quoted=yes cut=$option ;;
    *) for ((i = 0; i < ${#current}; i++)); do
        word=${current:i:1}
        [[ $word != [:=] || $COMP_WORDBREAKS != *"$word"* ]] || cut=${current:0:i+1}
    done ;;
    esac

    COMPREPLY=()
    while IFS= read -r candidate; do
        if [ "$candidate" = @files ]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -P "$option" -f -- "${current#"$option"}")
            COMPREPLY=("${COMPREPLY[@]#"$cut"}")
            return
        fi
        candidate=$option$candidate
        candidate=${candidate#"$cut"}
        [ "$quoted" ] || printf -v candidate %q "$candidate"
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _weir weir
