//! The platform: who configures Workbell and publishes notifications.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::http::{Reader, Reply};
use crate::wait::PATIENCE;

/// A caller of the platform interface with the right key. It keeps its connection; make another one per thread.
#[derive(Debug)]
pub struct Platform {
    address: SocketAddr,
    key: String,
    connection: Mutex<Option<(TcpStream, Reader)>>,
}

/// An endpoint as it was created.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Its `whsec_` secret.
    pub secret: String,
}

impl Platform {
    /// A caller with this key.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Platform { address, key: key.to_owned(), connection: Mutex::new(None) }
    }

    /// One request with exactly these headers (`Host` and `Content-Length` are added).
    ///
    /// # Errors
    /// When there is no connection, or no whole answer.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // One that breaks is not kept.
        let (mut stream, mut reader) = match kept.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let copy = stream.try_clone()?;
                (stream, Reader::new(copy))
            }
        };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request)?;
        let reply = reader.reply()?;
        if reply.header("Connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            *kept = Some((stream, reader));
        }
        Ok(reply)
    }

    /// The same with the key, and the body as JSON.
    ///
    /// # Errors
    /// As [`Platform::send`].
    pub fn try_call(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Reply> {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        self.send(method, path, if body.is_empty() { &headers[..1] } else { &headers }, body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        match self.try_call(method, path, body) {
            Ok(reply) => reply,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// Reads.
    ///
    /// # Panics
    /// Without an answer; so do all below.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, b"")
    }

    /// Creates.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, body.to_string().as_bytes())
    }

    /// Does what takes no body.
    #[track_caller]
    pub fn ask(&self, path: &str) -> Reply {
        self.call("POST", path, b"")
    }

    /// Changes.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call("PATCH", path, body.to_string().as_bytes())
    }

    /// Publishes exactly this text.
    #[track_caller]
    pub fn publish(&self, text: &[u8]) -> Reply {
        self.call("POST", "/v1/notifications", text)
    }

    /// Creates a company with one branch.
    #[track_caller]
    pub fn create_company(&self, company: &str, branch: i64) {
        self.post("/v1/companies", &json!({"CompanyId": company, "Name": company})).with(201);
        let path = format!("/v1/companies/{company}/branches");
        self.post(&path, &json!({"BranchId": branch, "Name": "North"})).with(201);
    }

    /// Creates an endpoint with this URL and, on top, these members.
    ///
    /// # Panics
    /// When it cannot be created.
    #[track_caller]
    pub fn create_endpoint(&self, company: &str, url: &str, members: Value) -> Endpoint {
        let mut body = members;
        body["Url"] = url.into();
        let made = self.post(&format!("/v1/companies/{company}/endpoints"), &body).with(201);
        let text = |name: &str| made[name].as_str().expect("an endpoint has this member").to_owned();
        Endpoint { id: text("EndpointId"), secret: text("Secret") }
    }

    /// All items of a list; `path` has a query.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mut page = self.get(&format!("{path}&Limit=500{after}")).with(200);
            if let Some(more) = page["Items"].as_array_mut() {
                items.append(more);
            }
            match page["Next"].as_str() {
                Some(next) => after = format!("&After={next}"),
                None => return items,
            }
        }
    }

    /// A delivery with its attempts.
    #[track_caller]
    pub fn delivery(&self, id: &str) -> Value {
        self.get(&format!("/v1/deliveries/{id}")).with(200)
    }
}
