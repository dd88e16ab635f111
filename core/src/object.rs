//! Objects of a plugin as the host holds them: a pointer, and how to end it.
//!
//! UNSAFETY: this is the place where types are erased and found again; every
//! cast names why the type is right.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi_stable::StableAbi;

use crate::abi::RResult;
use crate::{Error, Result};

/// A pointer to somebody else's object, valid during the call that passes it.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Borrowed(*const ());

// SAFETY: only objects that are `Send + Sync` are ever erased.
unsafe impl Send for Borrowed {}
// SAFETY: as above.
unsafe impl Sync for Borrowed {}

impl Borrowed {
    /// Erases the type of a reference.
    pub fn new<T: Send + Sync>(target: &T) -> Self {
        Self(std::ptr::from_ref(target).cast())
    }

    /// Finds the type again.
    ///
    /// # Safety
    /// `T` is the type that was erased, and the object still lives.
    pub unsafe fn cast<'a, T>(self) -> &'a T {
        // SAFETY: promised by the caller.
        unsafe { &*self.0.cast::<T>() }
    }
}

/// An object that its plugin made and only its plugin can end.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Object {
    pointer: Borrowed,
    end: unsafe extern "C" fn(Borrowed),
}

impl Object {
    /// Hands `value` over.
    pub fn new<T: Send + Sync + 'static>(value: T) -> Self {
        Self { pointer: Borrowed(Box::into_raw(Box::new(value)).cast_const().cast()), end: end::<T> }
    }

    /// The pointer, for calls.
    pub fn borrowed(&self) -> Borrowed {
        self.pointer
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: made by `new` with the matching function; called once.
        unsafe { (self.end)(self.pointer) }
    }
}

unsafe extern "C" fn end<T>(pointer: Borrowed) {
    // SAFETY: the pointer came from `Box::into_raw` in `Object::new::<T>`.
    let value = unsafe { Box::from_raw(pointer.0.cast_mut().cast::<T>()) };
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        tracing::error!(object = std::any::type_name::<T>(), "panic while an object was dropped");
    }
}

/// Runs one call of an implementor; a panic becomes an internal error of that
/// call alone.
pub fn guarded<T>(what: &str, body: impl FnOnce() -> Result<T>) -> RResult<T, Error> {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        // The payload may itself panic when dropped.
        std::mem::forget(payload);
        Err(Error::internal(format!("driver panicked in {what}: {text}")))
    });
    result.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn the_maker_ends_the_object() {
        struct Flag(Arc<AtomicBool>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let ended = Arc::new(AtomicBool::new(false));
        let object = Object::new(Flag(ended.clone()));
        assert!(!ended.load(Ordering::Relaxed));
        drop(object);
        assert!(ended.load(Ordering::Relaxed));
    }

    #[test]
    fn panics_become_errors_of_the_call() {
        let result: Result<()> = guarded("domain_create", || panic!("oh {}", 1)).into_result();
        let error = result.expect_err("panicked");
        assert_eq!(error.message(), "internal error: driver panicked in domain_create: oh 1");
    }
}
