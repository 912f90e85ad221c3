#!/bin/sh
# The chat example with programs of the host as its clients: chat_from_host.sh EMULATOR CHAT_EXE nc|socat
# Three clients join, each says a line, one leaves, and at last comes Ctrl-C. Each client's output has to be the lines that
# were said since it joined, in order.
set -u
emulator=$1
chat_exe=$2
client=$3

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

fail() {
    echo "$1"
    for name in output errors ann bob carl; do
        [ -f "$folder/$name" ] && sed "s/^/$name: /" "$folder/$name"
    done
    exit 1
}

# wait_for FILE LINE: until the file has that line.
wait_for() {
    for _ in $(seq 300); do
        tr -d '\r' <"$folder/$1" | grep -qx "$2" && return 0
        sleep 0.1
    done
    fail "$1 does not have the line '$2'"
}

# What is written to descriptor $2 goes to the client whose name is $1; what it receives goes to a file of that name.
start_client() {
    mkfifo "$folder/$1.input"
    : >"$folder/$1"
    case $client in
    nc) nc -N 127.0.0.1 "$port" <"$folder/$1.input" >"$folder/$1" 3>&- 4>&- 5>&- & ;;
    socat) socat -t 10 - "TCP4:127.0.0.1:$port" <"$folder/$1.input" >"$folder/$1" 3>&- 4>&- 5>&- & ;;
    esac
    others="$others $!"
}

"$emulator" "$chat_exe" 0 >"$folder/output" 2>"$folder/errors" </dev/null &
server=$!
wait_for output 'listening on .*'
port=$(sed -n 's/^listening on .*:\([0-9]*\).*$/\1/p' "$folder/output")

start_client ann
exec 3>"$folder/ann.input"
echo ann >&3
wait_for ann '\* ann has joined'
start_client bob
exec 4>"$folder/bob.input"
echo bob >&4
wait_for ann '\* bob has joined'
start_client carl
exec 5>"$folder/carl.input"
echo carl >&5
wait_for ann '\* carl has joined'

echo "hello" >&3
wait_for ann 'ann: hello'
echo "good morning" >&4
wait_for ann 'bob: good morning'
exec 5>&-
wait_for ann '\* carl has left'

kill -INT "$server"
(sleep 30; kill -9 "$server") >/dev/null 2>&1 3>&- 4>&- &
others="$others $!"
wait "$server"
status=$?
server=
[ "$status" -eq 0 ] || fail "exit status $status after Ctrl-C"
tail -n 1 "$folder/output" | grep -q '^stopped' || fail "no clean end after Ctrl-C"

wait_for ann '\* the server shuts down'
wait_for bob '\* the server shuts down'
cat >"$folder/expected" <<EOF
* ann has joined
* bob has joined
* carl has joined
ann: hello
bob: good morning
* carl has left
* the server shuts down
EOF
cmp "$folder/expected" "$folder/ann" || fail "ann was told something else"
sed 1d "$folder/expected" | cmp - "$folder/bob" || fail "bob was told something else"
sed -e 1,2d -e '/left/,$d' "$folder/expected" >"$folder/of_carl"
head -n 3 "$folder/carl" | cmp - "$folder/of_carl" || fail "carl was told something else"
echo "$client: three clients, $(wc -l <"$folder/expected") lines"
