install_go() {
  mkdir -p "$cache/go"
  (cd "$root/examples/chain/go" && go build -o "$cache/go/stock" .)
}

start_go() { # PROTOCOL [NEXT]
  NEXT_URL=${2:-http://127.0.0.1:9} start_service stock grpc "$cache/go/stock"
}

try_go() {
  start_go grpc
  curl -sS -o /dev/null "http://127.0.0.1:$port/stock/1"
  check served stock "/stock/"
  echo "ok: Go sends by grpc"
}
