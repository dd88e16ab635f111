//! Ends that are asked for while something has to be cleaned up.

use std::sync::atomic::Ordering;

use oxivirt_tests::process;

use crate::Outcome;

/// Makes Ctrl-C and requests to end set [`process::INTERRUPTED`], so that everything is cleaned up.
pub(crate) fn watch_signals() -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let (ready, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => return drop(ready.send(Err(format!("signals: {e}")))),
        };
        runtime.block_on(async move {
            let listen = |kind| signal(kind).map_err(|e| format!("signals: {e}"));
            let signals = listen(SignalKind::interrupt())
                .and_then(|a| Ok((a, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?)));
            match signals {
                Ok((mut interrupt, mut terminate, mut hangup)) => {
                    let _ = ready.send(Ok(()));
                    loop {
                        tokio::select! {
                            _ = interrupt.recv() => {}
                            _ = terminate.recv() => {}
                            _ = hangup.recv() => {}
                        }
                        process::INTERRUPTED.store(true, Ordering::Relaxed);
                    }
                }
                Err(message) => drop(ready.send(Err(message))),
            }
        });
    });
    started.recv().map_err(|e| format!("signals: {e}"))?
}
