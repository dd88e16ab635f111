#![doc = include_str!("../README.md")]
//!
//! # Where to start
//! [`driver`] opens connections and `calls` has one file per interface; both
//! are thin. [`guests`] is what can be done with guests, [`state`] what is kept
//! of each. Below that, each part stands alone: [`monitor`] talks to a QEMU,
//! [`process`] starts and ends one, [`helpers`] the programs beside it, [`command`] writes its command line from a
//! definition that [`hooks`], [`arch`], [`addresses`] and [`aliases`] completed,
//! [`hotplug`] changes the devices of a guest that runs,
//! [`capabilities`] knows what a binary can do, [`domain_capabilities`] tells
//! clients, [`firmware`] finds images to boot from.

pub mod addresses;
pub mod agent;
pub mod aliases;
pub mod arch;
mod calls;
pub mod capabilities;
pub mod command;
pub mod console;
pub mod cpu_model;
pub mod document;
pub mod domain_capabilities;
pub mod driver;
pub mod firmware;
pub mod guests;
pub mod helpers;
pub mod hooks;
pub mod hotplug;
mod keycodes;
pub mod lifecycle;
pub mod live;
pub mod marks;
pub mod memory_lock;
mod migratable;
pub mod monitor;
mod native;
pub mod neighbours;
pub mod perf;
pub mod process;
pub mod settings;
pub mod state;
pub mod status;
mod surroundings;
pub mod sys;
mod validate;
pub mod vhost_user;

pub use driver::{QemuConnection, QemuDriver};

oxivirt_core::plugin! {
    name: "qemu",
    description: "Guests run by QEMU, with and without KVM",
    drivers: [
        QemuDriver {
            kind: HYPERVISOR,
            name: "QEMU",
            schemes: ["qemu"],
            wants: [NETWORK, STORAGE, SECRET, NETWORK_FILTER],
            interfaces: [
                connect,
                node,
                domain_lifecycle,
                domain_listing,
                domain_information,
                domain_config,
                domain_devices,
                domain_block,
                domain_stats,
                domain_save,
                domain_jobs,
                qemu_monitor,
                domain_metadata,
                domain_guest,
                domain_console,
                cpu_models,
            ],
        },
    ],
}
