//! Events about domains.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};
use oxivirt_macros::Xdr;

use super::{Event, EventDescription, EventKind, Owned};
use crate::Result;
use crate::constants::{DomainEventId, DomainEventType};
use crate::types::{Domain, List, TypedParam, limit};
use crate::wire::message::Program;
use crate::wire::xdr::{Writer, Xdr};

/// One end of a viewer's connection to a screen.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct GraphicsAddress {
    /// 0 IPv4, 1 IPv6, 2 Unix socket.
    pub family: i32,
    /// Address, or path of the socket.
    pub node: RString,
    /// Port, or empty.
    pub service: RString,
}

/// Who a viewer is.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct GraphicsIdentity {
    /// Kind of name, such as `x509dname`.
    pub r#type: RString,
    /// The name.
    pub name: RString,
}

macro_rules! domain_events {
    ($( $(#[$meta:meta])* $make:ident = $id:ident, $name:literal, $callback:literal $(or $plain:literal)?,
        $first:ident($( $field:ident: $type:ty ),*); )*) => {
        impl Event { $(
            $(#[$meta])*
            pub fn $make(domain: &Domain $(, $field: $type)*) -> Result<Self> {
                let mut out = Writer::new();
                domain_events!(@encode $first, out, domain $(, $field)*);
                Ok(Self {
                    kind: EventKind::DOMAIN,
                    id: DomainEventId::$id.0,
                    domain: ROption::RSome(domain.clone()),
                    body: out.into_bytes().into(),
                })
            }
        )* }

        /// Every event about a domain.
        pub(super) static EVENTS: &[EventDescription] = &[ $(
            EventDescription {
                kind: EventKind::DOMAIN,
                id: DomainEventId::$id.0,
                name: $name,
                program: Program::REMOTE,
                callback: $callback,
                plain: domain_events!(@plain $($plain)?),
                reason_first: domain_events!(@first $first),
                body: || {
                    #[allow(unused_mut)]
                    let mut shapes = vec![Domain::shape()];
                    $( shapes.push(<$type as Owned>::Wire::shape()); )*
                    domain_events!(@order $first, shapes);
                    shapes
                },
            },
        )* ];
    };
    (@encode domain, $out:ident, $domain:ident $(, $field:ident)*) => {
        $domain.encode(&mut $out)?;
        $( Owned::put(&$field, &mut $out)?; )*
    };
    // Some messages carry a reason in front of the domain.
    (@encode reason, $out:ident, $domain:ident $(, $field:ident)*) => {
        $( Owned::put(&$field, &mut $out)?; )*
        $domain.encode(&mut $out)?;
    };
    (@order domain, $shapes:ident) => {};
    (@order reason, $shapes:ident) => { $shapes.rotate_left(1); };
    (@first domain) => { false };
    (@first reason) => { true };
    (@plain) => { None };
    (@plain $plain:literal) => { Some($plain) };
}

domain_events! {
    /// Something happened in the life of a domain; `detail` depends on `event`.
    lifecycle = LIFECYCLE, "domain_event_callback_lifecycle", 318 or 107, domain(event: DomainEventType, detail: i32);
    /// The guest rebooted.
    reboot = REBOOT, "domain_event_callback_reboot", 319 or 169, domain();
    /// The guest set its clock; `offset` is seconds from UTC.
    rtc_change = RTC_CHANGE, "domain_event_callback_rtc_change", 320 or 170, domain(offset: i64);
    /// The watchdog fired.
    watchdog = WATCHDOG, "domain_event_callback_watchdog", 321 or 171, domain(action: i32);
    /// A disk failed.
    io_error = IO_ERROR, "domain_event_callback_io_error", 322 or 172,
        domain(src_path: &str, dev_alias: &str, action: i32);
    /// A viewer of the screen came, was let in, or went (`phase`).
    graphics = GRAPHICS, "domain_event_callback_graphics", 323 or 173,
        domain(phase: i32, local: &GraphicsAddress, remote: &GraphicsAddress, auth_scheme: &str,
            subject: &List<GraphicsIdentity, { limit::GRAPHICS_IDENTITY }>);
    /// A disk failed, and why.
    io_error_reason = IO_ERROR_REASON, "domain_event_callback_io_error_reason", 324 or 195,
        domain(src_path: &str, dev_alias: &str, action: i32, reason: &str);
    /// Control of the guest was lost.
    control_error = CONTROL_ERROR, "domain_event_callback_control_error", 325 or 224, domain();
    /// A block job ended or changed; the disk by path.
    block_job = BLOCK_JOB, "domain_event_callback_block_job", 326 or 241,
        domain(path: &str, r#type: i32, status: i32);
    /// The medium of a drive changed.
    disk_change = DISK_CHANGE, "domain_event_callback_disk_change", 327 or 248,
        domain(old_src_path: Option<&str>, new_src_path: Option<&str>, dev_alias: &str, reason: i32);
    /// A tray opened (0) or closed (1).
    tray_change = TRAY_CHANGE, "domain_event_callback_tray_change", 328 or 268, domain(dev_alias: &str, reason: i32);
    /// The guest woke up.
    pmwakeup = PMWAKEUP, "domain_event_callback_pmwakeup", 329 or 269, reason(reason: i32);
    /// The guest sleeps, its memory powered.
    pmsuspend = PMSUSPEND, "domain_event_callback_pmsuspend", 330 or 270, reason(reason: i32);
    /// The balloon changed; `actual` is KiB.
    balloon_change = BALLOON_CHANGE, "domain_event_callback_balloon_change", 331 or 276, domain(actual: u64);
    /// The guest sleeps, its memory on disk.
    pmsuspend_disk = PMSUSPEND_DISK, "domain_event_callback_pmsuspend_disk", 332 or 292, reason(reason: i32);
    /// A device is gone from the guest.
    device_removed = DEVICE_REMOVED, "domain_event_callback_device_removed", 333 or 311, domain(dev_alias: &str);
    /// A block job ended or changed; the disk by target.
    block_job_2 = BLOCK_JOB_2, "domain_event_block_job_2", 339, domain(dst: &str, r#type: i32, status: i32);
    /// A tunable changed.
    tunable = TUNABLE, "domain_event_callback_tunable", 346,
        domain(params: &List<TypedParam, { limit::TUNABLE }>);
    /// The guest agent came or went.
    agent_lifecycle = AGENT_LIFECYCLE, "domain_event_callback_agent_lifecycle", 348,
        domain(state: i32, reason: i32);
    /// A device came to the guest.
    device_added = DEVICE_ADDED, "domain_event_callback_device_added", 354, domain(dev_alias: &str);
    /// A migration went through memory once more.
    migration_iteration = MIGRATION_ITERATION, "domain_event_callback_migration_iteration", 359,
        domain(iteration: i32);
    /// A job ended.
    job_completed = JOB_COMPLETED, "domain_event_callback_job_completed", 363,
        domain(params: &List<TypedParam, { limit::JOB_STATS }>);
    /// The guest refused to let a device go.
    device_removal_failed = DEVICE_REMOVAL_FAILED, "domain_event_callback_device_removal_failed", 367,
        domain(dev_alias: &str);
    /// Title, description or metadata changed.
    metadata_change = METADATA_CHANGE, "domain_event_callback_metadata_change", 379,
        domain(r#type: i32, nsuri: Option<&str>);
    /// A disk filled past its threshold.
    block_threshold = BLOCK_THRESHOLD, "domain_event_block_threshold", 385,
        domain(dev: &str, path: Option<&str>, threshold: u64, excess: u64);
    /// Memory failed.
    memory_failure = MEMORY_FAILURE, "domain_event_memory_failure", 423,
        domain(recipient: i32, action: i32, flags: u32);
    /// A memory device changed its size, in KiB.
    memory_device_size_change = MEMORY_DEVICE_SIZE_CHANGE, "domain_event_memory_device_size_change", 438,
        domain(alias: &str, size: u64);
    /// The guest changed the address of a network card.
    nic_mac_change = NIC_MAC_CHANGE, "domain_event_nic_mac_change", 453,
        domain(alias: &str, old_mac: &str, new_mac: &str);
}
