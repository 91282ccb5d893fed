java_agent=2.33.1

install_java() {
  mkdir -p "$cache/java"
  [ -f "$cache/java/opentelemetry-javaagent-$java_agent.jar" ] ||
    mvn -q -B dependency:copy -Dartifact="io.opentelemetry.javaagent:opentelemetry-javaagent:$java_agent" \
      -DoutputDirectory="$cache/java"
  javac -d "$cache/java" "$root/examples/chain/java/Price.java"
}

start_java() { # PROTOCOL
  start_service price "$1" java "-javaagent:$cache/java/opentelemetry-javaagent-$java_agent.jar" -cp "$cache/java" Price
}

try_java() {
  for protocol in grpc http/protobuf; do
    start_java "$protocol"
    curl -fsS -o /dev/null "http://127.0.0.1:$port/price/1"
    check served price /price
    echo "ok: Java sends by $protocol"
  done
}
