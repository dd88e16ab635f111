//! Changes to a network: refused without a trace, or leading to a network
//! that reads back.
//!
//! The input is command, section and place in a byte each, and then the
//! element.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::network::{FormatFlags, NetworkDefinition, NoHooks, ParseFlags, UpdateCommand, UpdateSection};

const NETWORK: &str = "<network><name>n</name><uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
<forward mode='nat' dev='a'/><ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>
<host mac='52:54:00:00:00:01' name='a' ip='10.0.0.5'/></dhcp></ip><ip family='ipv6' address='2001:db8::1' prefix='64'/>
<dns><txt name='t' value='v'/><srv service='s' protocol='tcp'/><host ip='1.1.1.1'><hostname>a</hostname></host></dns>
<portgroup name='a'/></network>";

fuzz_target!(|bytes: &[u8]| {
    let Some((&[command, section, place], element)) = bytes.split_first_chunk() else { return };
    let Ok(element) = std::str::from_utf8(element) else { return };
    let Ok(command) = UpdateCommand::from_number(u32::from(command)) else { return };
    let Ok(section) = UpdateSection::from_number(u32::from(section)) else { return };
    let before = NetworkDefinition::parse(NETWORK, ParseFlags::default(), &NoHooks).expect("valid");
    let mut after = before.clone();
    match after.update(command, section, i32::from(place) - 1, element, &NoHooks) {
        Err(_) => assert_eq!(after, before),
        Ok(()) => {
            let printed = after.format(FormatFlags::default()).expect("prints");
            let again = NetworkDefinition::parse(&printed, ParseFlags::default(), &NoHooks).expect("reads back");
            assert_eq!(again.format(FormatFlags::default()).expect("prints"), printed);
        }
    }
});
