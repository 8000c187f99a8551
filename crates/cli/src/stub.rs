//! A tiny HTTP server for tests: answers what it was told, in order, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::screen::Screen;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Method and target.
    pub(crate) line: String,
    /// The body.
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Received {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The server.
pub(crate) struct Stub {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    folder: tempfile::TempDir,
}

impl Stub {
    /// Answers with these statuses and bodies, on connections that stay open.
    pub(crate) async fn start<const N: usize>(answers: [(u16, &str); N]) -> Self {
        Stub::with(&answers, true).await
    }

    /// The same on connections that are closed behind each answer.
    pub(crate) async fn closing<const N: usize>(answers: [(u16, &str); N]) -> Self {
        Stub::with(&answers, false).await
    }

    async fn with(answers: &[(u16, &str)], keep: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: VecDeque<(u16, String)> = answers.iter().map(|(s, b)| (*s, (*b).to_owned())).collect();
        let answers = Arc::new(Mutex::new(answers));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                let service = service_fn(move |request| {
                    let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                    async move { answer(request, &answers, &kept).await }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.keep_alive(keep);
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("platform.key"), "k3y\n").unwrap();
        Stub { url, received, folder }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What it was asked.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Methods and targets of what it was asked.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    /// Runs `workbell` with these words against this server; what it prints on `screen` comes back.
    pub(crate) async fn run(&self, screen: Screen, words: &[&str]) -> Result<String, Failure> {
        use clap::Parser as _;
        let screen = screen.captured();
        let data_dir = self.folder.path().display().to_string();
        let url = self.url();
        let all = ["workbell"].iter().chain(words).copied().chain([
            "--server",
            url.as_str(),
            "--data-dir",
            data_dir.as_str(),
        ]);
        let arguments = Arguments::try_parse_from(all).unwrap_or_else(|error| panic!("{error}"));
        arguments.command.run(&screen, arguments.color).await.map(|()| screen.printed())
    }
}

async fn answer(
    request: Request<hyper::body::Incoming>,
    answers: &Mutex<VecDeque<(u16, String)>>,
    kept: &Mutex<Vec<Received>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = String::from_utf8(request.into_body().collect().await?.to_bytes().to_vec()).unwrap();
    kept.lock().unwrap().push(Received { line, body, headers });
    let (status, text) = answers.lock().unwrap().pop_front().unwrap_or((500, "no answer left".to_owned()));
    Ok(Response::builder().status(status).body(Full::new(Bytes::from(text))).unwrap())
}
