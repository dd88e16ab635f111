//! A host that makes nothing: what belongs to a device is the same whatever
//! stands behind it.

use std::path::Path;

use oxivirt_conf::domain::devices::{Disk, Filesystem, Interface, Tpm, UsbHostdev, Video};
use oxivirt_conf::domain::{CpuSet, DeviceRef, DomainDefinition};
use oxivirt_core::Result;

use super::step::Step;
use super::{Part, Session};
use crate::command::{self, Free, Host, Opening, PassedImage, Request, Sealed, Secret, Taps};
use crate::helpers::nbdkit;

/// What QEMU has for a device of a domain, what others refer to first.
///
/// Errors: as those of plugging it.
pub(super) fn parts(session: &Session<'_>, domain: &DomainDefinition, device: DeviceRef<'_>) -> Result<Vec<Part>> {
    let mut nowhere = Nowhere { state: &session.files.state, served: None };
    let arguments = command::plug(&session.request(domain), &mut nowhere, device, Free::default())?;
    let alias = device.info().and_then(|info| info.alias.as_deref()).unwrap_or_default();
    Ok(lasting(&Step::all(&arguments, alias)?))
}

/// What is behind the medium of a drive.
pub(super) fn medium(
    session: &Session<'_>,
    domain: &DomainDefinition,
    disk: &oxivirt_conf::domain::devices::Disk,
) -> Result<Vec<Part>> {
    let mut nowhere = Nowhere { state: &session.files.state, served: None };
    let (arguments, _) = command::medium(&session.request(domain), &mut nowhere, disk, Free::default())?;
    Ok(lasting(&Step::all(&arguments, "")?))
}

/// Descriptors went with what used them.
fn lasting(steps: &[Step]) -> Vec<Part> {
    steps.iter().map(Step::part).filter(|part| !matches!(part, Part::Descriptor(_))).collect()
}

/// Is shown images.
type Look<'a> = dyn FnMut(&nbdkit::Image<'_>) -> Result<()> + 'a;

/// Shows every image of a disk that another program may serve.
///
/// Errors: those of building the nodes, and of `look`.
pub(crate) fn served<'a>(request: &'a Request<'_>, disk: &Disk, free: Free, look: &'a mut Look<'a>) -> Result<()> {
    command::medium(request, &mut Nowhere { state: &request.files.state, served: Some(look) }, disk, free).map(drop)
}

/// Everything is there and has a number; nothing is touched.
struct Nowhere<'a> {
    /// The guest's own folder: what has a socket there was started.
    state: &'a Path,
    served: Option<&'a mut Look<'a>>,
}

impl Host for Nowhere<'_> {
    fn listen(&mut self, _: &str) -> Result<i32> {
        Ok(0)
    }

    fn output(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(0)
    }

    fn log(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(0)
    }

    fn tap(&mut self, _: &Interface, _: bool) -> Result<Taps> {
        Ok(Taps { taps: vec![0], vhost: Vec::new() })
    }

    fn images(&mut self, _: &str) -> Result<Vec<PassedImage>> {
        Ok(vec![PassedImage { number: 0, writable: true }])
    }

    fn open(&mut self, _: Opening, _: &str) -> Result<i32> {
        Ok(0)
    }

    fn vhost_user_video(&mut self, _: &Video) -> Result<i32> {
        Ok(0)
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

    fn message_bus(&mut self) -> Result<String> {
        Ok(String::new())
    }

    fn reservations(&mut self) -> Result<()> {
        Ok(())
    }

    fn nbdkit(&mut self, image: &nbdkit::Image<'_>) -> Result<Option<String>> {
        if let Some(look) = &mut self.served {
            look(image)?;
        }
        let (_, socket) = nbdkit::run_files(self.state, image.node);
        Ok(socket.exists().then(|| socket.to_string_lossy().into_owned()))
    }

    fn vsock(&mut self, cid: Option<u32>) -> Result<(i32, u32)> {
        Ok((0, cid.unwrap_or_default()))
    }

    fn pci(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn usb(&mut self, _: &UsbHostdev) -> Result<String> {
        Ok(String::new())
    }

    fn scsi_generic(&mut self, _: &str, _: u32, _: u32, _: u64) -> Result<String> {
        Ok(String::new())
    }

    fn seal(&mut self, _: Secret<'_>) -> Result<Sealed> {
        Ok(Sealed { data: String::new(), iv: String::new() })
    }

    fn folder(&mut self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    fn huge_pages(&mut self, _: u64, _: &str) -> Result<String> {
        Ok(String::new())
    }

    fn default_huge_page(&self) -> Result<u64> {
        Ok(2048)
    }

    fn page_size(&self) -> u64 {
        4
    }

    fn advised_nodes(&self, _: &DomainDefinition) -> Result<Vec<u32>> {
        Ok(Vec::new())
    }

    fn allowed_nodes(&self, nodes: &[u32], _: Option<&CpuSet>) -> Result<Vec<u32>> {
        Ok(nodes.to_vec())
    }

    fn render_node(&self) -> Result<String> {
        Ok(String::new())
    }

    fn is_cdrom(&self, _: &str) -> bool {
        false
    }

    fn now(&self) -> i64 {
        0
    }

    fn utc_offset(&self) -> i64 {
        0
    }
}
