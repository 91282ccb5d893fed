# Starts Faden and services on free loopback ports, and stops whatever was started when the shell exits.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${FADEN_TEST_CACHE:-$HOME/.cache/faden-tests}
work=$(mktemp -d)
started=()

stop_all() {
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop_all EXIT

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for URL SECONDS WHAT: until the URL answers 200.
wait_for() {
  for _ in $(seq $(($2 * 5))); do
    if curl -fsS -o /dev/null "$1" 2>/dev/null; then return 0; fi
    sleep 0.2
  done
  echo "FAILED: $3 did not answer at $1 within $2 s" >&2
  tail -n 15 "$work"/*.log >&2
  exit 1
}

# start_faden [SERVE]: a server with an empty store; SERVE is what its `serve` holds besides `http`.
start_faden() {
  local serve=${1:-"grpc: '', storage: '', tempo: '', zipkin: ''"}
  local binary=${FADEN:-${CARGO_TARGET_DIR:-$root/target}/release/faden}
  grpc=$(free_port) http=$(free_port) query=$(free_port) health=$(free_port) metrics=$(free_port)
  cat > "$work/faden.yaml" <<YAML
receivers:
  otlp:
    protocols:
      grpc: { endpoint: 127.0.0.1:$grpc }
      http: { endpoint: 127.0.0.1:$http }
exporters:
  store:
extensions:
  health_check: { endpoint: 127.0.0.1:$health }
store: { path: $work/data-$query }
serve: { http: 127.0.0.1:$query, $serve }
service:
  extensions: [health_check]
  telemetry: { metrics: { address: 127.0.0.1:$metrics } }
  pipelines:
    traces: { receivers: [otlp], exporters: [store] }
YAML
  "$binary" serve --config "$work/faden.yaml" > "$work/faden.log" 2>&1 &
  started+=($!)
  wait_for "http://127.0.0.1:$health/" 15 faden
}

# start_service NAME PROTOCOL COMMAND...: runs an instrumented service that sends to Faden by the protocol.
start_service() {
  local name=$1 protocol=$2 endpoint
  shift 2
  if [ "$protocol" = grpc ]; then endpoint=http://127.0.0.1:$grpc; else endpoint=http://127.0.0.1:$http; fi
  port=$(free_port)
  env PORT="$port" OTEL_SERVICE_NAME="$name" OTEL_EXPORTER_OTLP_PROTOCOL="$protocol" \
    OTEL_EXPORTER_OTLP_ENDPOINT="$endpoint" OTEL_BSP_SCHEDULE_DELAY=200 \
    OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none OTEL_TRACES_EXPORTER=otlp \
    "$@" > "$work/$name-${protocol//\//-}.log" 2>&1 &
  started+=($!)
  wait_for "http://127.0.0.1:$port/healthz" 60 "$name ($protocol)"
}

check() {
  python3 "$root/tests/sdk/check.py" "http://127.0.0.1:$query" "$@"
}
