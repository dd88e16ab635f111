//! What is printed fits the published schemas.
//!
//! The inputs are the corpus and the seeds of the fuzz targets.

use std::path::{Path, PathBuf};

use oxivirt_conf::node_device::{Capability, CapabilityKind, DeviceView, NodeDeviceDefinition, ParseAs};
use oxivirt_conf::nwfilter::NwFilterDefinition;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_conf::secret::SecretDefinition;
use oxivirt_core::Result;
use oxivirt_tests::{corpus, skip};
use oxivirt_util::schema;

/// Reads every document of the folders, prints it, and holds that against the schema. What is refused
/// proves nothing and is passed over; at least `least` documents must have been checked.
fn all_fit(schema: &str, folders: &[PathBuf], least: usize, print: fn(&str) -> Result<Vec<String>>) {
    let file = Path::new(schema::FOLDER).join(format!("{schema}.rng"));
    if !file.exists() {
        return skip::skip(&format!("'{}' is missing", file.display()));
    }
    if skip::lacks(&["xmllint"]) {
        return;
    }
    let mut checked = 0;
    for folder in folders {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.extension().is_none_or(|extension| extension != "xml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("the document is readable");
            let Ok(printed) = print(&text) else { continue };
            for printed in printed {
                let complaint = schema::validate(&file, &printed).expect("xmllint runs");
                assert_eq!(complaint, None, "{}:\n{printed}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= least, "only {checked} documents found for {schema}");
}

/// The seeds of a fuzz target.
fn seeds(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target)
}

#[test]
fn network_filters_fit() {
    let Some(folder) = corpus::suite("nwfilter") else { return };
    let folders = ["in", "out", "firewall"].map(|part| folder.join(part));
    all_fit("nwfilter", &folders, 60, |text| Ok(vec![NwFilterDefinition::parse(text)?.format()]));
}

#[test]
fn filter_bindings_fit() {
    let Some(folder) = corpus::suite("nwfilterbinding") else { return };
    let print: fn(&str) -> Result<Vec<String>> = |text| Ok(vec![NwFilterBinding::parse(text)?.format()]);
    all_fit("nwfilterbinding", &[folder, seeds("nwfilter_binding_xml")], 2, print);
}

#[test]
fn secrets_fit() {
    let Some(folder) = corpus::suite("secret") else { return };
    let print: fn(&str) -> Result<Vec<String>> = |text| Ok(vec![SecretDefinition::parse(text)?.format()]);
    all_fit("secret", &[folder, seeds("secret_xml")], 6, print);
}

/// Active and inactive; with a driver and a parent's address, which are printed but not read.
#[test]
fn node_devices_fit() {
    let Some(folder) = corpus::suite("nodedev") else { return };
    let folders = [folder.join("in"), folder.join("out"), seeds("node_device_xml")];
    all_fit("nodedev", &folders, 2 * 60, |text| {
        let mut device = NodeDeviceDefinition::parse(text, ParseAs::Existing)?;
        device.driver = Some("some".to_owned());
        for capability in &mut device.capabilities {
            if let Capability::Mdev(mdev) = capability {
                mdev.parent_addr = Some("0000:00:02.0".to_owned());
            }
        }
        Ok(vec![device.format(DeviceView::Active), device.format(DeviceView::Inactive)])
    });
}

/// Every seed is in the form in which it prints.
#[test]
fn node_device_seeds_print_unchanged() {
    let mut kinds = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(seeds("node_device_xml")).expect("seeds") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let device = NodeDeviceDefinition::parse(&text, ParseAs::Existing).expect("a device");
        assert_eq!(device.format(DeviceView::Active), text, "{}", path.display());
        kinds.extend(device.capabilities.iter().flat_map(Capability::kinds));
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), CapabilityKind::ALL, "a kind of device without a seed");
}
