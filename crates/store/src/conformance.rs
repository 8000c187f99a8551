//! What a store means, as tests: an engine is right when it passes all of these.
//!
//! An engine brings a [`Place`] (where a store can be opened, closed and opened again) and says
//! `conformance_suite!(place)` in a test module; that makes one test of each claim. Claims know nothing of the engine:
//! they see the [`Store`](crate::Store) trait through a [`Bench`]. A claim that is written but not listed below is dead
//! code, which the compiler reports.

pub(crate) mod acceptance;
pub(crate) mod bench;
pub(crate) mod told;

pub(crate) use bench::{Bench, Place};

/// One `#[tokio::test]` per claim, on a fresh place each. `$place` is an expression that makes one.
macro_rules! conformance_suite {
    ($place:expr) => {
        conformance_suite! { @modules $place;
            acceptance {
                a_notification_is_queued_for_the_endpoint_that_wants_it,
            }
        }
    };
    (@modules $place:expr; $($module:ident { $($claim:ident,)* })*) => {
        $(mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $claim() {
                    let place = $place;
                    $crate::conformance::$module::$claim($crate::conformance::Bench::open(place).await).await;
                }
            )*
        })*
    };
}

pub(crate) use conformance_suite;
