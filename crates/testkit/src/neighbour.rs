//! Receivers that misbehave, each in its own way: raw sockets, no HTTP library that would keep them decent.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::wait::PATIENCE;

/// Between two bytes of one that drips: slow, and far from idle.
const DRIP: Duration = Duration::from_millis(50);

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Nobody listens.
    Absent,
    /// Listens and accepts nothing: its system takes the connection.
    NeverAccepts,
    /// Takes the connection and never reads.
    NeverReads,
    /// Reads the request and says nothing.
    Silent,
    /// A head, byte by byte, without end.
    DripsHead,
    /// A success whose body comes byte by byte, without end.
    DripsBody,
    /// Closes as soon as it is connected.
    ClosesAtOnce,
    /// Closes with the request unread, which resets the connection.
    Resets,
    /// Closes in the middle of its head.
    ClosesWithinHead,
    /// Closes its side after the request, without a word.
    ClosesHalf,
    /// Sends garbage as fast as it is read.
    Floods,
    /// Header after header.
    EndlessHeaders,
    /// A status line without end.
    EndlessStatusLine,
    /// `102`, again and again.
    EndlessInformation,
    /// A failure with a body without end.
    EndlessBody,
    /// Speaks another protocol.
    Garbage,
    /// Speaks another protocol, and first.
    SpeaksFirst,
    /// Answers as HTTP/0.9 did.
    Http09,
    /// Answers with the frames of HTTP/2.
    Http2,
    /// Announces more body than it sends.
    ShortBody,
    /// Announces two lengths.
    TwoLengths,
    /// Chunks that are none.
    BadChunks,
    /// Redirects to itself.
    Redirects,
    /// Redirects from one place to the next.
    RedirectChain,
    /// Never says `100`, but takes the body.
    NeverContinues,
    /// `417`, whatever comes.
    ExpectationFailed,
    /// A success to the head alone of a request that waits for `100`; without that it takes the body.
    EarlySuccess,
    /// Speaks TLS where it should not.
    SpeaksTls,
    /// A control character in its head.
    NulInHead,
    /// A status with four digits.
    BadStatus,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Behaviour; 30] = [
        Behaviour::Absent,
        Behaviour::NeverAccepts,
        Behaviour::NeverReads,
        Behaviour::Silent,
        Behaviour::DripsHead,
        Behaviour::DripsBody,
        Behaviour::ClosesAtOnce,
        Behaviour::Resets,
        Behaviour::ClosesWithinHead,
        Behaviour::ClosesHalf,
        Behaviour::Floods,
        Behaviour::EndlessHeaders,
        Behaviour::EndlessStatusLine,
        Behaviour::EndlessInformation,
        Behaviour::EndlessBody,
        Behaviour::Garbage,
        Behaviour::SpeaksFirst,
        Behaviour::Http09,
        Behaviour::Http2,
        Behaviour::ShortBody,
        Behaviour::TwoLengths,
        Behaviour::BadChunks,
        Behaviour::Redirects,
        Behaviour::RedirectChain,
        Behaviour::NeverContinues,
        Behaviour::ExpectationFailed,
        Behaviour::EarlySuccess,
        Behaviour::SpeaksTls,
        Behaviour::NulInHead,
        Behaviour::BadStatus,
    ];
}

/// One that misbehaves, on a port of its own.
#[derive(Debug)]
pub struct Neighbour {
    address: SocketAddr,
    counted: Arc<AtomicUsize>,
    /// The socket of one that accepts nothing.
    _unaccepted: Option<TcpListener>,
}

impl Neighbour {
    /// Starts one; its threads end with the connections, and the last one with the process.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let counted = Arc::new(AtomicUsize::new(0));
        let mut unaccepted = None;
        match behaviour {
            Behaviour::Absent => {}
            Behaviour::NeverAccepts => unaccepted = Some(listener),
            _ => {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || {
                    for stream in listener.incoming() {
                        let Ok(stream) = stream else { return };
                        // That the other side has enough is how each of them ends.
                        let counted = Arc::clone(&counted);
                        std::thread::spawn(move || drop(misbehave(behaviour, stream, &counted)));
                    }
                });
            }
        }
        Neighbour { address, counted, _unaccepted: unaccepted }
    }

    /// Whole bodies that [`Behaviour::EarlySuccess`] took.
    pub fn bodies(&self) -> usize {
        self.counted.load(Ordering::SeqCst)
    }

    /// Requests for places that [`Behaviour::RedirectChain`] led to.
    pub fn followed(&self) -> usize {
        self.counted.load(Ordering::SeqCst)
    }

    /// A URL of it.
    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }
}

fn misbehave(behaviour: Behaviour, mut stream: TcpStream, counted: &AtomicUsize) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    match behaviour {
        Behaviour::Absent | Behaviour::NeverAccepts | Behaviour::ClosesAtOnce => Ok(()),
        Behaviour::NeverReads => {
            // Seen as closed only by a look that takes nothing.
            while stream.peek(&mut [0])? > 0 && stream.take_error()?.is_none() {
                std::thread::park_timeout(DRIP);
                if stream.write(&[]).is_err() {
                    break;
                }
            }
            Ok(())
        }
        Behaviour::Resets => stream.peek(&mut [0]).map(drop),
        Behaviour::Silent => {
            request(&mut stream)?;
            gone(&mut stream)
        }
        Behaviour::DripsHead => {
            request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            drip(&mut stream)
        }
        Behaviour::DripsBody => {
            request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
            drip(&mut stream)
        }
        Behaviour::Floods => {
            request(&mut stream)?;
            forever(&mut stream, &[b'x'; 4096])
        }
        Behaviour::EndlessHeaders => {
            request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            forever(&mut stream, b"X-Again: and again\r\n")
        }
        Behaviour::EndlessStatusLine => {
            request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 200 ")?;
            forever(&mut stream, &[b'O'; 4096])
        }
        Behaviour::EndlessInformation => {
            request(&mut stream)?;
            forever(&mut stream, b"HTTP/1.1 102 Processing\r\n\r\n")
        }
        Behaviour::EndlessBody => {
            request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            forever(&mut stream, b"5\r\nagain\r\n")
        }
        Behaviour::ClosesHalf => {
            request(&mut stream)?;
            stream.shutdown(Shutdown::Write)?;
            gone(&mut stream)
        }
        Behaviour::EarlySuccess => {
            let Head { length, expects, .. } = head(&mut stream)?;
            let mut body = vec![0; length];
            if !expects {
                stream.read_exact(&mut body)?;
                counted.fetch_add(1, Ordering::SeqCst);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            if expects {
                // It comes unasked when the sender has learnt that no `100` comes.
                stream.read_exact(&mut body)?;
                counted.fetch_add(1, Ordering::SeqCst);
            }
            gone(&mut stream)
        }
        Behaviour::ExpectationFailed => {
            head(&mut stream)?;
            stream.write_all(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            gone(&mut stream)
        }
        Behaviour::ClosesWithinHead => says(&mut stream, b"HTTP/1.1 200 OK\r\nX: "),
        Behaviour::Garbage => says(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n"),
        Behaviour::Http09 => says(&mut stream, b"<html>thanks</html>\r\n"),
        Behaviour::Http2 => says(&mut stream, b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"),
        Behaviour::ShortBody => says(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"),
        Behaviour::TwoLengths => {
            says(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwhich")
        }
        Behaviour::BadChunks => {
            says(&mut stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n")
        }
        Behaviour::Redirects => {
            says(&mut stream, b"HTTP/1.1 302 Found\r\nLocation: /in\r\nContent-Length: 0\r\n\r\n")
        }
        Behaviour::RedirectChain => {
            let Head { length, path, .. } = head(&mut stream)?;
            let station: usize = path.trim_start_matches("/in").trim_start_matches('/').parse().unwrap_or(0);
            counted.fetch_add(usize::from(station > 0), Ordering::SeqCst);
            stream.read_exact(&mut vec![0; length])?;
            let next = station + 1;
            let status = [301, 302, 303, 307, 308][station % 5];
            write!(stream, "HTTP/1.1 {status} Go on\r\nLocation: /in/{next}\r\nContent-Length: 0\r\n\r\n")?;
            gone(&mut stream)
        }
        Behaviour::SpeaksFirst => {
            stream.write_all(b"220 mail.example ESMTP\r\n")?;
            gone(&mut stream)
        }
        Behaviour::NeverContinues => says(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Behaviour::SpeaksTls => says(&mut stream, b"\x15\x03\x01\0\x02\x02\x46"),
        Behaviour::NulInHead => says(&mut stream, b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
        Behaviour::BadStatus => says(&mut stream, b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    }
}

/// Reads a request whole, says this and closes.
fn says(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    request(stream)?;
    stream.write_all(answer)?;
    stream.shutdown(Shutdown::Write)?;
    gone(stream)
}

/// The head of a request.
struct Head {
    /// How long it says that the body is.
    length: usize,
    /// Whether the body waits for `100`.
    expects: bool,
    path: String,
}

/// Reads a head.
fn head(stream: &mut TcpStream) -> io::Result<Head> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Head { length: length.unwrap_or(0), expects: head.contains("\r\nexpect:"), path })
}

/// Reads a request whole, without a `100`.
fn request(stream: &mut TcpStream) -> io::Result<()> {
    let mut body = vec![0; head(stream)?.length];
    stream.read_exact(&mut body)
}

/// Reads until the other side closes.
fn gone(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

fn forever(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

fn drip(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b"x")?;
        std::thread::park_timeout(DRIP);
    }
}
