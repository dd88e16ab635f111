//! Numbers and times as in the recorded answers.

use std::collections::HashMap;
use std::path::Path;

use oxivirt_conf::domain::devices::{Filesystem, Interface, InterfaceSource, Tpm, UsbHostdev, Video};
use oxivirt_conf::domain::{CpuSet, DomainDefinition};
use oxivirt_core::{Error, Result};
use oxivirt_driver_qemu::command::{Host, Opening, PassedImage, Sealed, Secret, Taps};
use oxivirt_driver_qemu::helpers::nbdkit;

pub(crate) struct Fixed {
    /// `ID-NAME`.
    pub(crate) guest: String,
    /// nbdkit reads images in the network.
    pub(crate) nbdkit: bool,
    /// What a client gave.
    pub(crate) images: HashMap<String, Vec<PassedImage>>,
}

impl Host for Fixed {
    fn listen(&mut self, _: &str) -> Result<i32> {
        Ok(1729)
    }

    fn output(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1750)
    }

    fn log(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1751)
    }

    fn tap(&mut self, net: &Interface, virtio: bool) -> Result<Taps> {
        let queues = i32::try_from(net.driver.queues.unwrap_or(1)).unwrap_or(1);
        let first = if matches!(net.source, InterfaceSource::Ethernet) { 3 } else { 102 };
        let vhost = virtio && net.driver.name.is_none_or(|n| n.as_str() != "qemu");
        Ok(Taps {
            taps: (first..first + queues).collect(),
            vhost: if vhost { (44..44 + queues).collect() } else { vec![] },
        })
    }

    fn images(&mut self, group: &str) -> Result<Vec<PassedImage>> {
        self.images.get(group).cloned().ok_or_else(|| Error::invalid_arg(format!("there is no group '{group}'")))
    }

    fn open(&mut self, what: Opening, _: &str) -> Result<i32> {
        Ok(match what {
            Opening::Tpm => 1730,
            Opening::TpmCancel => 1731,
            Opening::Vdpa => 1732,
            Opening::VhostScsi => 3,
        })
    }

    fn vhost_user_video(&mut self, _: &Video) -> Result<i32> {
        Ok(1729)
    }

    fn tpm_emulator(&mut self, _: &Tpm) -> Result<String> {
        Ok("/dev/test".to_owned())
    }

    fn virtiofs(&mut self, _: &Filesystem, _: &str) -> Result<()> {
        Ok(())
    }

    fn passt(&mut self, net: &Interface) -> Result<String> {
        let alias = net.info.alias.as_deref().unwrap_or_default();
        Ok(format!("/var/run/libvirt/qemu/passt/{}-{alias}.socket", self.guest))
    }

    fn nbdkit(&mut self, image: &nbdkit::Image<'_>) -> Result<Option<String>> {
        let path = |node: &str| format!("/var/lib/libvirt/qemu/domain-{}/nbdkit-{node}.socket", self.guest);
        Ok(self.nbdkit.then(|| path(image.node)))
    }

    fn message_bus(&mut self) -> Result<String> {
        Ok(format!("/var/run/libvirt/qemu/dbus/{}-dbus.sock", self.guest))
    }

    fn reservations(&mut self) -> Result<()> {
        Ok(())
    }

    fn vsock(&mut self, cid: Option<u32>) -> Result<(i32, u32)> {
        Ok((6789, cid.unwrap_or(42)))
    }

    fn pci(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn usb(&mut self, _: &UsbHostdev) -> Result<String> {
        Ok("/dev/bus/usb/014/006".to_owned())
    }

    fn scsi_generic(&mut self, _: &str, _: u32, _: u32, _: u64) -> Result<String> {
        Ok("/dev/sg0".to_owned())
    }

    fn seal(&mut self, secret: Secret<'_>) -> Result<Sealed> {
        let value = match secret {
            Secret::Words(words) => words,
            // The one secret of the host that the answers were made on.
            Secret::Kept(_) => "AQCVn5hO6HzFAhAAq0NCv8jtJcIcE+HOBlMQ1A",
        };
        // That host counts where others throw dice.
        let counted = |index: usize| u8::try_from(index).unwrap_or_default();
        Ok(Sealed::close(&std::array::from_fn(counted), std::array::from_fn(counted), value.as_bytes()))
    }

    fn folder(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    fn huge_pages(&mut self, size: u64, guest: &str) -> Result<String> {
        let mount = match size {
            2048 => "/dev/hugepages2M",
            1_048_576 => "/dev/hugepages1G",
            other => return Err(Error::config_unsupported(format!("no pages of {other} KiB"))),
        };
        Ok(format!("{mount}/libvirt/qemu/{guest}"))
    }

    fn default_huge_page(&self) -> Result<u64> {
        Ok(2048)
    }

    fn page_size(&self) -> u64 {
        4
    }

    fn advised_nodes(&self, _: &DomainDefinition) -> Result<Vec<u32>> {
        Ok(vec![0, 1, 2, 3])
    }

    fn allowed_nodes(&self, nodes: &[u32], cpus: Option<&CpuSet>) -> Result<Vec<u32>> {
        // Four CPUs in each node.
        let of_cpus = |node: &u32| cpus.is_none_or(|cpus| cpus.iter().any(|cpu| cpu / 4 == *node));
        Ok(nodes.iter().copied().filter(of_cpus).collect())
    }

    fn render_node(&self) -> Result<String> {
        Ok("/dev/dri/foo".to_owned())
    }

    fn is_cdrom(&self, path: &str) -> bool {
        path == "/dev/cdrom"
    }

    fn now(&self) -> i64 {
        1_234_567_890
    }

    fn utc_offset(&self) -> i64 {
        -1800
    }
}
