//! Content codings: bombs, towers, lies.

use std::io::{Read as _, Write as _};

use super::{Case, case, expect};
use crate::support::{Reply, number, rows};

/// 1 GiB of blanks: `head -c 1G /dev/zero | tr '\0' ' ' | brotli -q 5 -w 22 -c`.
const BLANKS: &[u8] = include_bytes!("blanks.br");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// A gzip of this many blanks, made without holding them.
pub(super) fn bomb(bytes: u64) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(
        std::io::repeat(b' ').take(bytes),
        flate2::Compression::best(),
    )
    .read_to_end(&mut packed)
    .expect("in memory");
    packed
}

fn coded(coding: &str, body: Vec<u8>) -> Reply {
    Reply::html(body).header("Content-Encoding", coding)
}

pub(super) fn cases() -> Vec<Case> {
    let mut zlib = Vec::new();
    flate2::read::ZlibEncoder::new(
        std::io::repeat(b' ').take(1 << 30),
        flate2::Compression::best(),
    )
    .read_to_end(&mut zlib)
    .expect("in memory");
    let bomb = bomb(1 << 30);
    let zstd = zstd::encode_all(std::io::repeat(b' ').take(1 << 30), 3).expect("in memory");
    // A frame that says it needs a window of 2 GiB.
    let window = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00];
    let page = b"<title>Packed</title>".to_vec();
    vec![
        case("/gzip", coded("gzip", bomb.clone()), "200 - 1 -"),
        case(
            "/gzip-of-gzip",
            coded("gzip, gzip", gzip(&bomb)),
            "200 - 1 -",
        ),
        case(
            "/gzip-thrice",
            coded("gzip, gzip, gzip", gzip(&gzip(&bomb))),
            "200 - 1 -",
        ),
        case(
            "/deflate",
            coded("deflate", zlib[2..].to_vec()),
            "200 - 1 -",
        ),
        case("/zlib", coded("deflate", zlib), "200 - 1 -"),
        case("/br", coded("br", BLANKS.to_vec()), "200 - 1 -"),
        case("/zstd", coded("zstd", zstd), "200 - 1 -"),
        case(
            "/zstd-window",
            coded("zstd", window.to_vec()),
            "200 decode 0 -",
        ),
        case(
            "/tower",
            coded(&vec!["gzip"; 100].join(", "), page.clone()),
            "200 decode 0 -",
        ),
        case("/unknown", coded("rot13", page.clone()), "200 decode 0 -"),
        case("/not-gzip", coded("gzip", page.clone()), "200 decode 0 -"),
        case("/not-br", coded("br", page.clone()), "200 decode 0 -"),
        case("/not-zstd", coded("zstd", page.clone()), "200 decode 0 -"),
        case("/empty-gzip", coded("gzip", Vec::new()), "200 - 0 -"),
        case(
            "/members",
            coded("gzip", gzip(b"").repeat(40_000)),
            "200 - 0 -",
        ),
        case(
            "/identity",
            coded("identity, , identity", page),
            "200 - 0 -",
        ),
    ]
}

#[test]
fn bombs() {
    let (crawl, _site) = expect(cases(), &[]);
    let out = crawl.dir().join("out");
    // None has become more than a body may be.
    assert!(number(&out, "SELECT max(bytes) FROM pages") <= 10 << 20);
    let sql = "SELECT title FROM pages WHERE url LIKE '%/identity'";
    assert_eq!(rows(&out, sql), ["Packed"]);
}
