//! A program that draws for a guest and speaks vhost-user.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use oxivirt_conf::domain::devices::Video;
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::Site;
use crate::vhost_user::{self, GpuWants};

/// The pid file of the program behind a video card.
pub(super) fn pid_file(site: &Site, alias: &str) -> PathBuf {
    site.beside(&format!("-{alias}-vhost-user-gpu.pid"))
}

/// Starts the program behind a video card.
///
/// * Returns it with QEMU's end of the connection to it.
/// * Errors: `OPERATION_FAILED` no descriptor of the host names a program that
///   can do what the card needs.
pub fn start(site: &Site, video: &Video) -> Result<(Helper, OwnedFd)> {
    let alias = video.info.alias.clone().ok_or_else(|| Error::internal("a video card without an alias"))?;
    let wants = GpuWants::of(video);
    let binary = vhost_user::choose_gpu(&vhost_user::load(&site.vhost_user_folders()), wants, &mut vhost_user::ask)?;
    let (own, others) = UnixStream::pair().map_err(|e| Error::system("cannot make a pair of sockets", &e))?;
    let mut arguments = vec![format!("--fd={FD}")];
    if let Some(acceleration) = &video.model.acceleration {
        if acceleration.accel3d == Some(YesNo::Yes) {
            arguments.push("--virgl".to_owned());
        }
        if let Some(node) = &acceleration.rendernode {
            arguments.push(format!("--render-node={node}"));
        }
    }
    let program = Program {
        kind: Kind::Gpu,
        binary: find_program(&binary.to_string_lossy())?,
        arguments,
        environment: Vec::new(),
        descriptors: vec![(own.into(), FD)],
        rules: site.guest_user(),
        log: site.log(&format!("-{alias}-vhost-user-gpu.log")),
        pid_file: pid_file(site, &alias),
        socket: None,
        files: Vec::new(),
        alias,
        orphan: false,
    };
    Ok((program.start()?, others.into()))
}

/// The number of its socket in the program.
const FD: i32 = 3;
