// Jaeger's own checks of a storage, by its own client, against the Faden that FADEN_STORAGE and FADEN_QUERY name.
package integration

import (
	"context"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger/internal/storage/v2/api/depstore"
	"github.com/jaegertracing/jaeger/internal/storage/v2/api/tracestore"
	storage "github.com/jaegertracing/jaeger/internal/storage/v2/grpc"
	"github.com/jaegertracing/jaeger/internal/telemetry"
)

func open(t *testing.T) *storage.Factory {
	config := storage.DefaultConfig()
	config.ClientConfig = configgrpc.ClientConfig{
		Endpoint: os.Getenv("FADEN_STORAGE"),
		TLS:      configtls.ClientConfig{Insecure: true},
	}
	factory, err := storage.NewFactory(context.Background(), config, telemetry.NoopSettings())
	require.NoError(t, err)
	t.Cleanup(func() { factory.Close() })
	return factory
}

func purge(t *testing.T) {
	answer, err := http.Post("http://"+os.Getenv("FADEN_STORAGE")+"/purge", "", http.NoBody)
	require.NoError(t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(said))
}

func TestFadenIsAStorage(t *testing.T) {
	factory := open(t)
	writer, err := factory.CreateTraceWriter()
	require.NoError(t, err)
	reader, err := factory.CreateTraceReader()
	require.NoError(t, err)
	purge(t)
	suite := StorageIntegration{TraceWriter: writer, TraceReader: reader, CleanUp: purge}
	suite.RunSpanStoreTests(t)
}

func TestFadenFindsIDsAndDependencies(t *testing.T) {
	factory := open(t)
	writer, err := factory.CreateTraceWriter()
	require.NoError(t, err)
	reader, err := factory.CreateTraceReader()
	require.NoError(t, err)
	dependencies, err := factory.CreateDependencyReader()
	require.NoError(t, err)
	purge(t)
	t.Cleanup(func() { purge(t) })

	now := time.Now()
	require.NoError(t, writer.WriteTraces(context.Background(), call("front", "stock", now)))
	found := 0
	for page, err := range reader.FindTraceIDs(context.Background(), tracestore.TraceQueryParams{
		ServiceName: "stock", Attributes: pcommon.NewMap(), SearchDepth: 10,
		StartTimeMin: now.Add(-time.Minute), StartTimeMax: now.Add(time.Minute),
	}) {
		require.NoError(t, err)
		for _, id := range page {
			assert.Equal(t, pcommon.TraceID{15: 7}, id.TraceID)
			assert.False(t, id.Start.IsZero())
			found++
		}
	}
	assert.Equal(t, 1, found)
	links, err := dependencies.GetDependencies(context.Background(), depstore.QueryParameters{
		StartTime: now.Add(-time.Minute), EndTime: now.Add(time.Minute),
	})
	require.NoError(t, err)
	assert.Equal(t, []model.DependencyLink{{Parent: "front", Child: "stock", CallCount: 1}}, links)
}

// call is one request of a service to another.
func call(from, to string, at time.Time) ptrace.Traces {
	traces := ptrace.NewTraces()
	for number, service := range []string{from, to} {
		resource := traces.ResourceSpans().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", service)
		span := resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{15: 7})
		span.SetSpanID(pcommon.SpanID{7: byte(number + 1)})
		span.SetName("call")
		span.SetKind(ptrace.SpanKindClient)
		if number == 1 {
			span.SetParentSpanID(pcommon.SpanID{7: 1})
			span.SetKind(ptrace.SpanKindServer)
		}
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(number) * time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Duration(5-number) * time.Millisecond)))
	}
	return traces
}
