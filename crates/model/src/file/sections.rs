//! The outer layer of a file: header, table and checksums.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Error;
use crate::file::layout::{
    ALIGNMENT, CHECKSUM, ENTRY, HEADER, MAGIC, OPTIONAL, SECTIONS, Section, VERSION, n_sections,
};

/// A section that is read from front to back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream<'a> {
    rest: &'a [u8],
    offset: usize,
    section: Section,
}

/// The sections of a file whose checksums are right, in the order of [`SECTIONS`].
pub(crate) fn open(file: &[u8]) -> Result<[Stream<'_>; SECTIONS.len()], Error> {
    let (n_entries, n_known) = check_header(file)?;
    let mut found = [None; SECTIONS.len()];
    let mut end = HEADER + ENTRY * n_entries;
    for index in 0..n_entries {
        let at = HEADER + ENTRY * index;
        let [id, offset, length, checksum] =
            std::array::from_fn(|field| u64_at(file, at + 8 * field));
        // Sections follow each other, so none overlaps another and all of the file is checked.
        let start = end.next_multiple_of(ALIGNMENT);
        let room = file.len().checked_sub(start).filter(|&room| length <= room as u64);
        if room.is_none() || offset != start as u64 {
            return Err(bad(at, format!("section {id} does not lie behind the one before it")));
        }
        let bytes = &file[start..start + length as usize];
        if xxh3_64(bytes) != checksum || file[end..start].iter().any(|&byte| byte != 0) {
            return Err(bad(start, format!("section {id} is damaged: {COPY_AGAIN}")));
        }
        end = start + bytes.len();
        let Some(section) = known(id, &SECTIONS[..n_known], at)? else { continue };
        let place = &mut found[section as usize - 1];
        if place.replace(Stream { rest: bytes, offset: start, section }).is_some() {
            return Err(bad(at, format!("section {section:?} is there twice")));
        }
    }
    if end != file.len() {
        return Err(bad(end, "bytes follow the last section".into()));
    }
    if let Some(index) = found[..n_known].iter().position(Option::is_none) {
        return Err(bad(HEADER, format!("section {:?} is not there", SECTIONS[index])));
    }
    // Sections that the version does not have are empty.
    let empty = |section| Stream { rest: &[], offset: file.len(), section };
    Ok(SECTIONS.map(|section| found[section as usize - 1].unwrap_or(empty(section))))
}

/// The version of a file that was opened.
pub(crate) fn version(file: &[u8]) -> u32 {
    u32_at(file, 8)
}

const COPY_AGAIN: &str = "copy the file again from where it was written";

/// Checks all before the sections; the number of entries, and of the sections of the version.
fn check_header(file: &[u8]) -> Result<(usize, usize), Error> {
    if file.len() < HEADER || file[..8] != MAGIC {
        return Err(bad(0, "this is no Eyas model file (it does not begin with `EYAS`)".into()));
    }
    let version = u32_at(file, 8);
    let Some(n_known) = n_sections(version) else {
        return Err(bad(
            8,
            format!(
                "the model file has format version {version}, this program reads versions up to \
                 {VERSION}: update the program, or save the model with the older one"
            ),
        ));
    };
    let length = u64_at(file, 16);
    if length != file.len() as u64 {
        return Err(bad(
            file.len(),
            format!("the file has {} bytes, it should have {length}: {COPY_AGAIN}", file.len()),
        ));
    }
    let n_entries = u32_at(file, 12) as usize;
    let end = HEADER.saturating_add(ENTRY.saturating_mul(n_entries));
    let damaged = || bad(0, format!("the header is damaged: {COPY_AGAIN}"));
    let mut header = file.get(..end).ok_or_else(damaged)?.to_vec();
    header[CHECKSUM].fill(0);
    if xxh3_64(&header) != u64_at(file, CHECKSUM.start) || header[32..HEADER] != [0; 32] {
        return Err(damaged());
    }
    Ok((n_entries, n_known))
}

/// The section of this number, one of those of the version; none if it may be skipped.
fn known(id: u64, sections: &[Section], at: usize) -> Result<Option<Section>, Error> {
    if id >= u64::from(OPTIONAL) {
        return Ok(None);
    }
    let section = sections.iter().find(|section| **section as u64 == id).copied();
    section.map(Some).ok_or_else(|| bad(at, format!("there is no section {id} in this version")))
}

impl<'a> Stream<'a> {
    /// The next `n` items of `size` bytes.
    pub fn take(&mut self, n: usize, size: usize) -> Result<&'a [u8], Error> {
        let taken = n.checked_mul(size).and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or_else(|| self.bad("it ends too early"))?;
        self.rest = rest;
        self.offset += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.take(1, N)?;
        Ok(bytes.try_into().expect("as many bytes as were taken"))
    }

    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Result<f32, Error> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn f64(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    pub fn f64s(&mut self, n: usize) -> Result<Vec<f64>, Error> {
        let numbers = self.take(n, 8)?.chunks_exact(8).map(|bytes| u64_at(bytes, 0));
        Ok(numbers.map(f64::from_bits).collect())
    }

    pub fn f32s(&mut self, n: usize) -> Result<Vec<f32>, Error> {
        let numbers = self.take(n, 4)?.chunks_exact(4).map(|bytes| u32_at(bytes, 0));
        Ok(numbers.map(f32::from_bits).collect())
    }

    /// Bytes that are always zero in this version.
    pub fn zeros(&mut self, n: usize) -> Result<(), Error> {
        let zero = self.take(n, 1)?.iter().all(|&byte| byte == 0);
        if zero { Ok(()) } else { Err(self.bad("bytes that must be zero are not")) }
    }

    /// Bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn bad(&self, problem: &str) -> Error {
        bad(self.offset, format!("section {:?}: {problem}", self.section))
    }
}

fn bad(offset: usize, problem: String) -> Error {
    Error::BadFile { offset: offset as u64, problem }
}

/// The caller knows that four bytes are there.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The caller knows that eight bytes are there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
