//! What one configuration may cost. Beyond a limit the file is refused with a problem that names it.

/// Bytes of one file.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Nodes of one file, aliases counted as often as they are used.
pub const NODES_MAX: usize = 100_000;
/// Bytes of text in the tree of one file, aliases counted as often as they are used.
pub const TEXT_BYTES_MAX: usize = 16 << 20;
/// Mappings and lists inside each other.
pub const DEPTH_MAX: usize = 64;
/// Bytes of one key.
pub const KEY_BYTES_MAX: usize = 1024;
/// `${…}` in one value.
pub const EXPANSIONS_PER_VALUE_MAX: usize = 100;
/// `${…}` whose result holds `${…}` again.
pub const EXPANSION_DEPTH_MAX: usize = 8;
/// Bytes that one value may expand to.
pub const EXPANSION_BYTES_MAX: usize = 1 << 20;
/// Bytes that all expansions of one configuration may add up to.
pub const EXPANSION_BYTES_TOTAL_MAX: usize = 16 << 20;
/// Problems that are kept; what follows is only counted.
pub const PROBLEMS_MAX: usize = 1000;
