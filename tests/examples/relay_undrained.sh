#!/bin/sh
# The relay while nobody reads what it says: relay_undrained.sh EMULATOR RELAY_EXE LOAD_EXE
# Its standard error is a pipe that is full from the start. It has to forward frames all the same, and to end at Ctrl-C.
set -u
emulator=$1
relay_exe=$2
load_exe=$3

folder=$(mktemp -d)
relay=
watchdog=
finish() {
    for process in $relay $watchdog; do
        kill -9 "$process" 2>/dev/null
    done
    rm -rf "$folder"
}
trap finish EXIT

mkfifo "$folder/errors"
exec 3<>"$folder/errors" # a reader that never reads
dd if=/dev/zero of="$folder/errors" bs=4096 count=1024 oflag=nonblock 2>/dev/null
"$emulator" "$relay_exe" --listen 127.0.0.1:0 --log all --workers 2 >"$folder/output" 2>"$folder/errors" </dev/null 3<&- &
relay=$!
port=
for _ in $(seq 300); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\).*$/\1/p' "$folder/output")
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { echo "the relay does not listen"; exit 1; }

timeout 60 "$emulator" "$load_exe" --server "127.0.0.1:$port" --clients 10 --seconds 2 || {
    echo "the relay forwards nothing while its log is not read"
    exit 1
}

kill -INT "$relay"
(sleep 30; kill -9 "$relay") >/dev/null 2>&1 3<&- &
watchdog=$!
wait "$relay"
status=$?
relay=
[ "$status" -eq 0 ] || { echo "exit status $status after Ctrl-C"; exit 1; }
grep '^stopped: clients=0 ' "$folder/output" || { echo "no last line"; exit 1; }
