//! What changes while a guest runs, and ends with the run.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use oxivirt_core::Result;
use oxivirt_core::types::{TypedParam, TypedValue};

use crate::agent::{Agent, Limits};
use crate::perf::Counters;
use crate::status::NO_AGENT_TIMEOUT;

/// What is noted of one run of a guest.
#[derive(Debug)]
pub struct Marks {
    /// The conversation with the agent in the guest.
    pub agent: Agent,
    /// Counters of the host's processors.
    pub counters: Mutex<Counters>,
    taints: Mutex<Vec<String>>,
    deprecations: Vec<String>,
    agent_timeout: AtomicI32,
    progress: Mutex<Option<Progress>>,
}

/// How far long work is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// All there is to do, 0 while it is not known.
    pub total: u64,
    /// What is done.
    pub done: u64,
    /// Since when; set when it begins.
    pub since: Option<Instant>,
}

impl Default for Marks {
    fn default() -> Self {
        Self::restored(Vec::new(), Vec::new(), NO_AGENT_TIMEOUT)
    }
}

impl Marks {
    /// As another daemon left them.
    pub fn restored(taints: Vec<String>, deprecations: Vec<String>, agent_timeout: i32) -> Self {
        Self {
            agent: Agent::default(),
            counters: Mutex::default(),
            taints: Mutex::new(taints),
            deprecations,
            agent_timeout: AtomicI32::new(agent_timeout),
            progress: Mutex::default(),
        }
    }

    /// What was done to the guest that nobody supports, such as `custom-monitor`.
    pub fn taints(&self) -> Vec<String> {
        self.taints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it uses that will go.
    pub fn deprecations(&self) -> &[String] {
        &self.deprecations
    }

    /// Turns counters on and off, all or none of them.
    ///
    /// Errors: `ARGUMENT_UNSUPPORTED` where the host does not count that.
    pub(crate) fn set_counters(&self, params: &[TypedParam], pid: i32) -> Result<()> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |on: bool| {
            let fits = move |param: &&TypedParam| param.value() == TypedValue::Boolean(on);
            params.iter().filter(fits).map(TypedParam::field)
        };
        let mut new = Vec::new();
        for name in wanted(true) {
            if counters.is_on(name) {
                continue;
            }
            if let Err(error) = counters.enable(name, pid) {
                new.into_iter().for_each(|name| counters.disable(name));
                return Err(error);
            }
            new.push(name);
        }
        wanted(false).for_each(|name| counters.disable(name));
        Ok(())
    }

    /// Counters that are on.
    pub(crate) fn enabled_counters(&self) -> Vec<&'static str> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).enabled()
    }

    /// Notes a taint; false when it was there already.
    pub fn taint(&self, flag: &str) -> bool {
        let mut taints = self.taints.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !taints.iter().any(|taint| taint == flag);
        if new {
            taints.push(flag.to_owned());
        }
        new
    }

    /// How long the agent may take, as the number of the call that sets it.
    pub fn agent_timeout(&self) -> i32 {
        self.agent_timeout.load(Ordering::Acquire)
    }

    /// Sets how long the agent may take.
    pub fn set_agent_timeout(&self, seconds: i32) {
        self.agent_timeout.store(seconds, Ordering::Release);
    }

    /// Long work begins.
    pub fn begin(&self, progress: Progress) {
        let since = Some(Instant::now());
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Progress { since, ..progress });
    }

    /// Long work is this far.
    pub fn progress(&self, now: Progress) {
        if let Some(progress) = &mut *self.progress.lock().unwrap_or_else(PoisonError::into_inner) {
            *progress = Progress { since: progress.since, ..now };
        }
    }

    /// Long work is done.
    pub fn end(&self) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How far long work is; none when there is none.
    pub fn current(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the agent may take.
    pub fn agent_limits(&self) -> Limits {
        Limits::of_guest(self.agent_timeout())
    }
}

/// What a taint means, in words for people.
pub fn taint_text(flag: &str) -> &str {
    match flag {
        "custom-argv" => "custom configuration parameters specified",
        "custom-monitor" => "custom monitor control commands issued",
        "high-privileges" => "running with undesirable elevated privileges",
        "shell-scripts" => "network configuration using opaque shell scripts",
        "disk-probing" => "potentially unsafe disk format probing",
        "external-launch" => "managing externally launched configuration",
        "host-cpu" => "potentially unsafe use of host CPU passthrough",
        "hook-script" => "configuration potentially modified by hook script",
        "cdrom-passthrough" => "use of host cdrom passthrough",
        "custom-dtb" => "custom device tree blob used",
        "custom-ga-command" => "custom guest agent control commands issued",
        "custom-hypervisor-feature" => "hypervisor feature autodetection override",
        "deprecated-config" => "use of deprecated configuration settings",
        "custom-device" => "custom device configuration",
        "nbdkit-restart-failed" => "nbdkit restart failed",
        other => other,
    }
}
