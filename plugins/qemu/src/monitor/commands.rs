//! The commands that the driver uses, with typed answers.

use std::time::Duration;

use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::{Monitor, RunState};

/// A character device that QEMU backs with a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// QEMU's name of the character device, such as `charserial0`.
    pub id: String,
    /// The terminal, such as `/dev/pts/3`.
    pub path: String,
}

/// A virtual CPU as QEMU runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VcpuThread {
    /// Counted from 0.
    pub index: u32,
    /// The host thread.
    pub thread: i32,
}

/// Counters of one block device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockCounters {
    /// The device's path or name in QEMU, which ends in its alias.
    pub device: String,
    /// Bytes, requests and nanoseconds, reads first.
    pub read_bytes: u64,
    /// Read requests.
    pub read_requests: u64,
    /// Nanoseconds spent reading.
    pub read_time: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Write requests.
    pub write_requests: u64,
    /// Nanoseconds spent writing.
    pub write_time: u64,
    /// Flush requests.
    pub flush_requests: u64,
    /// Nanoseconds spent flushing.
    pub flush_time: u64,
}

impl Monitor {
    /// Whether the CPUs run, and QEMU's word for it.
    pub fn status(&self, limit: Duration) -> Result<RunState> {
        let answer = self.execute("query-status", Value::Null, limit)?;
        RunState::from_answer(&answer).ok_or_else(|| malformed("query-status"))
    }

    /// Lets the CPUs run.
    pub fn cont(&self, limit: Duration) -> Result<()> {
        self.execute("cont", Value::Null, limit).map(drop)
    }

    /// Stops the CPUs.
    pub fn stop(&self, limit: Duration) -> Result<()> {
        self.execute("stop", Value::Null, limit).map(drop)
    }

    /// Presses the power button.
    pub fn power_button(&self, limit: Duration) -> Result<()> {
        self.execute("system_powerdown", Value::Null, limit).map(drop)
    }

    /// Presses the reset button.
    pub fn reset(&self, limit: Duration) -> Result<()> {
        self.execute("system_reset", Value::Null, limit).map(drop)
    }

    /// Wakes a sleeping guest.
    pub fn wakeup(&self, limit: Duration) -> Result<()> {
        self.execute("system_wakeup", Value::Null, limit).map(drop)
    }

    /// Asks QEMU to end.
    pub fn quit(&self, limit: Duration) -> Result<()> {
        self.execute("quit", Value::Null, limit).map(drop)
    }

    /// Raises a non-maskable interrupt.
    pub fn inject_nmi(&self, limit: Duration) -> Result<()> {
        self.execute("inject-nmi", Value::Null, limit).map(drop)
    }

    /// Sets the balloon's target, in KiB.
    pub fn set_balloon(&self, kib: u64, limit: Duration) -> Result<()> {
        let bytes = kib.checked_mul(1024).ok_or_else(|| Error::invalid_arg("memory size too large"))?;
        self.execute("balloon", json!({"value": bytes}), limit).map(drop)
    }

    /// The balloon's actual size in KiB; none without a working balloon.
    pub fn balloon(&self, limit: Duration) -> Result<Option<u64>> {
        match self.attempt("query-balloon", Value::Null, limit) {
            Ok(answer) => Ok(answer.get("actual").and_then(Value::as_u64).map(|bytes| bytes / 1024)),
            Err(super::Failure::Refused { .. }) => Ok(None),
            Err(failure) => Err(failure.into_error(self.domain(), "query-balloon")),
        }
    }

    /// The terminals that QEMU opened.
    pub fn terminals(&self, limit: Duration) -> Result<Vec<Terminal>> {
        let answer = self.execute("query-chardev", Value::Null, limit)?;
        let list = answer.as_array().ok_or_else(|| malformed("query-chardev"))?;
        Ok(list
            .iter()
            .filter_map(|entry| {
                let path = entry.get("filename")?.as_str()?.strip_prefix("pty:")?;
                Some(Terminal { id: entry.get("label")?.as_str()?.to_owned(), path: path.to_owned() })
            })
            .collect())
    }

    /// The threads of the virtual CPUs.
    pub fn vcpu_threads(&self, limit: Duration) -> Result<Vec<VcpuThread>> {
        let answer = self.execute("query-cpus-fast", Value::Null, limit)?;
        let list = answer.as_array().ok_or_else(|| malformed("query-cpus-fast"))?;
        let mut threads: Vec<VcpuThread> = list
            .iter()
            .filter_map(|entry| {
                let number = |key| entry.get(key).and_then(Value::as_u64);
                Some(VcpuThread {
                    index: u32::try_from(number("cpu-index")?).ok()?,
                    thread: i32::try_from(number("thread-id")?).ok()?,
                })
            })
            .collect();
        threads.sort_by_key(|t| t.index);
        Ok(threads)
    }

    /// Counters of every block device of the guest.
    pub fn block_counters(&self, limit: Duration) -> Result<Vec<BlockCounters>> {
        let answer = self.execute("query-blockstats", Value::Null, limit)?;
        let list = answer.as_array().ok_or_else(|| malformed("query-blockstats"))?;
        Ok(list
            .iter()
            .filter_map(|entry| {
                let stats = entry.get("stats")?;
                let number = |key| stats.get(key).and_then(Value::as_u64).unwrap_or(0);
                let name = |key| entry.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
                Some(BlockCounters {
                    device: name("qdev").or_else(|| name("device"))?.to_owned(),
                    read_bytes: number("rd_bytes"),
                    read_requests: number("rd_operations"),
                    read_time: number("rd_total_time_ns"),
                    write_bytes: number("wr_bytes"),
                    write_requests: number("wr_operations"),
                    write_time: number("wr_total_time_ns"),
                    flush_requests: number("flush_operations"),
                    flush_time: number("flush_total_time_ns"),
                })
            })
            .collect())
    }

    /// Sets the password of a display; `connected` says what happens to
    /// clients that are there (`keep`, `fail`, `disconnect`).
    pub fn set_password(&self, protocol: &str, password: &str, connected: Option<&str>, limit: Duration) -> Result<()> {
        let mut arguments = json!({"protocol": protocol, "password": password});
        if let (Some(word), Some(object)) = (connected, arguments.as_object_mut()) {
            object.insert("connected".into(), word.into());
        }
        self.execute("set_password", arguments, limit).map(drop)
    }

    /// Sets when a display's password ends: `now`, `never`, `+N`, or seconds since 1970.
    pub fn expire_password(&self, protocol: &str, time: &str, limit: Duration) -> Result<()> {
        self.execute("expire_password", json!({"protocol": protocol, "time": time}), limit).map(drop)
    }
}

fn malformed(command: &str) -> Error {
    Error::internal(format!("the answer to '{command}' is not what it should be"))
}
