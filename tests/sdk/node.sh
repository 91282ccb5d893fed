install_node() {
  mkdir -p "$cache/node"
  cmp -s "$root/examples/chain/node/package.json" "$cache/node/package.json" && return
  cp "$root/examples/chain/node/package.json" "$cache/node/"
  (cd "$cache/node" && npm install --silent --no-audit --no-fund --no-package-lock)
}

start_node() { # PROTOCOL [NEXT]
  cp "$root/examples/chain/node/front.js" "$cache/node/"
  NEXT_URL=${2:-http://127.0.0.1:9} OTEL_NODE_RESOURCE_DETECTORS=env,host,process start_service front "$1" bash -c \
    "cd '$cache/node' && exec node --require @opentelemetry/auto-instrumentations-node/register front.js"
}

try_node() {
  for protocol in http/protobuf http/json; do
    start_node "$protocol"
    curl -fsS -o /dev/null "http://127.0.0.1:$port/healthz?by=$protocol"
    check served front /healthz
    echo "ok: Node.js sends by $protocol"
  done
}
