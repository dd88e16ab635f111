//! UNSAFETY: an allocator that counts what each thread holds has to be one;
//! it hands every request on to the system's unchanged.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Nothing is counted while a thread is being taken down.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
    if bytes > 0 {
        let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
    }
}

// SAFETY: every call goes to `System` with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both exist for a moment.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a call asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// The most bytes it held at once.
    pub(crate) peak: usize,
    /// How often it asked for memory.
    pub(crate) requests: usize,
}

/// Runs `call` and says what memory it took in this thread.
pub(crate) fn cost_of<T>(call: impl FnOnce() -> T) -> (T, Cost) {
    let (before, requests) = (HELD.get(), REQUESTS.get());
    MOST.set(before);
    let outcome = call();
    let cost = Cost { peak: (MOST.get() - before) as usize, requests: REQUESTS.get() - requests };
    (outcome, cost)
}
