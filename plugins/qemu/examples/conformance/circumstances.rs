//! What cases were made under, beside what their names say.
//!
//! `tests/conformance/circumstances.txt` has lines `CASE: WORD…`. A word is the name of a setting of `qemu.conf`,
//! with `=` and its value where it is no switch; a variable of the daemon; or one of `incoming=FROM`,
//! `without=TYPE,…` and `with=FEATURE,…` of the binary, `images=GROUP:NUMBER,…` of descriptors that a client gave
//! (`w` after a number that can be written to), `iommu=ADDRESS:GROUP` of a PCI device of the host.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use oxivirt_driver_qemu::capabilities::Emulator;
use oxivirt_driver_qemu::command::PassedImage;
use oxivirt_driver_qemu::settings::{Certificates, DisplayRules, Settings};
use oxivirt_tests::assets;

use super::emulators::One;

/// All that are listed, by case.
pub(crate) struct Circumstances(HashMap<String, Vec<String>>);

/// Those of one case.
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) settings: Settings,
    pub(crate) incoming: Option<String>,
    pub(crate) images: HashMap<String, Vec<PassedImage>>,
    without: Vec<String>,
    with: Vec<String>,
    /// The PCI devices of the host; gone with the case.
    pci: Option<tempfile::TempDir>,
}

impl Circumstances {
    pub(crate) fn read() -> Result<Self, String> {
        let file = assets::workspace().join("tests/conformance/circumstances.txt");
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
        let words = |words: &str| words.split_whitespace().map(str::to_owned).collect();
        Ok(Self(lines.map(|(case, rest)| (case.to_owned(), words(rest))).collect()))
    }

    pub(crate) fn of(&self, case: &str) -> Result<Around, String> {
        let mut around = Around {
            settings: settings(),
            incoming: None,
            images: HashMap::new(),
            without: Vec::new(),
            with: Vec::new(),
            pci: None,
        };
        for word in self.0.get(case).into_iter().flatten() {
            around.add(word)?;
        }
        Ok(around)
    }
}

impl Around {
    fn add(&mut self, word: &str) -> Result<(), String> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let list = || value.split(',').map(str::to_owned);
        let secret = || value.parse().map(Some).map_err(|_| format!("'{value}' is no UUID"));
        let s = &mut self.settings;
        match key {
            "vnc_tls" => s.vnc.tls = Some(certificates("vnc", true)),
            "vnc_sasl" => s.vnc.sasl = true,
            "vnc_sasl_dir" => s.vnc.sasl_folder = Some(value.into()),
            "vnc_allow_host_audio" => s.audio.with_vnc = true,
            "nographics_allow_host_audio" => s.audio.without_display = true,
            "spice_auto_unix_socket" => s.spice.auto_unix_socket = true,
            "chardev_tls" => s.chardev_tls = true,
            "chardev_tls_x509_secret_uuid" => s.chardev_certificates.secret = secret()?,
            "nbd_tls_x509_secret_uuid" => s.nbd_certificates.secret = secret()?,
            "QEMU_AUDIO_DRV" => s.audio.system = Some(value.to_owned()),
            "SDL_AUDIODRIVER" => s.audio.sdl_driver = Some(value.to_owned()),
            "incoming" => self.incoming = Some(value.to_owned()),
            "without" => self.without.extend(list()),
            "with" => self.with.extend(list()),
            "images" => self.add_images(value)?,
            "iommu" => self.add_device(value)?,
            _ => return Err(format!("unknown circumstance '{word}'")),
        }
        Ok(())
    }

    fn add_images(&mut self, text: &str) -> Result<(), String> {
        let (group, numbers) = text.split_once(':').ok_or_else(|| format!("no numbers in '{text}'"))?;
        let one = |text: &str| {
            let digits = text.trim_end_matches('w');
            let number = digits.parse().map_err(|_| format!("'{digits}' is no number"))?;
            Ok(PassedImage { number, writable: digits.len() < text.len() })
        };
        let images = numbers.split(',').map(one).collect::<Result<_, String>>()?;
        self.images.insert(group.to_owned(), images);
        Ok(())
    }

    /// The device as Linux shows it.
    fn add_device(&mut self, text: &str) -> Result<(), String> {
        let (address, group) = text.rsplit_once(':').ok_or_else(|| format!("no group in '{text}'"))?;
        let failed = |e: std::io::Error| e.to_string();
        let root = match self.pci.take() {
            Some(root) => root,
            None => tempfile::tempdir().map_err(failed)?,
        };
        let device = root.path().join(address);
        fs::create_dir(&device).map_err(failed)?;
        std::os::unix::fs::symlink(format!("/sys/kernel/iommu_groups/{group}"), device.join("iommu_group"))
            .map_err(failed)?;
        self.pci = Some(root);
        Ok(())
    }

    /// The folder with the PCI devices of the host, where any are known.
    pub(crate) fn pci_devices(&self) -> PathBuf {
        self.pci.as_ref().map_or(PathBuf::from("/nonexistent"), |root| root.path().to_owned())
    }

    /// The binary as it is here.
    pub(crate) fn emulator(&self, recorded: One) -> One {
        if self.with.is_empty() && self.without.is_empty() {
            return recorded;
        }
        let mut emulator = Emulator::clone(&recorded.0);
        emulator.types.retain(|name| !self.without.contains(name));
        emulator.features.extend(self.with.iter().cloned());
        One(Arc::new(emulator))
    }
}

fn certificates(service: &str, verify: bool) -> Certificates {
    Certificates { folder: format!("/etc/pki/libvirt-{service}").into(), verify, secret: None }
}

/// What the answers were made with: SPICE with certificates and a password.
fn settings() -> Settings {
    let tls = Some(certificates("spice", false));
    let spice = DisplayRules { tls, password: Some("123456".to_owned()), ..DisplayRules::default() };
    Settings { spice, ..Settings::default() }
}
