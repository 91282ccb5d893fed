//! Deterministic, realistic traffic.
