//! Bodies under a content-encoding: the suite of `fixtures/conformance/compressed`, served and crawled.

use std::path::PathBuf;

use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

#[test]
fn every_sample_decodes_or_is_cut() {
    let folder: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "fixtures",
        "conformance",
        "compressed",
    ]
    .iter()
    .collect();
    let index = std::fs::read_to_string(folder.join("index.json")).expect("an index");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&index).expect("JSON");
    let site = Site::start();
    let mut links = String::new();
    for case in &cases {
        let file = case["file"].as_str().expect("a file");
        let body = std::fs::read(folder.join(file)).expect(file);
        let encoding = case["content_encoding"].as_str().expect("an encoding");
        site.reply(
            &format!("/{file}"),
            Reply::html(body).header("Content-Encoding", encoding),
        );
        links += &format!("<a href=/{file}>x</a>");
    }
    site.page("/", &links);
    let crawl = Crawl::new().args([
        "--seed",
        &site.url("/"),
        "--rate",
        "unlimited",
        "--max-depth",
        "1",
        "-o",
        "out",
    ]);
    crawl.run().expect_code(0);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    assert_eq!(
        number(
            &out,
            "SELECT count(*) FROM pages WHERE status = 200 AND error IS NULL"
        ),
        cases.len() as i64 + 1
    );
    // The same page in every dress, but for the word in it that names the dress.
    let sql = "SELECT DISTINCT title, bytes BETWEEN 74837 AND 74840, truncated FROM pages WHERE url LIKE '%/html-%'";
    assert_eq!(rows(&out, sql), ["Tabellen nach Jack Daniels 1 0"]);
    // Bombs stop at the cap, streams that break off keep their beginning; both are marked.
    for (name, least, most) in [("bomb", 1 << 20, 10 << 20), ("unexpected-eof", 1, 10 << 20)] {
        let sql = format!(
            "SELECT min(truncated), min(bytes) >= {least}, max(bytes) <= {most} FROM pages WHERE url LIKE '%/{name}%'"
        );
        assert_eq!(rows(&out, &sql), ["1 1 1"], "{name}");
    }
}
