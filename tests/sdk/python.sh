install_python() {
  [ -x "$cache/python/bin/opentelemetry-instrument" ] && return
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install -q --disable-pip-version-check -r "$root/examples/chain/python/requirements.txt"
}

start_python() { # PROTOCOL [NEXT]
  NEXT_URL=${2:-} start_service cart "$1" bash -c \
    "cd '$root/examples/chain/python' && PATH='$cache/python/bin':\$PATH PYTHONDONTWRITEBYTECODE=1 exec opentelemetry-instrument flask --app cart run --port \$PORT"
}

try_python() {
  for protocol in grpc http/protobuf; do
    start_python "$protocol"
    curl -sS -o /dev/null "http://127.0.0.1:$port/fail"
    check error cart "GET /fail" ValueError
    echo "ok: Python sends by $protocol"
  done
}
