"""The completion scripts of the shells. The scripts call `kubectl-caps __complete`, and no other program."""

import shlex

_BASH = r"""# bash completion of kubectl-caps. Words that bash has split at = and : are joined again.
_kubectl_caps() {
  local rest="${COMP_LINE:0:COMP_POINT}" word words=() last=-1 i lines line directive value prefix typed
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if ((i == 0)) || [[ "$rest" == [[:space:]]* ]]; then
      rest="${rest#"${rest%%[![:space:]]*}"}"
      last=$((last + 1))
      words[last]=""
    fi
    word="${COMP_WORDS[i]}"
    ((i == COMP_CWORD)) && word="$rest"
    words[last]+="$word"
    rest="${rest#"$word"}"
  done
  typed="${words[last]}"
  [[ "$typed" == --*=* ]] && typed="${typed#*=}"
  prefix=""
  [[ "$COMP_WORDBREAKS" == *=* && "$typed" == *=* ]] && prefix="${typed%"${typed##*=}"}"
  [[ "$COMP_WORDBREAKS" == *:* && "${typed#"$prefix"}" == *:* ]] && prefix="${typed%"${typed##*:}"}"
  COMPREPLY=()
  directive=4
  lines="$(@PROGRAM@ __complete "${words[@]:1}" 2>/dev/null)"
  while IFS= read -r line; do
    case "$line" in
      :*) directive="${line#:}" ;;
      ?*) value="${line%%$'\t'*}"; COMPREPLY+=("${value#"$prefix"}") ;;
    esac
  done <<< "$lines"
  type compopt > /dev/null 2>&1 || return 0
  if ((directive & 16)); then
    compopt -o dirnames
  elif ((!(directive & 4))); then
    compopt -o default
  fi
  ((directive & 2)) && compopt -o nospace
  ((directive & 32)) && compopt -o nosort 2> /dev/null
  return 0
}
complete -F _kubectl_caps kubectl-caps
"""
_ZSH = r"""#compdef kubectl-caps
# zsh completion of kubectl-caps, with a description of each candidate.
_kubectl_caps() {
  local -a lines candidates order space
  local line value directive=4
  lines=("${(@f)$(@PROGRAM@ __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  for line in $lines; do
    if [[ $line == :* ]]; then
      directive=${line#:}
    else
      value=${line%%$'\t'*}
      value=${value//:/\\:}
      [[ $line == *$'\t'* ]] && value+=":${line#*$'\t'}"
      candidates+=("$value")
    fi
  done
  if [[ $PREFIX == --*=* ]]; then
    IPREFIX+="${PREFIX%%=*}="
    PREFIX="${PREFIX#*=}"
  fi
  if (( directive & 16 )); then
    _files -/
  elif (( ! (directive & 4) )); then
    _files
  else
    (( directive & 2 )) && space=(-S '')
    (( directive & 32 )) && order=(-V)
    _describe $order candidates candidates "${(@)space}"
  fi
}
compdef _kubectl_caps kubectl-caps
"""
_FISH = r"""# fish completion of kubectl-caps, with a description of each candidate.
function __kubectl_caps_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l prefix ''
    set -l value $typed
    if string match -q -- '--*=*' "$typed"
        set prefix (string split -m 1 -- = $typed)[1]=
        set value (string split -m 1 -- = $typed)[2]
    end
    set -l directive 4
    for line in (@PROGRAM@ __complete $words[2..-1] "$typed" 2>/dev/null)
        if string match -q -- ':*' $line
            set directive (string sub -s 2 -- $line)
        else
            echo $prefix$line
        end
    end
    switch $directive
        case 0
            __fish_complete_path "$value" | string replace -r '^' -- "$prefix"
        case 16
            __fish_complete_directories "$value" '' | string replace -r '^' -- "$prefix"
    end
end
complete -c kubectl-caps -f -k -a '(__kubectl_caps_complete)'
"""
_KUBECTL = """#!/bin/sh
# kubectl finds this file on PATH as kubectl_complete-caps, and completes `kubectl caps` with it.
exec @PROGRAM@ __complete_kubectl "$@"
"""

SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "kubectl": _KUBECTL}


def script(shell: str, program: str = "kubectl-caps") -> str:
    """The completion script of a shell. It calls `program`. Raises KeyError for an unknown shell."""
    return SHELLS[shell].replace("@PROGRAM@", shlex.quote(program))
