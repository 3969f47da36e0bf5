//! Model files, their checksums made right so that what lies behind them is reached.
#![no_main]

use eyas_model::Model;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = Model::from_bytes(bytes) {
        eyas_fuzz::predict(model);
    }
    let mut sealed = bytes.to_vec();
    eyas_model::file::seal(&mut sealed);
    if let Ok(model) = Model::from_bytes(&sealed) {
        eyas_fuzz::predict(model);
    }
});
