#!/bin/sh
# The relay as a process, and what only another process can do to it: relay_from_host.sh EMULATOR RELAY_EXE LOAD_EXE
# A load with 100 clients is killed in full traffic, strangers connect with nc, and at last comes Ctrl-C.
set -u
emulator=$1
relay_exe=$2
load_exe=$3

folder=$(mktemp -d)
relay=
load=
strangers=
finish() {
    for process in $relay $load $strangers; do
        kill -9 "$process" 2>/dev/null
    done
    rm -rf "$folder"
}
trap finish EXIT

fail() {
    echo "$1; the relay said:"
    tail -n 20 "$folder/output" "$folder/errors"
    exit 1
}

# wait_for SECONDS PATTERN: until the last line of the relay's output matches.
wait_for() {
    for _ in $(seq $(($1 * 10))); do
        tail -n 1 "$folder/output" | grep -q "$2" && return 0
        sleep 0.1
    done
    return 1
}

# Wine 8 may keep sockets of a killed process open. To the relay that is a peer whose machine has vanished, which only the
# keep-alive can find out.
"$emulator" "$relay_exe" --listen 127.0.0.1:0 --stats 1 --log problems --keep-alive 2 >"$folder/output" 2>"$folder/errors" </dev/null &
relay=$!
wait_for 30 '^clients=0 operations=\([0-9]*\) accepts=\1 ' || fail "the relay does not start"
port=$(sed -n 's/^listening on .*:\([0-9]*\).*$/\1/p' "$folder/output")

"$emulator" "$load_exe" --server "127.0.0.1:$port" --clients 100 --seconds 60 >/dev/null 2>&1 </dev/null &
load=$!
wait_for 60 '^clients=100 .* frames=[0-9]\{4\}' || fail "the load does not get under way"
kill -9 "$load"
wait "$load" 2>/dev/null
load=
wait_for 30 '^clients=0 operations=\([0-9]*\) accepts=\1 ' || fail "the relay holds on to killed clients"
echo "after the kill:  $(tail -n 1 "$folder/output")"

# One that speaks another protocol, two that connect and say nothing. The relay waits for a first frame only for so long, and nc
# may take as long to see its connection end.
printf 'GET / HTTP/1.0\r\n\r\n' | nc -q 5 127.0.0.1 "$port" >/dev/null
grep -q 'closed: malformed (unexpected frame type)' "$folder/errors" || fail "the relay took a web request"
for _ in 1 2; do
    nc -d 127.0.0.1 "$port" >/dev/null 2>&1 &
    strangers="$strangers $!"
done
wait_for 10 '^clients=2 operations=18 accepts=16 ' || fail "the relay does not have two clients"

kill -INT "$relay"
wait "$relay"
status=$?
relay=
[ "$status" -eq 0 ] || fail "exit status $status after Ctrl-C"
tail -n 1 "$folder/output" | grep -q '^stopped: clients=0 .*operations in use: 0' || fail "no clean end after Ctrl-C"
echo "after Ctrl-C:    $(tail -n 1 "$folder/output" | tr -d '\r')"
