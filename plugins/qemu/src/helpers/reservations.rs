//! `qemu-pr-helper`: asks SCSI disks for reservations, which QEMU may not.

use std::path::PathBuf;

use oxivirt_core::Result;

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::{Site, give};
use crate::settings::ProcessRules;

/// The device that it serves: all disks of the guest.
pub(crate) const ALIAS: &str = "pr-helper0";

/// The pid file and the socket.
pub(super) fn run_files(site: &Site) -> (PathBuf, PathBuf) {
    (site.own(&format!("{ALIAS}.pid")), site.own(&format!("{ALIAS}.sock")))
}

/// Starts the program for all disks of a guest.
///
/// * Errors: `OPERATION_UNSUPPORTED` it is not installed; `INTERNAL_ERROR`
///   with its own words.
pub fn start(site: &Site) -> Result<Helper> {
    let binary = find_program(site.settings.helpers.pr_helper.as_deref().unwrap_or("qemu-pr-helper"))?;
    let (pid_file, socket) = run_files(site);
    let program = Program {
        kind: Kind::Reservations,
        alias: ALIAS.to_owned(),
        binary,
        arguments: vec!["-k".to_owned(), socket.display().to_string()],
        environment: Vec::new(),
        descriptors: Vec::new(),
        // Reservations are the right of the daemon's own user.
        rules: ProcessRules::default(),
        log: site.log("-pr-helper.log"),
        pid_file,
        socket: Some(socket.clone()),
        files: Vec::new(),
        orphan: false,
    };
    let helper = program.start()?;
    give(&socket, &site.settings.process)?;
    Ok(helper)
}
