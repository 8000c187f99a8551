//! Reads a request's body within its bounds of bytes and time.
//!
//! Bodies in memory have one budget for the whole process: who comes when it is used up is asked to come again, so a
//! crowd of large publishers cannot take all memory. Bytes are counted as they arrive, not as they are announced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use tokio::time::Instant;
use workbell_wire::publication::is_array;

use crate::problem::{Code, Problem};

/// Most bytes of bodies in memory at once.
///
/// 256 MiB: sixteen of the largest batches, and with notifications of 1 KiB more than the writer's channel holds.
const LARGEST_SUM: usize = 256 << 20;

/// Longest wait for the next bytes of a body.
///
/// 20 s: long for any working network, short for somebody who holds connections open on purpose.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Longest time for a whole body.
///
/// 2 min: 16 MiB at 140 KiB/s.
const LONGEST_BODY: Duration = Duration::from_secs(120);

/// Most bytes that are taken of a refused body.
///
/// 32 MiB, twice the largest batch of the default settings.
const MOST_DRAINED: usize = 32 << 20;

/// Longest time for that.
///
/// 5 s: the answer waits for it.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

/// Bytes of bodies that are in memory now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// A body in memory; counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Budget,
    counted: usize,
}

impl Budget {
    fn hold(&self) -> Held {
        Held { budget: self.clone(), counted: 0 }
    }
}

impl Held {
    fn add(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.budget.0.fetch_add(bytes, Ordering::Relaxed);
        self.counted += bytes;
        if before + bytes > LARGEST_SUM {
            return Err(Problem::new(
                Code::QueueFull,
                "too many bodies are in memory; try again in a second",
            ));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// How long a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of an array, if one is taken, and the setting's name.
    pub(crate) array: Option<usize>,
    /// Bytes of anything else.
    pub(crate) other: usize,
}

/// Reads the whole body.
///
/// # Errors
/// `body_too_large`, `request_timeout`, `queue_full`.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: &mut Body,
    bounds: Bounds,
    budget: &Budget,
) -> Result<(Bytes, Held), Problem> {
    let largest = bounds.array.unwrap_or(bounds.other).max(bounds.other);
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > largest as u64) {
        return Err(too_large(bounds, bounds.array.is_some()));
    }
    let mut held = budget.hold();
    Ok((frames(body, bounds, &mut held).await?, held))
}

async fn frames(body: &mut Body, bounds: Bounds, held: &mut Held) -> Result<Bytes, Problem> {
    let end = Instant::now() + LONGEST_BODY;
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    loop {
        let deadline = end.min(Instant::now() + LONGEST_PAUSE);
        let next = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = next else { break };
        let frame =
            frame.map_err(|error| Problem::new(Code::InvalidJson, format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        held.add(data.len())?;
        // Most bodies are one frame, which is not copied.
        if whole.is_empty() && parts.is_empty() {
            whole = data;
        } else {
            parts.extend_from_slice(&std::mem::take(&mut whole));
            parts.extend_from_slice(&data);
        }
        let so_far: &[u8] = if parts.is_empty() { &whole } else { &parts };
        let array = bounds.array.filter(|_| is_array(so_far));
        if so_far.len() > array.unwrap_or(bounds.other) {
            return Err(too_large(bounds, array.is_some()));
        }
    }
    Ok(if parts.is_empty() { whole } else { parts.freeze() })
}

/// Takes what is left of a body that was refused, and forgets it: a connection that is closed while bytes still
/// arrive is reset, and the caller would lose the answer.
pub(crate) async fn drain(headers: &HeaderMap, mut body: Body) {
    // Whoever waits for our word to send the body gets the answer instead.
    if headers.contains_key(EXPECT) {
        return;
    }
    let rest = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > MOST_DRAINED {
                break;
            }
        }
    };
    // Who is slower than this is not waited for.
    let _drained = tokio::time::timeout(LONGEST_DRAIN, rest).await;
}

fn too_large(bounds: Bounds, array: bool) -> Problem {
    let detail = match bounds.array {
        Some(most) if array => {
            format!("an array of notifications has at most {most} bytes (limits.batch_body)")
        }
        Some(_) => format!("a notification has at most {} bytes (limits.body)", bounds.other),
        None => format!("this body has at most {} bytes", bounds.other),
    };
    Problem::new(Code::BodyTooLarge, detail)
}

fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, "the body did not arrive in time; send it again, in one go")
}

/// Refuses a body that does not say it is JSON in UTF-8, as it came.
///
/// # Errors
/// `unsupported_media_type`.
pub(crate) fn demand_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return refuse("Content-Type is missing; send application/json");
    };
    if headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
        return refuse("Content-Type stands there more than once; send application/json once");
    }
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    if !parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return refuse("Content-Type must be application/json");
    }
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        if name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8") {
            return refuse("JSON is UTF-8; leave charset out or send charset=utf-8");
        }
    }
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refuse("a body with Content-Encoding is not taken; send it as it is")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;

    use super::*;

    /// Parts of a body, then silence.
    struct Stalling(VecDeque<&'static [u8]>);

    impl HttpBody for Stalling {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            match self.0.pop_front() {
                Some(part) => Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(part))))),
                None => Poll::Pending,
            }
        }
    }

    const BOUNDS: Bounds = Bounds { array: Some(40), other: 20 };

    async fn code_of(mut body: Body, budget: &Budget) -> Result<Bytes, Code> {
        let read = read(&HeaderMap::new(), &mut body, BOUNDS, budget).await;
        read.map(|(bytes, _)| bytes).map_err(|problem| problem.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up_and_its_bytes_count_no_more() {
        let budget = Budget::default();
        let body = Body::new(Stalling([&b"{\"a\":"[..], b"1"].into()));
        assert_eq!(code_of(body, &budget).await, Err(Code::RequestTimeout));
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn arrays_may_be_longer_than_one_alone() {
        let budget = Budget::default();
        let text = |length: usize, first: char| Body::from(format!(" {first}{}", "x".repeat(length - 2)));
        assert_eq!(code_of(text(20, '{'), &budget).await.unwrap().len(), 20);
        assert_eq!(code_of(text(21, '{'), &budget).await, Err(Code::BodyTooLarge));
        assert_eq!(code_of(text(40, '['), &budget).await.unwrap().len(), 40);
        assert_eq!(code_of(text(41, '['), &budget).await, Err(Code::BodyTooLarge));
    }

    #[tokio::test]
    async fn when_the_budget_is_used_up_callers_are_asked_to_come_again() {
        let budget = Budget::default();
        let mut others = budget.hold();
        others.add(LARGEST_SUM - 3).unwrap();
        assert_eq!(code_of(Body::from("abcd"), &budget).await, Err(Code::QueueFull));
        drop(others);
        assert_eq!(code_of(Body::from("abcd"), &budget).await.unwrap(), "abcd");
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
