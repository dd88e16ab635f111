//! What a definition takes in memory, as the allocator sees it.
//!
//! UNSAFETY: the allocator is the system's; only sizes are noted on the way.
#![allow(unsafe_code)]
#![allow(missing_docs, reason = "a program, not an interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use oxivirt_conf::domain::{DomainDefinition, NoHooks, ParseFlags};
use oxivirt_tests::fixture;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every request is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    for lines in [100, 1_000] {
        let xml = fixture::guest_of_lines("test", "memory", 1, lines);
        // What is made once, at the first use, belongs to no definition.
        drop(DomainDefinition::parse(&xml, ParseFlags::INACTIVE, &NoHooks).expect("a valid document"));
        let before = LIVE.load(Ordering::Relaxed);
        let mut definition =
            Box::new(DomainDefinition::parse(&xml, ParseFlags::INACTIVE, &NoHooks).expect("a valid document"));
        definition.shrink_to_fit();
        let taken = LIVE.load(Ordering::Relaxed) - before;
        println!("{lines} lines, {} bytes of text: {taken} bytes in memory", xml.len());
        drop(definition);
    }
}
