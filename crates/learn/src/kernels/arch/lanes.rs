//! Vectors of `f32` of the processors there are, with fused multiply-adds.
//!
//! `x * y + sum` is rounded once on every one of them (without the instruction: in software), so a sum
//! that runs through the same numbers in the same order has the same bits on all machines.

/// A vector of neighbouring numbers. Every function is compiled into a caller that has the
/// instructions.
#[allow(unsafe_code)]
pub(super) trait Lanes {
    /// The vector.
    type Vector: Copy;
    /// Its numbers.
    const WIDTH: usize;

    /// All numbers `x`.
    ///
    /// # Safety
    /// The processor has the instructions; so for all functions.
    unsafe fn splat(x: f32) -> Self::Vector;

    /// `WIDTH` numbers from `place` on.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load(place: *const f32) -> Self::Vector;

    /// The first `n` numbers from `place` on, then zeros; `0 < n < WIDTH`.
    ///
    /// # Safety
    /// `n` numbers can be read.
    unsafe fn load_some(place: *const f32, n: usize) -> Self::Vector;

    /// Writes `WIDTH` numbers.
    ///
    /// # Safety
    /// They can be written.
    unsafe fn store(vector: Self::Vector, place: *mut f32);

    /// Writes the first `n` numbers; `0 < n < WIDTH`.
    ///
    /// # Safety
    /// `n` numbers can be written.
    unsafe fn store_some(vector: Self::Vector, place: *mut f32, n: usize);

    /// `x * y + sum`, rounded once.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn fused(x: Self::Vector, y: Self::Vector, sum: Self::Vector) -> Self::Vector;
}

/// What every processor can do.
pub(super) struct Portable;

#[allow(unsafe_code)]
impl Lanes for Portable {
    type Vector = [f32; 8];
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 8] {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn load(place: *const f32) -> [f32; 8] {
        // SAFETY: the caller's promise; an array of `f32` is aligned as one is.
        unsafe { place.cast::<[f32; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn load_some(place: *const f32, n: usize) -> [f32; 8] {
        let mut all = [0.0; 8];
        // SAFETY: the caller's promise, and `n` is below the width.
        all[..n].copy_from_slice(unsafe { std::slice::from_raw_parts(place, n) });
        all
    }

    #[inline(always)]
    unsafe fn store(vector: [f32; 8], place: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { place.cast::<[f32; 8]>().write(vector) }
    }

    #[inline(always)]
    unsafe fn store_some(vector: [f32; 8], place: *mut f32, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(place, n) }.copy_from_slice(&vector[..n]);
    }

    #[inline(always)]
    unsafe fn fused(x: [f32; 8], y: [f32; 8], sum: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| x[lane].mul_add(y[lane], sum[lane]))
    }
}

/// Registers of 32 bytes.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{Avx2, Lanes};

    /// A mask whose first `n` lanes are set.
    #[inline(always)]
    unsafe fn first(n: usize) -> __m256i {
        // SAFETY: the caller has AVX2.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
        }
    }

    impl Lanes for Avx2 {
        type Vector = __m256;
        const WIDTH: usize = 8;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m256 {
            // SAFETY: the caller has AVX2; so below.
            unsafe { _mm256_set1_ps(x) }
        }

        #[inline(always)]
        unsafe fn load(place: *const f32) -> __m256 {
            // SAFETY: the caller's promise.
            unsafe { _mm256_loadu_ps(place) }
        }

        #[inline(always)]
        unsafe fn load_some(place: *const f32, n: usize) -> __m256 {
            // SAFETY: masked lanes are not read.
            unsafe { _mm256_maskload_ps(place, first(n)) }
        }

        #[inline(always)]
        unsafe fn store(vector: __m256, place: *mut f32) {
            // SAFETY: the caller's promise.
            unsafe { _mm256_storeu_ps(place, vector) }
        }

        #[inline(always)]
        unsafe fn store_some(vector: __m256, place: *mut f32, n: usize) {
            // SAFETY: masked lanes are not written.
            unsafe { _mm256_maskstore_ps(place, first(n), vector) }
        }

        #[inline(always)]
        unsafe fn fused(x: __m256, y: __m256, sum: __m256) -> __m256 {
            // SAFETY: the caller has FMA.
            unsafe { _mm256_fmadd_ps(x, y, sum) }
        }
    }
}

/// Registers of 64 bytes.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{Avx512, Lanes};

    /// A mask whose first `n` lanes are set.
    #[inline(always)]
    fn first(n: usize) -> __mmask16 {
        (1_u16 << n).wrapping_sub(1)
    }

    impl Lanes for Avx512 {
        type Vector = __m512;
        const WIDTH: usize = 16;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            // SAFETY: the caller has AVX-512; so below.
            unsafe { _mm512_set1_ps(x) }
        }

        #[inline(always)]
        unsafe fn load(place: *const f32) -> __m512 {
            // SAFETY: the caller's promise.
            unsafe { _mm512_loadu_ps(place) }
        }

        #[inline(always)]
        unsafe fn load_some(place: *const f32, n: usize) -> __m512 {
            // SAFETY: masked lanes are not read.
            unsafe { _mm512_maskz_loadu_ps(first(n), place) }
        }

        #[inline(always)]
        unsafe fn store(vector: __m512, place: *mut f32) {
            // SAFETY: the caller's promise.
            unsafe { _mm512_storeu_ps(place, vector) }
        }

        #[inline(always)]
        unsafe fn store_some(vector: __m512, place: *mut f32, n: usize) {
            // SAFETY: masked lanes are not written.
            unsafe { _mm512_mask_storeu_ps(place, first(n), vector) }
        }

        #[inline(always)]
        unsafe fn fused(x: __m512, y: __m512, sum: __m512) -> __m512 {
            // SAFETY: the caller has AVX-512.
            unsafe { _mm512_fmadd_ps(x, y, sum) }
        }
    }
}
