//! Capabilities of hosts and domains: recorded documents read and printed
//! again, byte by byte, and held against the schemas.

use std::path::Path;
use std::process::Command;

use oxivirt_conf::capabilities::Capabilities;
use oxivirt_conf::cpu::HostCpu;
use oxivirt_conf::domain_capabilities::DomainCapabilities;
use oxivirt_tests::corpus;
use oxivirt_util::process::{self, RunOptions};

/// A document recorded here.
fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capabilities").join(name);
    std::fs::read_to_string(path).expect(name)
}

/// Fails at the first line that differs, naming the case.
fn same(case: &str, printed: &str, wanted: &str) {
    for (number, (printed, wanted)) in printed.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(printed, wanted, "{case} line {}", number + 1);
    }
    assert_eq!(printed, wanted, "{case}");
}

/// Checks a text against one of the published schemas.
fn validate(case: &str, schema: &str, text: &str) {
    let schema = Path::new("/usr/share/libvirt/schemas").join(schema);
    assert!(schema.exists(), "'{}' is missing: install the published schemas", schema.display());
    let options = RunOptions { input: text.as_bytes(), ..RunOptions::default() };
    let output = process::run(Command::new("xmllint").args(["--noout", "--relaxng"]).arg(&schema).arg("-"), &options)
        .expect("xmllint is installed and ends");
    assert!(output.status.success(), "{case}: {}", output.complaint());
}

#[test]
fn domain_capabilities_print_as_recorded() {
    let Some(folder) = corpus::suite("domaincaps") else { return };
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("the case is readable");
        let document = DomainCapabilities::parse_document(&text).expect(&name);
        let printed = document.to_xml();
        same(&name, &printed, &text);
        cases += 1;
    }
    assert!(cases >= 60, "only {cases} cases found");
}

#[test]
fn domain_capabilities_fit_the_schema() {
    let Some(folder) = corpus::suite("domaincaps") else { return };
    // A few of each kind: the checker takes a while.
    for name in [
        "qemu_9.2.0.x86_64+amdsev.xml",
        "qemu_7.0.0.x86_64.xml",
        "qemu_9.1.0.s390x.xml",
        "qemu_9.2.0-hvf.aarch64+hvf.xml",
        "bhyve_uefi.x86_64.xml",
        "libxl-xenpv.xml",
    ] {
        let text = std::fs::read_to_string(folder.join(name)).expect(name);
        let document = DomainCapabilities::parse_document(&text).expect(name);
        validate(name, "domaincaps.rng", &document.to_xml());
    }
}

#[test]
fn another_root_is_refused() {
    assert!(DomainCapabilities::parse_document("<domain/>").is_err());
    assert!(Capabilities::parse("<domain/>").is_err());
    assert!(Capabilities::parse("").is_err());
}

#[test]
fn capabilities_of_a_real_host_print_as_recorded() {
    for name in ["host-x86_64.xml", "test-driver.xml", "resources.xml"] {
        let text = recorded(name);
        let document = Capabilities::parse(&text).expect(name);
        let printed = document.to_xml();
        same(name, &printed, &text);
        assert_eq!(Capabilities::parse(&printed).expect(name), document);
        let cpu = HostCpu::parse_document(&text).expect(name);
        assert_eq!(Some(cpu), document.host.cpu);
    }
}

#[test]
fn capabilities_fit_the_schema() {
    // The document of the real host does not: its CPU has features with a
    // dot in their names, which the schema forbids.
    for name in ["test-driver.xml", "resources.xml"] {
        let text = recorded(name);
        let document = Capabilities::parse(&text).expect(name);
        validate(name, "capability.rng", &document.to_xml());
    }
}
