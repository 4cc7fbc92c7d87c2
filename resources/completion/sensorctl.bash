# bash completion of sensorctl, made by 'sensorctl completion bash'; do not edit.

# Sets words, options and operands for a path.
_sensorctl_row() {
    case $1 in
    '') words='status add remove start stop restart interfaces config health events logs selftest completion help' ;;
    'status') words='' operands=('@instrument') ;;
    'add') words='' options='--program --interface --address --gateway --resolver --receive-only --config --stopped' operands=('@type') ;;
    'remove') words='' options='--purge' operands=('@instrument') ;;
    'start') words='' operands=('+@instrument') ;;
    'stop') words='' operands=('+@instrument') ;;
    'restart') words='' operands=('+@instrument') ;;
    'interfaces') words='add remove give take' ;;
    'interfaces add') words='' options='--type --device' operands=('') ;;
    'interfaces remove') words='' operands=('@interface') ;;
    'interfaces give') words='' options='--address --gateway --resolver --receive-only' operands=('@instrument' '@interface') ;;
    'interfaces take') words='' operands=('@instrument' '@inside') ;;
    'config') words='get edit set diff apply history rollback schema' ;;
    'config get') words='' operands=('@target' '') ;;
    'config edit') words='' operands=('@target') ;;
    'config set') words='' options='--base' operands=('@target' '+') ;;
    'config diff') words='' operands=('@target' '=current reported' '=current reported') ;;
    'config apply') words='' options='--base --check' operands=('@target' '@file') ;;
    'config history') words='' options='--limit' operands=('@target') ;;
    'config rollback') words='' options='--base' operands=('@target' '') ;;
    'config schema') words='' operands=('@target') ;;
    'health') words='' operands=('@instrument') ;;
    'events') words='' options='--follow --match --severity --limit --after' ;;
    'logs') words='' options='--lines --follow' operands=('@instrument') ;;
    'selftest') words='' operands=('@instrument') ;;
    'completion') words='' operands=('=bash') ;;
    'help') words='' operands=('+@command') ;;
    esac
}

_sensorctl_is_path() {
    case $1 in
    'status' | 'add' | 'remove' | 'start' | 'stop' | 'restart' | 'interfaces' | 'interfaces add' | 'interfaces remove' | 'interfaces give' | 'interfaces take' | 'config' | 'config get' | 'config edit' | 'config set' | 'config diff' | 'config apply' | 'config history' | 'config rollback' | 'config schema' | 'health' | 'events' | 'logs' | 'selftest' | 'completion' | 'help') return 0 ;;
    esac
    return 1
}

# Sets kind for 'PATH --OPTION'; false where the option takes no value.
_sensorctl_value() {
    case $1 in
    'add --program') kind='@file' ;;
    'add --interface') kind='@interface' ;;
    'add --address') kind='=dhcp slaac none' ;;
    'add --gateway') kind='' ;;
    'add --resolver') kind='' ;;
    'add --config') kind='@file' ;;
    'interfaces add --type') kind='=phy bridge mirror' ;;
    'interfaces add --device') kind='@device' ;;
    'interfaces give --address') kind='=dhcp slaac none' ;;
    'interfaces give --gateway') kind='' ;;
    'interfaces give --resolver') kind='' ;;
    'config set --base') kind='' ;;
    'config apply --base') kind='' ;;
    'config history --limit') kind='' ;;
    'config rollback --base') kind='' ;;
    'events --match') kind='' ;;
    'events --severity') kind='' ;;
    'events --limit') kind='' ;;
    'events --after') kind='' ;;
    'logs --lines') kind='' ;;
    *' --socket') kind='@file' ;;
    *' --why') kind='' ;;
    *' --timeout') kind='' ;;
    *' --complete') kind='=instrument interface device target inside type' ;;
    *) return 1 ;;
    esac
}

# Puts those lines of stdin into COMPREPLY that begin with the current word.
_sensorctl_offer() {
    local line
    while IFS= read -r line; do
        [[ -n $line && $line == "$cur"* ]] && COMPREPLY+=("$line")
    done
}

# A kind is =WORDS, @file, @command, @KIND that the program itself lists, or empty: nothing is offered.
_sensorctl_offer_kind() {
    case $1 in
    =*) _sensorctl_offer < <(printf '%s\n' ${1#=}) ;;
    @file)
        compopt -o filenames 2>/dev/null
        _sensorctl_offer < <(compgen -f -- "$cur")
        ;;
    @command)
        local words= options= operands=() known="${typed[*]}"
        _sensorctl_row "$known"
        _sensorctl_offer < <(printf '%s\n' $words)
        ;;
    @*) _sensorctl_offer < <("${COMP_WORDS[0]}" --complete "${1#@}" "${where[@]}" 2>/dev/null </dev/null) ;;
    esac
}

_sensorctl() {
    local general='--socket --json --why --timeout --help --version'
    COMPREPLY=()
    local cur=${COMP_WORDS[COMP_CWORD]} path= word= option= kind= words= options= ended=
    local -a typed=() where=() operands=()
    local -i i=1 last=COMP_CWORD
    if [[ $cur == [=:] ]]; then # a word by itself to bash, see COMP_WORDBREAKS
        [[ $cur == : ]] && return
        cur=
    elif ((last > 1)) && [[ ${COMP_WORDS[last - 1]} == : ]]; then
        return
    elif ((last > 1)) && [[ ${COMP_WORDS[last - 1]} == = ]]; then
        last=last-1
    fi
    while ((i < last)); do
        word=${COMP_WORDS[i]}
        i+=1
        if [[ $word == [=:] ]]; then # the rest of an operand
            i+=1
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $ended && $word == --*=* ]]; then
            [[ $word == --socket=* ]] && where=(--socket "${word#*=}")
        elif [[ -z $ended && $word == -?* ]]; then
            _sensorctl_value "$path $word" || continue
            option=$word
            [[ ${COMP_WORDS[i]} == = ]] && i+=1
            ((i > COMP_CWORD || (i == COMP_CWORD))) && break
            [[ $option == --socket ]] && where=(--socket "${COMP_WORDS[i]}")
            option=
            i+=1
        elif ((${#typed[@]} == 0)) && _sensorctl_is_path "${path:+$path }$word"; then
            path=${path:+$path }$word
        else
            typed+=("$word")
        fi
    done
    if [[ -n $option ]]; then
        _sensorctl_value "$path $option" && _sensorctl_offer_kind "$kind"
        return
    fi
    if [[ ${COMP_WORDS[last]} == = ]]; then
        return # behind KEY=
    fi
    _sensorctl_row "$path"
    if [[ -z $ended && $cur == -* ]]; then
        _sensorctl_offer < <(printf '%s\n' $options $general)
        return
    fi
    ((${#typed[@]} == 0)) && _sensorctl_offer < <(printf '%s\n' $words)
    local -i at=${#typed[@]} most=${#operands[@]}
    if ((at >= most && most > 0)) && [[ ${operands[most - 1]} == +* ]]; then
        at=most-1
    fi
    ((at < most)) && _sensorctl_offer_kind "${operands[at]#+}"
    return 0
}

complete -F _sensorctl sensorctl
