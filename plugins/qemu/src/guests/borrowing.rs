//! What guests hold of other drivers, from start to end and across daemons.

use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Device, Interface};
use oxivirt_conf::object::JobKind;
use oxivirt_core::Result;

use super::Guests;
use super::start::check_disk;
use crate::aliases;
use crate::lifecycle::Notice;
use crate::neighbours::held;
use crate::neighbours::volumes::{self, Dropped};
use crate::neighbours::{Borrower, Neighbours, Nobody};
use crate::state::Job;

impl Guests {
    /// Makes the other drivers known; to be called once, before a guest starts.
    pub fn meet(&self, neighbours: Arc<dyn Neighbours>) {
        if self.neighbours.set(neighbours).is_err() {
            tracing::error!("the other drivers were made known twice");
        }
    }

    pub(crate) fn neighbours(&self) -> Arc<dyn Neighbours> {
        Arc::clone(self.neighbours.get_or_init(|| Arc::new(Nobody)))
    }

    /// A guest that asks other drivers.
    pub(crate) fn borrower(&self, domain: &DomainDefinition) -> Borrower {
        Borrower::new(self.neighbours(), &self.folders.run, domain)
    }

    /// Finds the images of a guest that starts, and connects its cards.
    ///
    /// After an error what it holds is to be given back.
    pub(super) fn borrow(&self, job: &Job, live: &mut DomainDefinition) -> Result<()> {
        let dropped = volumes::settle(live, &*self.neighbours(), &check_disk)?;
        for Dropped { source, alias, is_drive } in dropped {
            self.tell(&job.snapshot(), Notice::DiskMissing { source, alias, is_drive });
        }
        let borrower = self.borrower(live);
        live.devices.interfaces.iter_mut().try_for_each(|card| borrower.connect(card))?;
        // One that turned out to be a device of the host is named among those.
        aliases::assign(live)
    }

    /// The same for one device that comes later.
    pub(super) fn borrow_for(&self, live: &DomainDefinition, device: &mut Device) -> Result<()> {
        match device {
            Device::Disk(disk) => volumes::resolve(disk, &*self.neighbours()),
            Device::Interface(card) => self.borrower(live).connect(card),
            _ => Ok(()),
        }
    }

    /// Gives back what belonged to cards that a guest does not have any more.
    pub(super) fn give_back_gone(&self, before: &DomainDefinition, rest: &DomainDefinition) {
        let stays = |card: &&Interface| rest.devices.interfaces.iter().any(|other| other.info.alias == card.info.alias);
        let borrower = self.borrower(before);
        before.devices.interfaces.iter().filter(|card| !stays(card)).for_each(|card| borrower.give_back(card));
    }

    /// Settles with other drivers what an earlier daemon left: what guests hold that do not run is given back, and
    /// networks are told of the ports of those that do.
    ///
    /// Blocks while the other drivers start.
    pub fn settle_neighbours(&self) {
        for (name, note) in held::notes(&self.folders.run) {
            let Some(object) = self.table.by_name(&name) else {
                // A transient guest that ended with the last daemon.
                let gone = DomainDefinition { name, ..DomainDefinition::default() };
                self.borrower(&gone).give_back_all(&gone);
                continue;
            };
            match self.job(&object, JobKind::Modify, "settling with other drivers") {
                Ok(job) if job.snapshot().is_active() => {
                    self.borrower(job.snapshot().definition()).settle(job.snapshot().definition());
                }
                Ok(job) => {
                    let gone = DomainDefinition::clone(job.snapshot().definition());
                    self.borrower(&gone).give_back_all(&gone);
                }
                Err(error) => tracing::error!(note = %note.display(), %error, "what a guest holds is not settled"),
            }
        }
        let listing = self.table.list();
        for (object, snapshot) in listing.iter() {
            let has_ports = |snapshot: &crate::state::Snapshot| {
                let cards = &snapshot.definition().devices.interfaces;
                snapshot.is_active() && cards.iter().any(|card| crate::neighbours::ports::port_of(card).is_some())
            };
            if !has_ports(snapshot) {
                continue;
            }
            let reclaimed = self.job(object, JobKind::Modify, "settling with other drivers").and_then(|job| {
                let now = job.snapshot();
                let cards = now.definition().devices.interfaces.iter().filter(|_| now.is_active());
                let borrower = self.borrower(now.definition());
                cards.map(|card| borrower.reclaim(card)).fold(Ok(()), Result::and)
            });
            if let Err(error) = reclaimed {
                tracing::warn!(domain = %snapshot.definition().name, %error, "a network does not know a port again");
            }
        }
    }
}
