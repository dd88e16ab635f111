//! Devices of the host: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::node_device::{DeviceView, NodeDeviceDefinition, ParseAs};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // What is to be made may lack what a device has.
    let _ = NodeDeviceDefinition::parse(text, ParseAs::New);
    let Ok(first) = NodeDeviceDefinition::parse(text, ParseAs::Existing) else { return };
    for view in [DeviceView::Active, DeviceView::Inactive] {
        let printed = first.format(view);
        let again = NodeDeviceDefinition::parse(&printed, ParseAs::Existing).expect("own output reads back");
        assert_eq!(again.format(view), printed);
    }
});
