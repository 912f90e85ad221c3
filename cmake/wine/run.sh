#!/bin/sh
# Runs a Windows program quietly under 64-bit Wine, with a prefix that all configurations of this source tree share. Where
# there is no source tree around this file (it is installed), or one that cannot be written to, the prefix is one of the
# user's: moor/wine in the folder for caches.
# "run.sh --prepare" only creates the prefix, "run.sh --stop" ends the Wine server of that prefix.
# MOOR_WINE_PREFIX names another prefix.
set -u

here=$(cd "$(dirname "$0")" && pwd)
default_prefix() {
    if [ -e "$here/../support/library.cmake" ] && mkdir -p "$here/../../build/wine" 2>/dev/null &&
        [ -w "$here/../../build/wine" ]; then
        echo "$here/../../build/wine"
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/moor/wine"
    fi
}

WINEPREFIX=${MOOR_WINE_PREFIX:-$(default_prefix)}
WINEDEBUG=${MOOR_WINE_DEBUG:--all}
# Explorer, which Wine starts when a program asks for the desktop, inherits that program's output and lives on: a pipe to ctest
# stayed open for minutes after the test had passed. No program of ours shows a window.
WINEDLLOVERRIDES='mscoree,mshtml=;explorer.exe=d'
WINEARCH=win64
# No display: no window is wanted, and an X server that is gone makes Wine wait.
DISPLAY=
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES WINEARCH DISPLAY

find_program() {
    for candidate in "$@"; do
        if command -v "$candidate" >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    echo "run.sh: none of these was found: $*" >&2
    exit 127
}

wine=$(find_program /usr/lib/wine/wine64 wine64 wine) || exit 127
# The kernel puts a program's heap at random into the gigabyte behind it. Behind Wine's loader that gigabyte holds a page
# that Wine must have, 0x7ffe0000, and about one start in three thousand ended with status 1 and no word, before the
# program had begun ("failed to map the shared user data"). So the randomness is switched off where that is allowed; what
# these programs start inherits it.
fixed=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed="setarch $(uname -m) -R"
fi

server=$(find_program wineserver /usr/lib/wine/wineserver64 /usr/lib/wine/wineserver) || exit 127

if [ "${1:-}" = --stop ]; then
    [ -d "$WINEPREFIX" ] && "$server" -k
    exit 0
fi

# A server that lingers makes the next start faster, and ends by itself. Whoever starts it also starts Wine's services,
# through a first program of ours: they inherit its output, and a pipe to ctest would stay open as long as they live.
mkdir -p "$WINEPREFIX"
(
    flock 9
    if [ ! -e "$WINEPREFIX/.moor_ready" ]; then
        $fixed "$wine" wineboot --init 9>&- && "$server" -w 9>&- && touch "$WINEPREFIX/.moor_ready"
    fi >"$WINEPREFIX/wineboot.log" 2>&1 </dev/null
    if "$server" -p60 9>&-; then
        $fixed "$wine" cmd /c exit 9>&-
    fi >/dev/null 2>&1 </dev/null
) 9>"$WINEPREFIX/.moor_lock"
if [ ! -e "$WINEPREFIX/.moor_ready" ]; then
    echo "run.sh: could not create the Wine prefix $WINEPREFIX, see wineboot.log there" >&2
    exit 127
fi
[ "${1:-}" = --prepare ] && exit 0

exec $fixed "$wine" "$@"
