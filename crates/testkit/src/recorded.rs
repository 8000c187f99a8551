//! A request as it arrived.

use std::time::Duration;

use crate::http::header;

/// A request as it arrived, byte for byte.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Which connection it came over, counted from 0.
    pub connection: u64,
    /// Its place among all arrivals and answers of the receiver.
    pub arrived: u64,
    /// When it was answered, in the same count, and with which status; `None` when it was not answered.
    pub answered: Option<(u64, u16)>,
    /// The head with its empty line.
    pub head: Vec<u8>,
    /// Whether bytes of the body came before they were asked for.
    pub came_unasked: bool,
    /// How long the body kept us waiting after the head.
    pub body_after: Duration,
    /// The body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// Head and body as one text.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn text(&self) -> String {
        let bytes = [self.head.as_slice(), self.body.as_slice()].concat();
        String::from_utf8(bytes).expect("the request is text")
    }

    /// Request line and headers.
    ///
    /// # Panics
    /// When they are no text.
    #[track_caller]
    pub fn head_text(&self) -> &str {
        std::str::from_utf8(&self.head).expect("the head is text")
    }

    /// Names and values of the headers, in their order and their case.
    #[track_caller]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let lines = self.head_text().trim_end().split("\r\n").skip(1);
        lines.filter_map(|line| line.split_once(": ")).collect()
    }

    /// The first value of a header.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = header(self.head_text(), name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head_text()))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Id of the notification.
    #[track_caller]
    pub fn message_id(&self) -> &str {
        self.header("Webhook-Id")
    }

    /// Number of the attempt.
    #[track_caller]
    pub fn attempt(&self) -> u64 {
        self.header("Workbell-Attempt").parse().expect("the attempt is a number")
    }

    /// Place in its lane.
    #[track_caller]
    pub fn sequence(&self) -> u64 {
        self.header("Workbell-Sequence").parse().expect("the sequence is a number")
    }

    /// The work order.
    #[track_caller]
    pub fn work_order(&self) -> i64 {
        self.json()["Header"]["WorkOrderId"].as_i64().expect("the work order is a number")
    }

    /// Whether it was answered with a success.
    pub fn is_delivered(&self) -> bool {
        matches!(self.answered, Some((_, 200..=299)))
    }
}
