//! Volumes that are read, and volumes that are refused.
#![allow(clippy::unwrap_used)]

use oxivirt_core::ErrorCode;

use super::*;
use crate::storage_pool::PoolType;

fn volume(pool: PoolType, inside: &str) -> oxivirt_core::Result<VolumeDefinition> {
    let xml = format!("<volume><name>v</name><capacity>1000</capacity>{inside}</volume>");
    VolumeDefinition::parse(&xml, pool, CapacityRule::Required)
}

#[test]
fn the_pool_decides_on_formats() {
    let word = |pool, inside: &str| volume(pool, inside).map(|v| v.target.format.map(|f| f.as_str()));
    for pool in PoolType::ALL {
        let default = word(*pool, "").unwrap();
        match pool {
            PoolType::Disk => assert_eq!(default, Some("none")),
            _ if pool.volume_formats().is_some() => assert_eq!(default, Some("raw")),
            _ => assert_eq!(default, None),
        }
        let given = word(*pool, "<target><format type='qcow2'/></target>");
        match default {
            Some("raw") => assert_eq!(given.unwrap(), Some("qcow2")),
            Some(_) => assert_eq!(given.unwrap_err().code(), ErrorCode::CONFIG_UNSUPPORTED),
            None => assert_eq!(given.unwrap(), None),
        }
    }
    let backing = volume(PoolType::Disk, "<backingStore><path>/x</path><format type='linux'/></backingStore>").unwrap();
    assert_eq!(backing.backing.unwrap().format.unwrap().as_str(), "linux");
}

#[test]
fn the_capacity_may_be_left_to_others() {
    let bare = "<volume><name>v</name></volume>";
    let backed = "<volume><name>v</name><backingStore><path>/b</path></backingStore></volume>";
    let parse = |xml, rule| VolumeDefinition::parse(xml, PoolType::Dir, rule);
    assert_eq!(parse(bare, CapacityRule::Required).unwrap_err().code(), ErrorCode::XML_ERROR);
    assert!(parse(backed, CapacityRule::Required).is_err());
    assert!(parse(bare, CapacityRule::OrBacking).is_err());
    assert_eq!(parse(backed, CapacityRule::OrBacking).unwrap().capacity, 0);
    assert_eq!(parse(bare, CapacityRule::Optional).unwrap().allocation, 0);
}

#[test]
fn the_allocation_is_the_capacity_unless_said() {
    let silent = volume(PoolType::Dir, "<allocation/>").unwrap();
    assert_eq!((silent.allocation, silent.allocation_given), (1000, false));
    let said = volume(PoolType::Dir, "<allocation unit='k'>1</allocation>").unwrap();
    assert_eq!((said.allocation, said.allocation_given), (1024, true));
}

#[test]
fn what_was_found_on_the_host_is_printed() {
    let mut found = volume(PoolType::Logical, "<target><path>/dev/vg/v</path><nocow/></target>").unwrap();
    assert!(found.target.nocow);
    let extent = |device: &str, start| VolumeExtent { device: device.into(), start, end: start + 5 };
    found.extents = vec![extent("/dev/sda", 0), extent("/dev/sda", 10), extent("/dev/sdb", 20)];
    found.physical = Some(1024);
    let time = |seconds, nanoseconds| Timestamp { seconds, nanoseconds };
    found.target.timestamps = Some(Timestamps {
        accessed: time(1, 2),
        born: Some(time(3, 0)),
        changed: time(4, 500_000_000),
        modified: time(5, 0),
    });
    assert_eq!(
        found.format(),
        "<volume type='file'>\n  <name>v</name>\n  <source>\n    <device path='/dev/sda'>\n      <extent start='0' end='5'/>\n      <extent start='10' end='15'/>\n    </device>\n    <device path='/dev/sdb'>\n      <extent start='20' end='25'/>\n    </device>\n  </source>\n  <capacity unit='bytes'>1000</capacity>\n  <allocation unit='bytes'>1000</allocation>\n  <physical unit='bytes'>1024</physical>\n  <target>\n    <path>/dev/vg/v</path>\n    <timestamps>\n      <atime>1.000000002</atime>\n      <mtime>5</mtime>\n      <ctime>4.500000000</ctime>\n      <btime>3</btime>\n    </timestamps>\n  </target>\n</volume>\n"
    );
}

#[test]
fn features_bring_the_version_that_has_them() {
    let text = volume(PoolType::Dir, "<target><features><extended_l2/></features></target>").unwrap().format();
    assert!(
        text.contains("    <compat>1.1</compat>\n    <features>\n      <extended_l2/>\n    </features>\n"),
        "{text}"
    );
    let text = volume(PoolType::Dir, "<target><features/><compat>0.10</compat></target>").unwrap().format();
    assert!(text.contains("    <compat>0.10</compat>\n    <features/>\n"), "{text}");
}

#[test]
fn what_means_nothing_is_refused() {
    let cases = [
        ("<target><format type='none'/></target>", ErrorCode::CONFIG_UNSUPPORTED, "'none'"),
        ("<target><compat>1.1.1</compat></target>", ErrorCode::XML_ERROR, "'1.1.1'"),
        ("<target><compat>1.</compat></target>", ErrorCode::XML_ERROR, "compat"),
        ("<target><features><foo/></features></target>", ErrorCode::CONFIG_UNSUPPORTED, "'foo'"),
        ("<target><clusterSize>x</clusterSize></target>", ErrorCode::XML_ERROR, "clusterSize"),
        ("<target><permissions><mode>888</mode></permissions></target>", ErrorCode::XML_ERROR, "'888'"),
        ("<target><permissions><owner>me</owner></permissions></target>", ErrorCode::XML_ERROR, "'me'"),
        ("<target><encryption/></target>", ErrorCode::XML_ERROR, "format"),
        ("<backingStore><path>/x</path><format type='zork'/></backingStore>", ErrorCode::CONFIG_UNSUPPORTED, "'zork'"),
        ("<allocation>-1</allocation>", ErrorCode::XML_ERROR, "'-1'"),
        ("<allocation>0x10</allocation>", ErrorCode::XML_ERROR, "'0x10'"),
        ("<allocation> 5 </allocation>", ErrorCode::XML_ERROR, "allocation"),
        ("<allocation unit='x'>1</allocation>", ErrorCode::INVALID_ARG, "'x'"),
        ("<allocation unit='E'>99</allocation>", ErrorCode::OVERFLOW, "99E"),
        ("<allocation>18446744073709551616</allocation>", ErrorCode::XML_ERROR, "allocation"),
    ];
    for (inside, code, part) in cases {
        let error = volume(PoolType::Dir, inside).unwrap_err();
        assert_eq!(error.code(), code, "{inside}: {error}");
        assert!(error.to_string().contains(part), "{inside}: {error}");
    }
    for xml in
        ["<vol/>", "<volume/>", "<volume><name/></volume>", "<volume type='x'><name>v</name></volume>", "<volume>"]
    {
        assert!(VolumeDefinition::parse(xml, PoolType::Dir, CapacityRule::Optional).is_err(), "{xml}");
    }
}
