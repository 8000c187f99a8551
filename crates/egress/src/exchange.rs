//! One request over one connection.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Method, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use crate::answer::{BODY_WAIT, MAX_HEAD};
use crate::body::Outgoing;
use crate::connection::Link;
use crate::expect::{EXPECT_WAIT, Expectation};
use crate::failure::{Closed, Failure};
use crate::url::Target;

/// What was read of the body of an answer.
pub(crate) struct Read {
    pub(crate) bytes: BytesMut,
    /// There was, or may have been, more.
    pub(crate) cut: bool,
}

impl Link {
    /// Sends a request and waits for the head of its final answer.
    ///
    /// Time is bounded by the caller; dropping the future leaves a connection that must be dropped too.
    pub(crate) async fn exchange(
        &mut self,
        target: &Target,
        head: HeaderMap,
        body: Bytes,
        expectation: Expectation,
    ) -> Result<Response<Incoming>, Failure> {
        let waits = expectation == Expectation::Wait;
        self.gauge.begin(waits);
        let mut request = http::Request::new(Outgoing::new(body, Arc::clone(&self.gauge)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.uri().clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head;
        if expectation != Expectation::Off {
            let gauge = Arc::clone(&self.gauge);
            hyper::ext::on_informational(&mut request, move |answer| {
                gauge.informed(answer.status() == http::StatusCode::CONTINUE);
            });
        }
        let mut answer = pin!(self.sender.send_request(request));
        let mut wait = pin!(waits.then(|| sleep(EXPECT_WAIT)));
        let (http, gauge, ended) = (&mut self.http, &self.gauge, &mut self.ended);
        let answered = poll_fn(|cx| {
            loop {
                if !*ended && Pin::new(&mut *http).poll(cx).is_ready() {
                    *ended = true;
                }
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(answer.map_err(Some));
                }
                if *ended || gauge.is_exhausted() {
                    return Poll::Ready(Err(None));
                }
                if !gauge.is_released()
                    && let Some(wait) = wait.as_mut().as_pin_mut()
                    && wait.poll(cx).is_ready()
                {
                    gauge.release();
                    continue;
                }
                return Poll::Pending;
            }
        })
        .await;
        match answered {
            Ok(answer) => {
                self.gauge.head_read();
                Ok(answer)
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    /// What an exchange without an answer means.
    fn broken(&mut self, error: Option<hyper::Error>) -> Failure {
        if self.gauge.is_exhausted() {
            return Failure::InvalidResponse(format!("its head is longer than {} KiB", MAX_HEAD / 1024));
        }
        match error {
            Some(error) if error.is_parse() => Failure::InvalidResponse(parse_text(&error)),
            _ if self.gauge.first_byte().is_some() && !self.gauge.is_begun() => Failure::InvalidResponse(
                "the receiver spoke before it was sent anything; is it a web server?".to_owned(),
            ),
            // the first byte of an answer sets it, a 1xx takes it back
            _ if self.gauge.first_byte().is_some() => Failure::ConnectionClosed(Closed::WithinHead),
            _ => Failure::ConnectionClosed(Closed::BeforeAnswer),
        }
    }

    /// Reads the body of an answer for the log: at most `limit` bytes, for at most [`BODY_WAIT`].
    pub(crate) async fn read(&mut self, mut body: Incoming, limit: usize) -> Read {
        let mut read = Read { bytes: BytesMut::new(), cut: true };
        if body.is_end_stream() {
            read.cut = false;
            return read;
        }
        let mut timer = pin!(None::<Sleep>);
        poll_fn(|cx| {
            loop {
                // hyper hands over one piece at a time and reads on when it was taken
                let mut frame = Pin::new(&mut body).poll_frame(cx);
                if frame.is_pending() {
                    self.poll(cx);
                    frame = Pin::new(&mut body).poll_frame(cx);
                }
                if let Poll::Ready(frame) = frame {
                    if read.take(frame, limit) {
                        return Poll::Ready(());
                    }
                    continue;
                }
                if timer.is_none() {
                    timer.set(Some(sleep(BODY_WAIT)));
                }
                return elapsed(timer.as_mut(), cx);
            }
        })
        .await;
        read
    }
}

impl Read {
    /// Takes a frame; `true` when nothing more is wanted.
    fn take(&mut self, frame: Option<Result<http_body::Frame<Bytes>, hyper::Error>>, limit: usize) -> bool {
        match frame {
            None => {
                self.cut = false;
                true
            }
            Some(Err(_)) => true,
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                let room = limit - self.bytes.len();
                self.bytes.extend_from_slice(&data[..data.len().min(room)]);
                data.len() > room
            }
        }
    }
}

fn elapsed(timer: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    timer.as_pin_mut().map_or(Poll::Ready(()), |timer| timer.poll(cx))
}

/// What hyper could not read, for people.
fn parse_text(error: &hyper::Error) -> String {
    if error.is_parse_status() {
        return "its status line is broken".to_owned();
    }
    match error.to_string().as_str() {
        "message head is too large" => "its head has more than 100 headers".to_owned(),
        "invalid HTTP version parsed" => "it is not HTTP/1".to_owned(),
        text => text.to_owned(),
    }
}
