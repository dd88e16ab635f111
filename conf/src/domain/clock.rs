//! `<clock>` with timers, `<on_…>`, `<pm>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// What a clock's basis is.
    pub enum ClockBasis { Utc = "utc", LocalTime = "localtime" }
}

/// How the guest's clock stands to the host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockOffset {
    /// `adjustment='reset'` or seconds that turn it into `variable`.
    Utc {
        adjustment_reset: bool,
    },
    LocalTime {
        adjustment_reset: bool,
    },
    /// Name of a time zone of the host.
    Timezone(String),
    /// Seconds from the basis, `adjustment0` as of the start (status files).
    Variable {
        adjustment: i64,
        adjustment0: Option<i64>,
        basis: ClockBasis,
    },
    /// Seconds since 1970.
    Absolute(u64),
}

/// `<clock>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    pub offset: ClockOffset,
    pub timers: Vec<Timer>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { offset: ClockOffset::Utc { adjustment_reset: false }, timers: Vec::new() }
    }
}

xml_enum! {
    /// Word of `offset=`.
    enum OffsetName {
        Utc = "utc", LocalTime = "localtime", Variable = "variable", Timezone = "timezone", Absolute = "absolute",
    }
}

impl Timer {
    /// Drops what says nothing.
    fn tidy(mut self) -> Self {
        self.catchup = self.catchup.filter(|c| **c != TimerCatchup::default());
        self
    }
}

impl Element for Clock {
    fn parse(node: Node<'_>) -> Result<Self> {
        let name: OffsetName = node.value("offset")?.unwrap_or_default();
        let fixed = |local: bool| -> Result<ClockOffset> {
            let basis = if local { ClockBasis::LocalTime } else { ClockBasis::Utc };
            Ok(match node.attr("adjustment") {
                Some("reset") => fixed_offset(local, true),
                Some(_) => ClockOffset::Variable { adjustment: node.require("adjustment")?, adjustment0: None, basis },
                None => fixed_offset(local, false),
            })
        };
        let offset = match name {
            OffsetName::Utc => fixed(false)?,
            OffsetName::LocalTime => fixed(true)?,
            OffsetName::Timezone => ClockOffset::Timezone(node.require("timezone")?),
            OffsetName::Absolute => ClockOffset::Absolute(node.require("start")?),
            OffsetName::Variable => ClockOffset::Variable {
                adjustment: node.value("adjustment")?.unwrap_or(0),
                adjustment0: if node.mode().status { node.value("adjustment0")? } else { None },
                basis: node.value("basis")?.unwrap_or_default(),
            },
        };
        let timers: Vec<Timer> = node.child_elements("timer")?;
        Ok(Self { offset, timers: timers.into_iter().map(Timer::tidy).collect() })
    }

    fn format(&self, w: &mut Writer) {
        match &self.offset {
            ClockOffset::Utc { adjustment_reset } => {
                w.attr_str("offset", "utc");
                if *adjustment_reset {
                    w.attr_str("adjustment", "reset");
                }
            }
            ClockOffset::LocalTime { adjustment_reset } => {
                w.attr_str("offset", "localtime");
                if *adjustment_reset {
                    w.attr_str("adjustment", "reset");
                }
            }
            ClockOffset::Timezone(zone) => {
                w.attr_str("offset", "timezone");
                w.attr("timezone", zone);
            }
            ClockOffset::Absolute(start) => {
                w.attr_str("offset", "absolute");
                w.attr("start", start);
            }
            ClockOffset::Variable { adjustment, adjustment0, basis } => {
                w.attr_str("offset", "variable");
                w.attr("adjustment", adjustment);
                w.attr("basis", basis);
                if let (true, Some(adjustment0)) = (w.mode().status, adjustment0) {
                    w.attr("adjustment0", adjustment0);
                }
            }
        }
        w.elements("timer", &self.timers);
    }
}

fn fixed_offset(local: bool, adjustment_reset: bool) -> ClockOffset {
    if local { ClockOffset::LocalTime { adjustment_reset } } else { ClockOffset::Utc { adjustment_reset } }
}

xml_enum! {
    /// A clock source of the guest.
    pub enum TimerName {
        Platform = "platform", Pit = "pit", Rtc = "rtc", Hpet = "hpet", Tsc = "tsc", KvmClock = "kvmclock",
        HypervClock = "hypervclock", ArmVTimer = "armvtimer",
    }
}

xml_enum! {
    /// What a timer follows.
    pub enum TimerTrack { Boot = "boot", Guest = "guest", Wall = "wall", Realtime = "realtime" }
}

xml_enum! {
    /// What happens with ticks that were missed.
    pub enum TickPolicy { Delay = "delay", Catchup = "catchup", Merge = "merge", Discard = "discard" }
}

xml_enum! {
    /// How the time stamp counter is made.
    pub enum TimerMode { Auto = "auto", Native = "native", Emulate = "emulate", Paravirt = "paravirt", Smpsafe = "smpsafe" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Timer {
    #[xml(attr)]
    pub name: TimerName,
    #[xml(attr)]
    pub present: Option<YesNo>,
    #[xml(attr)]
    pub tickpolicy: Option<TickPolicy>,
    #[xml(attr)]
    pub track: Option<TimerTrack>,
    /// Hertz.
    #[xml(attr)]
    pub frequency: Option<u64>,
    #[xml(attr)]
    pub mode: Option<TimerMode>,
    #[xml(child)]
    pub catchup: Option<Box<TimerCatchup>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct TimerCatchup {
    #[xml(attr)]
    pub threshold: Option<u64>,
    #[xml(attr)]
    pub slew: Option<u64>,
    #[xml(attr)]
    pub limit: Option<u64>,
}

xml_enum! {
    /// What happens when the guest powers off or reboots.
    pub enum LifecycleAction {
        Destroy = "destroy", Restart = "restart", RenameRestart = "rename-restart", Preserve = "preserve",
        CoredumpDestroy = "coredump-destroy", CoredumpRestart = "coredump-restart",
    }
}

xml_enum! {
    /// What happens when a lock is lost.
    pub enum LockFailureAction { PowerOff = "poweroff", Restart = "restart", Pause = "pause", Ignore = "ignore" }
}

/// `<pm>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Pm {
    #[xml(child = "suspend-to-mem")]
    pub suspend_to_mem: Option<PmState>,
    #[xml(child = "suspend-to-disk")]
    pub suspend_to_disk: Option<PmState>,
}

impl Pm {
    /// Whether any state is switched on or off.
    pub(super) fn says_something(&self) -> bool {
        [&self.suspend_to_mem, &self.suspend_to_disk].iter().any(|s| s.as_ref().is_some_and(|s| s.enabled.is_some()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PmState {
    #[xml(attr)]
    pub enabled: Option<YesNo>,
}
