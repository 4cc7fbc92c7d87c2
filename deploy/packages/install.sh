#!/usr/bin/env bash
# Installs what debian.tsv lists. Sourced for its functions, or run: install.sh [-y] GROUP...

packages_table=$(dirname "${BASH_SOURCE[0]}")/debian.tsv

# packagesOf GROUP...: their names, one a line.
packagesOf() {
    local group
    for group in "$@"; do
        awk -F'\t' -v group="$group" '$1 == group { print $2; found = 1 } END { exit !found }' "$packages_table" ||
            die 64 "debian.tsv has no group $group; see $packages_table"
    done
}

# missingOf GROUP...: those that are not installed.
missingOf() {
    local package wanted
    wanted=$(packagesOf "$@") || return
    for package in $wanted; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

supportedSystem() {
    local id='' version=''
    command -v apt-get dpkg-query >/dev/null || return
    [[ -r /etc/os-release ]] || return
    id=$(. /etc/os-release && echo "$ID") version=$(. /etc/os-release && echo "${VERSION_ID-}")
    [[ $id == debian && $version == 12 || $id == ubuntu && $version == 24.04 ]]
}

# keepQuiet PACKAGE...: Debian would start a daemon of each on this machine; the lab and the benches start their own.
keepQuiet() {
    local name
    for name in unbound radvd supervisor; do
        [[ " $* " == *" $name "* && -d /run/systemd/system ]] || continue
        $as_root systemctl mask "$name.service" >/dev/null 2>&1 &&
            note "the system's own $name.service is masked, it is run only from here; 'systemctl unmask $name' undoes it"
    done
    return 0
}

# installPackages YES GROUP...: asks unless YES is "yes"; needs no answer where nothing is missing.
installPackages() {
    local yes=$1 missing answer as_root='' names
    shift
    if ! supportedSystem; then
        die 69 "this is neither Debian 12 nor Ubuntu 24.04; install what Debian calls" $(packagesOf "$@") "and build with 'cmake --preset release'"
    fi
    missing=$(missingOf "$@") || return
    [[ -n $missing ]] || return 0
    names=$(paste -sd' ' <<<"$missing")
    say "missing packages: $names"
    if [[ $yes != yes ]]; then
        [[ -t 0 ]] || die 69 "packages are missing; run 'apt-get install $names', or use -y"
        read -rp "Install them with apt-get now? [Y/n] " answer
        [[ -z $answer || $answer == [yY]* ]] || die 69 "nothing was installed; run 'apt-get install $names' when it suits you"
    fi
    if [[ $EUID != 0 ]]; then
        command -v sudo >/dev/null || die 77 "installing needs root; run 'apt-get install $names' as root"
        as_root=sudo
    fi
    keepQuiet $names
    aptGet update || warn "the package lists could not be refreshed; trying with those that are there"
    aptGet install --no-install-recommends $names || die 69 "apt-get could not install: $names; its words stand above"
    [[ -z $(missingOf "$@") ]] || die 69 "apt-get ended well, but these are still missing:" $(missingOf "$@")
    good "installed"
}

# The terminal's stdin is not for apt-get; its words are shown only where it fails.
aptGet() {
    local log status=0
    log=$(mktemp)
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 "$@" </dev/null >"$log" 2>&1 || status=$?
    [[ $status == 0 ]] || tail -n 20 "$log" >&2
    rm -f "$log"
    return $status
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    . "$(dirname "$0")/../terminal.sh"
    yes=no
    [[ ${1-} != -y ]] || { yes=yes && shift; }
    [[ $# -gt 0 ]] || die 64 "name groups: $(awk -F'\t' '!/^#/ { print $1 }' "$packages_table" | sort -u | paste -sd' ')"
    installPackages "$yes" "$@"
fi
