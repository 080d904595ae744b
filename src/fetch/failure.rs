//! What the client's errors mean: a class, and words without the URL.

use std::error::Error as _;

use super::address::{LookupError, Refused};
use crate::fetched::FetchError;

/// The class of a client's error, and the error in words without the URL (its row names that).
pub(super) fn classify(error: reqwest::Error, in_body: bool) -> (FetchError, String) {
    let error = error.without_url();
    let class = if in_body && !error.is_timeout() {
        FetchError::Truncated
    } else {
        class_of(&error)
    };
    let mut words = root(&error);
    // What a server that speaks plain HTTP answers is no TLS record.
    if class == FetchError::Tls && words.contains("InvalidContentType") {
        words += "; the server may speak http, not https, on this port";
    }
    (class, words)
}

fn class_of(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return if error.is_connect() {
            FetchError::ConnectTimeout
        } else {
            FetchError::Timeout
        };
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.is::<Refused>() {
            return FetchError::PrivateAddress;
        }
        if let Some(lookup) = source.downcast_ref::<LookupError>() {
            return if lookup.temporary {
                FetchError::DnsTemporary
            } else {
                FetchError::Dns
            };
        }
        if source.is::<rustls::Error>() {
            return FetchError::Tls;
        }
        if let Some(http) = source.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return FetchError::Protocol;
            }
            if http.is_incomplete_message() || http.is_canceled() {
                return FetchError::Reset;
            }
        }
        // Streams and connections that the server ends, with whatever reason, are what a reset is to HTTP/1.
        if let Some(stream) = source.downcast_ref::<h2::Error>()
            && stream.is_remote()
        {
            return FetchError::Reset;
        }
        if let Some(io) = source.downcast_ref::<std::io::Error>() {
            if hides_tls(io) {
                return FetchError::Tls;
            }
            if !error.is_connect() {
                return FetchError::Reset;
            }
        }
        cause = source.source();
    }
    let words = root(error);
    if words.contains("proxy") || words.contains("tunnel") {
        return FetchError::Proxy;
    }
    if error.is_connect() {
        FetchError::Connect
    } else {
        FetchError::Protocol
    }
}

/// Whether it is a TLS error in the dress of an `io::Error`, or of several: an `io::Error` does not name
/// what it wraps as its source.
fn hides_tls(io: &std::io::Error) -> bool {
    let mut io = io;
    while let Some(inner) = io.get_ref() {
        if inner.is::<rustls::Error>() {
            return true;
        }
        match inner.downcast_ref::<std::io::Error>() {
            Some(next) => io = next,
            None => return false,
        }
    }
    false
}

/// What was at the bottom of it: the layers above only say that something was.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(source) = cause {
        text = source.to_string();
        if source.is::<LookupError>() || source.is::<Refused>() {
            break;
        }
        cause = source.source();
    }
    text
}
