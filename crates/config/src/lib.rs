//! Reads YAML with the place of every key, and reports every problem at once.
