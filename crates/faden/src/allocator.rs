//! The allocator, and how soon it gives memory back.
//!
//! Row groups are built from large buffers that live for a second. Kept for later, as the allocator does by default,
//! they double what the process takes. Given back at once, every buffer of a request costs the kernel new pages, which
//! takes half as long again as receiving its spans. So they are kept for a moment only.

use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_eager_commit`: take memory for whole segments before it is needed.
const EAGER_COMMIT: c_int = 3;

/// `mi_option_purge_delay`: for how many milliseconds memory is kept that is no longer used.
const PURGE_DELAY: c_int = 15;

/// The moment, in milliseconds: busy connections take the buffer of their last request again within it.
const MOMENT: c_long = 1;

/// Lets memory go soon after it is free. Called before there is a second thread, as the allocator wants it.
#[expect(unsafe_code, reason = "the options of the allocator can be set by this function of C only")]
pub(crate) fn give_back_soon() {
    unsafe extern "C" {
        /// Part of the allocator that is linked above; of an unknown option it takes no notice.
        safe fn mi_option_set(option: c_int, value: c_long);
    }
    mi_option_set(EAGER_COMMIT, 0);
    mi_option_set(PURGE_DELAY, MOMENT);
}
