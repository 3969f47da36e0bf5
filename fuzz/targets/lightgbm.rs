//! Files that say they are models of lightgbm.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eyas_fuzz::import(bytes, "lightgbm"));
