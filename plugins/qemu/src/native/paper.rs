//! A host on which nothing happens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_conf::domain::devices::{Filesystem, Interface, Tpm, UsbHostdev, Video};
use oxivirt_conf::domain::{CpuSet, DomainDefinition};
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use crate::command::{Host, Opening, PassedImage, Sealed, Secret, Taps};
use crate::guests::RealHost;
use crate::neighbours::{Borrower, Neighbours};
use crate::process::pages;
use crate::settings::MemoryRules;

/// Counts what would be handed over, and otherwise only looks at the host.
#[derive(Debug)]
pub(super) struct Paper {
    next: i32,
    /// Looks at the host, and is asked nothing else.
    eyes: RealHost,
    neighbours: Arc<dyn Neighbours>,
    bus: PathBuf,
    memory: MemoryRules,
}

impl Paper {
    /// * `borrower` – the guest, to ask other drivers what they keep.
    /// * `bus` – where its message bus would be.
    /// * `memory` – where its memory may be.
    pub(super) fn new(borrower: Borrower, bus: PathBuf, memory: MemoryRules) -> Self {
        let neighbours = Arc::clone(&borrower.neighbours);
        // Behind the standard three.
        Self { next: 3, eyes: RealHost::new(3, PathBuf::new(), borrower), neighbours, bus, memory }
    }

    fn number(&mut self) -> i32 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }
}

impl Host for Paper {
    fn names_files(&self) -> bool {
        true
    }

    fn listen(&mut self, _: &str) -> Result<i32> {
        Ok(self.number())
    }

    fn output(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(self.number())
    }

    fn log(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(self.number())
    }

    fn tap(&mut self, _: &Interface, _: bool) -> Result<Taps> {
        Ok(Taps { taps: vec![self.number()], vhost: Vec::new() })
    }

    fn images(&mut self, group: &str) -> Result<Vec<PassedImage>> {
        Err(Error::invalid_arg(format!("file descriptor group '{group}' was not associated with the domain")))
    }

    fn open(&mut self, _: Opening, _: &str) -> Result<i32> {
        Ok(self.number())
    }

    fn vhost_user_video(&mut self, _: &Video) -> Result<i32> {
        Ok(self.number())
    }

    fn tpm_emulator(&mut self, _: &Tpm) -> Result<String> {
        Ok(String::new())
    }

    fn virtiofs(&mut self, _: &Filesystem, _: &str) -> Result<()> {
        Ok(())
    }

    fn passt(&mut self, _: &Interface) -> Result<String> {
        Ok(String::new())
    }

    fn nbdkit(&mut self, _: &crate::helpers::nbdkit::Image<'_>) -> Result<Option<String>> {
        Ok(None)
    }

    fn message_bus(&mut self) -> Result<String> {
        Ok(self.bus.to_string_lossy().into_owned())
    }

    fn reservations(&mut self) -> Result<()> {
        Ok(())
    }

    fn vsock(&mut self, cid: Option<u32>) -> Result<(i32, u32)> {
        // The lowest number that a guest can have.
        Ok((self.number(), cid.unwrap_or(3)))
    }

    fn pci(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn usb(&mut self, usb: &UsbHostdev) -> Result<String> {
        self.eyes.usb(usb)
    }

    fn scsi_generic(&mut self, adapter: &str, bus: u32, target: u32, unit: u64) -> Result<String> {
        self.eyes.scsi_generic(adapter, bus, target, unit)
    }

    fn seal(&mut self, secret: Secret<'_>) -> Result<Sealed> {
        let kept;
        let value = match secret {
            Secret::Words(words) => words.as_bytes(),
            Secret::Kept(reference) => {
                kept = self.neighbours.secret(reference)?;
                kept.reveal()
            }
        };
        // Closed with the key of a guest that never was: nobody can open it.
        let key: Vec<u8> = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        let key = key.try_into().map_err(|_| Error::internal("a key has a wrong length"))?;
        Ok(Sealed::close(&key, Uuid::new_v4().into_bytes(), value))
    }

    fn folder(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    fn huge_pages(&mut self, size: u64, guest: &str) -> Result<String> {
        let folder = pages::folder(size, guest, self.memory.huge_pages.as_deref())?;
        Ok(folder.to_string_lossy().into_owned())
    }

    fn default_huge_page(&self) -> Result<u64> {
        self.eyes.default_huge_page()
    }

    fn page_size(&self) -> u64 {
        self.eyes.page_size()
    }

    fn advised_nodes(&self, domain: &DomainDefinition) -> Result<Vec<u32>> {
        self.eyes.advised_nodes(domain)
    }

    fn allowed_nodes(&self, nodes: &[u32], cpus: Option<&CpuSet>) -> Result<Vec<u32>> {
        self.eyes.allowed_nodes(nodes, cpus)
    }

    fn render_node(&self) -> Result<String> {
        self.eyes.render_node()
    }

    fn is_cdrom(&self, path: &str) -> bool {
        self.eyes.is_cdrom(path)
    }

    fn now(&self) -> i64 {
        self.eyes.now()
    }

    fn utc_offset(&self) -> i64 {
        self.eyes.utc_offset()
    }
}
