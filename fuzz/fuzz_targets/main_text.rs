#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crawl::fuzzing::run("main_text", data));
