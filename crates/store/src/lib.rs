//! The contract of every span store: Plan, Writer, Reader; the memory store; the conformance suite.
