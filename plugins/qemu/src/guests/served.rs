//! Images that nbdkit serves: one that ends while the guest runs is started
//! again; QEMU connects to it anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oxivirt_conf::domain::devices::Disk;
use oxivirt_core::{Error, Result};

use super::Guests;
use crate::command::{Free, Request};
use crate::helpers::{Kind, Site, nbdkit};
use crate::hotplug;
use crate::state::{Object, Run};
use crate::status::HelperNote;

impl Guests {
    /// Looks after the nbdkit processes of a guest until it ends; nothing where it has none.
    pub(super) fn watch_served(&self, object: &Arc<Object>, run: &Arc<Run>) {
        let Some(guests) = self.weak().upgrade() else { return };
        if !run.helpers.has(Kind::Disk) || run.helpers.is_watched() {
            return;
        }
        let (object, run) = (Arc::clone(object), Arc::clone(run));
        let watcher = std::thread::Builder::new().name("qemu-nbdkit".into()).spawn(move || {
            let mut tries: HashMap<String, u32> = HashMap::new();
            // Ends with QEMU, and sleeps in between.
            while run.process.wait(LOOK).is_none() && !run.is_ending() {
                for note in run.helpers.take_ended(Kind::Disk) {
                    let name = object.snapshot().definition().name.clone();
                    let count = tries.entry(node_of(&note)).or_default();
                    *count += 1;
                    if *count > TRIES {
                        tracing::error!(domain = %name, node = %node_of(&note), "nbdkit ends again and again");
                        continue;
                    }
                    tracing::warn!(domain = %name, node = %node_of(&note), "nbdkit has ended and is started again");
                    if let Err(error) = guests.serve_again(&object, &run, &note) {
                        tracing::error!(domain = %name, %error, "nbdkit cannot be started again");
                    }
                }
            }
        });
        if let Err(error) = watcher {
            tracing::error!(%error, "no thread to look after nbdkit");
        }
    }

    fn serve_again(&self, object: &Arc<Object>, run: &Arc<Run>, note: &HelperNote) -> Result<()> {
        let snapshot = object.snapshot();
        let domain = snapshot.definition();
        let settings = self.settings();
        let binary = domain.devices.emulator.clone();
        let emulator =
            self.catalog.get(binary.ok_or_else(|| Error::internal("guest without an emulator"))?.as_ref())?;
        let request = Request {
            domain,
            emulator: &emulator,
            files: &run.files,
            monitor_fd: 0,
            settings: &settings,
            incoming: None,
        };
        let site = Site::new(&self.folders, &run.files, domain, Arc::clone(&settings));
        let neighbours = self.neighbours();
        let of_note = |disk: &&Disk| disk.info.alias.as_deref() == Some(note.alias.as_str());
        let mut started = None;
        for disk in domain.devices.disks.iter().filter(of_note) {
            hotplug::served(&request, disk, Free::default(), &mut |image| {
                if started.is_none() && image.node == node_of(note) {
                    let mut reveal = |secret: crate::command::Secret<'_>| super::host::reveal(&*neighbours, secret);
                    started = nbdkit::start(&site, image, &mut reveal)?;
                }
                Ok(())
            })?;
        }
        let (helper, _) = started.ok_or_else(|| Error::internal("no disk has the image any more"))?;
        run.helpers.add(vec![helper]);
        self.save_status(object)
    }
}

/// The block node of a process, which its files are called after.
fn node_of(note: &HelperNote) -> String {
    let file = note.files.first().and_then(|file| file.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
    file.unwrap_or_default().trim_start_matches("nbdkit-").to_owned()
}

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// How often one image is served again.
const TRIES: u32 = 20;
