//! Pools that are read, and pools that are refused.
#![allow(clippy::unwrap_used)]

use oxivirt_core::ErrorCode;

use super::*;

const TARGET: &str = "<target><path>/t</path></target>";

fn pool(kind: &str, inside: &str) -> oxivirt_core::Result<PoolDefinition> {
    PoolDefinition::parse(&format!("<pool type='{kind}'><name>p</name>{inside}</pool>"))
}

/// A source with every part there is.
const EVERYTHING: &str = "<source><host name='h' port='77'/><host name='h2' port='0'/><device path='/dev/x' part_separator='no'/><dir path='//d//e/'/><adapter name='host3'/><name>sn</name><initiator><iqn name='iqn.2000-01.a:b'/></initiator><auth type='ceph' username='u'><secret usage='us'/></auth><vendor name='v'/><product name='pr'/><protocol ver='4'/></source>";

#[test]
fn each_type_keeps_the_parts_that_it_has() {
    for kind in PoolType::ALL {
        let found = pool(kind.as_str(), &format!("{EVERYTHING}{TARGET}")).unwrap();
        let (parts, source) = (kind.source_parts(), &found.source);
        assert_eq!(source.hosts.len(), if parts.hosts { 2 } else { 0 }, "{kind}");
        assert_eq!(source.devices.len(), usize::from(parts.devices), "{kind}");
        assert_eq!(source.dir.as_deref(), parts.dir.then_some("//d/e"), "{kind}");
        assert_eq!(source.adapter.is_some(), parts.adapter, "{kind}");
        assert_eq!(source.name.as_deref(), parts.name.then_some("sn"), "{kind}");
        assert_eq!(source.initiator.is_some(), parts.initiator, "{kind}");
        assert_eq!(source.format, kind.default_format(), "{kind}");
        assert_eq!(found.target.path.is_some(), kind.has_target(), "{kind}");
        let printed = found.format();
        assert_eq!(PoolDefinition::parse(&printed).unwrap(), found, "{printed}");
        let state = format_state(&found);
        assert!(state.starts_with("<poolstate>\n  <pool type="), "{state}");
        assert_eq!(parse_state(&state).unwrap(), found, "{state}");
        let list = format_sources(std::slice::from_ref(source));
        assert_eq!(&parse_sources(&list, *kind).unwrap(), std::slice::from_ref(source), "{list}");
    }
}

#[test]
fn names_stand_in_for_each_other() {
    let named = pool("rbd", "<source><host name='h'/></source>").unwrap();
    assert_eq!(named.source.name.as_deref(), Some("p"));
    let other = PoolDefinition::parse("<pool type='zfs'><source><name>tank</name></source></pool>").unwrap();
    assert_eq!((other.name.as_str(), other.target.path.as_deref()), ("tank", Some("/dev/zvol/tank")));
    let nameless = PoolDefinition::parse("<pool type='dir'><source><name>x</name></source></pool>");
    assert_eq!(nameless.unwrap_err().code(), ErrorCode::XML_ERROR);
}

#[test]
fn adapters_print_as_given() {
    for adapter in [
        "<adapter type='scsi_host' name='host0'/>",
        "<adapter type='scsi_host'>\n      <parentaddr unique_id='1'>\n        <address domain='0x0000' bus='0x00' slot='0x1f' function='0x2'/>\n      </parentaddr>\n    </adapter>",
        "<adapter type='scsi_host'>\n      <parentaddr unique_id='0'>\n        <address domain='0x0000' bus='0x00' slot='0x00' function='0x0'/>\n      </parentaddr>\n    </adapter>",
        "<adapter type='fc_host' parent='scsi_host5' managed='yes' wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'/>",
        "<adapter type='fc_host' parent_wwnn='20000000c9831b4c' parent_wwpn='10000000c9831b4c' parent_fabric_wwn='10000000c9831b4d' managed='no' wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'/>",
    ] {
        let printed = pool("scsi", &format!("<source>{adapter}</source>{TARGET}")).unwrap().format();
        assert!(printed.contains(&format!("<source>\n    {adapter}\n  </source>")), "{printed}");
    }
}

#[test]
fn options_in_a_namespace_go_by_its_uri() {
    let xml = "<pool type='rbd' xmlns:r='http://libvirt.org/schemas/storagepool/rbd/1.0'><name>p</name><source><host name='h'/></source><r:config_opts><r:option name='a' value='b'/></r:config_opts></pool>";
    let printed = PoolDefinition::parse(xml).unwrap().format();
    assert!(
        printed.starts_with("<pool type='rbd' xmlns:rbd='http://libvirt.org/schemas/storagepool/rbd/1.0'>\n"),
        "{printed}"
    );
    assert!(
        printed.ends_with("  <rbd:config_opts>\n    <rbd:option name='a' value='b'/>\n  </rbd:config_opts>\n</pool>\n"),
        "{printed}"
    );
    assert!(PoolDefinition::parse(&xml.replace(" value='b'", "")).is_err());
    assert_eq!(PoolDefinition::parse(&xml.replace("rbd/1.0", "rbd/2.0")).unwrap().namespace, None);
    let wrong = PoolDefinition::parse(&xml.replace("type='rbd'", "type='gluster'")).unwrap();
    assert_eq!(wrong.namespace, None);
}

#[test]
fn permissions_that_say_nothing_are_not_printed() {
    let text = |inside: &str| {
        pool("dir", &format!("<target><path>/x</path><permissions>{inside}</permissions></target>")).unwrap().format()
    };
    for nothing in ["", "<mode/>", "<owner>-1</owner><group>4294967295</group><label/>"] {
        assert!(text(nothing).contains("<path>/x</path>\n  </target>"), "{nothing}");
    }
    assert!(text("<mode>7</mode><owner>0010</owner>").contains("<mode>07</mode>\n      <owner>10</owner>\n"));
}

#[test]
fn a_search_is_limited_by_what_is_said() {
    let spec =
        PoolSource::parse_spec("<source><host name='h' port='3'/><format type='cifs'/></source>", PoolType::NetFs);
    let spec = spec.unwrap();
    assert_eq!((spec.hosts.len(), spec.format), (1, Some(PoolFormat::NetFs(NetFsFormat::Cifs))));
    assert_eq!(PoolSource::parse_spec("<source/>", PoolType::Dir).unwrap(), PoolSource::empty(PoolType::Dir));
    for bad in ["<sou/>", "<source", "<source><host port='3'/></source>", "<source><format type='x'/></source>"] {
        assert!(PoolSource::parse_spec(bad, PoolType::NetFs).is_err(), "{bad}");
    }
    assert_eq!(format_sources(&[]), "<sources>\n</sources>\n");
}

#[test]
fn what_means_nothing_is_refused() {
    use ErrorCode as E;
    let login = |auth: &str| format!("<source><host name='h'/><device path='/x'/>{auth}</source>{TARGET}");
    let scsi = |adapter: &str| format!("<source>{adapter}</source>{TARGET}");
    let netfs = |inside: &str| format!("<source><host name='h'/><dir path='/x'/>{inside}</source>{TARGET}");
    let fc = "wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'";
    let cases = [
        ("tape", TARGET.to_owned(), E::XML_ERROR, "'tape'"),
        ("dir", String::new(), E::XML_ERROR, "target path"),
        ("dir", "<target><path/></target>".into(), E::XML_ERROR, "target path"),
        ("dir", format!("<uuid>zz</uuid>{TARGET}"), E::XML_ERROR, "'zz'"),
        ("dir", format!("<source><host port='1'/></source>{TARGET}"), E::XML_ERROR, "name"),
        ("dir", format!("<source><device/></source>{TARGET}"), E::XML_ERROR, "path"),
        ("dir", format!("<features><cow state='x'/></features>{TARGET}"), E::XML_ERROR, "'x'"),
        ("disk", format!("<features><cow state='no'/></features>{TARGET}"), E::NO_SUPPORT, "cow"),
        ("dir", format!("<refresh><volume allocation='x'/></refresh>{TARGET}"), E::CONFIG_UNSUPPORTED, "'x'"),
        ("fs", TARGET.into(), E::XML_ERROR, "device"),
        ("netfs", TARGET.into(), E::XML_ERROR, "host"),
        ("netfs", format!("<source><host name='h'/></source>{TARGET}"), E::XML_ERROR, "path"),
        ("netfs", netfs("<format type='zork'/>"), E::CONFIG_UNSUPPORTED, "'zork'"),
        ("netfs", netfs("<protocol ver='4,ro'/>"), E::XML_DETAIL, "','"),
        ("netfs", "<source><host name='h' port='x'/></source>".into(), E::XML_ERROR, "'x'"),
        ("iscsi-direct", "<source><host name='h'/></source>".into(), E::CONFIG_UNSUPPORTED, "IQN"),
        ("iscsi", login("<auth type='x' username='u'><secret usage='i'/></auth>"), E::CONFIG_UNSUPPORTED, "'x'"),
        ("iscsi", login("<auth username='u'><secret usage='i'/></auth>"), E::CONFIG_UNSUPPORTED, "chap"),
        ("iscsi", login("<auth type='chap'><secret usage='i'/></auth>"), E::XML_ERROR, "username"),
        ("iscsi", login("<auth type='chap' username='u'/>"), E::XML_ERROR, "secret"),
        ("iscsi", login("<auth type='chap' username='u'><secret/></auth>"), E::XML_ERROR, "usage"),
        ("scsi", scsi("<adapter/>"), E::XML_ERROR, "adapter"),
        ("scsi", scsi("<adapter name='h' parent='host1'/>"), E::XML_ERROR, "type"),
        ("scsi", scsi("<adapter type='scsi_host'/>"), E::XML_ERROR, "name"),
        ("scsi", scsi("<adapter type='scsi_host'><parentaddr unique_id='1'/></adapter>"), E::XML_ERROR, "address"),
        (
            "scsi",
            scsi("<adapter type='scsi_host'><parentaddr><address/></parentaddr></adapter>"),
            E::XML_ERROR,
            "unique_id",
        ),
        ("scsi", scsi("<adapter type='fc_host' wwnn='20000000c9831b4b'/>"), E::XML_ERROR, "wwpn"),
        ("scsi", scsi("<adapter type='fc_host' wwnn='zz' wwpn='10000000c9831b4b'/>"), E::XML_ERROR, "'zz'"),
        (
            "scsi",
            scsi(&format!("<adapter type='fc_host' parent_wwpn='20000000c9831b4b' {fc}/>")),
            E::XML_ERROR,
            "parent_wwnn",
        ),
        ("scsi", scsi(&format!("<adapter type='fc_host' managed='x' {fc}/>")), E::XML_ERROR, "'x'"),
    ];
    for (kind, inside, code, part) in cases {
        let error = pool(kind, &inside).unwrap_err();
        assert_eq!(error.code(), code, "{inside}: {error}");
        assert!(error.to_string().contains(part), "{inside}: {error}");
    }
    for xml in ["<pol/>", "<pool/>", "<pool type='dir'/>", "<pool type='rbd'><name>a/b</name></pool>", "<pool"] {
        assert!(PoolDefinition::parse(xml).is_err(), "{xml}");
    }
}
