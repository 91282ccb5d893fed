/** How a program is made to send spans: lines that run as they are. */
export interface Snippet {
  name: string;
  lines: string;
  note?: string;
}

/** Snippets for programs in several languages; `http` and `grpc` are where spans go. */
export function snippets(http: string, grpc: string): Snippet[] {
  const endpoint = `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}`;
  const service = "export OTEL_SERVICE_NAME=my-service";
  return [
    {
      name: "curl",
      lines: `curl ${http}/v1/traces -H 'content-type: application/json' -d '{
  "resourceSpans": [{
    "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "hello" } }] },
    "scopeSpans": [{ "spans": [{
      "traceId": "'$(openssl rand -hex 16)'", "spanId": "'$(openssl rand -hex 8)'",
      "name": "first span", "kind": 2,
      "startTimeUnixNano": "'$(date +%s)'000000000", "endTimeUnixNano": "'$(date +%s)'250000000"
    }] }]
  }]
}'`,
      note: "One span from a shell; it is on these pages a moment later.",
    },
    {
      name: "Python",
      lines: `pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install\n${service}\n${endpoint}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nopentelemetry-instrument python app.py`,
    },
    {
      name: "Node.js",
      lines: `npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node\n${service}\n${endpoint}\nnode --require @opentelemetry/auto-instrumentations-node/register app.js`,
    },
    {
      name: "Java",
      lines: `${service}\n${endpoint}\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar`,
      note: "The agent is one file, from the releases of opentelemetry-java-instrumentation.",
    },
    {
      name: "Go",
      lines: `${service}\n${endpoint}\ngo get go.opentelemetry.io/contrib/exporters/autoexport\n# exporter, _ := autoexport.NewSpanExporter(ctx)\n# otel.SetTracerProvider(trace.NewTracerProvider(trace.WithBatcher(exporter)))`,
    },
    {
      name: "Rust",
      lines: `cargo add opentelemetry opentelemetry_sdk opentelemetry-otlp\n${service}\n${endpoint}\n// let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;`,
    },
    {
      name: ".NET",
      lines: `dotnet add package OpenTelemetry.Extensions.Hosting\ndotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol\n${service}\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${grpc}\n// services.AddOpenTelemetry().WithTracing(t => t.AddAspNetCoreInstrumentation().AddOtlpExporter());`,
    },
    {
      name: "Collector",
      lines: `exporters:\n  otlp/faden:\n    endpoint: ${grpc.replace("http://", "")}\n    tls: { insecure: true }\nservice:\n  pipelines:\n    traces: { receivers: [otlp], exporters: [otlp/faden] }`,
    },
  ];
}

/** The address by which programs reach a port that listens on every address. */
export function reachable(address: string, host: string): string {
  const port = address.slice(address.lastIndexOf(":") + 1);
  const listens = address.slice(0, address.lastIndexOf(":"));
  const isEverywhere = ["0.0.0.0", "[::]"].includes(listens);
  const isHere = ["127.0.0.1", "[::1]"].includes(listens);
  return `http://${isEverywhere ? host : isHere ? "localhost" : listens}:${port}`;
}
