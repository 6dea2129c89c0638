#!/usr/bin/env bash
# Shows in which functions a server spends its time under load.
#
#   benches/profile.sh [COMMAND...]
#
# COMMAND runs a server in the foreground; the port is appended to it. Without
# one it is goaway's C demo. The environment can set
#   LOAD      the arguments of h2load, default "-c32 -m32"
#   ROUTE     the path that is asked for, default "/"
#   REQUESTS  how many, default 1000000 for perf and 20000 for callgrind
#   TOP       how many functions are shown, default 40
#   PORT      default 18080
#   PROFILER  perf or callgrind; default perf, or callgrind where perf cannot record
#   OUT       the folder for the profiles, default a temporary one; it is kept
set -euo pipefail

cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
    set -- bindings/run-demo c
fi
read -ra load <<<"${LOAD:--c32 -m32}"
route=${ROUTE:-/} top=${TOP:-40} port=${PORT:-18080}
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
export GOAWAY_WORKERS=1

# Without hardware counters perf samples by the clock, which serves as well: unlike
# callgrind it sees the kernel, where much of a server's time goes.
can_perf() {
    perf record -q -o "$out/try.data" -- true && rm -f "$out/try.data"
} >/dev/null 2>&1

profiler=${PROFILER:-$(can_perf && echo perf || echo callgrind)}
case $profiler in
perf) requests=${REQUESTS:-1000000} under=() ;;
callgrind)
    requests=${REQUESTS:-20000}
    # The demo is started through a script: callgrind must follow it.
    under=(valgrind -q --tool=callgrind --trace-children=yes
        "--callgrind-out-file=$out/callgrind.%p")
    ;;
*) echo "PROFILER is perf or callgrind, not $profiler" >&2 && exit 2 ;;
esac

# Set before anything runs, so that nothing outlives the script.
server= recorder=
finish() {
    for pid in $recorder $server; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
}
trap finish EXIT

taskset -c 0 "${under[@]}" "$@" "$port" >"$out/server.log" 2>&1 &
server=$!
for ((waited = 0; ; waited++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    if ! kill -0 "$server" 2>/dev/null || ((waited == 300)); then
        echo "the server did not start:" >&2
        cat "$out/server.log" >&2
        exit 1
    fi
    sleep 0.1
done

ask() {
    taskset -c 1 h2load -t1 -n "$1" "${load[@]}" "http://127.0.0.1:$port$route"
}

ask $((requests / 10)) >/dev/null
if [ "$profiler" = perf ]; then
    perf record -q -g -o "$out/perf.data" -p "$server" 2>"$out/perf.log" &
    recorder=$!
    sleep 0.5
fi
ask "$requests" | grep -E '^(finished|requests|status)'

if [ "$profiler" = perf ]; then
    kill -INT "$recorder" && wait "$recorder" || true
    recorder=
    perf report -i "$out/perf.data" --no-children --stdio -g none 2>/dev/null |
        grep -v '^#' | grep . >"$out/functions"
else
    # callgrind writes when the server ends; the last file is the server's own.
    kill "$server" && wait "$server" || true
    server=
    callgrind_annotate "$(ls -t "$out"/callgrind.* | head -n1)" |
        sed -n '/PROGRAM TOTALS/,$p' | grep -v '^-*$' >"$out/functions"
fi
head -n "$top" "$out/functions"
echo "all of it: $out"
