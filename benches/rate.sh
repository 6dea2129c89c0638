#!/usr/bin/env bash
# Response times at a fixed rate: 12,800 requests a second over 32 connections, for
# goaway and for nghttpd, each with one thread, in turns: benches/rate.sh [ROUNDS].
# It needs `make build`, h2load and nghttpd. Each line has the server and the 50th
# and the 99th percentile in microseconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
mkdir "$folder/site"
printf 'Hello, World!' > "$folder/site/index.html"

GOAWAY_WORKERS=1 build/c/demo 0 > "$folder/goaway" &
until grep -q listening "$folder/goaway"; do sleep 0.1; done
port=$(sed -n 's/.*://p' "$folder/goaway")
nghttpd --no-tls -n 1 -a 127.0.0.1 -d "$folder/site" "$((port + 1))" > "$folder/nghttpd" &
sleep 1

measure() {
    rm -f "$folder/log"
    h2load -t1 -c32 -m32 --rps=400 -D 6 --warm-up-time=1 --log-file="$folder/log" \
        "http://127.0.0.1:$2/" > "$folder/h2load"
    cut -f3 "$folder/log" | sort -n |
        awk -v server="$1" '{ all[NR] = $1 } END { print server, all[int(NR * 0.5)], all[int(NR * 0.99)] }'
}

for _ in $(seq "${1:-3}"); do
    measure goaway "$port"
    measure nghttpd "$((port + 1))"
done
