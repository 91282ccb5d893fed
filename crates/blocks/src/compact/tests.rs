//! Stories of merging: what goes in comes out, whole, in order and once.
