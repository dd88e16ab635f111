//! A guest's memory in a file, for those who look for what went wrong in it.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxivirt_conf::object::JobKind;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ANSWER, Guests};
use crate::lifecycle::{Paused, Running, ShutOff, State};
use crate::marks::Progress;
use crate::monitor::Monitor;
use crate::state::{Job, Run};

/// What becomes of the guest, and of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DumpOptions {
    /// The guest is ended afterwards.
    pub(crate) crash: bool,
    /// The guest runs meanwhile.
    pub(crate) live: bool,
    /// The guest is reset afterwards.
    pub(crate) reset: bool,
    /// Nothing of the file stays in the host's cache.
    pub(crate) bypass_cache: bool,
    /// Memory alone, in a form that debuggers read; else the whole state.
    pub(crate) memory_only: bool,
    /// QEMU's word for the form; only with `memory_only`.
    pub(crate) format: Option<&'static str>,
}

impl Guests {
    /// Writes a guest's memory to a new file.
    ///
    /// Errors: `OPERATION_INVALID` it does not run; `OPERATION_UNSUPPORTED` a
    /// form that QEMU does not know; `SYSTEM_ERROR` the file; QEMU's own words.
    /// After an error the file is gone and the guest goes on.
    pub(crate) fn dump(&self, uuid: Uuid, to: &str, options: DumpOptions, owner: &str) -> Result<()> {
        let object = self.table.require_uuid(uuid, None)?;
        let job = self.job(&object, JobKind::LongRunning, owner)?;
        let run = job.private().require_run()?;
        if options.format.is_some() && !options.memory_only {
            let text = "kdump-compressed format is only supported with memory-only dump";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        let monitor = run.monitor()?;
        if let Some(format) = options.format {
            known_format(monitor, format)?;
        }
        let was_running = matches!(job.snapshot().status.state, State::Running(_));
        if was_running && !options.live {
            self.pause(&job, &run, Paused::Dump)?;
        }
        run.marks.begin(Progress::default());
        let outcome = write(&job, monitor, to, options, &run);
        run.marks.end();
        let after = self.after_dump(&job, &run, options, was_running, outcome.is_ok());
        outcome.and(after)
    }

    /// The guest goes on, or to its end.
    fn after_dump(
        &self,
        job: &Job,
        run: &Arc<Run>,
        options: DumpOptions,
        was_running: bool,
        dumped: bool,
    ) -> Result<()> {
        if dumped && options.crash {
            return self.end_run(job, run, ShutOff::Crashed);
        }
        if dumped && options.reset {
            run.monitor()?.reset(ANSWER)?;
        }
        // The whole state is moved out of QEMU, which stands still afterwards.
        if was_running && (!options.memory_only || matches!(job.snapshot().status.state, State::Paused(Paused::Dump))) {
            self.unpause(job, run, Running::Unpaused)?;
        }
        self.save_status(job.object())
    }
}

fn known_format(monitor: &Monitor, format: &str) -> Result<()> {
    let answer = monitor.execute("query-dump-guest-memory-capability", Value::Null, ANSWER)?;
    let mut formats = answer.get("formats").and_then(Value::as_array).into_iter().flatten();
    match formats.any(|known| known.as_str() == Some(format)) {
        true => Ok(()),
        false => {
            let text = format!("unsupported dumpformat '{format}' for this QEMU binary");
            Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text))
        }
    }
}

fn write(job: &Job, monitor: &Monitor, to: &str, options: DumpOptions, run: &Run) -> Result<()> {
    let path = Path::new(to);
    if !path.is_absolute() {
        return Err(Error::invalid_arg(format!("'{to}' is no absolute path")));
    }
    let what = |e: std::io::Error| Error::system(format_args!("failed to create file '{to}'"), &e);
    let existed = path.exists();
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(what)?;
    let ours = file.try_clone().map_err(what)?;
    let outcome = send(job, monitor, file, options, run).and_then(|()| {
        ours.sync_all().map_err(|e| Error::system(format_args!("unable to flush '{to}'"), &e))?;
        if options.bypass_cache {
            let all = rustix::fs::Advice::DontNeed;
            rustix::fs::fadvise(&ours, 0, None, all)
                .map_err(|e| Error::system(format_args!("unable to drop the cache of '{to}'"), &e.into()))?;
        }
        Ok(())
    });
    if outcome.is_err() && !existed {
        let _ = std::fs::remove_file(path);
    }
    outcome
}

/// Has QEMU write, and waits until it did.
fn send(job: &Job, monitor: &Monitor, file: File, options: DumpOptions, run: &Run) -> Result<()> {
    monitor.hand_over(NAME, file.into(), ANSWER)?;
    let begun = match options.memory_only {
        true => {
            let mut arguments = json!({"paging": false, "protocol": format!("fd:{NAME}"), "detach": true});
            if let (Some(format), Some(object)) = (options.format, arguments.as_object_mut()) {
                object.insert("format".into(), format.into());
            }
            monitor.execute("dump-guest-memory", arguments, ANSWER)
        }
        false => monitor.execute("migrate", json!({"uri": format!("fd:{NAME}")}), ANSWER),
    };
    if let Err(error) = begun {
        let _ = monitor.attempt("closefd", json!({ "fdname": NAME }), ANSWER);
        return Err(
            Error::operation_failed(format!("memory-only dump failed: {}", error.detail())).in_domain(error.domain())
        );
    }
    let mut seen = (0, Instant::now());
    loop {
        let (done, progress) = if options.memory_only { look_at_dump(monitor)? } else { look_at_migration(monitor)? };
        run.marks.progress(progress);
        if done {
            return Ok(());
        }
        if progress.done != seen.0 {
            seen = (progress.done, Instant::now());
        }
        let stuck = seen.1.elapsed() > STUCK;
        if job.abort_requested() || stuck {
            if !options.memory_only {
                monitor.execute("migrate_cancel", Value::Null, ANSWER)?;
                return Err(match stuck {
                    true => Error::timed_out("the dump of a guest makes no progress, it was given up"),
                    false => Error::new(ErrorCode::OPERATION_ABORTED, "dump: canceled by client"),
                });
            }
            if stuck {
                return Err(Error::timed_out("the dump of a guest's memory makes no progress"));
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn look_at_dump(monitor: &Monitor) -> Result<(bool, Progress)> {
    let answer = monitor.execute("query-dump", Value::Null, ANSWER)?;
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or(0);
    let progress = Progress { total: number("total"), done: number("completed"), since: None };
    match answer.get("status").and_then(Value::as_str) {
        Some("completed") => Ok((true, progress)),
        Some("failed") => Err(Error::operation_failed("memory-only dump failed: QEMU could not write the file")),
        _ => Ok((false, progress)),
    }
}

fn look_at_migration(monitor: &Monitor) -> Result<(bool, Progress)> {
    let answer = monitor.execute("query-migrate", Value::Null, ANSWER)?;
    let number = |key: &str| answer.get("ram").and_then(|ram| ram.get(key)).and_then(Value::as_u64).unwrap_or(0);
    let progress = Progress { total: number("total"), done: number("transferred"), since: None };
    match answer.get("status").and_then(Value::as_str) {
        Some("completed") => Ok((true, progress)),
        Some("failed" | "cancelled") => {
            let why = answer.get("error-desc").and_then(Value::as_str).unwrap_or("unexpectedly failed");
            Err(Error::operation_failed(format!("dump job: {why}")))
        }
        _ => Ok((false, progress)),
    }
}

/// How QEMU calls the descriptor.
const NAME: &str = "dump";

/// How often QEMU is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// How long nothing may be written before the dump is given up.
const STUCK: Duration = Duration::from_secs(300);
