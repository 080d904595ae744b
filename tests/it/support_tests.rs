//! The support's own tests: the site by a raw TCP client, the command by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Fault, Hit, Reply, Site, tree_page, tree_path};

/// A connection that gives up after a moment, so that a stall shows as an error.
fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", site.port())).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a timeout");
    stream
}

fn ask(stream: &mut TcpStream, path: &str) {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: here\r\nX-Test: 1\r\n\r\n"
    )
    .expect("a request sent");
}

/// Everything that comes until the end, a pause, or 1 MiB; and whether the end came.
fn read(stream: &mut TcpStream) -> (String, bool) {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let ended = loop {
        match stream.read(&mut piece) {
            Ok(0) => break true,
            Ok(count) => all.extend(&piece[..count]),
            Err(error) => break error.kind() == std::io::ErrorKind::ConnectionReset,
        }
        if all.len() > 1 << 20 {
            break false;
        }
    };
    (String::from_utf8_lossy(&all).into_owned(), ended)
}

fn get(site: &Site, path: &str) -> (String, bool) {
    let mut stream = connect(site);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: here\r\nX-Test: 1\r\nConnection: close\r\n\r\n"
    )
    .expect("a request sent");
    read(&mut stream)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn pages_redirects_and_what_is_not_there() {
    let site = Site::start();
    site.page("/", "<a href=/a>A</a>");
    site.reply("/x", Reply::new(301).header("Location", "/y"));
    site.robots("User-agent: *\nDisallow: /private");
    assert_eq!(
        get(&site, "/").0,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 16\r\n\r\n<a href=/a>A</a>"
    );
    assert!(
        get(&site, "/x")
            .0
            .starts_with("HTTP/1.1 301 Moved Permanently\r\nLocation: /y\r\n")
    );
    assert_eq!(
        body(&get(&site, "/robots.txt").0),
        "User-agent: *\nDisallow: /private"
    );
    for path in ["/none", "/?q"] {
        assert!(get(&site, path).0.starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert_eq!(
        site.url("/x"),
        format!("http://127.0.0.1:{}/x", site.port())
    );
}

#[test]
fn hits_are_recorded_and_connections_kept() {
    let site = Site::start();
    site.page("/a?b=1", "A");
    let before = Instant::now();
    let mut stream = connect(&site);
    for path in ["/a?b=1", "/none"] {
        ask(&mut stream, path);
    }
    let (answers, ended) = read(&mut stream);
    assert!(
        answers.contains("200 OK") && answers.contains("404 Not Found") && !ended,
        "{answers}"
    );
    get(&site, "/a?b=1");
    let hits = site.hits();
    let seen: Vec<_> = hits
        .iter()
        .map(|hit| (hit.path.as_str(), hit.connection))
        .collect();
    assert_eq!(seen, [("/a?b=1", 1), ("/none", 1), ("/a?b=1", 2)]);
    let of: Vec<Hit> = site.hits_of("/a?b=1");
    assert_eq!(
        (of.len(), site.count("/a?b=1"), site.count("/a")),
        (2, 2, 0)
    );
    assert_eq!(
        (of[0].method.as_str(), of[0].header("x-test")),
        ("GET", Some("1"))
    );
    assert!(of[0].at >= before && of[1].at >= of[0].at);
    site.forget();
    assert_eq!((site.hits().len(), site.count("/none")), (0, 0));
}

#[test]
fn sequences_delays_and_generators() {
    let site = Site::start();
    site.sequence(
        "/flaky",
        vec![
            Reply::new(503),
            Reply::fault(Fault::CloseBeforeHead),
            Reply::html("ok"),
        ],
    );
    let said: Vec<_> = (0..4)
        .map(|_| {
            get(&site, "/flaky")
                .0
                .chars()
                .skip(9)
                .take(3)
                .collect::<String>()
        })
        .collect();
    assert_eq!(said, ["503", "", "200", "200"]);
    site.reply("/slow", Reply::new(204).delay(Duration::from_millis(60)));
    let begun = Instant::now();
    let mut stream = connect(&site);
    ask(&mut stream, "/slow");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 204");
    assert!(begun.elapsed() >= Duration::from_millis(60));
    site.dynamic(|path, count| {
        path.starts_with("/n/")
            .then(|| Reply::html(format!("{path} {count}")))
    });
    assert_eq!(body(&get(&site, "/n/1").0), "/n/1 1");
    assert_eq!(body(&get(&site, "/n/1").0), "/n/1 2");
    assert!(get(&site, "/m").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn conditional_requests_chunks_gzip_and_head() {
    let site = Site::start();
    site.reply("/e", Reply::html("body").header("ETag", "\"1\""));
    let mut stream = connect(&site);
    write!(
        stream,
        "GET /e HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"1\"\r\n\r\n"
    )
    .expect("sent");
    let (answer, _) = read(&mut stream);
    assert!(
        answer.starts_with("HTTP/1.1 304 Not Modified\r\n") && body(&answer).is_empty(),
        "{answer}"
    );
    assert_eq!(body(&get(&site, "/e").0), "body");
    write!(stream, "HEAD /e HTTP/1.1\r\nHost: h\r\n\r\n").expect("sent");
    let (answer, _) = read(&mut stream);
    assert!(
        answer.contains("Content-Length: 4\r\n") && body(&answer).is_empty(),
        "{answer}"
    );
    site.reply(
        "/c",
        Reply::html("body").header("Transfer-Encoding", "chunked"),
    );
    assert_eq!(body(&get(&site, "/c").0), "4\r\nbody\r\n0\r\n\r\n");
    site.reply("/z", Reply::html("body").gzip());
    assert!(get(&site, "/z").0.contains("Content-Encoding: gzip\r\n"));
}

#[test]
fn the_most_in_flight_is_counted() {
    let site = Site::start();
    site.reply("/slow", Reply::html("x").delay(Duration::from_millis(100)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| get(&site, "/slow"));
        }
    });
    get(&site, "/slow");
    assert_eq!(site.most_in_flight(), 3);
}

#[test]
fn faults() {
    let site = Site::start();
    for (path, fault, ends, begins, longest) in [
        ("/1", Fault::CloseBeforeHead, true, "", 0),
        ("/2", Fault::ResetBeforeHead, true, "", 0),
        ("/3", Fault::CloseMidHead, true, "HTTP/1.1 200 OK\r\n", 120),
        ("/4", Fault::CloseMidBody, true, "HTTP/1.1 200 OK\r\n", 150),
        ("/5", Fault::StallBeforeHead, false, "", 0),
        ("/6", Fault::StallMidBody, false, "HTTP/1.1 200 OK\r\n", 150),
        ("/7", Fault::ShortBody, true, "HTTP/1.1 200 OK\r\n", 200),
        ("/8", Fault::LongBody, true, "HTTP/1.1 200 OK\r\n", 200),
        ("/9", Fault::BrokenChunks, false, "HTTP/1.1 200 OK\r\n", 300),
        (
            "/10",
            Fault::UnfinishedChunks,
            true,
            "HTTP/1.1 200 OK\r\n",
            300,
        ),
        (
            "/11",
            Fault::Drip(Duration::from_millis(1)),
            true,
            "HTTP/1.1 200 OK\r\n",
            200,
        ),
        ("/12", Fault::GarbageStatusLine, true, "\0", 300),
        (
            "/13",
            Fault::EndlessHead,
            false,
            "HTTP/1.1 200 OK\r\nX-Filler",
            usize::MAX,
        ),
        (
            "/14",
            Fault::EndlessBody,
            false,
            "HTTP/1.1 200 OK\r\n",
            usize::MAX,
        ),
        (
            "/15",
            Fault::Drip(Duration::from_secs(60)),
            false,
            "HTTP/1.1 200 OK\r\n",
            120,
        ),
    ] {
        site.misbehave(path, fault);
        let (answer, ended) = get(&site, path);
        assert_eq!(ended, ends, "{fault:?} {answer}");
        assert!(
            answer.starts_with(begins) && answer.len() <= longest,
            "{fault:?} {answer}"
        );
    }
    assert_eq!(
        body(&get(&site, "/11").0).len(),
        75,
        "all of it came, drop by drop"
    );
    assert_eq!(site.hits().len(), 16);
}

#[test]
fn the_tree_is_whole() {
    let site = Site::start();
    site.tree(50, 3);
    assert_eq!(body(&get(&site, "/").0), tree_page(0, 50, 3));
    assert!(body(&get(&site, "/page/49").0).contains("<title>Page 49</title>"));
    for path in ["/page/50", "/page/0", "/page/01", "/page/x", "/page/1?"] {
        assert!(get(&site, path).0.starts_with("HTTP/1.1 404 "), "{path}");
    }
    let mut reached = vec![0];
    let mut next = 0;
    while let Some(number) = reached.get(next).copied() {
        let page = tree_page(number, 50, 3);
        reached.extend(
            (0..50)
                .filter(|n| page.contains(&format!("\"{}\"", tree_path(*n))))
                .filter(|n| !reached.contains(n))
                .collect::<Vec<_>>(),
        );
        next += 1;
    }
    assert_eq!(reached.len(), 50);
}

#[test]
fn a_folder_is_served_as_by_a_web_server() {
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    std::fs::write(folder.path().join("sub/index.html"), "<p>sub").expect("a file");
    std::fs::write(folder.path().join("a.css"), "a{}").expect("a file");
    let site = Site::start();
    site.folder(folder.path());
    for path in ["/sub/", "/sub/index.html"] {
        let (answer, _) = get(&site, path);
        assert!(
            answer.contains("Content-Type: text/html\r\n") && body(&answer) == "<p>sub",
            "{answer}"
        );
    }
    assert!(get(&site, "/sub").0.contains("Location: /sub/\r\n"));
    assert!(
        get(&site, "/a.css")
            .0
            .contains("Content-Type: text/css\r\n")
    );
    assert!(get(&site, "/").0.starts_with("HTTP/1.1 404 "));
}

#[test]
#[should_panic(expected = "a handler panicked: no page /x")]
fn a_panic_in_a_generator_fails_the_test() {
    let site = Site::start();
    site.dynamic(|path, _| panic!("no page {path}"));
    get(&site, "/x");
}

#[test]
#[should_panic(expected = "a malformed request")]
fn a_malformed_request_fails_the_test() {
    let site = Site::start();
    get(&site, "no-slash");
}

#[test]
fn a_stalled_client_does_not_hold_the_end() {
    let site = Site::start();
    site.reply("/stall", Reply::html("x").spoilt(Fault::StallBeforeHead));
    let mut stream = connect(&site);
    ask(&mut stream, "/stall");
    while site.count("/stall") == 0 {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    drop(site);
    assert!(begun.elapsed() < Duration::from_secs(2));
}
