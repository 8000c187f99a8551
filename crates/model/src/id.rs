//! Identifiers: what tells one company, endpoint or delivery from another.
//!
//! Company ids are chosen by the platform; all others are made here, as UUIDv7. A delivery's UUID carries its
//! number in the store, so that nothing needs an index on random bytes to find it again.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use workbell_wire::Timestamp;
pub use workbell_wire::publication::LOWEST_WORK_ORDER;

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}")]
pub struct ParseError {
    kind: &'static str,
    text: String,
}

/// A company: 1 to 64 characters of `A-Z a-z 0-9 _ -`, chosen by the platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CompanyId(Arc<str>);

impl CompanyId {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CompanyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(ParseError {
                kind: "company id ([A-Za-z0-9_-]{1,64})",
                text: text.chars().take(80).collect(),
            });
        }
        Ok(CompanyId(text.into()))
    }
}

impl fmt::Display for CompanyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CompanyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, from a UUIDv7 made by the caller.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                $name(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The sixteen bytes, as a store keeps them.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                Uuid::parse_str(text)
                    .map($name)
                    .map_err(|_| ParseError { kind: $kind, text: text.chars().take(80).collect() })
            }
        }
    };
}

uuid_id!(
    /// An endpoint of a company.
    EndpointId,
    "endpoint id"
);
uuid_id!(
    /// An OAuth client of a company.
    ClientId,
    "client id"
);
uuid_id!(
    /// A person of a company.
    PersonId,
    "person id"
);
uuid_id!(
    /// A job over many deliveries.
    JobId,
    "job id"
);
uuid_id!(
    /// A delivery: one notification on its way to one endpoint.
    ///
    /// A UUIDv7 whose last 62 bits are the [`DeliveryNo`].
    DeliveryId,
    "delivery id"
);

/// A work order; 0 when a notification is not about one. Unique over all companies.
pub type WorkOrderId = i64;

/// The lane in which the replays that a job makes of a work order's notifications stand at each endpoint: a number
/// below [`LOWEST_WORK_ORDER`], which no work order has. Two work orders of a job might share one, once in 2^62: they would wait for each other.
pub fn replay_lane(job: u64, work_order_id: WorkOrderId) -> WorkOrderId {
    let mut z = work_order_id.cast_unsigned() ^ job.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    i64::MIN + (z >> 2).cast_signed()
}

/// Whether a lane is one of a replay.
pub const fn is_replay_lane(lane: WorkOrderId) -> bool {
    lane < LOWEST_WORK_ORDER
}

/// Place of a delivery within its lane, from 1.
pub type Sequence = u64;

/// Number of a notification in the store, in the order of acceptance; at most 2^49 − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotificationNo(pub u64);

/// Number of a delivery in the store: its notification's number and its place among that one's deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryNo(pub u64);

impl DeliveryNo {
    /// Most deliveries that one notification can have: 4,096. `limits.endpoints` stays far below.
    pub const MOST_PER_NOTIFICATION: u64 = 1 << 12;

    /// The delivery with this place among those of a notification.
    pub const fn new(notification: NotificationNo, ordinal: u16) -> Self {
        DeliveryNo((notification.0 << 12) | (ordinal as u64 & 0xfff))
    }

    /// The notification that it carries.
    pub const fn notification(self) -> NotificationNo {
        NotificationNo(self.0 >> 12)
    }
}

impl DeliveryId {
    /// The id of the delivery with this number, of a notification accepted at this time.
    pub fn new(accepted: Timestamp, no: DeliveryNo) -> Self {
        let millis = u128::from(accepted.unix_millis().max(0).unsigned_abs()) & 0xffff_ffff_ffff;
        let spread = u128::from(no.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52);
        DeliveryId(Uuid::from_u128(
            (millis << 80) | (0x7 << 76) | (spread << 64) | (0b10 << 62) | u128::from(no.0 & ((1 << 62) - 1)),
        ))
    }

    /// The delivery's number in the store; for an id that was not made here, a number that is not there.
    pub fn no(self) -> DeliveryNo {
        DeliveryNo((self.0.as_u128() & ((1 << 62) - 1)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_carries_its_number() {
        let no = DeliveryNo::new(NotificationNo(123_456_789), 17);
        let id = DeliveryId::new(Timestamp::from_unix_seconds(1_800_000_000), no);
        assert_eq!(id.no(), no);
        assert_eq!(id.no().notification(), NotificationNo(123_456_789));
        assert_eq!(id.uuid().get_version_num(), 7);
        assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.to_string().parse::<DeliveryId>().unwrap(), id);
    }

    #[test]
    fn the_lane_of_a_replay_is_no_work_order() {
        for (job, order) in [(1, 42), (1, 0), (2, 42), (u64::MAX, i64::MAX), (7, LOWEST_WORK_ORDER)] {
            assert!(is_replay_lane(replay_lane(job, order)), "{job} {order}");
            assert!(!is_replay_lane(order));
        }
        assert_ne!(replay_lane(1, 42), replay_lane(2, 42));
        assert_ne!(replay_lane(1, 42), replay_lane(1, 43));
    }

    #[test]
    fn company_ids_take_letters_digits_underscore_and_hyphen() {
        assert!("acme_North-1".parse::<CompanyId>().is_ok());
        for text in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(text.parse::<CompanyId>().is_err(), "{text}");
        }
    }
}
