#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crawl::fuzzing::run("question", data));
