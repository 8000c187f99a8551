//! A tower layer that lets only verified notifications through.
//!
//! It reads the raw body (bounded), verifies, and calls the service behind it with the same bytes and a [`Verified`]
//! among the request's extensions. What fails a check is answered here.
//!
//! [`Verified`]: crate::Verified

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service};

use crate::raw_body::RawBody;
use crate::refused::Refused;
use crate::verifier::Verifier;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Wraps services with [`Verify`].
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    verifier: Verifier,
}

impl VerifyLayer {
    /// Lets through what this verifier takes.
    pub fn new(verifier: Verifier) -> Self {
        VerifyLayer { verifier }
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify { verifier: self.verifier.clone(), inner }
    }
}

/// A service behind a verifier.
#[derive(Clone, Debug)]
pub struct Verify<S> {
    verifier: Verifier,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    R: From<String>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verifier = self.verifier.clone();
        // The one that is ready serves this call; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match verified(&verifier, request).await {
                Ok(request) => inner.call(request).await,
                Err(refused) => {
                    let mut answer = Response::new(R::from(format!("{refused}\n")));
                    *answer.status_mut() = refused.status();
                    Ok(answer)
                }
            }
        })
    }
}

async fn verified<B>(verifier: &Verifier, request: Request<B>) -> Result<Request<Full<Bytes>>, Refused>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let body = RawBody::read(body).await?;
    let verified = verifier.verify(&parts.headers, body.clone())?;
    parts.extensions.insert(verified);
    Ok(Request::from_parts(parts, Full::new(body.bytes())))
}
