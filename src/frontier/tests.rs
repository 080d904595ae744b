//! Unit and property tests of the frontier, on an injected clock.
