//! Networks, ports and host interfaces: output fits the public schemas,
//! damage is refused or harmless, size costs time in proportion.

use std::path::{Path, PathBuf};

use oxivirt_conf::interface::HostInterface;
use oxivirt_conf::network::{FormatFlags, NetworkDefinition, NetworkStatus, NoHooks, ParseFlags};
use oxivirt_conf::network_port::NetworkPort;
use oxivirt_core::Result;
use oxivirt_tests::{corpus, skip};
use oxivirt_util::schema;

type Print = fn(&str) -> Result<String>;

fn network(text: &str) -> Result<String> {
    NetworkDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks)?.format(FormatFlags::INACTIVE)
}

fn status(text: &str) -> Result<String> {
    NetworkStatus::parse(text, &NoHooks)?.format()
}

fn port(text: &str) -> Result<String> {
    Ok(NetworkPort::parse(text)?.format())
}

fn interface(text: &str) -> Result<String> {
    Ok(HostInterface::parse(text)?.format())
}

/// Schema, folder of seeds, folders of recorded cases.
const DOCUMENTS: [(&str, Print, &str, &[&str]); 3] = [
    ("network.rng", network, "network_xml", &["network/in", "network/out", "network/dnsmasq", "network/firewall"]),
    ("networkport.rng", port, "network_port_xml", &["networkport"]),
    ("interface.rng", interface, "host_interface_xml", &["interface"]),
];

fn seeds(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target)
}

fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the entry can be read").path();
        if path.extension().is_some_and(|ending| ending == "xml") {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// `xmllint` knows the public schemas; without them this is skipped.
#[test]
fn output_is_valid_against_the_public_schemas() {
    if skip::lacks(&["xmllint"]) {
        return;
    }
    for (name, print, target, suites) in DOCUMENTS {
        let file = Path::new(schema::FOLDER).join(name);
        if !file.exists() {
            skip::skip(&format!("no schema '{}'", file.display()));
            continue;
        }
        let folders = suites.iter().filter_map(|suite| corpus::suite(suite)).chain([seeds(target)]);
        let mut held = 0;
        for (path, text) in folders.flat_map(|folder| texts(&folder)) {
            // What is refused has no output; what never fitted the schema
            // need not fit it afterwards.
            let Ok(printed) = print(&text) else { continue };
            if let Some(complaint) = schema::validate(&file, &printed).expect("xmllint runs") {
                let before = schema::validate(&file, &text).expect("xmllint runs");
                assert!(before.is_some(), "{}: {complaint}\n{printed}", path.display());
                continue;
            }
            held += 1;
        }
        assert!(held > 1, "{name}: hardly any document was held against it");
    }
}

#[test]
fn seeds_print_as_they_are() {
    for (_, print, target, _) in DOCUMENTS {
        for (path, text) in texts(&seeds(target)) {
            let print = if text.starts_with("<networkstatus") { status } else { print };
            let printed = print(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(printed, text, "{}", path.display());
        }
    }
}

#[test]
fn damaged_documents_never_panic_and_accepted_ones_survive_a_round() {
    // A generator of its own: the same damage every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    const PIECES: [&str; 14] = [
        "'",
        "<",
        "/>",
        "0",
        "-1",
        "99999999999999999999",
        "yes",
        "ipv6",
        "::",
        "10.0.0.1",
        "x",
        " ",
        "&amp;",
        "\u{fc}",
    ];
    for (_, print, target, _) in DOCUMENTS {
        for (_, text) in texts(&seeds(target)) {
            let print = if text.starts_with("<networkstatus") { status } else { print };
            for _ in 0..600 {
                let mut damaged: Vec<char> = text.chars().collect();
                for _ in 0..=random(3) {
                    let (at, length) = (random(damaged.len()), random(12));
                    let end = (at + length).min(damaged.len());
                    let piece: Vec<char> = PIECES[random(PIECES.len())].chars().collect();
                    damaged.splice(at..end, piece);
                }
                let damaged: String = damaged.into_iter().collect();
                if let Ok(printed) = print(&damaged) {
                    let again = print(&printed).unwrap_or_else(|error| panic!("{error}\n{damaged}\n{printed}"));
                    assert_eq!(again, printed, "{damaged}");
                }
            }
        }
    }
}

/// A client may send a document of several megabytes; time must not grow with
/// the square of what it lists.
#[test]
fn very_long_lists_do_not_take_very_long() {
    let numbers = 0..60_000_u32;
    let interfaces: String = numbers.clone().map(|n| format!("<interface dev='e{n}'/>")).collect();
    let ips: String = numbers
        .clone()
        .map(|n| format!("<ip family='ipv6' address='2001:db8:{:x}:{:x}::1' prefix='64'/>", n >> 8, n & 255))
        .collect();
    let last = "2001:db8:ea:5f::9";
    let routes: String = numbers
        .map(|n| format!("<route family='ipv6' address='2001:{n:x}::' prefix='32' gateway='{last}'/>"))
        .collect();
    let start = std::time::Instant::now();
    let many = format!("<network><name>a</name><forward mode='passthrough'>{interfaces}</forward></network>");
    assert!(network(&many).is_ok());
    let many = format!("<network><name>a</name>{ips}{routes}</network>");
    network(&many).expect("valid");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
