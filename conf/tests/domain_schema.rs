//! Everything the published schema allows in a domain is read and printed.

mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oxivirt_conf::domain::devices::VideoType;
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};
use oxivirt_conf::xml::{Document, Node};
use oxivirt_core::Result;
use oxivirt_tests::{corpus, skip};
use oxivirt_util::schema as published;
use schema::grammar::{Grammar, PREFIXES, Pattern};
use schema::sample::{Item, elements, print, variants};

/// Documents, each with one element that the schema allows, in one of the
/// ways in which it does.
fn documents(grammar: &Grammar) -> Vec<(String, String)> {
    let Pattern::Element(_, domain) = elements(grammar, grammar.define("domain"))[0] else { unreachable!() };
    let mut found = Vec::new();
    for part in elements(grammar, domain) {
        let Pattern::Element(name, inside) = part else { continue };
        if name == "devices" {
            for device in elements(grammar, inside) {
                let Pattern::Element(name, _) = device else { continue };
                for (at, variant) in variants(grammar, device).iter().enumerate() {
                    let devices = vec![Item::Element("devices".to_owned(), variant.clone())];
                    found.push((format!("device-{name}-{at}"), document("devices", &devices)));
                }
            }
            continue;
        }
        for (at, variant) in variants(grammar, part).iter().enumerate() {
            found.push((format!("{}-{at}", name.replace(':', "-")), document(name, variant)));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|(_, text)| seen.insert(text.clone()));
    found
}

/// A small domain with `items` in place of the element `name`.
fn document(name: &str, items: &[Item]) -> String {
    let mut text = "<domain type='test'".to_owned();
    for (prefix, uri) in PREFIXES.iter().filter(|(prefix, _)| name.starts_with(*prefix)) {
        text.push_str(&format!(" xmlns:{prefix}='{uri}'"));
    }
    text.push_str(">\n");
    let common = [
        ("name", "<name>sample</name>\n"),
        ("uuid", "<uuid>5a6e4a10-b1c1-4d6e-8a55-4c3d0b7a1f11</uuid>\n"),
        ("memory", "<memory>1048576</memory>\n"),
        ("vcpu", "<vcpu>4</vcpu>\n"),
        ("os", "<os><type>hvm</type></os>\n"),
    ];
    for (_, element) in common.iter().filter(|(other, _)| *other != name) {
        text.push_str(element);
    }
    text.push_str(&print(items));
    text.push_str("</domain>\n");
    text
}

/// The places of a document: elements, attributes, texts.
fn places(node: Node<'_>, path: &str, found: &mut BTreeSet<String>) {
    let path = format!("{path}/{}", node.qualified_name());
    for (name, _) in node.attrs().filter(|(name, _)| !name.starts_with("xmlns")) {
        found.insert(format!("{path}@{name}"));
    }
    if node.children().next().is_none() && !node.text().trim().is_empty() {
        found.insert(format!("{path}#text"));
    }
    for child in node.children() {
        places(child, &path, found);
    }
    found.insert(path);
}

fn places_of(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let document = Document::parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    places(document.root(), "", &mut found);
    found
}

/// What counts as one name: an attribute or the text with its element, an
/// element with the one around it.
fn short(place: &str) -> &str {
    let slashes: Vec<usize> = place.match_indices('/').map(|(at, _)| at + 1).collect();
    let levels = if place.contains(['@', '#']) { 1 } else { 2 };
    let from = slashes.len().checked_sub(levels).map_or(0, |at| slashes[at]);
    &place[from..]
}

/// Reads a document and prints it, without defaults and checks.
fn round(text: &str) -> Result<String> {
    DomainDefinition::parse(text, ParseFlags::SKIP_POST_PARSE, &NoHooks)?.format(FormatFlags::SECURE)
}

/// Places that are lost on purpose, and why.
fn known() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("domain/not-printed.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no reason in '{line}'"))).collect()
}

#[test]
fn everything_that_the_schema_allows_is_read_and_printed() {
    let file = Path::new(published::FOLDER).join("domain.rng");
    if !file.exists() {
        skip::skip(&format!("'{}' is missing", file.display()));
        return;
    }
    let all = documents(&Grammar::load(&file));
    if let Some(folder) = std::env::var_os("OXIVIRT_SAMPLES") {
        for (name, text) in &all {
            std::fs::write(Path::new(&folder).join(format!("{name}.xml")), text).expect("written");
        }
    }
    let mut lost = BTreeSet::new();
    let mut kept = BTreeSet::new();
    let mut refused = 0;
    for (_, text) in &all {
        let given = places_of(text);
        lost.extend(given.iter().map(|place| short(place).to_owned()));
        match round(text) {
            // The schema allows more than makes sense.
            Err(_) => refused += 1,
            Ok(printed) => {
                let printed = places_of(&printed);
                kept.extend(given.intersection(&printed).map(|place| short(place).to_owned()));
            }
        }
    }
    // What only stands in a larger whole is in a recorded document.
    for (_, text) in recorded() {
        let Ok(printed) = round(&text) else { continue };
        kept.extend(places_of(&text).intersection(&places_of(&printed)).map(|place| short(place).to_owned()));
    }
    println!("{} documents, {refused} refused; {} places, {} printed", all.len(), lost.len(), kept.len());
    lost.retain(|place| !kept.contains(place));
    let known = known();
    let unexpected: Vec<_> = lost.iter().filter(|place| !known.contains_key(place.as_str())).collect();
    for place in &unexpected {
        println!("lost: {place}");
    }
    let cured: Vec<_> = known.keys().filter(|place| kept.contains(**place)).collect();
    assert!(cured.is_empty(), "printed by now, take them off the list: {cured:?}");
    assert!(unexpected.is_empty(), "{} places of the schema are not printed", unexpected.len());
}

/// Recorded documents of domains, none where there is no corpus.
fn recorded() -> Vec<(String, String)> {
    let mut found = vec![
        ("full.xml".to_owned(), include_str!("domain/full.xml").to_owned()),
        ("more.xml".to_owned(), include_str!("domain/more.xml").to_owned()),
    ];
    for suite in ["qemu", "domain-generic/in", "domain-generic/out", "lxc/in", "lxc/out"] {
        let Some(folder) = corpus::suite(suite) else { continue };
        for entry in std::fs::read_dir(&folder).expect("the folder can be read").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            if name.ends_with(".xml") && Document::parse(&text).is_ok_and(|d| d.root().name() == "domain") {
                found.push((format!("{}-{name}", suite.replace('/', "-")), text));
            }
        }
    }
    found.sort();
    found
}

/// What is printed for a recorded document is what the schema allows.
#[test]
fn what_is_printed_fits_the_schema() {
    let schema = Path::new(published::FOLDER).join("domain.rng");
    if !schema.exists() {
        skip::skip(&format!("'{}' is missing", schema.display()));
        return;
    }
    if skip::lacks(&["xmllint"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (given, printed) = (folder.path().join("given"), folder.path().join("printed"));
    for folder in [&given, &printed] {
        std::fs::create_dir(folder).expect("the temporary folder can be written");
    }
    let mut names = Vec::new();
    for (name, text) in recorded() {
        let Ok(def) = DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks) else { continue };
        // A card that only the driver can choose has no word in the schema.
        if def.devices.videos.iter().any(|video| video.model.kind == VideoType::Default) {
            continue;
        }
        let output = def.format(FormatFlags::INACTIVE | FormatFlags::SECURE).expect("prints");
        std::fs::write(given.join(&name), text).expect("the temporary folder can be written");
        std::fs::write(printed.join(&name), output).expect("the temporary folder can be written");
        names.push(name);
    }
    // What was no valid document before need not be one after.
    let before = misfits(&schema, &given, &names);
    let after: Vec<_> = misfits(&schema, &printed, &names).into_iter().filter(|name| !before.contains(name)).collect();
    println!("{} documents held against the schema, {} were not valid themselves", names.len(), before.len());
    assert!(after.is_empty(), "what is printed for these does not fit the schema: {after:?}");
}

/// The files of a folder that do not fit a schema.
fn misfits(schema: &Path, folder: &Path, names: &[String]) -> Vec<String> {
    let mut bad = Vec::new();
    for part in names.chunks(200) {
        let mut command = std::process::Command::new("xmllint");
        command.args(["--noout", "--nonet", "--relaxng"]).arg(schema).args(part).current_dir(folder);
        let found = command.output().expect("xmllint starts");
        let said = String::from_utf8_lossy(&found.stderr).into_owned();
        let judged = |line: &&str| line.ends_with(" validates") || line.ends_with(" fails to validate");
        assert_eq!(said.lines().filter(judged).count(), part.len(), "xmllint left some out: {said}");
        bad.extend(said.lines().filter_map(|line| line.strip_suffix(" fails to validate")).map(str::to_owned));
    }
    bad
}
