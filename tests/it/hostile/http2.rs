//! Servers that speak HTTP/2 and mean harm: frames written by hand behind TLS, a port for each behaviour.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{HASTY, PATIENT, crawl};
use crate::support::{certificate, expect_sound, rows};

type Wire = StreamOwned<ServerConnection, TcpStream>;

// RFC 9113, section 6: types of frames, and their flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// `:status: 200` and `content-type: text/html`, as RFC 7541 has them.
const OK: &[u8] = b"\x88\x0f\x10\x09text/html";
const PAGE: &[u8] = b"<title>Whole</title>";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header field that no table has: RFC 7541, section 6.2.2.
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("short");
    [&[0, length(name)], name, &[length(value)], value].concat()
}

fn head(stream: u32, fields: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, fields)
}

fn last(stream: u32, body: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, body)
}

/// The same bytes without end, as fast as they are taken.
fn flood(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    let many = bytes.repeat(1 + 16_384 / bytes.len());
    loop {
        wire.write_all(&many)?;
        thread::sleep(Duration::from_millis(2));
    }
}

/// The same bytes again and again, with a pause.
fn drip(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    loop {
        wire.write_all(bytes)?;
        wire.flush()?;
        thread::sleep(Duration::from_millis(100));
    }
}

/// What a server does, and the row that its page must leave: `status error truncated`.
struct Case {
    name: &'static str,
    /// The frames that come before any request.
    hello: Vec<u8>,
    /// What comes of a request on a stream.
    answer: fn(&mut Wire, u32) -> io::Result<()>,
    row: &'static str,
}

fn case(
    name: &'static str,
    row: &'static str,
    answer: fn(&mut Wire, u32) -> io::Result<()>,
) -> Case {
    let hello = frame(SETTINGS, 0, 0, &[]);
    Case {
        name,
        hello,
        answer,
        row,
    }
}

/// One that does its harm before any request.
fn greeting(name: &'static str, row: &'static str, hello: Vec<u8>) -> Case {
    Case {
        hello,
        ..case(name, row, |_, _| Ok(()))
    }
}

fn heads() -> Vec<Case> {
    vec![
        case("well", "200 - 0", |wire, on| {
            wire.write_all(&[head(on, OK), last(on, PAGE)].concat())
        }),
        case("no status", "- protocol 0", |wire, on| {
            wire.write_all(&[head(on, &OK[1..]), last(on, PAGE)].concat())
        }),
        case("status of four digits", "- protocol 0", |wire, on| {
            let fields = [b"\x08\x042000".as_slice(), &OK[1..]].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("two statuses", "- protocol 0", |wire, on| {
            wire.write_all(&[head(on, &[OK, b"\x8d"].concat()), last(on, PAGE)].concat())
        }),
        case("status after others", "- protocol 0", |wire, on| {
            wire.write_all(&[head(on, &[&OK[1..], &OK[..1]].concat()), last(on, PAGE)].concat())
        }),
        case("capital letters", "- protocol 0", |wire, on| {
            let fields = [OK, &field(b"X-Name", b"x")].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("connection's fields", "- protocol 0", |wire, on| {
            let fields = [OK, &field(b"transfer-encoding", b"chunked")].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("line feed in a value", "- protocol 0", |wire, on| {
            let fields = [OK, &field(b"x-name", b"a\r\nset-cookie: b")].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("indices of nothing", "- protocol 0", |wire, on| {
            wire.write_all(&head(on, b"\xff\xff\xff\xff\x0f"))
        }),
        case("bomb of one field", "- protocol 0", |wire, on| {
            // Taken into the table once, named a hundred thousand times in as many bytes.
            let value = [b'x'; 3_900];
            let big = [b"\x40\x01a\x7f\xbd\x1d".as_slice(), &value].concat();
            let mut frames = frame(HEADERS, END_STREAM, on, &[OK, &big].concat());
            for _ in 0..6 {
                frames.extend(frame(CONTINUATION, 0, on, &[0xbe; 16_000]));
            }
            frames.extend(frame(CONTINUATION, END_HEADERS, on, &[]));
            wire.write_all(&frames)
        }),
        case("continued without end", "- protocol 0", |wire, on| {
            wire.write_all(&frame(HEADERS, END_STREAM, on, OK))?;
            flood(
                wire,
                &frame(CONTINUATION, 0, on, &field(b"x-name", b"some value")),
            )
        }),
        case("continued with nothing", "- protocol 0", |wire, on| {
            wire.write_all(&frame(HEADERS, END_STREAM, on, OK))?;
            flood(wire, &frame(CONTINUATION, 0, on, &[]))
        }),
        case("103 without end", "- timeout 0", |wire, on| {
            flood(wire, &head(on, b"\x08\x03103"))
        }),
        case("101", "- protocol 0", |wire, on| {
            wire.write_all(&[head(on, b"\x08\x03101"), last(on, PAGE)].concat())
        }),
        case("100 kB of fields", "- protocol 0", |wire, on| {
            let fields = field(b"x-name", &[b'x'; 100]).repeat(140);
            let mut frames = frame(HEADERS, END_STREAM, on, OK);
            for _ in 0..7 {
                frames.extend(frame(CONTINUATION, 0, on, &fields));
            }
            frames.extend(frame(CONTINUATION, END_HEADERS, on, &[]));
            wire.write_all(&frames)
        }),
    ]
}

fn bodies() -> Vec<Case> {
    vec![
        case("data before a head", "- protocol 0", |wire, on| {
            wire.write_all(&last(on, PAGE))
        }),
        case("endless", "200 - 1", |wire, on| {
            wire.write_all(&head(on, OK))?;
            flood(wire, &frame(DATA, 0, on, &[b'x'; 16_000]))
        }),
        case("frames of nothing", "200 truncated 0", |wire, on| {
            wire.write_all(&head(on, OK))?;
            flood(wire, &frame(DATA, 0, on, &[]))
        }),
        case("frames of padding", "200 truncated 0", |wire, on| {
            wire.write_all(&head(on, OK))?;
            flood(
                wire,
                &frame(DATA, PADDED, on, &[&[255][..], &[0; 255]].concat()),
            )
        }),
        case("dripped", "200 timeout 0", |wire, on| {
            wire.write_all(&head(on, OK))?;
            drip(wire, &frame(DATA, 0, on, b"x"))
        }),
        case("more than was said", "200 truncated 0", |wire, on| {
            let fields = [OK, &field(b"content-length", b"5")].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("less than was said", "200 truncated 0", |wire, on| {
            let fields = [OK, &field(b"content-length", b"500")].concat();
            wire.write_all(&[head(on, &fields), last(on, PAGE)].concat())
        }),
        case("reset midway", "200 truncated 0", |wire, on| {
            wire.write_all(&[head(on, OK), frame(DATA, 0, on, PAGE)].concat())?;
            wire.write_all(&frame(RST_STREAM, 0, on, &2_u32.to_be_bytes()))
        }),
        case("reset after all", "200 - 0", |wire, on| {
            wire.write_all(&[head(on, OK), last(on, PAGE)].concat())?;
            wire.write_all(&frame(RST_STREAM, 0, on, &[0; 4]))
        }),
        case("closed midway", "200 truncated 0", |wire, on| {
            wire.write_all(&[head(on, OK), frame(DATA, 0, on, PAGE)].concat())?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }),
        case("trailers without end", "200 truncated 0", |wire, on| {
            wire.write_all(&[head(on, OK), frame(DATA, 0, on, PAGE)].concat())?;
            wire.write_all(&frame(HEADERS, END_STREAM, on, &field(b"x-name", b"x")))?;
            flood(
                wire,
                &frame(CONTINUATION, 0, on, &field(b"x-name", b"some value")),
            )
        }),
        case("204 with a body", "204 - 0", |wire, on| {
            wire.write_all(&[head(on, b"\x89"), last(on, PAGE)].concat())
        }),
        case("beyond the window", "200 - 1", |wire, on| {
            // Nobody waits for the client to make room.
            wire.write_all(&head(on, OK))?;
            flood(wire, &frame(DATA, 0, on, &[b'x'; 16_384]))
        }),
    ]
}

fn connections() -> Vec<Case> {
    let settings = || frame(SETTINGS, 0, 0, &[]);
    vec![
        case("silence", "- timeout 0", |_, _| Ok(())),
        case("closed at once", "- reset 0", |_, _| {
            Err(io::ErrorKind::ConnectionAborted.into())
        }),
        case("refused for ever", "- reset 0", |wire, on| {
            wire.write_all(&frame(RST_STREAM, 0, on, &7_u32.to_be_bytes()))
        }),
        case("sent away for ever", "- reset 0", |wire, _| {
            wire.write_all(&frame(GOAWAY, 0, 0, &[0; 8]))?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }),
        case("told to be calm", "- reset 0", |wire, _| {
            wire.write_all(&frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]))
        }),
        case("pings without end", "- timeout 0", |wire, _| {
            flood(wire, &frame(PING, 0, 0, &[7; 8]))
        }),
        case("settings without end", "- timeout 0", |wire, _| {
            flood(wire, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]))
        }),
        case("resets of nothing", "- protocol 0", |wire, _| {
            flood(wire, &frame(RST_STREAM, 0, 98, &[0; 4]))
        }),
        case("too much room", "- protocol 0", |wire, _| {
            wire.write_all(&frame(WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255]))
        }),
        case("a promise", "- protocol 0", |wire, on| {
            wire.write_all(&frame(PUSH_PROMISE, END_HEADERS, on, &[0, 0, 0, 2, 0x82]))
        }),
        case("a stream of its own", "- protocol 0", |wire, _| {
            wire.write_all(&[head(98, OK), last(98, PAGE)].concat())
        }),
        case("unknown frames without end", "- timeout 0", |wire, on| {
            flood(wire, &frame(0xfa, 0, on, &[0; 64]))
        }),
        greeting("a frame of 16 MiB", "- protocol 0", {
            let mut huge = vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1];
            huge.extend([0; 64]);
            [settings(), huge].concat()
        }),
        greeting("no settings", "- timeout 0", frame(PING, 0, 0, &[0; 8])),
        greeting(
            "HTTP/1.1",
            "- protocol 0",
            b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<title>Whole</title>".to_vec(),
        ),
        greeting(
            "garbage",
            "- protocol 0",
            (0..=255).cycle().take(4_000).collect(),
        ),
        greeting(
            "no streams",
            "- timeout 0",
            frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 0]),
        ),
        greeting(
            "frames of no length",
            "- protocol 0",
            frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 0]),
        ),
    ]
}

/// Serves a case on a port of its own for as long as these tests run.
fn serve(case: &Case, config: &Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (hello, answer, config) = (case.hello.clone(), case.answer, Arc::clone(config));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (hello, config) = (hello.clone(), Arc::clone(&config));
            thread::spawn(move || speak(stream, config, &hello, answer));
        }
    });
    port
}

fn speak(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    hello: &[u8],
    answer: fn(&mut Wire, u32) -> io::Result<()>,
) -> io::Result<()> {
    let mut wire = StreamOwned::new(
        ServerConnection::new(config).map_err(io::Error::other)?,
        stream,
    );
    let mut preface = [0; 24];
    wire.read_exact(&mut preface)?;
    wire.write_all(hello)?;
    loop {
        let mut head = [0; 9];
        wire.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        wire.read_exact(&mut payload)?;
        match kind {
            SETTINGS if flags & ACK == 0 => wire.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            HEADERS => answer(&mut wire, u32::from_be_bytes(stream))?,
            _ => {}
        }
        wire.flush()?;
    }
}

fn config(directory: &Path) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(directory.join("cert.pem")).expect("made");
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem")).expect("made");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// Crawls the page of each, all at once, and looks at its row.
#[track_caller]
fn expect(cases: Vec<Case>) {
    let directory = tempfile::tempdir().expect("a directory");
    if !certificate(directory.path()) {
        return;
    }
    let config = config(directory.path());
    let (endless, others): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .partition(|case| case.row.contains(" timeout "));
    let mut wrong = String::new();
    for (cases, seconds) in [(endless, HASTY), (others, PATIENT)] {
        if cases.is_empty() {
            continue;
        }
        let ports: Vec<u16> = cases.iter().map(|case| serve(case, &config)).collect();
        let seed = |port: &u16| format!("https://127.0.0.1:{port}/");
        let seeds: Vec<String> = ports.iter().map(seed).collect();
        let crawl = crawl(&seeds, seconds).args(["--insecure", "--ignore-robots"]);
        let ended = crawl.spawn().patiently().wait();
        let out = crawl.dir().join("out");
        for (case, seed) in cases.iter().zip(&seeds) {
            let sql = format!("SELECT status, error, truncated FROM pages WHERE url = '{seed}'");
            let found = rows(&out, &sql)
                .join(" | ")
                .replace(" too_slow ", " timeout ");
            if found != case.row {
                let sql = format!(
                    "SELECT detail, wire_bytes, total_ms FROM requests WHERE url = '{seed}'"
                );
                let detail = rows(&out, &sql).join(" | ");
                wrong += &format!("{}: {found}, not {} ({detail})\n", case.name, case.row);
            }
        }
        expect_sound(&out);
        assert!(matches!(ended.code, Some(0 | 3)), "{ended}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn heads_of_frames() {
    expect(heads());
}

#[test]
fn bodies_of_frames() {
    expect(bodies());
}

#[test]
fn connections_of_frames() {
    expect(connections());
}
