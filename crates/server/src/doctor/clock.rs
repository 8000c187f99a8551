//! The wall clock: near the truth, in step with a time server, not behind what the store knows.

use std::time::{Duration, SystemTime};

use workbell_wire::Timestamp;

use super::finding::{Check, Finding};

/// How far the clock may lie behind the newest record of the store.
///
/// 30 s, the jump that the service logs. Source: service.md section 6.
const MOST_BEHIND: Duration = Duration::from_secs(30);

/// No clock that is right shows less: 2026-01-01, before this was first released.
const EARLIEST: i64 = 1_767_225_600;

pub(super) fn check(newest: Option<Timestamp>) -> Finding {
    judge(Timestamp::from_system(SystemTime::now()), newest, is_synchronised())
}

fn judge(now: Timestamp, newest: Option<Timestamp>, is_synchronised: Option<bool>) -> Finding {
    const ADVICE: &str = "set the clock and keep it in step with a time server (NTP); receivers check the times in \
                          token and signature";
    if now.unix_seconds() < EARLIEST {
        return Finding::bad(Check::Clock, format!("the clock shows {now}, which is long past"), ADVICE);
    }
    if let Some(newest) = newest.filter(|newest| newest.since(now) > MOST_BEHIND) {
        let seen = format!(
            "the clock shows {now}, but the store knows of {newest}: it was set back, or ahead before"
        );
        return Finding::bad(Check::Clock, seen, ADVICE);
    }
    match is_synchronised {
        Some(true) => Finding::good(Check::Clock, format!("{now}, in step with a time server")),
        Some(false) => {
            let seen = format!("{now}; the system says that no time server keeps it in step");
            Finding::warning(Check::Clock, seen, ADVICE)
        }
        None => {
            Finding::good(Check::Clock, format!("{now}; whether a time server keeps it in step is not known"))
        }
    }
}

/// Whether the kernel's clock is disciplined by somebody; `None` when it does not tell.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no call for the state of the clock")]
fn is_synchronised() -> Option<bool> {
    // SAFETY: all members of a timex are numbers, for which zero is a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live timex; with `modes` zero the call only reads the clock's state into it.
    let told = unsafe { libc::adjtimex(&raw mut state) };
    (told >= 0).then_some(told != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0)
}

#[cfg(not(target_os = "linux"))]
fn is_synchronised() -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn a_clock_behind_the_store_is_bad_and_one_that_nobody_keeps_a_warning() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let grade = |newest, kept| judge(now, newest, kept).grade;
        assert_eq!(grade(None, Some(true)), Grade::Good);
        assert_eq!(grade(Some(now.plus(Duration::from_secs(29))), Some(true)), Grade::Good);
        assert_eq!(grade(Some(now.plus(Duration::from_secs(31))), Some(true)), Grade::Bad);
        assert_eq!(grade(None, Some(false)), Grade::Warning);
        assert_eq!(grade(None, None), Grade::Good);
        let past: Timestamp = "1970-01-01T00:10:00Z".parse().unwrap();
        assert_eq!(judge(past, None, Some(true)).grade, Grade::Bad);
    }
}
