//! What the fixture server answers: a well-formed [`Reply`], or one spoilt by a [`Fault`].

use std::fmt::Write as _;
use std::time::Duration;

use super::script::{Script, Step};

/// One answer. Made by [`Reply::new`] or [`Reply::html`], shaped by the methods that return `Self`.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) script: Option<Script>,
}

/// How an answer is spoilt. Where the connection is not closed by the server, it stays until the
/// client closes it or the site is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is sent; the connection is closed.
    CloseBeforeHead,
    /// Nothing is sent; the connection is reset (RST).
    ResetBeforeHead,
    /// The connection is closed in the middle of a header line.
    CloseMidHead,
    /// The connection is closed after half of the body that `Content-Length` promises.
    CloseMidBody,
    /// Nothing is ever sent.
    StallBeforeHead,
    /// Half of the body is sent, and nothing more.
    StallMidBody,
    /// The whole body is sent, but `Content-Length` promises 100 bytes more; then it is closed.
    ShortBody,
    /// `Content-Length` is half of the body that is sent; the connection goes on to be used.
    LongBody,
    /// A chunk whose length is no number, after a good one that holds half of the body.
    BrokenChunks,
    /// Chunks that end without the last, empty one: the connection is closed instead.
    UnfinishedChunks,
    /// The body comes byte by byte, so long apart.
    Drip(Duration),
    /// A first line that is no status line, then the head and body.
    GarbageStatusLine,
    /// Header lines without end.
    EndlessHead,
    /// The body is repeated without end, in chunks.
    EndlessBody,
}

impl Reply {
    /// An empty answer with this status and no header but those the server adds.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            fault: None,
            script: None,
        }
    }

    /// What is sent byte for byte, in place of everything else.
    pub fn raw(steps: impl Into<Vec<Step>>) -> Self {
        let mut reply = Self::new(200);
        reply.script = Some(steps.into().into());
        reply
    }

    /// 200, `text/html; charset=utf-8`.
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200)
            .header("Content-Type", "text/html; charset=utf-8")
            .body(body)
    }

    /// A small HTML page with one link to `/after-fault`, spoilt.
    pub fn fault(fault: Fault) -> Self {
        let mut reply = Self::html(
            "<!DOCTYPE html><title>Spoilt</title><p><a href=\"/after-fault\">After</a></p>",
        );
        reply.fault = Some(fault);
        reply
    }

    /// Another status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One header more. A `Content-Length` of its own replaces the server's; under
    /// `Transfer-Encoding: chunked` the server sends the body in chunks.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The body so far, compressed, with its `Content-Encoding`.
    pub fn gzip(mut self) -> Self {
        use std::io::Read as _;
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(self.body.as_slice(), flate2::Compression::fast())
            .read_to_end(&mut packed)
            .expect("compressing in memory");
        self.body = packed;
        self.header("Content-Encoding", "gzip")
    }

    /// A wait between the request and the head of the answer.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The answer spoilt.
    pub fn spoilt(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The value of a header.
    pub(super) fn value_of(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// Status line and headers, up to the empty line; with a `Content-Length` unless there is one,
    /// or the body comes in chunks.
    pub(super) fn head(&self, length: Option<usize>) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(length) = length
            && self.value_of("content-length").is_none()
            && !matches!(self.status, 100..=199 | 204 | 304)
        {
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        head + "\r\n"
    }

    /// Whether the body is to be sent in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.value_of("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }
}

/// The first header of this name, upper and lower case being one.
pub(super) fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}
