//! Files that describe a host for the in-memory driver, good and bad, held against the one inside the stock
//! client library.

use std::fs;
use std::path::Path;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::skip;

use super::Outcome;

/// Files beside those of the hosts.
const PARTS: &[(&str, &str)] = &[
    ("domain.xml", "<domain type='test'><name>apart</name><memory>1024</memory><os><type>hvm</type></os></domain>"),
    ("sub/domain.xml", "<domain type='test'><name>below</name><memory>1024</memory><os><type>hvm</type></os></domain>"),
    ("network.xml", "<network><name>apart</name></network>"),
    ("volume.xml", "<volume><name>apart</name><capacity>10</capacity></volume>"),
    (
        "snapshot.xml",
        "<domainsnapshot><name>apart</name><creationTime>1</creationTime><state>shutoff</state><active>1</active></domainsnapshot>",
    ),
    ("empty.xml", ""),
    ("node.xml", "<node/>"),
];

/// What stands in the `<cpu>` of a host.
const NUMBERS: &[&str] = &["", "0", "1", "-1", "x", "4294967296", "3.5", " 7 ", "0x10", "+1"];

/// What stands in a `<node>`.
const HOSTS: &[&str] = &[
    "",
    "<foo/>",
    "<cpu><mhz>6000</mhz><model>x</model><active>2</active><nodes>1</nodes><sockets>1</sockets><cores>1</cores>\
     <threads>2</threads></cpu><memory>77</memory>",
    "<cpu><nodes>3</nodes><cores>5</cores></cpu>",
    "<cpu><mhz>1</mhz></cpu><cpu><mhz>2</mhz></cpu>",
    "<cpu><model></model></cpu>",
    "<cpu><model>mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm</model></cpu>",
    "<cpu><model>mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm</model></cpu>",
    "<memory></memory>",
    "<memory> 5 </memory>",
    "<memory>-1</memory>",
    "<memory>x</memory>",
    "<memory>4096</memory>",
    "<domain file='domain.xml'/>",
    "<domain file='sub/domain.xml'/><domain file='domain.xml'/>",
    "<domain file=''/>",
    "<domain file='none.xml'/>",
    "<domain file='sub'/>",
    "<domain file='node.xml'/>",
    "<domain file='empty.xml'/>",
    "<domain type='test'/>",
    "<network file='network.xml'/><network><name>here</name></network>",
    "<network file='domain.xml'/>",
    "<pool type='dir'><name>p</name><target><path>/p</path></target><volume file='volume.xml'/>\
     <volume><name>here</name><capacity>5</capacity></volume></pool>",
    "<pool type='dir'><name>p</name><target><path>/p</path></target><volume file='none.xml'/></pool>",
    "<auth/>",
    "<auth><user/></auth>",
    "<auth><user></user></auth>",
    "<auth><user>somebody</user></auth>",
    "<auth><user password='secret'>somebody</user><user>another</user></auth>",
];

/// What stands in a `<domain>` beside what it needs; the prefix is that of states.
const STATES: &[&str] = &[
    "",
    "<s:transient/>",
    "<s:transient/><s:runstate>5</s:runstate>",
    "<s:hasmanagedsave/>",
    "<s:hasmanagedsave/><s:runstate>5</s:runstate>",
    "<s:runstate>5</s:runstate><s:runstate>3</s:runstate>",
    "<s:nonsense/>",
    "<runstate>5</runstate>",
    "<s:runstate>3</s:runstate><s:transient/>",
];

/// Words of a state.
const RUN_STATES: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "-1", "x", "", " 5 ", "0x5", "4294967296"];

/// Snapshots as name, what is added, and whether it is the current one; more than one are told apart by `;`.
const SNAPSHOTS: &[&str] = &[
    "a||0",
    "a||1",
    "a||0;b|<parent><name>a</name></parent>|1",
    "b|<parent><name>a</name></parent>|0;a||0",
    "a||1;b||1",
    "b|<parent><name>none</name></parent>|0",
    "a|<parent><name>b</name></parent>|0;b|<parent><name>a</name></parent>|0",
    "a|<parent><name>a</name></parent>|0",
    "a||x",
    "a/b||0",
    "a|<disks><disk name='vda' snapshot='no'/></disks><description>words</description>|1",
];

/// Snapshots word by word.
const ODD_SNAPSHOTS: &[&str] = &[
    "<s:domainsnapshot/>",
    "<s:domainsnapshot><name>a</name></s:domainsnapshot>",
    "<s:domainsnapshot><name>a</name><creationTime>1</creationTime></s:domainsnapshot>",
    "<s:domainsnapshot><name>a</name><creationTime>1</creationTime><state>nonsense</state></s:domainsnapshot>",
    "<s:domainsnapshot><name>a</name><creationTime>1</creationTime><state>shutoff</state></s:domainsnapshot>",
    "<s:domainsnapshot file='snapshot.xml'/>",
    "<s:domainsnapshot file='domain.xml'/>",
    "<s:domainsnapshot file='none.xml'/>",
    "<domainsnapshot><name>a</name></domainsnapshot>",
];

fn domain(inside: &str) -> String {
    format!(
        "<domain type='test' xmlns:s='http://libvirt.org/schemas/domain/test/1.0'><name>d</name><memory>1024</memory>\
         <os><type>hvm</type></os>{inside}</domain>"
    )
}

/// Every host.
fn hosts() -> Vec<String> {
    let node = |inside: &str| format!("<node>{inside}</node>");
    let mut hosts: Vec<String> = ["", "<node>", "<nodes/>", "text"].map(str::to_owned).to_vec();
    hosts.extend(HOSTS.iter().map(|inside| node(inside)));
    for name in ["mhz", "active", "nodes", "sockets", "cores", "threads"] {
        hosts.extend(NUMBERS.iter().map(|number| node(&format!("<cpu><{name}>{number}</{name}></cpu>"))));
    }
    hosts.extend(STATES.iter().map(|inside| node(&domain(inside))));
    hosts.extend(RUN_STATES.iter().map(|word| node(&domain(&format!("<s:runstate>{word}</s:runstate>")))));
    let snapshots = SNAPSHOTS.iter().map(|snapshots| {
        let one = |snapshot: &str| {
            let mut parts = snapshot.split('|');
            let (name, more, current) = (parts.next(), parts.next(), parts.next());
            let (name, more, current) = (name.unwrap_or(""), more.unwrap_or(""), current.unwrap_or(""));
            format!(
                "<s:domainsnapshot><name>{name}</name><creationTime>1</creationTime><state>shutoff</state>{more}\
                 <active>{current}</active></s:domainsnapshot>"
            )
        };
        snapshots.split(';').map(one).collect::<String>()
    });
    for snapshots in snapshots.chain(ODD_SNAPSHOTS.iter().map(|text| (*text).to_owned())) {
        hosts.extend(["5", "1"].map(|state| node(&domain(&format!("{snapshots}<s:runstate>{state}</s:runstate>")))));
    }
    hosts
}

#[test]
fn every_file_makes_the_same_host_or_is_refused_the_same() -> Outcome {
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| -> Outcome {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap_or(folder.path())).map_err(|e| e.to_string())?;
        fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
    };
    for (name, text) in PARTS {
        write(name, text)?;
    }
    let hosts = hosts();
    for (number, text) in hosts.iter().enumerate() {
        write(&format!("host-{number:03}.xml"), text)?;
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/same/node_file.py");
    let path = folder.path().display().to_string();
    let ask = |uri: &str| -> Result<Vec<String>, String> {
        let told = sandbox.python(&program, &[uri, &path])?;
        Ok(told.lines().filter(|line| line.starts_with("host-")).map(str::to_owned).collect())
    };
    let (stock, ours) = (ask("test://FILE")?, ask(&sandbox.uri("test", "FILE"))?);
    assert_eq!((stock.len(), ours.len()), (hosts.len(), hosts.len()), "every file was opened");
    let differences: Vec<String> = stock
        .iter()
        .zip(&ours)
        .zip(&hosts)
        // Where the client library dies, ours may answer as it likes, but not die as well.
        .filter(|((stock, ours), _)| ours.ends_with("\tdied") || (stock != ours && !stock.ends_with("\tdied")))
        .map(|((stock, ours), host)| format!("{host}\nstock {stock}\nours  {ours}"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    Ok(())
}
