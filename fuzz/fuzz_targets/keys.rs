#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walnut::__fuzz::keys(bytes));
