install_proto() {
  local definitions=$root/proto generated=$peers/generated
  if ! [ -x "$peers/python/bin/python" ]; then
    python3 -m venv "$peers/python"
    "$peers/python/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
  fi
  rm -rf "$generated" && mkdir -p "$generated"
  (
    cd "$definitions"
    # OTLP's own messages come with the package that speaks OTLP.
    mapfile -t files < <(
      find jaeger stubs -name '*.proto' -not -path 'stubs/opentelemetry/*' |
        sed -E 's,^(jaeger/api_v2|jaeger|stubs)/,,'
    )
    "$peers/python/bin/python" -m grpc_tools.protoc -I jaeger -I jaeger/api_v2 -I stubs \
      --python_out="$generated" --grpc_python_out="$generated" "${files[@]}"
  )
}

try_proto() {
  start_all
  local refused
  refused=$(curl -sS -w '%{http_code}' -X POST "http://127.0.0.1:$storage/purge")
  [[ $refused == *"purge: true"*403 ]] || { echo "FAILED: purging is not refused: $refused" >&2; exit 1; }
  echo "ok: purging is refused where nobody allowed it"
  start_all "purge: true"
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$peers/generated "$peers/python/bin/python" "$here/jaeger.py" \
    "127.0.0.1:$query_grpc" "127.0.0.1:$storage"
}
