//! Several arrays of NumPy in a ZIP archive, `.npz`.
//!
//! What `np.savez` and `np.savez_compressed` write is read: entries that are stored or deflated,
//! found through the central directory, 64-bit sizes included.
//!
//! Reference: PKWARE, APPNOTE.TXT, .ZIP File Format Specification, 4.3 to 4.5.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{Array, npy};

/// First bytes of such a file.
pub(super) const MAGIC: &[u8; 4] = b"PK\x03\x04";
const DIRECTORY_ENTRY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const END_64: &[u8; 4] = b"PK\x06\x06";
/// Bytes of the end record, without the comment.
const END_BYTES: usize = 22;
const CUT_OFF: &str = "the archive is cut off; write it again";

/// Reads all arrays, by name.
///
/// # Errors
/// What is wrong with the archive or an array in it.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<(String, Array)>, String> {
    let (mut at, n_entries) = directory(bytes)?;
    let (mut arrays, mut n_packed) = (Vec::new(), 0_usize);
    for _ in 0..n_entries {
        let entry = Entry::read(bytes, at)?;
        at = entry.end;
        n_packed = n_packed.saturating_add(entry.n_packed);
        if n_packed > bytes.len() {
            return Err("entries of the archive lie over each other; write it again".into());
        }
        if let Some(name) = entry.name.strip_suffix(".npy") {
            let contents = entry.contents(bytes)?;
            let array = npy::parse(&contents).map_err(|problem| format!("`{name}`: {problem}"))?;
            arrays.push((name.to_string(), array));
        }
    }
    if arrays.is_empty() {
        return Err("the archive holds no arrays (`.npy`)".into());
    }
    Ok(arrays)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<usize, String> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>());
    found.map(|&n| usize::from(u16::from_le_bytes(n))).ok_or_else(|| CUT_OFF.into())
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize, String> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    found.map(|&n| u32::from_le_bytes(n) as usize).ok_or_else(|| CUT_OFF.into())
}

fn u64_at(bytes: &[u8], at: usize) -> Result<usize, String> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    let number = found.map(|&n| u64::from_le_bytes(n)).ok_or(CUT_OFF)?;
    usize::try_from(number).map_err(|_| CUT_OFF.into())
}

/// Where the directory begins, and how many entries it has.
fn directory(bytes: &[u8]) -> Result<(usize, usize), String> {
    let first = bytes.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let tail = &bytes[first..];
    let end = tail.windows(4).rposition(|four| four == END).ok_or(CUT_OFF)? + first;
    let (n_entries, start) = (u16_at(bytes, end + 10)?, u32_at(bytes, end + 16)?);
    if n_entries < 0xFFFF && start < 0xFFFF_FFFF {
        return Ok((start, n_entries));
    }
    let end_64 = bytes[..end].windows(4).rposition(|four| four == END_64).ok_or(CUT_OFF)?;
    Ok((u64_at(bytes, end_64 + 48)?, u64_at(bytes, end_64 + 32)?))
}

/// An entry of the directory.
struct Entry {
    name: String,
    is_deflated: bool,
    /// CRC-32 of the contents.
    checksum: u32,
    n_packed: usize,
    n_bytes: usize,
    /// Where the entry's own header is.
    local: usize,
    /// Where the next entry of the directory is.
    end: usize,
}

impl Entry {
    fn read(bytes: &[u8], at: usize) -> Result<Entry, String> {
        if bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) != Some(DIRECTORY_ENTRY) {
            return Err("the archive's directory is damaged; write it again".into());
        }
        let (n_name, n_extra) = (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?);
        let n_comment = u16_at(bytes, at + 32)?;
        let name = bytes.get(at + 46..at + 46 + n_name).ok_or(CUT_OFF)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let extra = bytes.get(at + 46 + n_name..at + 46 + n_name + n_extra).ok_or(CUT_OFF)?;
        let method = u16_at(bytes, at + 10)?;
        if u16_at(bytes, at + 8)? & 1 == 1 || ![0, 8].contains(&method) {
            return Err(format!(
                "`{name}` is encrypted or packed in another way than stored or deflated"
            ));
        }
        let checksum = u32_at(bytes, at + 16)? as u32;
        let mut sizes = [u32_at(bytes, at + 24)?, u32_at(bytes, at + 20)?, u32_at(bytes, at + 42)?];
        wide_sizes(extra, &mut sizes)?;
        let [n_bytes, n_packed, local] = sizes;
        let end = at + 46 + n_name + n_extra + n_comment;
        Ok(Entry { name, is_deflated: method == 8, checksum, n_packed, n_bytes, local, end })
    }

    fn contents(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let (n_name, n_extra) = (
            u16_at(bytes, self.local.saturating_add(26))?,
            u16_at(bytes, self.local.saturating_add(28))?,
        );
        let start = self.local + 30 + n_name + n_extra;
        let end = start.checked_add(self.n_packed).ok_or(CUT_OFF)?;
        let packed = bytes.get(start..end).ok_or(CUT_OFF)?;
        if !self.is_deflated {
            return self.checked(packed.to_vec());
        }
        // Deflate packs at most 1,032 to one: more is a lie about the size.
        let most = self.n_bytes.min(packed.len().saturating_mul(1032) + 64);
        let mut contents = Vec::new();
        let read = DeflateDecoder::new(packed).take(most as u64 + 1).read_to_end(&mut contents);
        match read {
            Ok(n) if n == self.n_bytes => self.checked(contents),
            _ => Err(self.damaged()),
        }
    }

    fn checked(&self, contents: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut checksum = Crc::new();
        checksum.update(&contents);
        if checksum.sum() == self.checksum { Ok(contents) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> String {
        format!("`{}` is damaged; write it again", self.name)
    }
}

/// Sizes that do not fit 32 bits stand in an extra field, in this order, those that are needed.
fn wide_sizes(extra: &[u8], sizes: &mut [usize; 3]) -> Result<(), String> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (kind, length) = (u16_at(rest, 0)?, u16_at(rest, 2)?);
        let field = rest.get(4..4 + length).ok_or(CUT_OFF)?;
        if kind == 1 {
            let mut at = 0;
            for size in sizes.iter_mut().filter(|size| **size == 0xFFFF_FFFF) {
                *size = u64_at(field, at)?;
                at += 8;
            }
        }
        rest = &rest[4 + length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::npy::tests::file;
    use super::*;

    /// An archive as NumPy writes it: sizes in 64 bits in the entry's own header.
    fn archive(entries: &[(&str, Vec<u8>)], deflate: bool) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, contents) in entries {
            let packed = if deflate {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(contents).unwrap();
                encoder.finish().unwrap()
            } else {
                contents.clone()
            };
            let name = format!("{name}.npy");
            let local = out.len() as u32;
            let method = if deflate { 8u16 } else { 0 };
            let extra = [&1u16.to_le_bytes()[..], &16u16.to_le_bytes(), &[0; 16]].concat();
            out.extend(MAGIC);
            out.extend([45, 0, 0, 0]);
            out.extend(method.to_le_bytes());
            out.extend([0; 8]);
            out.extend([0xFF; 8]);
            out.extend((name.len() as u16).to_le_bytes());
            out.extend((extra.len() as u16).to_le_bytes());
            out.extend(name.as_bytes());
            out.extend(extra);
            out.extend(&packed);
            directory.extend(DIRECTORY_ENTRY);
            directory.extend([45, 3, 45, 0, 0, 0]);
            directory.extend(method.to_le_bytes());
            directory.extend([0; 4]);
            let mut checksum = Crc::new();
            checksum.update(contents);
            directory.extend(checksum.sum().to_le_bytes());
            directory.extend((packed.len() as u32).to_le_bytes());
            directory.extend((contents.len() as u32).to_le_bytes());
            directory.extend((name.len() as u16).to_le_bytes());
            directory.extend([0; 12]);
            directory.extend(local.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let start = out.len() as u32;
        out.extend(&directory);
        out.extend(END);
        out.extend([0; 4]);
        out.extend((entries.len() as u16).to_le_bytes());
        out.extend((entries.len() as u16).to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend([0; 2]);
        out
    }

    #[test]
    fn arrays_are_found_by_name() {
        let entries = [
            ("x", file("|u1", "False", "(2, 2)", &[1, 2, 3, 4])),
            ("y", file("|u1", "False", "(2,)", &[0, 1])),
        ];
        for deflate in [false, true] {
            let arrays = parse(&archive(&entries, deflate)).unwrap();
            let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["x", "y"]);
            assert_eq!(arrays[0].1.column(1), [2.0, 4.0]);
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let entries = [("x", file("|u1", "False", "(40,)", &[7; 40]))];
        for deflate in [false, true] {
            let good = archive(&entries, deflate);
            for end in 0..good.len() {
                // Two bytes say how long the comment is, of which there is none.
                assert!(parse(&good[..end]).is_err() || end + 2 >= good.len(), "cut off at {end}");
            }
            for at in 0..good.len() {
                for flip in [0x01, 0x80, 0xFF] {
                    let mut bad = good.clone();
                    bad[at] ^= flip;
                    let _ = parse(&bad);
                }
            }
        }
    }
}
