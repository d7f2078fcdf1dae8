//! Records from the kernel, and what is no record at all.

#![no_main]

libfuzzer_sys::fuzz_target!(|record: &[u8]| sentineld::sensor::raw::exercise(record));
