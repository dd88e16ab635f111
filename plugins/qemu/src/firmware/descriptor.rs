//! One descriptor.

use serde::{Deserialize, Serialize, Serializer};

use crate::capabilities::of_target;

/// What one firmware is and which guests it suits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Descriptor {
    /// `uefi`, `bios`, …
    pub interface_types: Vec<String>,
    /// Where the image goes.
    pub mapping: Mapping,
    /// For which guests.
    pub targets: Vec<Target>,
    /// `secure-boot`, `requires-smm`, …; only known ones are written.
    #[serde(serialize_with = "known_features")]
    pub features: Vec<String>,
}

/// Where an image goes, and its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "device", rename_all = "kebab-case")]
pub enum Mapping {
    /// Into flash chips.
    #[serde(rename_all = "kebab-case")]
    Flash {
        /// Whether code and variables lie apart.
        #[serde(default)]
        mode: FlashMode,
        /// The code.
        executable: Image,
        /// What variables begin with.
        #[serde(skip_serializing_if = "Option::is_none")]
        nvram_template: Option<Image>,
    },
    /// In place of a kernel.
    Kernel {
        /// The file.
        filename: String,
    },
    /// Into memory.
    Memory {
        /// The file.
        filename: String,
    },
}

/// Whether code and variables lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlashMode {
    /// Two chips: one to read, one of the guest's own.
    #[default]
    Split,
    /// One chip, of the guest's own.
    Combined,
    /// One chip to read; nothing is kept.
    Stateless,
}

/// An image with its format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The file.
    pub filename: String,
    /// `raw` or `qcow2`.
    pub format: String,
}

/// An architecture and its boards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// In QEMU's name.
    pub architecture: String,
    /// Names with wildcards.
    pub machines: Vec<String>,
}

impl Descriptor {
    /// Whether it suits guests of an architecture, in libvirt's name, on a board, by its full name.
    pub fn suits(&self, arch: &str, machine: &str) -> bool {
        self.targets.iter().any(|target| {
            of_target(&target.architecture) == Some(arch)
                && target.machines.iter().any(|pattern| wildcard(pattern.as_bytes(), machine.as_bytes()))
        })
    }

    /// Whether it has a feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|name| name == feature)
    }

    /// The file with the code.
    pub fn executable(&self) -> &str {
        match &self.mapping {
            Mapping::Flash { executable, .. } => &executable.filename,
            Mapping::Kernel { filename } | Mapping::Memory { filename } => filename,
        }
    }
}

fn known_features<S: Serializer>(features: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(features.iter().filter(|name| FEATURES.contains(&name.as_str())))
}

/// What a firmware can have.
const FEATURES: [&str; 10] = [
    "acpi-s3",
    "acpi-s4",
    "amd-sev",
    "amd-sev-es",
    "amd-sev-snp",
    "enrolled-keys",
    "requires-smm",
    "secure-boot",
    "verbose-dynamic",
    "verbose-static",
];

/// Whether a name fits a pattern with `*` (any text) and `?` (any letter).
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            // The last star takes one letter more.
            _ => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    p = star + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn boards_are_named_by_wildcards() {
        for (pattern, name, fits) in [
            ("pc-q35-*", "pc-q35-9.2", true),
            ("pc-q35-*", "pc-i440fx-9.2", false),
            ("virt", "virt", true),
            ("virt", "virt-8.2", false),
            ("virt-*", "virt", false),
            ("*-?.2", "virt-8.2", true),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_descriptor_is_read() {
        let text = r#"{"description": "x", "interface-types": ["uefi"],
            "mapping": {"device": "flash", "executable": {"filename": "/code", "format": "raw"},
                        "nvram-template": {"filename": "/vars", "format": "raw"}},
            "targets": [{"architecture": "arm", "machines": ["virt-*"]}], "features": ["secure-boot"], "tags": []}"#;
        let descriptor: Descriptor = serde_json::from_str(text).unwrap();
        assert!(descriptor.suits("armv7l", "virt-8.2") && !descriptor.suits("aarch64", "virt-8.2"));
        assert!(descriptor.has("secure-boot") && descriptor.executable() == "/code");
        assert!(matches!(descriptor.mapping, Mapping::Flash { mode: FlashMode::Split, nvram_template: Some(_), .. }));
    }
}
