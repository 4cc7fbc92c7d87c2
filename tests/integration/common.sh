# What the acceptance tests share; sourced. They run their second half inside the lab.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
bin=${BEACON_BIN_DIR:-$root/.build/dev/bin}
lab() { "$root/deploy/lab" "$@"; }

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# need COMMAND...: a test that lacks something says so and is skipped.
need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || { echo "skipped: $command is missing; see deploy/packages" && exit 77; }
    done
}

# insideLab "$@": runs this very script again inside the lab.
insideLab() {
    [[ -z ${BEACON_LAB-} ]] || return 0
    need unshare nsenter setpriv nft ip unbound dnsmasq radvd jq
    exec "$root/deploy/lab" run "$0" "$@"
}

# Frames that ever reached Home's interface.
arrived() { lab exec outside ip -s -j link show eth0 | jq '.[0].stats64.rx.packets'; }

# waitFor SECONDS COMMAND...: until it succeeds; tries five times a second.
waitFor() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [[ $SECONDS -lt $until ]] || return 1
        sleep 0.2
    done
}

# ---- The real programs, in the lab; they end with it ----

# issueIdentity: makes Home's database and the Beacon's identity file.
issueIdentity() {
    "$bin/beacon-home" issue lab --home 203.0.113.10,2001:db8:cb::10 --zone leak.example --database "$BEACON_LAB/home.db" \
        --output "$BEACON_LAB/identity.json" 2>"$BEACON_LAB/issue.log" || fail "no identity: $(<"$BEACON_LAB/issue.log")"
}

# startHome: outside, its events in home.jsonl, its words in home.log, its pid in $home.
startHome() {
    : >"$BEACON_LAB/home.log"
    "$root/deploy/lab" exec outside "$bin/beacon-home" --interface eth0 --zone leak.example --database "$BEACON_LAB/home.db" \
        >>"$BEACON_LAB/home.jsonl" 2>>"$BEACON_LAB/home.log" &
    home=$!
    waitFor 10 grep -q "every TCP port of Home's addresses is open" "$BEACON_LAB/home.log" || fail "Home does not listen: $(tail -n 3 "$BEACON_LAB/home.log")"
}

# startInstrument OPTION...: in the segment, watched by beacon-admin --print, whose lines are in seen.jsonl.
startInstrument() {
    local socket=$BEACON_LAB/run/lab/admin.sock
    mkdir "$BEACON_LAB/run" "$BEACON_LAB/state"
    "$root/deploy/lab" exec segment "$bin/beacon-instrument" --interface eth0 --name lab --beacon "$bin/beacon" \
        --launcher "$bin/beacon-launch" --identity "$BEACON_LAB/identity.json" --rate "${attemptRate:-200}" \
        --runtime-dir "$BEACON_LAB/run" --state-dir "$BEACON_LAB/state" "$@" >"$BEACON_LAB/instrument.log" 2>&1 &
    waitFor 15 test -S "$socket" || fail "the Instrument's socket does not appear: $(tail -n 3 "$BEACON_LAB/instrument.log")"
    QT_QPA_PLATFORM=offscreen "$bin/beacon-admin" --socket "$socket" --print >"$BEACON_LAB/seen.jsonl" 2>"$BEACON_LAB/admin.log" &
}

# seen FILTER [JQ_OPTION...]: the lines of beacon-admin --print that match; a last one that is still being written is not counted.
seen() { jq -c -R "${@:2}" "fromjson? | select($1)" "$BEACON_LAB/seen.jsonl"; }
findings() { jq -c -R 'fromjson? | select((.type? // "") | startswith("instruments.home.finding."))' "$BEACON_LAB/home.jsonl"; }
observations() { "$bin/beacon-home" observations --database "$BEACON_LAB/home.db" "$@"; }
