//! The Collector's YAML, component contracts, outcomes and the running graph.
