//! The C interface of the prediction runtime: `libeyas`, described in `include/eyas.h`.
//!
//! Each exported function checks what it was given, does its work behind [`border::guard`], so that
//! no panic leaves this library, and turns errors into a status and a message. There is no global
//! state.

#![allow(unsafe_code)]

mod border;
mod model;
mod predict;
#[cfg(test)]
mod tests;

use std::ffi::c_char;

use border::Status;

/// What the header calls `EYAS_ABI_VERSION`.
const ABI_VERSION: u32 = 1;

/// Version of the library.
#[unsafe(no_mangle)]
pub extern "C" fn eyas_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Whether the library can be called as a header of this version describes it.
#[unsafe(no_mangle)]
pub extern "C" fn eyas_check_abi(abi_version: u32, value_size: usize) -> i32 {
    let fits = abi_version == ABI_VERSION && value_size == size_of::<predict::CValue>();
    if fits { Status::Ok as i32 } else { Status::WrongAbi as i32 }
}
