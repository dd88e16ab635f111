//! The stock Python bindings.

use std::path::Path;

use oxivirt_tests::skip;

use super::{Host, Outcome, fixture};

/// Runs one of the programs beside this file with the URI and a definition to use.
fn run(program: &str) -> Outcome {
    if skip::lacks(&["python3"]) {
        return Ok(());
    }
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let definition = host.sandbox.root().join("template.xml");
    std::fs::write(&definition, fixture::idle_guest("@NAME@")).map_err(|e| e.to_string())?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python").join(program);
    host.sandbox.python(&file, &[&host.uri, &definition.display().to_string()]).map(drop)
}

#[test]
fn domains_are_listed_by_every_filter() -> Outcome {
    run("listing.py")
}

#[test]
fn lifecycle_callbacks_with_and_without_a_filter() -> Outcome {
    run("callbacks.py")
}

#[test]
fn handles_answer_like_the_stock_ones() -> Outcome {
    run("handles.py")
}
