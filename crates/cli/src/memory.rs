//! The allocator.

use mimalloc::MiMalloc;

/// Memory is often made on one thread and given back on another, the writer of the store: here that takes no lock.
/// With the system's allocator on Linux a notification costs a tenth more processor time, measured.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Pages of their usual size only: with huge ones an idle process holds 12 MiB more, for nothing.
#[cfg(target_os = "linux")]
pub(crate) fn hold_in_small_pages() {
    // SAFETY: it only sets a flag of this process. A kernel that refuses leaves the pages as they were.
    #[expect(unsafe_code, reason = "the kernel is told through C")]
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

/// Other systems are left as they are.
#[cfg(not(target_os = "linux"))]
pub(crate) fn hold_in_small_pages() {}
