# How the scripts of this project speak; sourced. Colour only on a terminal and without NO_COLOR (no-color.org).

if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' plain=''
fi

# Seconds since the script began, with one decimal: "12.3".
elapsed() {
    local now=${EPOCHREALTIME/[.,]/}
    local tenths=$(((now - started_us) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
started_us=${EPOCHREALTIME/[.,]/}

# say MARK TEXT: one line with the time on its left.
say() { printf '%s%6ss%s  %s\n' "$dim" "$(elapsed)" "$plain" "$*"; }
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
good() { say "$green✓$plain $*"; }
note() { say "  $*"; }
warn() { say "$yellow!$plain $*" >&2; }

# die CODE SENTENCE: what failed and what to do, then the end.
die() {
    local code=$1
    shift
    printf '%s%s:%s %s\n' "$red" "${0##*/}" "$plain" "$*" >&2
    exit "$code"
}
