//! The query APIs: Jaeger, Faden, health, metrics.

pub mod jaeger;
