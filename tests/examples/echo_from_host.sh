#!/bin/sh
# The echo example against a program of the host: echo_from_host.sh EMULATOR ECHO_EXE nc|socat [PATTERN]
# Sends text and 200,000 bytes of noise, and wants exactly that back; then ends it by Ctrl-C while somebody is connected.
# With a pattern, the example has to have said what matches it.
set -u
emulator=$1
echo_exe=$2
client=$3
complaint=${4:-}

folder=$(mktemp -d)
server=
others=
finish() {
    for process in $server $others; do
        kill -9 "$process" 2>/dev/null
    done
    rm -rf "$folder"
}
trap finish EXIT

"$emulator" "$echo_exe" 0 >"$folder/output" 2>"$folder/errors" </dev/null &
server=$!
port=
for _ in $(seq 300); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\).*$/\1/p' "$folder/output")
    [ -n "$port" ] && break
    sleep 0.1
done
if [ -z "$port" ]; then
    echo "the server does not listen; it said:"
    cat "$folder/output" "$folder/errors"
    exit 1
fi

ask() {
    case $client in
    nc) nc -N 127.0.0.1 "$port" ;;
    socat) socat -t 10 - "TCP4:127.0.0.1:$port" ;;
    esac
}

{ echo "hello from the host"; head -c 200000 /dev/urandom; } >"$folder/sent"
for round in 1 2 3; do
    ask <"$folder/sent" >"$folder/received"
    if ! cmp "$folder/sent" "$folder/received"; then
        echo "round $round: $client got something else back"
        cat "$folder/errors"
        exit 1
    fi
done
if [ -n "$complaint" ] && ! grep -q "$complaint" "$folder/errors"; then
    echo "the example did not say '$complaint', but:"
    cat "$folder/errors"
    exit 1
fi

mkfifo "$folder/questions"
exec 3<>"$folder/questions" # never closed
ask <"$folder/questions" >"$folder/answer" 3<&- &
others=$!
echo "still there" >&3
for _ in $(seq 100); do
    [ -s "$folder/answer" ] && break
    sleep 0.1
done
kill -INT "$server"
(sleep 30; kill -9 "$server") >/dev/null 2>&1 3<&- &
others="$others $!"
wait "$server"
status=$?
server=
# Wine's own handler ends a program with status 0 too, but without its last word.
if [ "$status" -ne 0 ] || ! tail -n 1 "$folder/output" | grep -q '^stopped'; then
    echo "no clean end after Ctrl-C, exit status $status"
    exit 1
fi
echo "$client: 3 connections, $(wc -c <"$folder/sent") bytes each, all echoed"
