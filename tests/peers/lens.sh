lens=3.5.1
playwright=1.65.1

install_lens() {
  if ! [ -d "$peers/zipkin-lens-$lens" ]; then
    mkdir -p "$peers/jar"
    mvn -q -B dependency:copy -Dartifact="io.zipkin:zipkin-server:$lens:jar:exec" -DoutputDirectory="$peers/jar"
    (
      cd "$peers/jar"
      jar xf "zipkin-server-$lens-exec.jar" "BOOT-INF/lib/zipkin-lens-$lens.jar"
      jar xf "BOOT-INF/lib/zipkin-lens-$lens.jar" zipkin-lens
      mv zipkin-lens "$peers/zipkin-lens-$lens"
    )
    rm -rf "$peers/jar"
  fi
  [ -d "$peers/browser/node_modules/playwright-core" ] ||
    npm install --silent --no-save --prefix "$peers/browser" "playwright-core@$playwright"
}

try_lens() {
  start_all
  LENS=$peers/zipkin-lens-$lens MODULES=$peers/browser/ SPANS=http://127.0.0.1:$http \
    ZIPKIN=http://127.0.0.1:$zipkin node "$here/lens.mjs"
}
