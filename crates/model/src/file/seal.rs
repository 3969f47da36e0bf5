//! Right checksums for forged files, so that tests and fuzzers reach what lies behind them.

use xxhash_rust::xxh3::xxh3_64;

use crate::file::layout::{CHECKSUM, ENTRY, HEADER};

/// Makes length and checksums of a file right, as far as its table of sections is there.
pub fn seal(file: &mut [u8]) {
    let Some(count) = file.get(12..16) else { return };
    let n_entries = u32::from_le_bytes(count.try_into().expect("four bytes")) as usize;
    let end = HEADER.saturating_add(ENTRY.saturating_mul(n_entries));
    if file.len() < end {
        return;
    }
    for index in 0..n_entries {
        let entry = HEADER + ENTRY * index;
        let field = |at: usize| {
            let bytes = file[entry + at..entry + at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes) as usize
        };
        let (start, length) = (field(8), field(16));
        let section = start.checked_add(length).and_then(|end| file.get(start..end));
        if let Some(section) = section {
            let checksum = xxh3_64(section).to_le_bytes();
            file[entry + 24..entry + 32].copy_from_slice(&checksum);
        }
    }
    let length = (file.len() as u64).to_le_bytes();
    file[16..24].copy_from_slice(&length);
    file[CHECKSUM].fill(0);
    let checksum = xxh3_64(&file[..end]).to_le_bytes();
    file[CHECKSUM].copy_from_slice(&checksum);
}
