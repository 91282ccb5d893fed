//! An append-only log of checksummed frames.
