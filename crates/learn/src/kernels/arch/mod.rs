//! Kernels that need `unsafe`: calls of libraries over raw pointers.

#![allow(unsafe_code)]

pub mod product;
