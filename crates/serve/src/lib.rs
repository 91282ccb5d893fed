//! The query APIs: Jaeger, Faden, health, metrics.
