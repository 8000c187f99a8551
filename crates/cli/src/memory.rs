//! How the system's allocator holds memory.

/// Few arenas, grown and trimmed in large steps.
///
/// A published array is a body of a hundred KiB and a thousand small pieces; by its defaults glibc maps, protects and
/// unmaps memory for each one (a system call per notification, measured), and keeps an arena per thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn hold_in_large_steps() {
    for (what, value) in [
        (libc::M_ARENA_MAX, 4),
        (libc::M_TOP_PAD, 1 << 20),
        (libc::M_TRIM_THRESHOLD, 16 << 20),
        (libc::M_MMAP_THRESHOLD, 4 << 20),
    ] {
        // SAFETY: it is called before there is a second thread, with parameters of the manual page.
        #[expect(unsafe_code, reason = "the allocator is told through C")]
        unsafe {
            // A value that is refused leaves the default.
            libc::mallopt(what, value);
        }
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn hold_in_large_steps() {}
