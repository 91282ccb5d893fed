//! What a span is: OTLP bytes, their walk, views, traces, ids, tenant and time.
