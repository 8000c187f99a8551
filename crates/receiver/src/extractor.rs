//! [`Verified`] as an argument of an axum handler.
//!
//! The state of the router must hold a [`Verifier`] (axum's `FromRef`). A request that fails a check is answered here
//! and never reaches the handler.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};

use crate::raw_body::RawBody;
use crate::refused::Refused;
use crate::verified::Verified;
use crate::verifier::Verifier;

impl<S> FromRequest<S> for Verified
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        // A layer may have done the work.
        if let Some(verified) = request.extensions().get::<Verified>() {
            return Ok(verified.clone());
        }
        let (parts, body) = request.into_parts();
        let body = RawBody::read(body).await?;
        Verifier::from_ref(state).verify(&parts.headers, body)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}
