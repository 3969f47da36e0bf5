//! No step of an optimizer allocates.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

use eyas_learn::step_sizes::{
    Averaged, Averaging, Group, Layout, OPTIMIZERS, Optimizer, STEP_SIZES, Seen,
};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static N_ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Threads that end allocate after their counter is gone.
    let _ = N_ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Memory) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Memory) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steps_allocate_nothing() {
    let layout = Layout::new(vec![Group::matrix(5, 3), Group::vector(5)]).unwrap();
    let (mut params, grads) = ([0.5_f32; 20], [0.1_f32; 20]);
    for kind in OPTIMIZERS {
        let base = (kind.build)(&layout);
        let mut optimizer = Averaged::new(base, &layout, Averaging::Exponential { decay: 0.9 });
        let before = N_ALLOCATIONS.get();
        for _ in 0..5 {
            optimizer.step(&mut params, &grads, 0.01);
            optimizer.eval(&mut params);
            optimizer.train(&mut params);
        }
        assert_eq!(N_ALLOCATIONS.get(), before, "{}", kind.name);
    }
    assert!(N_ALLOCATIONS.get() > 0, "the counter counts");
    for kind in STEP_SIZES {
        let mut rule = (kind.build)(0.1, 20);
        let before = N_ALLOCATIONS.get();
        for _ in 0..5 {
            rule.observe(&Seen { loss: 1.0, grads: &grads });
        }
        assert_eq!(N_ALLOCATIONS.get(), before, "{}", kind.name);
    }
}
