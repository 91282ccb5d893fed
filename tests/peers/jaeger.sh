jaeger=v1.76.0

install_jaeger() {
  local program=$peers/jaeger-$jaeger.test source=$peers/jaeger-$jaeger
  if [ "$program" -nt "$here/jaeger/faden_test.go" ]; then return; fi
  if ! [ -d "$source" ]; then
    mkdir -p "$peers/module"
    local downloaded
    downloaded=$(cd "$peers/module" && GOFLAGS=-mod=mod go mod download -json "github.com/jaegertracing/jaeger@$jaeger" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
    cp -r "$downloaded" "$source" && chmod -R u+w "$source"
    # The suites of other stores need their drivers, which are most of what would have to be built.
    rm -f "$source"/internal/storage/integration/{*_test.go,remote_memory_storage.go}
  fi
  cp "$here/jaeger/faden_test.go" "$source/internal/storage/integration/"
  (cd "$source" && go test -c -o "$program" ./internal/storage/integration)
}

try_jaeger() {
  start_all "purge: true"
  FADEN_STORAGE=127.0.0.1:$storage "$peers/jaeger-$jaeger.test" -test.timeout 120s > "$work/suite.log" 2>&1 || {
    grep -E -- '--- FAIL|Error|expected|actual' "$work/suite.log" >&2 || tail -n 40 "$work/suite.log" >&2
    exit 1
  }
  echo "ok: Jaeger's own suite for a storage passes"
}
