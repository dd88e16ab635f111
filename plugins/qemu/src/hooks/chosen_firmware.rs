//! `<os>`: firmware that is chosen, or recognized where it was named.
//!
//! Whatever was found is written down, so that the guest keeps its firmware
//! when the host gets better ones.

use std::path::Path;

use oxivirt_conf::domain::{
    DomainDefinition, Firmware, FirmwareFeature, FirmwareFeatureName, FirmwareFormat, LaunchSecurity, Loader,
    LoaderType, Nvram, Smm,
};
use oxivirt_conf::xml::{OnOff, Value, YesNo};
use oxivirt_core::{Error, ErrorCode, Result};

use super::Site;
use crate::firmware::{self, Descriptor, FlashMode, Mapping};

/// May today's first choice be taken, or only what a guest always got?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Any format.
    Free,
    /// The format that was the only one for long.
    Kept,
}

/// Fills in `<loader>`, `<nvram>` and `<firmware>`.
///
/// Firmware that nobody offers is no error here: a definition may come before
/// the package. Errors: `XML_DETAIL` for features of firmware that is not chosen.
pub(super) fn complete(def: &mut DomainDefinition, site: &Site, choice: Choice) -> Result<()> {
    if def.os.firmware.is_none() && !def.os.firmware_features.is_empty() && choice == Choice::Free {
        return Err(Error::new(
            ErrorCode::XML_DETAIL,
            "cannot use feature-based firmware autoselection when firmware autoselection is disabled",
        ));
    }
    let named = def.os.loader.as_ref().is_some_and(|l| l.path.is_some());
    if def.os.firmware.is_none() && !named {
        return Ok(());
    }
    if def.os.firmware.is_none()
        && let Some(loader) = &mut def.os.loader
    {
        loader.kind.get_or_insert(LoaderType::Rom);
    }
    let manual = def.os.firmware.is_none();
    // What was found once stays, without looking whether it would be found again.
    let settled = !manual && named && def.os.loader.as_ref().is_some_and(|l| l.format.is_some() && l.kind.is_some());
    let recognizable = !manual || def.os.loader.as_ref().is_some_and(|l| l.kind == Some(LoaderType::Pflash));
    let mut found = settled;
    if !settled && recognizable {
        let all = firmware::load(&site.firmware);
        let wanted = Wanted::of(def, choice);
        if let Some(descriptor) = all.iter().find(|d| wanted.fits(d)) {
            fill(def, descriptor);
            found = true;
        }
    }
    if let Some(loader) = &mut def.os.loader {
        loader.format.get_or_insert(FirmwareFormat::Raw);
    }
    if manual && !found {
        well_known(def);
    }
    if manual || found {
        variables(def, &site.nvram, choice);
    }
    Ok(())
}

/// What a definition says about its firmware.
struct Wanted<'a> {
    def: &'a DomainDefinition,
    kind: Firmware,
    format: Option<FirmwareFormat>,
}

impl<'a> Wanted<'a> {
    fn of(def: &'a DomainDefinition, choice: Choice) -> Self {
        let (loader, nvram) = (def.os.loader.as_deref(), def.os.nvram.as_deref());
        let format = loader.and_then(|l| l.format).or_else(|| nvram.and_then(|n| n.format));
        let format = match choice {
            Choice::Kept => Some(format.unwrap_or(FirmwareFormat::Raw)),
            Choice::Free => format,
        };
        Self { def, kind: def.os.firmware.unwrap_or(Firmware::Efi), format }
    }

    fn fits(&self, found: &Descriptor) -> bool {
        let interface = match self.kind {
            Firmware::Bios => "bios",
            Firmware::Efi => "uefi",
        };
        found.interface_types.iter().any(|kind| kind == interface)
            && found.suits(self.def.os.arch(), self.def.os.machine())
            && self.features(found)
            && self.protection(found)
            && self.image(found)
    }

    fn features(&self, found: &Descriptor) -> bool {
        let yes = Some(YesNo::Yes);
        let sleeps = self.def.pm.as_ref();
        let s3 = sleeps.and_then(|pm| pm.suspend_to_mem.as_ref()).and_then(|s| s.enabled) == yes;
        let s4 = sleeps.and_then(|pm| pm.suspend_to_disk.as_ref()).and_then(|s| s.enabled) == yes;
        if (s3 && !found.has("acpi-s3")) || (s4 && !found.has("acpi-s4")) {
            return false;
        }
        let secure = self.def.os.loader.as_ref().and_then(|l| l.secure);
        let smm_off = self.def.features.smm.as_ref().is_some_and(|s| s.state == OnOff::Off);
        let needs_smm = found.has("requires-smm");
        if (needs_smm && (smm_off || secure == Some(YesNo::No))) || (!needs_smm && secure == yes) {
            return false;
        }
        self.def.os.firmware_features.iter().all(|f| found.has(word(f.name)) == f.enabled.is_yes())
    }

    fn protection(&self, found: &Descriptor) -> bool {
        match self.def.launch_security.as_deref() {
            Some(LaunchSecurity::Sev(sev)) => {
                // The bit of the policy that asks for encrypted registers too.
                found.has(if sev.policy & 4 != 0 { "amd-sev-es" } else { "amd-sev" })
            }
            Some(LaunchSecurity::SevSnp(_)) => found.has("amd-sev-snp"),
            Some(LaunchSecurity::S390Pv) => false,
            // Made for such guests alone.
            None => !found.has("intel-tdx"),
        }
    }

    fn image(&self, found: &Descriptor) -> bool {
        let loader = self.def.os.loader.as_deref();
        let nvram = self.def.os.nvram.as_deref();
        let stateless = loader.and_then(|l| l.stateless) == Some(YesNo::Yes);
        let kind = loader.and_then(|l| l.kind);
        if loader.and_then(|l| l.path.as_deref()).is_some_and(|path| path != found.executable()) {
            return false;
        }
        match &found.mapping {
            Mapping::Flash { mode, executable, nvram_template } => {
                let format = FirmwareFormat::parse_value(&executable.format);
                if kind == Some(LoaderType::Rom) || format.is_none() || self.format.is_some_and(|w| Some(w) != format) {
                    return false;
                }
                match mode {
                    FlashMode::Split => {
                        let template = nvram_template.as_ref().map(|t| t.filename.as_str());
                        !stateless
                            && loader.and_then(|l| l.readonly) != Some(YesNo::No)
                            && nvram.and_then(|n| n.template.as_deref()).is_none_or(|t| Some(t) == template)
                    }
                    FlashMode::Stateless => nvram.is_none() && (stateless || loader.is_none()),
                    // A guest's own copy of it cannot be made yet.
                    FlashMode::Combined => false,
                }
            }
            Mapping::Memory { .. } => {
                kind != Some(LoaderType::Pflash)
                    && nvram.is_none()
                    && self.format.is_none_or(|f| f == FirmwareFormat::Raw)
            }
            Mapping::Kernel { .. } => false,
        }
    }
}

fn word(name: FirmwareFeatureName) -> &'static str {
    match name {
        FirmwareFeatureName::EnrolledKeys => "enrolled-keys",
        FirmwareFeatureName::SecureBoot => "secure-boot",
    }
}

/// Writes down what was found.
fn fill(def: &mut DomainDefinition, found: &Descriptor) {
    let os = &mut def.os;
    let kind = if found.interface_types.iter().any(|k| k == "bios") { Firmware::Bios } else { Firmware::Efi };
    os.firmware.get_or_insert(kind);
    let loader = os.loader.get_or_insert_with(Box::<Loader>::default);
    loader.path = Some(found.executable().to_owned());
    match &found.mapping {
        Mapping::Flash { mode, executable, nvram_template } => {
            loader.kind = Some(LoaderType::Pflash);
            loader.readonly = Some(YesNo::Yes);
            loader.format = FirmwareFormat::parse_value(&executable.format);
            if *mode == FlashMode::Stateless {
                loader.stateless = Some(YesNo::Yes);
            }
            if let (FlashMode::Split, Some(template)) = (mode, nvram_template) {
                let nvram = os.nvram.get_or_insert_with(Box::<Nvram>::default);
                let format = FirmwareFormat::parse_value(&template.format);
                // A place in the network is filled by whoever made it.
                if nvram.source.as_ref().is_none_or(|s| s.type_name() == "file") {
                    nvram.template = Some(template.filename.clone());
                    nvram.template_format = format;
                    nvram.format = format;
                } else {
                    nvram.format = nvram.format.or(format);
                }
            }
        }
        Mapping::Memory { .. } | Mapping::Kernel { .. } => {
            loader.kind = Some(LoaderType::Rom);
            loader.format = Some(FirmwareFormat::Raw);
        }
    }
    if found.has("requires-smm") {
        loader.secure = Some(YesNo::Yes);
        match &mut def.features.smm {
            Some(smm) => smm.state = OnOff::On,
            none => *none = Some(Smm { state: OnOff::On, tseg: None }),
        }
    }
    // Which keys a guest has depends on the variables it begins with.
    let known_keys = os.nvram.as_ref().is_none_or(|n| n.template.is_some());
    let names = [FirmwareFeatureName::EnrolledKeys, FirmwareFeatureName::SecureBoot];
    os.firmware_features = names
        .into_iter()
        .filter(|name| known_keys || *name != FirmwareFeatureName::EnrolledKeys)
        .map(|name| FirmwareFeature { enabled: if found.has(word(name)) { YesNo::Yes } else { YesNo::No }, name })
        .collect();
}

/// Images whose variables are known without any descriptor.
fn well_known(def: &mut DomainDefinition) {
    let Some(loader) = def.os.loader.as_deref().filter(|l| has_variables(l)) else { return };
    let pair = WELL_KNOWN.iter().find(|(code, _)| loader.path.as_deref() == Some(code));
    let Some((_, template)) = pair else { return };
    let nvram = def.os.nvram.get_or_insert_with(Box::<Nvram>::default);
    nvram.template.get_or_insert_with(|| (*template).to_owned());
    nvram.template_format.get_or_insert(FirmwareFormat::Raw);
}

fn has_variables(loader: &Loader) -> bool {
    loader.kind == Some(LoaderType::Pflash)
        && loader.readonly != Some(YesNo::No)
        && loader.stateless != Some(YesNo::Yes)
}

/// The guest's own variables: a file named after it, with the ending of its format or, in new definitions, of the
/// template that it is made from.
fn variables(def: &mut DomainDefinition, folder: &Path, choice: Choice) {
    let Some(loader) = def.os.loader.as_deref().filter(|l| has_variables(l)) else { return };
    let loader_format = loader.format.unwrap_or(FirmwareFormat::Raw);
    let Some(nvram) = &mut def.os.nvram else { return };
    let format = *nvram.format.get_or_insert(loader_format);
    if nvram.path.is_none() && nvram.source.is_none() {
        let ending = match format {
            FirmwareFormat::Raw => "fd",
            FirmwareFormat::Qcow2 => "qcow2",
        };
        let template = nvram.template.as_deref().filter(|_| choice == Choice::Free);
        let ending = match template.and_then(|template| Path::new(template).extension()?.to_str()) {
            Some("raw") if format == FirmwareFormat::Raw => "raw",
            _ => ending,
        };
        let file = folder.join(format!("{}_VARS.{ending}", def.name));
        nvram.path = Some(file.to_string_lossy().into_owned());
    }
}

/// Code and variables, where distributions had them before there were descriptors.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE.ms.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd"),
    ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    ("/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/AAVMF/AAVMF32_VARS.fd"),
];
