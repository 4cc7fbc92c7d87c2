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
    need unshare nsenter setpriv nft ip unbound jq
    exec "$root/deploy/lab" run "$0" "$@"
}

# Frames that ever reached Home's interface.
arrived() { lab exec outside ip -s -j link show eth0 | jq '.[0].stats64.rx.packets'; }

writeIdentity() {
    install -m 600 /dev/stdin "$BEACON_LAB/identity.json" <<'END'
{"name":"lab","key_id":"1a2b3c4d","key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
 "home":["203.0.113.10","2001:db8:cb::10"],"zone":"leak.example"}
END
}
