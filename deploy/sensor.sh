# Three segments of the lab under one Sensor, each with a Beacon; sourced by quickstart and by tests, within the lab.
# Whoever sources it has $bin (the programs), $logs (a folder for what they say), waitFor() and fail().
#
#   segment 1  port1  bridge  addresses by DHCP (IPv4)                  beacon_0, listener_0
#   segment 2  port2  bridge  addresses by router advertisement (IPv6)  beacon_1, downloader_0
#   segment 3  port3  phy     addresses by hand (both)                  beacon_2

lab_script=$(dirname "${BASH_SOURCE[0]}")/lab
sensor_programs=(sensord sensor-room sensor-lease sensorctl beacon-instrument beacon beacon-launch beacon-listener beacon-downloader beacon-admin)
families=([1]=ipv4 [2]=ipv6 [3]='ipv4 ipv6')
how=([1]='bridge, DHCP' [2]='bridge, router advertisements' [3]='phy, by hand')
sensor_ids=1200000000

# Each Instrument runs as 65,536 user ids of its own; a user namespace without them cannot hold a Sensor.
sensorIsPossible() {
    awk -v first=$sensor_ids -v count=$((65536 * 16)) '$1 <= first && first + count <= $1 + $3 { there = 1 } END { exit !there }' /proc/self/uid_map
}

# The programs as the Sensor's host has them: installed, and for everybody to execute, wherever this checkout is.
installPrograms() {
    local program
    for program in "${sensor_programs[@]}"; do
        install -m 755 "$bin/$program" "$BEACON_LAB/sensor/bin/" || return
    done
}

startSensor() {
    installPrograms || fail "the programs of $bin could not be installed in the lab"
    "$lab_script" exec sensor sensord --name lab --id-base $sensor_ids >"$logs/sensord.log" 2>&1 &
    sensor=$!
    waitFor 15 test -S "$BEACON_LAB/sensor/run/sensor/control.sock" || fail "the Sensor's socket did not appear within 15 s"
}

ctl() { "$lab_script" exec sensor sensorctl "$@"; }

# addSegment N: the device becomes an interface of the Sensor.
addSegment() {
    local type=${how[$1]%%,*}
    ctl interfaces add "segment$1" --type "$type" --device "port$1" >>"$logs/sensorctl.log" 2>&1 ||
        fail "port$1 could not become an interface of the Sensor"
}

# addressOf N: the options of sensorctl that give an Instrument its address in segment N.
addressOf() {
    case $1 in
    1) echo --address dhcp ;;
    2) echo --address slaac --resolver 2001:db8:2::1 ;;
    3) echo --address 192.0.2.130/26 --address 2001:db8:3::2/64 --gateway 192.0.2.129 --gateway 2001:db8:3::1 \
        --resolver 192.0.2.129 --resolver 2001:db8:3::1 ;;
    esac
}

# addBeacon N RATE PORTS: with the identity that Home issued for segment N; its instrument is beacon_(N-1).
addBeacon() {
    jq -n --argjson rate "$2" --arg ports "$3" --rawfile identity "$BEACON_LAB/identity$1.json" \
        '{rate: $rate, ports: ($ports / ","), identity_text: $identity}' |
        ctl add beacon --interface "segment$1" $(addressOf "$1") --config - >>"$logs/sensorctl.log" 2>&1 ||
        fail "no Beacon could be added on segment $1"
}

# Beside the Beacons: one that only hears, and the one that will fetch files.
addOthers() {
    ctl add listener --interface segment1 --address none --receive-only >>"$logs/sensorctl.log" 2>&1 || fail "no Listener could be added"
    ctl add downloader --interface segment2 $(addressOf 2) >>"$logs/sensorctl.log" 2>&1 || fail "no Downloader could be added"
}

# watchBeacon N: every attempt of its Beacon into $logs/attemptsN.jsonl, while this lives.
watchBeacon() {
    local socket=/run/sensor/instruments/beacon_$(($1 - 1))/beacon-instrument/eth0/admin.sock
    waitFor 30 test -S "$BEACON_LAB/sensor$socket" || fail "the socket of the Beacon on segment $1 did not appear within 30 s"
    QT_QPA_PLATFORM=offscreen "$lab_script" exec sensor beacon-admin --socket "$socket" --print >"$logs/attempts$1.jsonl" 2>"$logs/admin$1.log" &
}

keyIdOf() { jq -r .key_id "$BEACON_LAB/identity$1.json"; }
