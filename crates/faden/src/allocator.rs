//! The allocator, and that it gives memory back at once.
//!
//! Row groups are built from large buffers that live for a second. Kept for later, as the allocator does by default,
//! they double what the process takes; given back at once, they cost no measurable time.

use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_eager_commit`: take memory for whole segments before it is needed.
const EAGER_COMMIT: c_int = 3;

/// `mi_option_purge_delay`: for how many milliseconds memory is kept that is no longer used.
const PURGE_DELAY: c_int = 15;

/// Lets memory go as soon as it is free. Called before there is a second thread, as the allocator wants it.
#[expect(unsafe_code, reason = "the options of the allocator can be set by this function of C only")]
pub(crate) fn give_back_at_once() {
    unsafe extern "C" {
        /// Part of the allocator that is linked above; of an unknown option it takes no notice.
        safe fn mi_option_set(option: c_int, value: c_long);
    }
    mi_option_set(EAGER_COMMIT, 0);
    mi_option_set(PURGE_DELAY, 0);
}
