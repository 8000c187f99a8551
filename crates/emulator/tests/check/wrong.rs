//! Receivers with one thing wrong each, over real sockets.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use workbell_emulator::Identity;
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{self, Check, DEFAULT_AUDIENCE, Expect, Verdict};
use workbell_wire::webhook_signature::{Headers, Keys, TOLERANCE};

use crate::now;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    TakesAnything,
    TakesAnyTokenAtAll,
    IgnoresChecks(&'static [Check]),
    IgnoresTheBody,
    VerifiesWhatIsThere,
    IgnoresTheAgeOfSignatures,
    VerifiesABodyWrittenAnew,
    DecompressesAlways,
    RefusesUnknownMembers,
    RefusesUnknownActions(u16),
    RefusesNull,
    RefusesLongBodies,
    RefusesOneAction,
    DemandsAnOptionalMember,
    TakesLong,
    AnswersBeforeItReads,
    HasNoPatienceWithBodies,
    TakesHalfABody,
    RefusesRepeats,
    StumblesOverRepeatsAtOnce,
    CountsRepeats,
    MakesSomethingNewOfRepeats,
    TellsRepeats,
    RefusesWhatHappenedBefore,
    Closes,
    HasFewConnections,
    BreaksAtABadRequest,
    NeverContinues,
    Redirects,
    AnswersNonsense,
    CrashesInsteadOfRefusing,
}

/// A receiver that runs until its process ends.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
}

struct Shared {
    wrong: Wrong,
    certificates: Vec<Certificate>,
    keys: Keys,
    endpoint: String,
    destination: String,
    connections: AtomicUsize,
    requests: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: HashSet<String>,
    working: HashMap<String, usize>,
    checked_out: HashSet<i64>,
    broken: bool,
    stumbles: Stumbles,
}

/// Whether two of the same at once make it stumble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stumbles {
    #[default]
    NotYet,
    Ready,
    Done,
}

struct Request {
    head: String,
    body: Vec<u8>,
    /// The connection ended before its end.
    cut: bool,
    /// Its bytes came drop by drop.
    drops: usize,
}

impl Receiver {
    /// One that trusts this identity; over TLS if there is something to do it with.
    pub(crate) fn start(wrong: Wrong, who: &Identity, tls: Option<Arc<ServerConfig>>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pem = who.ring(DEFAULT_AUDIENCE).unwrap().certificates_pem(now());
        let shared = Arc::new(Shared {
            wrong,
            certificates: Certificate::read_bundle(&pem).unwrap(),
            keys: Keys::new([&who.secret]),
            endpoint: who.endpoint_id.clone(),
            destination: format!("{}://{address}", if tls.is_some() { "https" } else { "http" }),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                std::thread::spawn(move || {
                    let open = shared.connections.fetch_add(1, SeqCst) + 1;
                    let few = wrong == Wrong::HasFewConnections && open > 8;
                    // A connection that breaks is what the other side sees, too.
                    let _over = match tls {
                        _ if few => Ok(()),
                        None => serve(stream, &shared),
                        Some(config) => {
                            serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &shared)
                        }
                    };
                    shared.connections.fetch_sub(1, SeqCst);
                });
            }
        });
        Receiver { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }
}

fn serve(mut stream: impl Read + Write, shared: &Shared) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer, shared)? {
        if shared.wrong == Wrong::AnswersNonsense {
            return stream.write_all(b"220 mail.example ESMTP\r\n");
        }
        let (status, headers, body) = answer(&request, shared);
        if !(request.answered(shared)) {
            write_answer(&mut stream, status, &headers, &body)?;
        }
        if shared.wrong == Wrong::Closes || request.cut {
            return Ok(());
        }
    }
    Ok(())
}

fn write_answer(stream: &mut impl Write, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status} Told\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Reads a request, as well as this receiver can.
fn read(
    stream: &mut (impl Read + Write),
    buffer: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Option<Request>> {
    let mut chunk = [0; 64 * 1024];
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            read => buffer.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let mut request = Request { head, body: Vec::new(), cut: false, drops: 0 };
    let length: usize = request.header("Content-Length").unwrap().parse().unwrap();
    if request.header("Expect").is_some() {
        if shared.wrong != Wrong::NeverContinues {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.flush()?;
        }
    } else if shared.wrong == Wrong::AnswersBeforeItReads {
        write_answer(stream, 200, "", "")?;
    }
    while buffer.len() < length {
        match stream.read(&mut chunk)? {
            0 => {
                request.cut = true;
                break;
            }
            read => {
                request.drops += usize::from(read < 512);
                buffer.extend_from_slice(&chunk[..read]);
            }
        }
    }
    request.body = buffer.drain(..length.min(buffer.len())).collect();
    Ok(Some(request))
}

type Answer = (u16, String, String);

fn says(status: u16) -> Answer {
    (status, String::new(), String::new())
}

fn answer(request: &Request, shared: &Shared) -> Answer {
    let wrong = shared.wrong;
    if request.cut {
        return says(if wrong == Wrong::TakesHalfABody { 200 } else { 400 });
    }
    if shared.state.lock().unwrap().broken {
        return says(500);
    }
    if wrong == Wrong::Redirects {
        return (301, "Location: /elsewhere\r\n".to_owned(), String::new());
    }
    if wrong == Wrong::HasNoPatienceWithBodies && request.drops > 2 {
        return says(408);
    }
    if !request.is_verified(shared) {
        shared.state.lock().unwrap().broken = wrong == Wrong::BreaksAtABadRequest;
        return says(if wrong == Wrong::CrashesInsteadOfRefusing { 500 } else { 401 });
    }
    request.taken(shared).unwrap_or_else(|| says(200))
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Whether it was answered before it was read.
    fn answered(&self, shared: &Shared) -> bool {
        shared.wrong == Wrong::AnswersBeforeItReads && self.header("Expect").is_none()
    }

    fn is_verified(&self, shared: &Shared) -> bool {
        match shared.wrong {
            Wrong::TakesAnything => true,
            Wrong::TakesAnyTokenAtAll => self.token().is_some() && self.has_good_signature(shared),
            _ => self.has_good_token(shared) && self.has_good_signature(shared),
        }
    }

    fn token(&self) -> Option<&str> {
        token::bearer(self.header("Authorization")?)
    }

    fn has_good_token(&self, shared: &Shared) -> bool {
        let Some(token) = self.token() else { return false };
        if shared.wrong == Wrong::DecompressesAlways && token.starts_with("eyJ") {
            return false;
        }
        let expect = Expect {
            audience: Some(DEFAULT_AUDIENCE),
            endpoint: Some(&shared.endpoint),
            destination: Some(&shared.destination),
            ..Expect::at(now())
        };
        let ignored = match shared.wrong {
            Wrong::IgnoresChecks(ignored) => ignored,
            _ => &[],
        };
        let report = token::verify(token, &shared.certificates, &expect);
        report
            .checks()
            .all(|(check, verdict)| !matches!(verdict, Verdict::Failed(_)) || ignored.contains(&check))
    }

    fn has_good_signature(&self, shared: &Shared) -> bool {
        let named =
            [self.header("Webhook-Id"), self.header("Webhook-Timestamp"), self.header("Webhook-Signature")];
        let [Some(id), Some(timestamp), Some(signature)] = named else {
            return matches!(shared.wrong, Wrong::VerifiesWhatIsThere | Wrong::IgnoresTheBody);
        };
        let tolerance = match shared.wrong {
            Wrong::IgnoresTheBody => return true,
            Wrong::IgnoresTheAgeOfSignatures => Duration::from_secs(1_000_000),
            _ => TOLERANCE,
        };
        let body = match shared.wrong {
            Wrong::VerifiesABodyWrittenAnew => without_blanks(self.text()),
            _ => self.text().to_owned(),
        };
        let headers = Headers { id, timestamp, signature };
        shared.keys.verify(&headers, body.as_bytes(), now(), tolerance).is_ok()
    }

    /// What becomes of a verified one; `None` is a plain 200.
    fn taken(&self, shared: &Shared) -> Option<Answer> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let action = body["Header"]["Action"].as_str().unwrap().to_owned();
        let id = body["Header"]["MessageId"].as_str().unwrap().to_owned();
        let order = body["Header"]["WorkOrderId"].as_i64().unwrap();
        let mut state = shared.state.lock().unwrap();
        let refused = |wrong: bool, status: u16| wrong.then(|| says(status));
        match shared.wrong {
            Wrong::RefusesUnknownMembers => refused(self.text().contains("\"AddedLater\""), 422),
            Wrong::RefusesUnknownActions(status) => refused(action == "SomethingNew", status),
            Wrong::RefusesNull => refused(self.text().contains(":null"), 400),
            Wrong::RefusesLongBodies => refused(self.body.len() > 100_000, 413),
            Wrong::RefusesOneAction => refused(action == "NteChanged", 404),
            Wrong::DemandsAnOptionalMember => {
                refused(action == "Reopened" && body.get("Comment").is_none(), 400)
            }
            Wrong::RefusesRepeats => refused(!state.seen.insert(id), 409),
            Wrong::TakesLong if action == "SlaChanged" => {
                drop(state);
                std::thread::sleep(Duration::from_millis(2500));
                None
            }
            Wrong::HasFewConnections => {
                drop(state);
                // Several at once stay until all are there.
                if shared.connections.load(SeqCst) > 2 {
                    std::thread::sleep(Duration::from_millis(300));
                }
                None
            }
            Wrong::StumblesOverRepeatsAtOnce => {
                *state.working.entry(id.clone()).or_default() += 1;
                shared.changed.notify_all();
                // Repeats at once come soon after the first repeat: until then nobody is kept waiting for them.
                if state.stumbles == Stumbles::Ready {
                    let alone = |state: &mut State| state.working[&id] < 2;
                    let patience = Duration::from_secs(2);
                    (state, _) = shared.changed.wait_timeout_while(state, patience, alone).unwrap();
                }
                let now = state.stumbles == Stumbles::Ready && state.working[&id] > 1;
                if now {
                    state.stumbles = Stumbles::Done;
                } else if !state.seen.insert(id.clone()) && state.stumbles == Stumbles::NotYet {
                    state.stumbles = Stumbles::Ready;
                }
                *state.working.get_mut(&id).unwrap() -= 1;
                now.then(|| says(500))
            }
            Wrong::TellsRepeats => {
                (!state.seen.insert(id)).then(|| (200, String::new(), "duplicate".to_owned()))
            }
            Wrong::CountsRepeats => {
                let count = shared.requests.fetch_add(1, SeqCst);
                Some((200, String::new(), format!("{{\"Kept\":{{\"Number\":{count}}}}}")))
            }
            Wrong::MakesSomethingNewOfRepeats => {
                let count = shared.requests.fetch_add(1, SeqCst);
                Some((201, format!("Location: /notes/{}\r\n", count * 7919), String::new()))
            }
            Wrong::RefusesWhatHappenedBefore => {
                if action == "CheckedOut" {
                    state.checked_out.insert(order);
                }
                refused(action == "NewWorkOrder" && state.checked_out.contains(&order), 409)
            }
            _ => None,
        }
    }
}

/// JSON with the blanks between its parts taken out, as many tools write it anew.
fn without_blanks(json: &str) -> String {
    let (mut text, mut quoted, mut escaped) = (String::new(), false, false);
    for c in json.chars() {
        if !quoted && c.is_ascii_whitespace() {
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    text
}
