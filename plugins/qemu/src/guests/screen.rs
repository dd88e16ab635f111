//! The guest's screens: pictures, and visitors that bring their own socket.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use oxivirt_conf::domain::devices::GraphicsKind;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::json;

use super::{ANSWER, Guests};
use crate::monitor::Failure;
use crate::state::Job;

impl Guests {
    /// A picture of a screen: an open file without a name, and what kind it is.
    ///
    /// Errors: `OPERATION_INVALID` without such a screen.
    pub(crate) fn screenshot(&self, job: &Job, screen: u32) -> Result<(File, &'static str)> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        let definition = snapshot.definition();
        let videos = &definition.devices.videos;
        let Some(first) = videos.first() else {
            let text = "currently is supported only taking screenshots of screen ID 0";
            return Err(Error::new(ErrorCode::OPERATION_INVALID, text));
        };
        // One card may have several heads, several cards have one each.
        let heads = first.model.heads.unwrap_or(1);
        let card = match videos.len() {
            1 if screen < heads => first,
            1 => return Err(no_screen()),
            _ => videos.get(screen as usize).ok_or_else(no_screen)?,
        };
        let head = if videos.len() == 1 { screen } else { 0 };
        // QEMU makes the file, whoever it runs as.
        let name = format!("screenshot-{}", uuid::Uuid::new_v4());
        let file = Scratch { path: run.files.state.join(name).to_string_lossy().into_owned() };
        let alias = card.info.alias.as_deref().unwrap_or("video0");
        let mut arguments = json!({"filename": file.path, "device": alias, "head": head, "format": "png"});
        let monitor = run.monitor()?;
        let mut kind = "image/png";
        let outcome = match monitor.attempt("screendump", arguments.clone(), PICTURE) {
            // One that was built without PNG.
            Err(Failure::Refused { desc, .. }) if desc.to_ascii_lowercase().contains("png") => {
                if let Some(object) = arguments.as_object_mut() {
                    object.remove("format");
                }
                kind = "image/x-portable-pixmap";
                monitor.attempt("screendump", arguments, PICTURE)
            }
            other => other,
        };
        outcome.map_err(|failure| failure.into_error(monitor.domain(), "screendump"))?;
        let picture = File::open(&file.path).map_err(|e| Error::system("unable to open the screenshot", &e))?;
        Ok((picture, kind))
    }

    /// Lets a visitor in to a screen's server through a socket of its own.
    ///
    /// * `index` – which server; `skip_auth` – the visitor need not say a password.
    pub(crate) fn open_graphics(&self, job: &Job, index: u32, skip_auth: bool, socket: OwnedFd) -> Result<()> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        let missing = || Error::internal(format!("No graphics backend with index {index}"));
        let graphics = snapshot.definition().devices.graphics.get(index as usize).ok_or_else(missing)?;
        let protocol = match &graphics.kind {
            GraphicsKind::Vnc(_) => "vnc",
            GraphicsKind::Spice(_) => "spice",
            other => {
                let text = format!("Can only open VNC or SPICE graphics backends, not {other:?}");
                return Err(Error::new(ErrorCode::INVALID_ARG, text));
            }
        };
        let monitor = run.monitor()?;
        monitor.hand_over("graphicsfd", socket, ANSWER)?;
        let arguments = json!({"protocol": protocol, "fdname": "graphicsfd", "skipauth": skip_auth});
        let outcome = monitor.execute("add_client", arguments, ANSWER);
        if outcome.is_err() {
            // QEMU keeps what nobody took.
            let _ = monitor.attempt("closefd", json!({"fdname": "graphicsfd"}), ANSWER);
        }
        outcome.map(drop)
    }

    /// As [`open_graphics`](Self::open_graphics) with a new pair of sockets; the visitor's end.
    pub(crate) fn open_graphics_pair(&self, job: &Job, index: u32, skip_auth: bool) -> Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair().map_err(|e| Error::system("unable to create a pair of sockets", &e))?;
        self.open_graphics(job, index, skip_auth, theirs.into())?;
        Ok(ours.into())
    }

    /// Makes the server of a screen read its certificates again.
    pub(crate) fn reload_graphics(&self, job: &Job) -> Result<()> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        if !snapshot.definition().devices.graphics.iter().any(|g| matches!(g.kind, GraphicsKind::Vnc(_))) {
            return Err(Error::new(ErrorCode::OPERATION_INVALID, "No VNC graphics backend to reload"));
        }
        let arguments = json!({"type": "vnc", "tls-certs": true});
        run.monitor()?.execute("display-reload", arguments, ANSWER).map(drop)
    }
}

fn no_screen() -> Error {
    Error::operation_invalid("no such screen ID")
}

/// A file that goes with this value.
struct Scratch {
    path: String,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// How long drawing a picture may take.
const PICTURE: Duration = Duration::from_secs(30);
