//! Parts of the machine: TPM, watchdog, random numbers, panic, IOMMU, crypto.

use oxivirt_core::Result;

use super::address::{info, virtio};
use super::at::{At, attrs};
use crate::domain::devices::{Crypto, Devices, Iommu, Tpm, TpmBackend};

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("tpm", &old.tpms, &new.tpms, |at, old, new| tpm(old, new, at))?;
    at.each("watchdog", &old.watchdogs, &new.watchdogs, |at, old, new| {
        at.same("@model", &old.model, &new.model)?;
        info(&old.info, &new.info, at)
    })?;
    at.each("rng", &old.rngs, &new.rngs, |at, old, new| {
        at.same("@model", &old.model, &new.model)?;
        virtio(&old.driver, &new.driver, at)?;
        info(&old.info, &new.info, at)
    })?;
    at.each("panic", &old.panics, &new.panics, |at, old, new| {
        at.same_opt("@model", &old.model, &new.model)?;
        info(&old.info, &new.info, at)
    })?;
    at.each("iommu", &old.iommus, &new.iommus, |at, old, new| iommu(old, new, at))?;
    at.each("crypto", &old.cryptos, &new.cryptos, |at, old, new| crypto(old, new, at))
}

/// The state of a TPM lives in its backend, so that may not be another one.
fn tpm(old: &Tpm, new: &Tpm, at: At<'_>) -> Result<()> {
    at.same_opt("@model", &old.model, &new.model)?;
    let backend = at.child("backend");
    backend.same_word("@type", kind(&old.backend), kind(&new.backend))?;
    if let (TpmBackend::Emulator(old), TpmBackend::Emulator(new)) = (&old.backend, &new.backend) {
        backend.same_opt("@version", &old.version, &new.version)?;
    }
    info(&old.info, &new.info, at)
}

fn kind(backend: &TpmBackend) -> &'static str {
    match backend {
        TpmBackend::Passthrough { .. } => "passthrough",
        TpmBackend::Emulator(_) => "emulator",
        TpmBackend::External(_) => "external",
    }
}

fn iommu(old: &Iommu, new: &Iommu, at: At<'_>) -> Result<()> {
    at.same("@model", &old.model, &new.model)?;
    attrs!(at.child("driver"), old.driver, new.driver; "@intremap" => intremap, "@caching_mode" => caching_mode,
        "@eim" => eim, "@iotlb" => iotlb, "@aw_bits" => aw_bits, "@dma_translation" => dma_translation);
    info(&old.info, &new.info, at)
}

/// What computes on the host is not seen.
fn crypto(old: &Crypto, new: &Crypto, at: At<'_>) -> Result<()> {
    at.same("@model", &old.model, &new.model)?;
    at.same("@type", &old.kind, &new.kind)?;
    let queues = |crypto: &Crypto| crypto.backend.as_ref().and_then(|backend| backend.queues);
    at.same_opt("backend/@queues", &queues(old), &queues(new))?;
    virtio(&old.driver, &new.driver, at)?;
    info(&old.info, &new.info, at)
}
