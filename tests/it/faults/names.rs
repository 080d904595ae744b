//! Names that cannot be looked up: none such, a server that fails, one that says nothing, addresses that
//! change, some of which lead nowhere. In a room of its own, whose resolver is this test.

use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::space;
use crate::support::{Crawl, Reply, Site, expect_sound, number, rows};

/// Whether the names that are late can be looked up by now.
static COME: AtomicBool = AtomicBool::new(false);

/// What a name is answered with, by its first label.
fn answer(name: &str, asked: &AtomicUsize) -> Option<(u8, Vec<[u8; 4]>)> {
    let label = name.split('.').next().unwrap_or_default();
    let kind = label.trim_end_matches(|c: char| c.is_ascii_digit());
    Some(match kind {
        "none" => (3, vec![]),
        "broken" => (2, vec![]),
        "late" if !COME.load(Ordering::Relaxed) => (2, vec![]),
        "silent" => return None,
        "moves" => {
            // Each look-up finds another address.
            let last = asked.fetch_add(1, Ordering::Relaxed) % 200;
            (0, vec![[127, 0, 1, u8::try_from(last).unwrap_or(0) + 1]])
        }
        // Most of these refuse.
        "mixed" => (0, vec![[127, 0, 9, 1], [127, 0, 9, 2], [127, 0, 0, 1]]),
        _ => (0, vec![[127, 0, 0, 1]]),
    })
}

/// A resolver of a hundred lines less than one: a question, an answer.
fn serve(socket: &UdpSocket, asked: &AtomicUsize) {
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let question = &packet[12..length];
        let mut name = String::new();
        let mut at = 0;
        while question[at] != 0 {
            let label = &question[at + 1..=at + question[at] as usize];
            name += &format!("{}.", String::from_utf8_lossy(label));
            at += label.len() + 1;
        }
        let end = at + 5;
        let is_a = question[at + 2] == 1;
        let Some((code, addresses)) = answer(&name, asked) else {
            continue;
        };
        let addresses = if is_a { addresses } else { vec![] };
        let mut reply = packet[..2].to_vec();
        reply.extend([
            0x81,
            0x80 | code,
            0,
            1,
            0,
            addresses.len() as u8,
            0,
            0,
            0,
            0,
        ]);
        reply.extend(&question[..end]);
        for address in addresses {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            reply.extend(address);
        }
        let _ = socket.send_to(&reply, from);
    }
}

/// Has names looked up here, with this much patience.
fn resolver(scratch: &Path, options: &str) {
    let file = scratch.join("resolv.conf");
    std::fs::write(&file, format!("nameserver 127.0.0.1\noptions {options}\n")).expect("written");
    let file = file.to_str().expect("plain");
    space::must("mount", &["--bind", file, "/etc/resolv.conf"]);
    let socket = UdpSocket::bind("127.0.0.1:53").expect("the port of names");
    std::thread::spawn(move || serve(&socket, &AtomicUsize::new(0)));
}

fn seeds(names: &[String], port: u16) -> String {
    names
        .iter()
        .map(|name| format!("http://{name}.test:{port}/\n"))
        .collect()
}

#[test]
fn every_way_to_fail() {
    if !space::entered("faults::names::every_way_to_fail") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    resolver(scratch.path(), "timeout:1 attempts:1");
    let site = Site::at("0.0.0.0:0");
    site.tree(20, 3);
    let names = ["fine", "none", "broken", "silent", "moves", "mixed"].map(str::to_owned);
    let crawl = Crawl::new()
        .args([
            "--input-file",
            "seeds.txt",
            "--allow-private",
            "--rate",
            "unlimited",
        ])
        .args([
            "--retry-wait",
            "100ms",
            "--connect-timeout",
            "3s",
            "-o",
            "out",
        ]);
    crawl.file("seeds.txt", &seeds(&names, site.port()));
    let said = crawl.run().expect_code(4);
    let out = crawl.dir().join("out");
    expect_sound(&out);
    let found = rows(
        &out,
        "SELECT substr(url, 8, instr(url, '.') - 8) AS name, status, error, count(*) FROM pages GROUP BY 1, 2, 3 ORDER BY 1",
    );
    println!("figures: {found:?} {said}");
    assert_eq!(
        found,
        [
            "fine 200 - 20",
            "mixed 200 - 20",
            "moves 200 - 20",
            "none - dns 1"
        ]
    );
    // What may pass waits for the next start, with its robots.txt.
    assert_eq!(
        rows(
            &out,
            "SELECT DISTINCT error FROM requests WHERE url LIKE '%//broken%' OR url LIKE '%//silent%'"
        ),
        ["dns_temporary"]
    );
    assert_eq!(number(&out, "SELECT count(*) FROM queue"), 2);
    assert!(
        said.stderr.contains("deferred  1 URL of broken.test"),
        "{said}"
    );
}

/// Whether a seed is private is known once its name is: until then it waits, and all that was found with it.
#[test]
fn a_private_seed_whose_name_comes_late() {
    if !space::entered("faults::names::a_private_seed_whose_name_comes_late") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    resolver(scratch.path(), "timeout:1 attempts:1");
    let site = Site::start();
    site.tree(20, 3);
    let seed = format!("http://late.test:{}/", site.port());
    let crawl = Crawl::new()
        .args(["--seed", &seed, "--rate", "unlimited", "-o", "out"])
        .args(["--max-failures", "3"]);
    let out = crawl.dir().join("out");
    crawl.run().expect_code(4);
    let is_come = |is: bool| COME.store(is, Ordering::Relaxed);
    is_come(true);
    crawl
        .again()
        .args(["--max-pages", "5"])
        .run()
        .expect_code(11);
    is_come(false);
    crawl.run().expect_code(4);
    let failed = "SELECT count(*) FROM pages WHERE error IS NOT NULL";
    assert_eq!(number(&out, failed), 0);
    is_come(true);
    crawl.run().expect_code(0);
    assert_eq!(
        number(&out, "SELECT count(*) FROM pages WHERE status = 200"),
        20
    );
    expect_sound(&out);
}

/// A hundred names of which nothing is heard hold up none that can be looked up.
#[test]
fn silent_names_hold_up_nobody() {
    if !space::entered("faults::names::silent_names_hold_up_nobody") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    // Systems wait for 5 s, and try twice.
    resolver(scratch.path(), "timeout:2 attempts:1");
    let site = Site::at("0.0.0.0:0");
    let begun = Instant::now();
    site.dynamic(|path, _| {
        let number: usize = path.strip_prefix("/page/").unwrap_or("0").parse().ok()?;
        let links: String = (number + 1..=number + 2)
            .map(|next| format!("<a href=/page/{next}>n</a>"))
            .collect();
        (number <= 60).then(|| Reply::html(format!("<title>{number}</title>{links}")))
    });
    let silent = (1..=128).map(|number| format!("silent{number}"));
    let names: Vec<String> = silent
        .chain(["fine1".to_owned(), "fine2".to_owned()])
        .collect();
    let crawl = Crawl::new()
        .args([
            "--input-file",
            "seeds.txt",
            "--allow-private",
            "--rate",
            "20/s",
        ])
        .args(["--connect-timeout", "5s", "--retries", "0", "-o", "out"]);
    crawl.file("seeds.txt", &seeds(&names, site.port()));
    let mut child = crawl.spawn();
    child.wait_until("the pages of the names that are well", |_| {
        site.count("/page/60") == 2
    });
    println!(
        "figures: 60 pages at 30/s of each of two hosts beside 128 silent ones: {:?}",
        begun.elapsed()
    );
    child.signal("INT");
    child.wait().expect_code(130);
    assert!(begun.elapsed() < Duration::from_secs(50));
}
