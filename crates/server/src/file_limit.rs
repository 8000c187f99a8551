//! How many files may be open: raised as far as the system lets us, and refused when it is too little.

use std::io;

use crate::error::Error;

/// Files beside connections: store, log, listeners, what the system's resolver opens, and some room.
///
/// 256. Source: architecture.md section 4.
const OTHERS: u64 = 256;

/// Raises the limit to the hard one and says what it is.
///
/// # Errors
/// [`Error::FileLimit`] when so many attempts could not each have a connection, and its successor one as well.
pub(crate) fn raise(max_in_flight: u64) -> Result<u64, Error> {
    let allowed =
        raised().map_err(|source| Error::System { what: "cannot read the limit of open files", source })?;
    let needed = needed(max_in_flight);
    if allowed < needed {
        return Err(Error::FileLimit { allowed, needed, in_flight: max_in_flight });
    }
    Ok(allowed)
}

/// How many files so many attempts need.
pub(crate) const fn needed(max_in_flight: u64) -> u64 {
    max_in_flight.saturating_mul(2).saturating_add(OTHERS)
}

/// Connections of callers that fit beside those to endpoints.
pub(crate) fn room_for_callers(allowed: u64, max_in_flight: u64) -> usize {
    /// Most connections of callers.
    ///
    /// 8,192: each costs some 20 KiB while it is used.
    const MOST: u64 = 8192;
    let room = allowed.saturating_sub(max_in_flight.saturating_mul(2)).saturating_sub(OTHERS / 2);
    usize::try_from(room.clamp(64, MOST)).unwrap_or(64)
}

#[expect(unsafe_code, reason = "the standard library has no call for limits")]
fn raised() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live rlimit, which the call fills.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < limit.rlim_max {
        let wanted = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
        // SAFETY: the pointer is to a live rlimit, which the call only reads.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) } == 0 {
            return Ok(wanted.rlim_cur);
        }
    }
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_is_refused_with_both_numbers() {
        let error = raise(u64::MAX / 4).unwrap_err();
        assert!(matches!(error, Error::FileLimit { .. }), "{error}");
        assert!(raise(1).unwrap() >= needed(1));
    }

    #[test]
    fn callers_get_what_attempts_leave() {
        assert_eq!(room_for_callers(4096, 1024), 4096 - 2048 - 128);
        assert_eq!(room_for_callers(1 << 20, 1024), 8192);
        assert_eq!(room_for_callers(2304, 1024), 128);
    }
}
