//! Texts and numbers of which pages are made.

pub fn text(out: &mut Vec<u8>, s: &str) {
    out.extend_from_slice(s.as_bytes());
}

pub fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut i = digits.len();
    loop {
        i -= 1;
        digits[i] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[i..]);
}

/// splitmix64: a number that looks drawn, always the same for the same one
pub fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The same for a text.
pub fn hash_text(s: &str) -> u64 {
    s.bytes().fold(0, |h, byte| hash(h ^ u64::from(byte)))
}

/// A word that a number stands for.
pub fn word(n: u64) -> &'static str {
    WORDS[hash(n) as usize % WORDS.len()]
}

pub const WORDS: [&str; 64] = [
    "configure",
    "server",
    "client",
    "method",
    "returns",
    "value",
    "index",
    "table",
    "column",
    "query",
    "option",
    "default",
    "module",
    "function",
    "object",
    "string",
    "number",
    "list",
    "mapping",
    "iterator",
    "buffer",
    "stream",
    "socket",
    "thread",
    "process",
    "signal",
    "handler",
    "request",
    "response",
    "header",
    "cookie",
    "session",
    "template",
    "filter",
    "field",
    "form",
    "model",
    "migration",
    "schema",
    "trigger",
    "view",
    "cursor",
    "lock",
    "transaction",
    "commit",
    "branch",
    "merge",
    "remote",
    "target",
    "library",
    "compiler",
    "linker",
    "variable",
    "constant",
    "pattern",
    "matching",
    "exception",
    "warning",
    "logging",
    "testing",
    "package",
    "release",
    "install",
    "upgrade",
];
