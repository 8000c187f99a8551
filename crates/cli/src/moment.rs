//! Times and spans for people.

use std::time::{Duration, SystemTime};

use workbell_wire::Timestamp;

/// What the system clock says.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// A time of the interface, for a list: `2018-09-04 10:12:08Z`; other texts stay as they are.
pub(crate) fn short(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) => Timestamp::from_unix_seconds(moment.unix_seconds()).to_string().replacen('T', " ", 1),
        Err(_) => text.to_owned(),
    }
}

/// When something is due, seen from `now`: `in 4m 12s`, `due`; other texts stay as they are.
pub(crate) fn due(text: &str, now: Timestamp) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) if moment <= now => "due".to_owned(),
        Ok(moment) => format!("in {}", span(moment.since(now))),
        Err(_) => text.to_owned(),
    }
}

/// A span with its two largest units: `4m 12s`, `2.9 ms`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span < Duration::from_millis(10) => format!("{:.1} ms", span.as_secs_f64() * 1000.0),
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_what_matters_at_their_size() {
        let shown: Vec<String> = [0.0029, 0.35, 1.5, 42.0, 252.0, 7260.0, 180_000.0]
            .map(|seconds| span(Duration::from_secs_f64(seconds)))
            .to_vec();
        assert_eq!(shown, ["2.9 ms", "350 ms", "1.5 s", "42s", "4m 12s", "2h 1m", "2d 2h"]);
    }

    #[test]
    fn times_in_lists_end_with_the_second() {
        assert_eq!(short("2018-09-04T10:12:08.1671613Z"), "2018-09-04 10:12:08Z");
        assert_eq!(short("soon"), "soon");
        let now = "2018-09-04T10:12:08Z".parse().unwrap();
        assert_eq!(due("2018-09-04T10:16:20Z", now), "in 4m 12s");
        assert_eq!(due("2018-09-04T10:12:07Z", now), "due");
    }
}
