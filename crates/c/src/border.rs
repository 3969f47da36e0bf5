//! The border to C: statuses, messages, and slices of memory that a caller names.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eyas_model::Error;

/// What became of a call; the numbers are those of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    Ok = 0,
    BadArgument = 1,
    BadFile = 2,
    BadModel = 3,
    BadRow = 4,
    Io = 5,
    Internal = 6,
    WrongAbi = 7,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub status: Status,
    pub text: String,
}

impl Failure {
    pub fn argument(text: String) -> Failure {
        Failure { status: Status::BadArgument, text }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match &error {
            Error::BadFile { .. } => Status::BadFile,
            Error::BadModel(_) => Status::BadModel,
            Error::BadRow { .. } => Status::BadRow,
            Error::Io(_) => Status::Io,
            _ => Status::Internal,
        };
        Failure { status, text: error.to_string() }
    }
}

/// Where the caller wants to read what is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    buffer: *mut c_char,
    size: usize,
}

impl Message {
    /// # Safety
    /// `buffer` is null or may be written `size` bytes, until the call returns.
    pub unsafe fn new(buffer: *mut c_char, size: usize) -> Message {
        Message { buffer, size }
    }

    /// Writes as many whole characters as fit, and a NUL.
    fn write(self, text: &str) {
        if self.buffer.is_null() || self.size == 0 {
            return;
        }
        let length = text.floor_char_boundary(self.size - 1);
        // SAFETY: the buffer has `size` bytes (by `Message::new`), of which `length + 1 <= size` are
        // written; `text` is ours and does not overlap with it.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), self.buffer, length);
            *self.buffer.add(length) = 0;
        }
    }
}

/// Does the work of a call. An error or a panic becomes a status and a message.
pub(crate) fn guard(message: Message, work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // A scratch object whose prediction panicked is only ever resized and overwritten.
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return Status::Ok as i32,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure {
            status: Status::Internal,
            text: format!("a defect of the library, please report it: {}", words(&*panic)),
        },
    };
    message.write(&failure.text);
    failure.status as i32
}

/// Answers a question that cannot fail; `otherwise` if it panics all the same.
pub(crate) fn answer<T>(otherwise: T, question: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(question)).unwrap_or(otherwise)
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

/// What a pointer points to.
///
/// # Safety
/// `pointer` is null or points to a `T` that nobody changes during `'a`.
pub(crate) unsafe fn borrow<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    check(pointer, 1, name)?;
    // SAFETY: not null, aligned (just checked), and valid by the caller's promise.
    Ok(unsafe { &*pointer })
}

/// What a pointer points to, to be changed.
///
/// # Safety
/// `pointer` is null or points to a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn borrow_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    check(pointer, 1, name)?;
    // SAFETY: not null, aligned (just checked), and ours alone by the caller's promise.
    Ok(unsafe { &mut *pointer })
}

/// The memory that a pointer and a length name.
///
/// # Safety
/// `pointer` is null or points to `length` values that nobody changes during `'a`.
pub(crate) unsafe fn slice<'a, T>(
    pointer: *const T,
    length: usize,
    name: &str,
) -> Result<&'a [T], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    check(pointer, length, name)?;
    // SAFETY: not null, aligned, not longer than memory can be (just checked), and valid by the
    // caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// The memory that a pointer and a length name, to be written.
///
/// # Safety
/// `pointer` is null or points to `length` values that nobody else uses during `'a`.
pub(crate) unsafe fn slice_mut<'a, T>(
    pointer: *mut T,
    length: usize,
    name: &str,
) -> Result<&'a mut [T], Failure> {
    if length == 0 {
        return Ok(&mut []);
    }
    check(pointer, length, name)?;
    // SAFETY: not null, aligned, not longer than memory can be (just checked), and ours alone by
    // the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, length) })
}

/// Whether `length` values of `T` can lie at a pointer.
#[inline]
fn check<T>(pointer: *const T, length: usize, name: &str) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::argument(format!("`{name}` is a null pointer")));
    }
    if !pointer.is_aligned() {
        let problem = format!("`{name}` is not aligned to {} bytes", align_of::<T>());
        return Err(Failure::argument(problem));
    }
    match length.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Failure::argument(format!("`{name}` cannot have {length} values"))),
    }
}
