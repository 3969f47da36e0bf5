//! What the processor at hand can do beyond what every one can.

mod lanes;
pub mod product;
mod tiles;

/// A loop with its arguments. `run` has `#[inline(always)]`, so that it is compiled anew for each
/// kind of processor; a closure may stay a function of its own, compiled for every one.
pub trait Kernel {
    /// What it gives.
    type Output;

    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs a kernel, compiled for AVX2 where the processor has it: loops use registers of 32 bytes then.
/// Results are the same, since the compiler neither reorders nor contracts additions and
/// multiplications.
#[inline(always)]
pub fn widest<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn wide<K: Kernel>(kernel: K) -> K::Output {
            kernel.run()
        }
        let has = std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("bmi1")
            && std::is_x86_feature_detected!("bmi2");
        if has {
            #[allow(unsafe_code)]
            // SAFETY: the processor has what `wide` is compiled for.
            return unsafe { wide(kernel) };
        }
    }
    kernel.run()
}

/// Asks for the cache line of a place that will be read soon; does nothing if there is none.
#[inline(always)]
pub fn prefetch<T>(items: &[T], place: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(place) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: the pointer comes from a reference, and every x86-64 processor has SSE.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_loops_give_the_same_bits() {
        struct Work<'a>(&'a [f32]);
        impl Kernel for Work<'_> {
            type Output = Vec<f32>;
            #[inline(always)]
            fn run(self) -> Vec<f32> {
                self.0.iter().map(|x| x * 1.1 + 0.3 / (x * x + 1.0)).collect()
            }
        }
        let numbers: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin()).collect();
        assert_eq!(widest(Work(&numbers)), Work(&numbers).run());
    }

    #[test]
    fn a_place_that_is_not_there_is_not_asked_for() {
        prefetch(&[1u8, 2, 3], 2);
        prefetch(&[1u8, 2, 3], usize::MAX);
        prefetch::<u8>(&[], 0);
    }
}
