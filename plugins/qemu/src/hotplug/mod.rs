//! Devices of a running guest: plugged, changed, unplugged over its monitor.
//!
//! What QEMU is told is written by [`command`](crate::command), the same as
//! for a start, and turned into [`step`]s of the monitor. Each step knows how
//! it is undone, so an attempt that fails in the middle leaves nothing. While
//! one runs, what it makes stands in a [`journal`] beside the guest, from
//! which the next daemon cleans up after one that was killed.
//!
//! Nothing here takes a guest's job or writes its status: that is done by
//! [`guests`](crate::guests).

mod attach;
mod detach;
mod dry;
pub mod journal;
mod part;
mod persistent;
mod prepare;
mod recover;
mod step;
#[cfg(test)]
mod tests;
mod unplugs;
mod update;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::MacAddress;
use oxivirt_core::Result;
use serde_json::Value;

use crate::capabilities::Emulator;
use crate::command::{Host, Request};
use crate::monitor::Monitor;
use crate::process::GuestFiles;
use crate::settings::Settings;

pub use attach::{Attached, attach};
pub use detach::{Detached, Patience, can_go, detach, finish, lost};
pub(crate) use dry::served;
pub use part::{Part, remove_all};
pub use persistent::{insert, replace, take_out};
pub use prepare::missing_controllers;
pub use recover::{Fate, conclude, learn, settle};
pub use unplugs::{News, Unplugs};
pub use update::{Force, update};

/// What is needed to change the devices of one running guest.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// Its QEMU.
    pub monitor: &'a Monitor,
    /// The binary that it runs.
    pub emulator: &'a Emulator,
    /// The guest's files.
    pub files: &'a GuestFiles,
    /// What the host's administrator chose.
    pub settings: &'a Settings,
    /// Who waits for devices to go.
    pub unplugs: &'a Unplugs,
    /// How long one command may take.
    pub answer: Duration,
    /// How long a guest may take to let a device go.
    pub unplug: Duration,
}

/// A host that gives descriptors to a QEMU that runs already.
pub trait PlugHost: Host {
    /// The descriptor with a number that the host gave out.
    fn descriptor(&self, number: i32) -> Option<BorrowedFd<'_>>;
    /// Names of the tap devices that were made, by the card's hardware address.
    fn tap_names(&self) -> Vec<(Option<MacAddress>, String)>;
}

impl<'a> Session<'a> {
    fn request(&self, domain: &'a DomainDefinition) -> Request<'a> {
        // The monitor is there already, so its number says nothing.
        Request {
            domain,
            emulator: self.emulator,
            files: self.files,
            monitor_fd: -1,
            settings: self.settings,
            incoming: None,
        }
    }

    fn run(&self, command: &str, arguments: Value) -> Result<Value> {
        self.monitor.execute(command, arguments, self.answer)
    }
}
