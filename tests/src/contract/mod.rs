//! One suite of cases that every hypervisor driver must pass.
//!
//! A driver hands over a [`Setup`]: how to open a fresh connection, which
//! calls it declares, and its [`Quirks`]. Each case uses the public interface
//! traits alone, so the same cases run
//! * directly on what a driver's `open` makes, see [`direct()`];
//! * through its shared object, see [`shared_object`];
//! * through a daemon and its socket, see [`socket`].
//!
//! A case writes down every answer it got, free of what differs between two
//! runs; [`same_answers`] compares these notes between the ways. What a driver
//! does not declare is skipped and said so in the [`Report`].
//!
//! ```text
//! #[test]
//! fn passes_the_contract() -> Result<(), String> {
//!     let quirks = Quirks { domain_xml: minimal, ..Quirks::default() };
//!     let direct = direct!(MyDriver, "my:///system", quirks; connect, node, domain_lifecycle, domain_listing);
//!     contract::pass(&direct?, "oxivirt_driver_my")
//! }
//! ```

mod case;
mod cases;
mod direct;
mod events;
mod host;
mod report;
mod shared_object;
mod socket;
mod subject;

use std::collections::BTreeSet;
use std::sync::Arc;

use oxivirt_core::ErrorCode;

use case::Case;
pub use direct::Direct;
pub use events::{EventLog, SeenEvent};
pub use host::{Recorder, recording_host};
pub use report::{Outcome, Report, same_answers};
pub use shared_object::{built_beside, shared_object};
pub use socket::socket;
pub use subject::{Absent, Subject};

/// The address of the network card in [`Quirks::devices`].
pub const CARD_ADDRESS: &str = "52:54:00:c0:de:01";

/// What a case may expect of a driver beside what the interfaces promise.
#[derive(Clone)]
pub struct Quirks {
    /// The shortest document of a domain with this name that the driver accepts.
    pub domain_xml: fn(name: &str) -> String,
    /// What stands in its `<devices>` when a case needs a disk on `vda`, a memory balloon, and a network card with the
    /// address [`CARD_ADDRESS`]; empty where domains cannot have them.
    pub devices: &'static str,
    /// Whether such a domain may be started here.
    pub may_start: bool,
    /// What the driver says when a domain is in the wrong state for a call.
    pub wrong_state: &'static [ErrorCode],
    /// Whether a lookup that finds nothing says what was looked for.
    pub lookups_explain: bool,
    /// Names of cases that this driver cannot pass, each with the reason.
    pub excused: &'static [(&'static str, &'static str)],
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            domain_xml: |name| {
                format!(
                    "<domain type='test'><name>{name}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
                )
            },
            devices: "<disk type='file' device='disk'><source file='/contract/disk'/><target dev='vda' bus='virtio'/></disk>\
                      <interface type='network'><mac address='52:54:00:c0:de:01'/><source network='default'/></interface>\
                      <memballoon model='virtio'/>",
            may_start: true,
            wrong_state: &[ErrorCode::OPERATION_INVALID],
            lookups_explain: true,
            excused: &[],
        }
    }
}

/// A driver as one way reaches it.
#[derive(Clone)]
pub struct Setup {
    /// What connections are opened with.
    pub uri: &'static str,
    /// The way: `direct`, `shared object`, `socket`.
    pub way: &'static str,
    /// The calls that the driver declares, by their wire names.
    pub declared: BTreeSet<String>,
    /// Opens a connection.
    pub open: Arc<dyn Fn() -> Result<Subject, String> + Send + Sync>,
    /// What is special about the driver.
    pub quirks: Quirks,
}

/// Runs every case, each on a connection of its own.
pub fn run(setup: &Setup) -> Report {
    let mut report = Report::new(setup.way);
    for (name, body) in cases::all() {
        let excuse = setup.quirks.excused.iter().find(|(excused, _)| *excused == name);
        report.add(
            name,
            match excuse {
                Some((_, reason)) => Outcome::Skipped((*reason).to_owned()),
                None => case::run(setup, body),
            },
        );
    }
    report
}

/// Runs every case directly and once more through the shared object that
/// cargo built for the crate of the running test; the answers must be equal.
///
/// * `crate_name` – with underscores, such as `oxivirt_driver_test`.
/// * Errors: the shared object is missing or refused. A case that fails, fails the test.
pub fn pass(direct: &Setup, crate_name: &str) -> Result<(), String> {
    let loaded = shared_object(&built_beside(crate_name)?, direct.uri, std::env::temp_dir(), direct.quirks.clone())?;
    assert_eq!(loaded.declared, direct.declared, "both ways declare the same calls");
    same_answers(&run(direct).finish(), &run(&loaded).finish());
    Ok(())
}

/// The calls that a driver declares, by their wire names.
fn declared(module: oxivirt_core::plugin::DriverModuleRef) -> BTreeSet<String> {
    let supported = oxivirt_core::plugin::registry::supported(module);
    supported.into_iter().flat_map(|(_, calls)| calls).map(str::to_owned).collect()
}
