//! A proxy in this process: HTTP forwarding, CONNECT and SOCKS5 on one port, each with or without a
//! name and a password. Whatever it is asked for, it leads to one fixture site; CONNECT it refuses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;

/// The proxy; it lives as long as the test's process.
pub struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Setup {
    /// `NAME:PASSWORD`
    user: Option<&'static str>,
    site: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one that leads to a port of this machine.
    pub fn start(user: Option<&'static str>, site: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let setup = Arc::new(Setup {
            user,
            site,
            asked: Arc::clone(&asked),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let setup = Arc::clone(&setup);
                // What the network does is not the proxy's fault.
                std::thread::spawn(move || serve(stream, &setup).ok());
            }
        });
        Self { port, asked }
    }

    /// Its URL, with whatever stands before its address.
    pub fn url(&self, begin: &str) -> String {
        format!("{begin}127.0.0.1:{}", self.port)
    }

    /// What it was asked for: request lines, or `socks NAME:PORT`; `refused` before those without the right
    /// password.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a list").clone()
    }
}

fn serve(mut stream: TcpStream, setup: &Setup) -> std::io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first)?;
    if first == [5] {
        socks(stream, setup)
    } else {
        while let Some(head) = head(&mut stream)? {
            http(&mut stream, &head, setup)?;
        }
        Ok(())
    }
}

/// The head of a request, a byte at a time; requests of a crawler have no bodies.
fn head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

fn http(stream: &mut TcpStream, head: &str, setup: &Setup) -> std::io::Result<()> {
    let mut lines = head.trim_end().lines();
    let request = lines.next().unwrap_or_default();
    let wanted = setup.user.map(|user| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(user);
        format!("proxy-authorization: Basic {encoded}")
    });
    let allowed = wanted.is_none_or(|wanted| {
        let mut lines = lines.clone();
        lines.any(|line| line.eq_ignore_ascii_case(&wanted))
    });
    note(setup, allowed, request);
    if !allowed {
        return stream.write_all(
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        );
    }
    if request.starts_with("CONNECT ") {
        return stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    }
    // The absolute form of the request line becomes the origin's form.
    let path = request.splitn(4, '/').nth(3).unwrap_or_default();
    let mut upstream = TcpStream::connect(("127.0.0.1", setup.site))?;
    write!(upstream, "GET /{path}\r\nConnection: close\r\n")?;
    for line in lines.filter(|line| !line.to_ascii_lowercase().starts_with("proxy-")) {
        write!(upstream, "{line}\r\n")?;
    }
    write!(upstream, "\r\n")?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    stream.write_all(&answer)
}

/// SOCKS5 (RFC 1928), with RFC 1929's name and password.
fn socks(mut stream: TcpStream, setup: &Setup) -> std::io::Result<()> {
    let mut take = |count: usize| -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = take(2)?[1];
    let offered = take(methods.into())?;
    let method = if setup.user.is_some() { 2 } else { 0 };
    if !offered.contains(&method) {
        note(setup, false, "socks");
        return stream.write_all(&[5, 0xff]);
    }
    stream.write_all(&[5, method])?;
    let mut take = |count: usize| -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    if let Some(user) = setup.user {
        let length = take(2)?[1];
        let name = take(length.into())?;
        let length = take(1)?[0];
        let password = take(length.into())?;
        let given = [name, password].map(|part| String::from_utf8_lossy(&part).into_owned());
        if given.join(":") != user {
            note(setup, false, "socks");
            return stream.write_all(&[1, 1]);
        }
        stream.write_all(&[1, 0])?;
    }
    let mut take = |count: usize| -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let name = match take(4)?[3] {
        1 => take(4)?
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join("."),
        3 => {
            let length = take(1)?[0];
            String::from_utf8_lossy(&take(length.into())?).into_owned()
        }
        other => panic!("an address of type {other}"),
    };
    let port = take(2)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    note(setup, true, &format!("socks {name}:{port}"));
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let upstream = TcpStream::connect(("127.0.0.1", setup.site))?;
    let (mut from, mut to) = (stream.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut { upstream }, &mut stream).map(drop)
}

fn note(setup: &Setup, allowed: bool, what: &str) {
    let refused = if allowed { "" } else { "refused " };
    let mut asked = setup.asked.lock().expect("a list");
    asked.push(format!("{refused}{what}"));
}
