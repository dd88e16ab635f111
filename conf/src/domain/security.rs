//! `<seclabel>` of a domain or a device, and `<launchSecurity>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// Who chooses the label.
    pub enum SecLabelType { Dynamic = "dynamic", Static = "static", None = "none" }
}

/// `<seclabel>` of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecLabel {
    pub kind: Option<SecLabelType>,
    /// `selinux`, `apparmor`, `dac`, `none`.
    pub model: Option<String>,
    /// Whether files are relabelled; `None`: as the type suggests.
    pub relabel: Option<YesNo>,
    pub label: Option<String>,
    pub imagelabel: Option<String>,
    pub baselabel: Option<String>,
    /// Made by the driver, not by a document; not printed for a stopped domain.
    pub implicit: bool,
}

impl SecLabel {
    /// Whether a stopped domain's document has it: neither what the driver
    /// made nor what says no more than the default.
    pub fn is_configured(&self) -> bool {
        let default =
            self.kind.unwrap_or_default() == SecLabelType::Dynamic && self.model.is_none() && self.baselabel.is_none();
        !self.implicit && !default
    }
}

impl Element for SecLabel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind: Option<SecLabelType> = node.value("type")?;
        let model: Option<String> = node.value("model")?;
        let relabel: Option<YesNo> = node.value("relabel")?;
        let dynamic = kind.unwrap_or_default() == SecLabelType::Dynamic;
        if dynamic && relabel == Some(YesNo::No) {
            return Err(node.error("dynamic labels need relabelling"));
        }
        if kind == Some(SecLabelType::None) && relabel == Some(YesNo::Yes) {
            return Err(node.error("relabelling is not possible with type 'none'"));
        }
        let live = node.mode().live;
        let label = if kind == Some(SecLabelType::Static) || (live && kind != Some(SecLabelType::None)) {
            node.child_value("label")?
        } else {
            None
        };
        if kind == Some(SecLabelType::Static) && label.is_none() {
            return Err(node.missing_child("label"));
        }
        let imagelabel = if live && kind != Some(SecLabelType::None) { node.child_value("imagelabel")? } else { None };
        let baselabel = if dynamic { node.child_value("baselabel")? } else { None };
        Ok(Self { kind, model, relabel, label, imagelabel, baselabel, implicit: false })
    }

    fn format(&self, w: &mut Writer) {
        let kind = self.kind.unwrap_or_default();
        w.attr("type", &kind);
        w.attr_opt("model", self.model.as_ref());
        if kind == SecLabelType::None {
            // A domain without labels may still name the model it opts out of.
            return;
        }
        // Files of a label that was given are left alone unless told otherwise.
        let relabel = self.relabel.unwrap_or((kind == SecLabelType::Dynamic).into());
        w.attr("relabel", &relabel);
        let dynamic = kind == SecLabelType::Dynamic;
        if w.mode().live || !dynamic {
            w.leaf_opt("label", self.label.as_ref());
        }
        if (w.mode().live || !dynamic) && relabel.is_yes() {
            w.leaf_opt("imagelabel", self.imagelabel.as_ref());
        }
        if dynamic {
            w.leaf_opt("baselabel", self.baselabel.as_ref());
        }
    }
}

/// `<seclabel>` of a disk's source or a character device's source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSecLabel {
    pub model: Option<String>,
    pub labelskip: Option<YesNo>,
    pub relabel: Option<YesNo>,
    pub label: Option<String>,
}

impl Element for DeviceSecLabel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let relabel: Option<YesNo> = node.value("relabel")?;
        let label: Option<String> = node.child_value("label")?;
        if label.is_some() && relabel == Some(YesNo::No) {
            return Err(node.error("a label needs relabelling"));
        }
        if relabel == Some(YesNo::Yes) && label.is_none() && node.attr("labelskip").is_none() {
            return Err(node.error("relabelling needs a label"));
        }
        let labelskip = if node.mode().live { node.value("labelskip")? } else { None };
        let relabel = if labelskip == Some(YesNo::Yes) { relabel } else { Some(relabel.unwrap_or(YesNo::Yes)) };
        Ok(Self { model: node.value("model")?, labelskip, relabel, label })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("model", self.model.as_ref());
        if self.labelskip == Some(YesNo::Yes) {
            w.attr_str("labelskip", "yes");
        } else {
            w.attr("relabel", &self.relabel.unwrap_or(YesNo::Yes));
        }
        w.leaf_opt("label", self.label.as_ref());
    }
}

impl DeviceSecLabel {
    /// Without a label there is nothing to say but that it was skipped, which
    /// is a run-time fact.
    fn is_shown(&self, live: bool) -> bool {
        let skipped = self.labelskip == Some(YesNo::Yes);
        let says_more = self.label.is_some() || self.relabel == Some(YesNo::No);
        if skipped { live } else { says_more }
    }

    /// Reads the labels of one source.
    pub(super) fn parse_all(source: Node<'_>) -> Result<Vec<Self>> {
        let mut labels: Vec<Self> = source.child_elements("seclabel")?;
        labels.retain(|label| label.is_shown(source.mode().live));
        Ok(labels)
    }

    /// Prints the labels of one source.
    pub(super) fn format_all(labels: &[Self], w: &mut Writer) {
        let live = w.mode().live;
        for label in labels.iter().filter(|label| label.is_shown(live)) {
            w.element("seclabel", label);
        }
    }
}

/// `<launchSecurity>`: memory encryption of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchSecurity {
    Sev(Sev),
    SevSnp(SevSnp),
    S390Pv,
}

/// `type='sev'`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sev {
    pub kernel_hashes: Option<YesNo>,
    pub cbitpos: Option<u32>,
    pub reduced_phys_bits: Option<u32>,
    pub policy: u32,
    pub dh_cert: Option<String>,
    pub session: Option<String>,
}

/// `type='sev-snp'`; texts are base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SevSnp {
    pub kernel_hashes: Option<YesNo>,
    pub author_key: Option<YesNo>,
    pub vcek: Option<YesNo>,
    pub cbitpos: Option<u32>,
    pub reduced_phys_bits: Option<u32>,
    pub policy: u64,
    pub guest_visible_workarounds: Option<String>,
    pub id_block: Option<String>,
    pub id_auth: Option<String>,
    pub host_data: Option<String>,
}

fn policy<T: TryFrom<u64>>(node: Node<'_>) -> Result<T> {
    let child = node.child("policy").ok_or_else(|| node.missing_child("policy"))?;
    let text = child.text();
    // Always hexadecimal, with or without the prefix.
    let digits = text.trim().trim_start_matches("0x");
    u64::from_str_radix(digits, 16)
        .ok()
        .and_then(|n| n.try_into().ok())
        .ok_or_else(|| child.bad_text(&text, "a hexadecimal number"))
}

impl Element for LaunchSecurity {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        let leaf = |name: &str| node.child_text(name).map(|t| t.into_owned());
        match kind {
            "sev" => Ok(Self::Sev(Sev {
                kernel_hashes: node.value("kernelHashes")?,
                cbitpos: node.child_value("cbitpos")?,
                reduced_phys_bits: node.child_value("reducedPhysBits")?,
                policy: policy(node)?,
                dh_cert: leaf("dhCert"),
                session: leaf("session"),
            })),
            "sev-snp" => Ok(Self::SevSnp(SevSnp {
                kernel_hashes: node.value("kernelHashes")?,
                author_key: node.value("authorKey")?,
                vcek: node.value("vcek")?,
                cbitpos: node.child_value("cbitpos")?,
                reduced_phys_bits: node.child_value("reducedPhysBits")?,
                policy: policy(node)?,
                guest_visible_workarounds: leaf("guestVisibleWorkarounds"),
                id_block: leaf("idBlock"),
                id_auth: leaf("idAuth"),
                host_data: leaf("hostData"),
            })),
            "s390-pv" => Ok(Self::S390Pv),
            other => Err(node.bad_attr("type", other, "sev, sev-snp, s390-pv")),
        }
    }

    fn format(&self, w: &mut Writer) {
        match self {
            Self::Sev(sev) => {
                w.attr_str("type", "sev");
                w.attr_opt("kernelHashes", sev.kernel_hashes.as_ref());
                w.leaf_opt("cbitpos", sev.cbitpos.as_ref());
                w.leaf_opt("reducedPhysBits", sev.reduced_phys_bits.as_ref());
                w.leaf_str("policy", &format!("0x{:04x}", sev.policy));
                w.leaf_opt("dhCert", sev.dh_cert.as_ref());
                w.leaf_opt("session", sev.session.as_ref());
            }
            Self::SevSnp(snp) => {
                w.attr_str("type", "sev-snp");
                w.attr_opt("kernelHashes", snp.kernel_hashes.as_ref());
                w.attr_opt("authorKey", snp.author_key.as_ref());
                w.attr_opt("vcek", snp.vcek.as_ref());
                w.leaf_opt("cbitpos", snp.cbitpos.as_ref());
                w.leaf_opt("reducedPhysBits", snp.reduced_phys_bits.as_ref());
                w.leaf_str("policy", &format!("0x{:08x}", snp.policy));
                w.leaf_opt("guestVisibleWorkarounds", snp.guest_visible_workarounds.as_ref());
                w.leaf_opt("idBlock", snp.id_block.as_ref());
                w.leaf_opt("idAuth", snp.id_auth.as_ref());
                w.leaf_opt("hostData", snp.host_data.as_ref());
            }
            Self::S390Pv => w.attr_str("type", "s390-pv"),
        }
    }
}

/// `<secret>`: which stored secret, by uuid or by usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// What the secret is for: `passphrase`, `ceph`, `iscsi`, `volume`…
    pub kind: Option<String>,
    pub lookup: SecretLookup,
}

/// How a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretLookup {
    Uuid(uuid::Uuid),
    Usage(String),
}

impl Element for SecretRef {
    fn parse(node: Node<'_>) -> Result<Self> {
        let lookup = match (node.attr("uuid"), node.attr("usage")) {
            (Some(_), None) => SecretLookup::Uuid(node.require("uuid")?),
            (None, Some(usage)) => SecretLookup::Usage(usage.to_owned()),
            (None, None) => return Err(node.error("either 'uuid' or 'usage' is needed")),
            (Some(_), Some(_)) => return Err(node.error("'uuid' and 'usage' exclude each other")),
        };
        Ok(Self { kind: node.value("type")?, lookup })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("type", self.kind.as_ref());
        match &self.lookup {
            SecretLookup::Uuid(uuid) => w.attr("uuid", uuid),
            SecretLookup::Usage(usage) => w.attr("usage", usage),
        }
    }
}
