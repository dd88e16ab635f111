//! The one asynchronous runtime of this driver, on one named thread.

use std::sync::OnceLock;

use oxivirt_core::{Error, Result};
use tokio::runtime::{Builder, Handle};

static HANDLE: OnceLock<std::result::Result<Handle, String>> = OnceLock::new();

/// The runtime, started when first asked for.
///
/// Errors: `INTERNAL_ERROR` when the thread or its poller cannot be had.
pub(super) fn handle() -> Result<&'static Handle> {
    HANDLE.get_or_init(start).as_ref().map_err(|why| Error::internal(format!("no thread for QEMU monitors: {why}")))
}

fn start() -> std::result::Result<Handle, String> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(|e| e.to_string())?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("qemu-monitor".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(|e| e.to_string())?;
    Ok(handle)
}
