//! Clients that call as fast as they are answered.

use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};

/// What the clients of guests open.
const GUESTS: &str = "qemu:///system";

/// A client of a daemon's guests.
pub(super) fn connect_to_guests(sandbox: &Sandbox) -> Result<Client, String> {
    Client::open(&sandbox.socket(), GUESTS, CALL_LIMIT).map_err(|e| sandbox.explain(&format!("opening {GUESTS}: {e}")))
}

/// No single call may take longer.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// What the clients open.
const URI: &str = "test:///default";

/// A daemon with one client that stays, so that what is in its memory stays as well.
pub(super) struct Server {
    socket: PathBuf,
    _resident: Client,
}

impl Server {
    /// Connects the resident client and gets a first answer.
    pub(super) fn new(sandbox: &Sandbox) -> Result<Server, String> {
        let socket = sandbox.socket();
        let mut resident = connect(&socket)?;
        resident.call(procedure::CONNECT_GET_LIB_VERSION, &[]).map_err(|e| sandbox.explain(&e.to_string()))?;
        Ok(Server { socket, _resident: resident })
    }

    pub(super) fn connect(&self) -> Result<Client, String> {
        connect(&self.socket)
    }

    /// A domain as an argument of calls.
    pub(super) fn domain(&self, name: &str) -> Result<Vec<u8>, String> {
        let payload = Xdr::default().string(name).0;
        self.connect()?
            .call(procedure::DOMAIN_LOOKUP_BY_NAME, &payload)
            .map_err(|e| format!("looking up domain {name}: {e}"))
    }
}

fn connect(socket: &std::path::Path) -> Result<Client, String> {
    Client::open(socket, URI, CALL_LIMIT).map_err(|e| format!("opening {URI} on {}: {e}", socket.display()))
}

/// What came out of one measurement.
pub(super) struct Measured {
    /// Calls of all clients together.
    pub(super) calls: usize,
    /// The same per second.
    pub(super) rate: f64,
    /// Half of the calls took no longer, in microseconds.
    pub(super) median_us: f64,
    /// 99 % of the calls took no longer, in microseconds.
    pub(super) slow_us: f64,
}

/// Calls one procedure from `clients` connections at once for `span`.
///
/// Errors: any call that fails ends the measurement.
pub(super) fn hammer(
    server: &Server,
    clients: usize,
    span: Duration,
    procedure: i32,
    payload: &[u8],
) -> Result<Measured, String> {
    let connections = (0..clients).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    let together = Barrier::new(clients + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = connections
            .into_iter()
            .map(|client| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    call_until(client, Instant::now() + span, procedure, payload)
                })
            })
            .collect();
        together.wait();
        let begun = Instant::now();
        let mut latencies = Vec::new();
        for worker in workers {
            latencies.extend(worker.join().map_err(|_| "a client panicked".to_owned())??);
        }
        summarize(latencies, begun.elapsed())
    })
}

fn call_until(mut client: Client, end: Instant, procedure: i32, payload: &[u8]) -> Result<Vec<Duration>, String> {
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut now = Instant::now();
    while now < end {
        client.call(procedure, payload).map_err(|e| e.to_string())?;
        let done = Instant::now();
        latencies.push(done - now);
        now = done;
    }
    Ok(latencies)
}

fn summarize(mut latencies: Vec<Duration>, elapsed: Duration) -> Result<Measured, String> {
    latencies.sort_unstable();
    let at = |share: f64| {
        // Precision beyond 2^52 calls does not matter.
        let index = (latencies.len() as f64 * share) as usize;
        latencies.get(index.min(latencies.len().saturating_sub(1))).map(|latency| latency.as_secs_f64() * 1e6)
    };
    let (Some(median_us), Some(slow_us)) = (at(0.5), at(0.99)) else {
        return Err("no call was answered in time".into());
    };
    Ok(Measured { calls: latencies.len(), rate: latencies.len() as f64 / elapsed.as_secs_f64(), median_us, slow_us })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_summarized_by_rank() {
        let latencies = (1..=100).rev().map(Duration::from_micros).collect();
        let measured = summarize(latencies, Duration::from_secs(2)).expect("there are calls");
        assert!((measured.rate - 50.0).abs() < 1e-9);
        assert!((measured.median_us - 51.0).abs() < 1e-6);
        assert!((measured.slow_us - 100.0).abs() < 1e-6);
        assert!(summarize(Vec::new(), Duration::from_secs(1)).is_err());
    }
}
