//! Networks, interfaces, devices and storage of the in-memory driver, held
//! against the one inside the stock client library.
//!
//! One program asks both the same; what it prints must be equal line by line,
//! apart from what is listed here with the reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::skip;

use super::Outcome;

/// What an answer is labelled with, or what the label ends with after `…`, and
/// why the answers differ.
pub(super) type Differences = &'static [(&'static str, &'static str)];

const NETWORKS: Differences = &[
    ("default: printed with 1", "both definitions of a network can be seen"),
    ("after a stop: printed", "what was defined during a run is in force after it"),
];

const INTERFACES: Differences = &[("printed with 1", "clients may ask for what is defined")];

const DEVICES: Differences = &[
    ("by world-wide names", "they can be looked for"),
    ("…: printed", "a virtual adapter has its own number and its parent's fabric"),
    ("…: isActive", "a virtual adapter is there"),
    ("bad document 2", "a document without what it needs is an error of the document"),
];

const POOLS: Differences = &[
    ("default: printed with 1", "both definitions of a pool can be seen"),
    ("by path", "pools can be looked for by their path"),
    ("capabilities are told", "the types of pools are told"),
    ("sources of nonsense on a host", "no such type is the same error with and without a document"),
    ("sources of nonsense by a bad document", "no such type is the same error with and without a document"),
    ("stopped: printed", "what was defined during a run is in force after it"),
    ("…: volume printed", "a pool without folder has no path to put in front"),
    ("adapter: stopped when started", "a pool makes its adapter at each start"),
    ("adapter: without parent", "a pool makes its adapter at each start"),
    ("adapter: without parent: isActive", "a pool makes its adapter at each start"),
    ("adapter: without parent: destroy", "a pool makes its adapter at each start"),
];

const VOLUMES: Differences = &[
    ("resized", "volumes hold data"),
    ("wiped", "volumes hold data"),
    ("wiped by zeros", "volumes hold data"),
    ("physical size", "volumes hold data"),
    ("copied from another pool", "a volume may be copied from any pool"),
    ("started again: all", "a volume may be copied from any pool"),
];

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python").join(name)
}

/// A daemon, or nothing after skipping the test where clients are missing.
fn sandbox() -> Result<Option<Sandbox>, String> {
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(None);
    }
    Sandbox::start().map(Some)
}

/// Asks both and compares.
fn same(name: &str, path: &str, differences: Differences) -> Outcome {
    let Some(sandbox) = sandbox()? else { return Ok(()) };
    compare(&sandbox, name, path, differences)
}

pub(super) fn compare(sandbox: &Sandbox, name: &str, path: &str, differences: Differences) -> Outcome {
    let file = program(&format!("same/{name}.py"));
    let stock = sandbox.python(&file, &[&format!("test://{path}")])?;
    let ours = sandbox.python(&file, &[&sandbox.uri("test", path)])?;
    let (stock, ours): (Vec<_>, Vec<_>) = (stock.lines().collect(), ours.lines().collect());
    let labels = |lines: &[&str]| lines.iter().map(|line| label(line).to_owned()).collect::<Vec<_>>();
    assert_eq!(labels(&ours), labels(&stock), "{name}: the same was asked");
    assert!(!ours.is_empty(), "{name}: something was asked");

    let mut used: BTreeMap<&str, bool> = differences.iter().map(|(pattern, _)| (*pattern, false)).collect();
    let mut wrong = Vec::new();
    for (expected, found) in stock.iter().zip(&ours).filter(|(expected, found)| expected != found) {
        match differences.iter().find(|(pattern, _)| fits(pattern, label(found))) {
            Some((pattern, _)) => _ = used.insert(pattern, true),
            None => wrong.push(format!("stock  {expected}\nours   {found}\n")),
        }
    }
    assert!(wrong.is_empty(), "{}", sandbox.explain(&wrong.join("\n")));
    let unused: Vec<_> = used.iter().filter(|(_, used)| !**used).map(|(pattern, _)| pattern).collect();
    assert!(unused.is_empty(), "{name}: these answers are equal and should not be listed: {unused:?}");
    Ok(())
}

fn label(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

fn fits(pattern: &str, label: &str) -> bool {
    match pattern.strip_prefix('…') {
        Some(end) => label.ends_with(end),
        None => label == pattern,
    }
}

#[test]
fn networks_answer_the_same() -> Outcome {
    same("networks", "/default", NETWORKS)
}

#[test]
fn interfaces_answer_the_same() -> Outcome {
    same("interfaces", "/default", INTERFACES)
}

#[test]
fn devices_answer_the_same() -> Outcome {
    same("devices", "/default", DEVICES)
}

#[test]
fn pools_answer_the_same() -> Outcome {
    same("pools", "/default", POOLS)
}

#[test]
fn volumes_answer_the_same() -> Outcome {
    same("volumes", "/default", VOLUMES)
}

#[test]
fn events_come_the_same() -> Outcome {
    same("events", "/default", &[])
}

#[test]
fn volumes_keep_what_is_uploaded() -> Outcome {
    let Some(sandbox) = sandbox()? else { return Ok(()) };
    sandbox.python(&program("volume_data.py"), &[&sandbox.uri("test", "/default")]).map(drop)
}

/// Files beside the one of the host.
const PARTS: [(&str, &str); 5] = [
    (
        "net.xml",
        "<network><name>fnet</name><uuid>21111111-1111-1111-1111-111111111111</uuid><bridge name='br7'/></network>",
    ),
    ("vol.xml", "<volume><name>fv</name><capacity>1000</capacity></volume>"),
    (
        "pool.xml",
        "<pool type='dir'><name>fpool</name><uuid>22111111-1111-1111-1111-111111111111</uuid>\
         <target><path>/fpool</path></target>\
         <volume><name>iv</name><capacity>1000</capacity></volume><volume file='vol.xml'/></pool>",
    ),
    (
        "iface.xml",
        "<interface type='ethernet' name='feth'><start mode='onboot'/><mac address='aa:aa:bb:cc:dd:ee'/></interface>",
    ),
    (
        "dev.xml",
        "<device><name>fdev</name><parent>idev</parent>\
         <capability type='net'><interface>ff</interface></capability></device>",
    ),
];

/// A host with two of each, one in place and one in a file of its own.
const NODE: &str = "\
<node>
  <network><name>inet</name><uuid>31111111-1111-1111-1111-111111111111</uuid><forward mode='nat'/>
    <ip address='10.1.1.1' netmask='255.255.255.0'/></network>
  <network file='net.xml'/>
  <pool type='dir'><name>ipool</name><uuid>32111111-1111-1111-1111-111111111111</uuid>
    <target><path>/ipool</path></target>
    <volume type='block'><name>v1</name><capacity>1000000</capacity><allocation>50000</allocation>
      <target><path>/ipool/other</path></target></volume>
    <volume><name>v2</name><key>kk</key><capacity>1000000</capacity></volume>
    <volume file='vol.xml'/></pool>
  <pool file='pool.xml'/>
  <interface type='ethernet' name='ieth'><start mode='none'/><mac address='aa:aa:bb:cc:dd:ff'/></interface>
  <interface file='iface.xml'/>
  <device><name>idev</name><capability type='system'>
    <hardware><uuid>11111111-1111-1111-1111-111111111111</uuid></hardware><firmware/></capability></device>
  <device file='dev.xml'/>
</node>";

/// What no host has.
const BAD: [&str; 14] = [
    "<network file='none.xml'/>",
    "<network file='pool.xml'/>",
    "<network/>",
    "<network><name>a</name></network><network><name>a</name></network>",
    "<pool file='net.xml'/>",
    "<pool type='dir'/>",
    "<pool type='dir'><name>a</name><target><path>/a</path></target></pool>\
     <pool type='dir'><name>a</name><target><path>/b</path></target></pool>",
    "<pool type='dir'><name>a</name><target><path>/a</path></target><volume/></pool>",
    "<pool type='dir'><name>a</name><target><path>/a</path></target><volume file='net.xml'/></pool>",
    "<interface/>",
    "<interface file='net.xml'/>",
    "<device file='net.xml'/>",
    "<device><name>a</name><capability type='nonsense'/></device>",
    "<domain file='net.xml'/>",
];

#[test]
fn a_file_describes_all_of_a_host() -> Outcome {
    let Some(sandbox) = sandbox()? else { return Ok(()) };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).map_err(|e| e.to_string());
    for (name, text) in PARTS {
        write(name, text)?;
    }
    let file = folder.path().join("node.xml").display().to_string();
    write("node.xml", NODE)?;
    compare(&sandbox, "files", &file, &[])?;
    for bad in BAD {
        write("node.xml", &format!("<node>{bad}</node>"))?;
        compare(&sandbox, "refused_file", &file, &[]).map_err(|e| format!("{bad}: {e}"))?;
    }
    Ok(())
}
