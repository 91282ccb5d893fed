//! The embedded engine: journal, head, blocks, index, manifest, retention.
