//! The local port: one POST after the other is judged, shown, sent on, and answered.
//!
//! Without `--forward-to` it answers as a good receiver does: 200, and 401 for what it refuses. With it, what the
//! developer's program answered goes back as it came, and 502 when that could not be asked.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::arrival::Arrival;
use super::forward::{Forwarded, Forwarder};
use super::trust::Trust;
use super::{Desk, Listen, show};
use crate::failure::Failure;
use crate::moment;
use crate::screen::Screen;

/// Longest body that is read, in bytes. 16 MiB: far above any limit of the service, so that faults can be seen too.
const LONGEST_BODY: usize = 16 << 20;

/// Connections at once. 64: four times what the service opens to one endpoint.
const CONNECTIONS: usize = 64;

struct Port {
    options: Listen,
    screen: Screen,
    trust: Trust,
    forwarder: Option<Forwarder>,
    /// One after the other on the screen, in the order in which they were judged.
    order: Mutex<workbell_receiver::Order>,
}

/// Listens until it is told to stop.
///
/// # Errors
/// When it cannot listen, or nothing to trust can be read.
pub(super) async fn listen(
    options: &Listen,
    forwarder: Option<Forwarder>,
    screen: &Screen,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; something else listens there, give another --listen",
            _ => "",
        };
        Failure::Failed(format!("cannot listen on {}: {error}{hint}", options.listen))
    };
    let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let trust = options.trust_of_port(screen)?;
    let desk = Desk::new(options, forwarder, screen);
    desk.note(&format!("Listening on http://{address}/; stop with Ctrl-C."));
    if let Some(forwarder) = &desk.forwarder {
        desk.note(&format!("Forwarding to {}", forwarder.url()));
    }
    let Desk { forwarder, order, .. } = desk;
    let port = Arc::new(Port { options: options.clone(), screen: screen.clone(), trust, forwarder, order });
    serve(listener, port, stop).await;
    Ok(())
}

async fn serve(listener: TcpListener, port: Arc<Port>, stop: &CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        // One that cannot be taken is tried again by whoever sends.
        let Ok((stream, _)) = accepted else { continue };
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let (port, stop) = (Arc::clone(&port), stop.clone());
        connections.spawn(async move {
            let _permit = permit;
            let service = service_fn(move |request| {
                let port = Arc::clone(&port);
                async move { Ok::<_, Infallible>(port.receive(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .preserve_header_case(true)
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                _ended = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ended = connection.await;
                }
            }
        });
    }
    while connections.join_next().await.is_some() {}
}

impl Port {
    async fn receive(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, "notifications are posted here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                self.screen.note(&format!("a request broke off or was too long: {error}"));
                return answer(StatusCode::BAD_REQUEST, "the body did not arrive whole\n");
            }
        };
        let arrival = Arrival { headers: head.headers, body, extensions: head.extensions };
        let verdict = self.trust.judge(&arrival, moment::now());
        // Held from the place in the order to the line on the screen.
        let mut order = self.order.lock().await;
        let place = order.note(arrival.told().work_order_id, arrival.sequence(), moment::now());
        if !self.options.json {
            self.print(&show::text(&arrival, &place, &verdict, self.options.body, &self.screen));
        }
        drop(order);
        let forwarded = match &self.forwarder {
            Some(forwarder) => Some(forwarder.send(&arrival).await),
            None => None,
        };
        if self.options.json {
            self.print(&show::json(&arrival, &place, &verdict, forwarded.as_ref()));
        } else if let Some(forwarded) = &forwarded {
            self.print(&show::answer(forwarded, &self.screen));
        }
        match forwarded {
            Some(Forwarded::Answered { status, mut headers, body, .. }) => {
                for hop in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
                    headers.remove(hop);
                }
                let mut response = Response::new(Full::new(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            Some(Forwarded::NotReached(why) | Forwarded::NoAnswer(why)) => {
                answer(StatusCode::BAD_GATEWAY, &format!("{why}\n"))
            }
            None if verdict.is_good() => answer(StatusCode::OK, ""),
            None => answer(StatusCode::UNAUTHORIZED, &format!("{}\n", verdict.reason().unwrap_or_default())),
        }
    }

    /// What nobody reads any more is not worth stopping for: the sender still wants its answer.
    fn print(&self, text: &str) {
        let _unread = self.screen.print(text);
    }
}

fn answer(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}
