//! Undoing a body's content-encoding under a cap: gzip, deflate (both forms), br, zstd.

use std::io::Read;

use crate::fetched::FetchError;

/// What may be asked for.
pub const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";
/// Bytes that any body may decode to, whatever its length on the wire.
const FREE: u64 = 1 << 20;
/// Beyond that: decoded bytes for each byte on the wire.
const RATIO: u64 = 200;
/// Codings one upon the other.
const MAX_CODINGS: usize = 3;
/// Largest window of a zstd frame, as browsers have it (RFC 8878 §3.1.1.1.2 recommends 8 MiB).
const ZSTD_WINDOW_LOG: u32 = 23;

/// A decoded body.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether it is only a beginning: over the cap, or the stream is broken further on.
    pub cut: bool,
}

/// Undoes the codings of `Content-Encoding` values; at most `max` bytes come out.
///
/// # Errors
/// `Decode` where a coding is unknown or not a single byte can be decoded.
pub fn decode(body: Vec<u8>, content_encoding: &[String], max: u64) -> Result<Decoded, FetchError> {
    let max = max.min((body.len() as u64).saturating_mul(RATIO).max(FREE));
    let codings: Vec<String> = content_encoding
        .iter()
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if codings.len() > MAX_CODINGS {
        return Err(FetchError::Decode);
    }
    let mut decoded = Decoded {
        bytes: body,
        cut: false,
    };
    for coding in codings.iter().rev() {
        // A response to nothing is nothing, whatever it says of itself.
        if decoded.bytes.is_empty() {
            break;
        }
        let next = undo(coding, &decoded.bytes, max)?;
        decoded = Decoded {
            bytes: next.bytes,
            cut: decoded.cut || next.cut,
        };
    }
    Ok(decoded)
}

fn undo(coding: &str, body: &[u8], max: u64) -> Result<Decoded, FetchError> {
    match coding {
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body), max),
        // RFC 9110 §8.4.1.2 means the zlib format; some servers send the bare stream.
        "deflate" => read(flate2::read::ZlibDecoder::new(body), max)
            .or_else(|_| read(flate2::read::DeflateDecoder::new(body), max)),
        "br" => read(brotli_decompressor::Decompressor::new(body, 4096), max),
        "zstd" => {
            let mut decoder =
                zstd::stream::read::Decoder::new(body).map_err(|_| FetchError::Decode)?;
            decoder
                .window_log_max(ZSTD_WINDOW_LOG)
                .map_err(|_| FetchError::Decode)?;
            read(decoder, max)
        }
        _ => Err(FetchError::Decode),
    }
}

fn read(mut decoder: impl Read, max: u64) -> Result<Decoded, FetchError> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return Ok(Decoded { bytes, cut: false }),
            Ok(count) => {
                let room = usize::try_from(max).unwrap_or(usize::MAX) - bytes.len();
                bytes.extend_from_slice(&piece[..count.min(room)]);
                if count > room {
                    return Ok(Decoded { bytes, cut: true });
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) if bytes.is_empty() => return Err(FetchError::Decode),
            // What came before the break is worth keeping.
            Err(_) => return Ok(Decoded { bytes, cut: true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn says(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn codings() {
        let text = b"<title>hello</title>".repeat(50);
        let zlib = {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&text).expect("in memory");
            encoder.finish().expect("in memory")
        };
        let zstd = zstd::encode_all(text.as_slice(), 1).expect("in memory");
        for (body, encoding) in [
            (text.clone(), says(&[])),
            (text.clone(), says(&["identity"])),
            (gzip(&text), says(&["gzip"])),
            (gzip(&text), says(&["X-GZIP"])),
            (gzip(&gzip(&text)), says(&["gzip, gzip"])),
            (gzip(&zlib), says(&["deflate", "gzip"])),
            (zlib[2..zlib.len() - 4].to_vec(), says(&["deflate"])),
            (zstd, says(&["zstd"])),
        ] {
            assert_eq!(
                decode(body, &encoding, 1 << 20),
                Ok(Decoded {
                    bytes: text.clone(),
                    cut: false
                }),
                "{encoding:?}"
            );
        }
        assert_eq!(
            decode(text.clone(), &says(&["rot13"]), 1 << 20),
            Err(FetchError::Decode)
        );
        assert_eq!(
            decode(text.clone(), &says(&["gzip"]), 1 << 20),
            Err(FetchError::Decode)
        );
        assert_eq!(
            decode(text, &says(&["gzip,gzip,gzip,gzip"]), 1 << 20),
            Err(FetchError::Decode)
        );
        assert_eq!(
            decode(Vec::new(), &says(&["gzip"]), 9),
            Ok(Decoded {
                bytes: Vec::new(),
                cut: false
            })
        );
    }

    #[test]
    fn bombs_and_broken_streams_are_cut() {
        let bomb = gzip(&vec![b'a'; 50 << 20]);
        let decoded = decode(bomb, &says(&["gzip"]), 64 << 20).expect("a beginning");
        assert!(
            decoded.cut && decoded.bytes.len() < 12 << 20,
            "{}",
            decoded.bytes.len()
        );
        let decoded = decode(gzip(&[b'a'; 1000]), &says(&["gzip"]), 100).expect("a beginning");
        assert_eq!((decoded.bytes.len(), decoded.cut), (100, true));
        let noise: Vec<u8> = (0..40_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let mut broken = gzip(&noise);
        broken.truncate(broken.len() / 2);
        let decoded = decode(broken, &says(&["gzip"]), 1 << 20).expect("a beginning");
        assert!(decoded.cut && noise.starts_with(&decoded.bytes) && !decoded.bytes.is_empty());
    }
}
