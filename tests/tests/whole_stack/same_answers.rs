//! Every call about domains, made through the Python bindings of the stock
//! test driver inside the client library and of ours, answers compared.
//!
//! The calls are the lines of `same/*.txt`; `same/run.py` makes them and says
//! what in an answer is left out since it changes with time or place. Where
//! ours answers otherwise on purpose, [`ALLOWED`] has the reason.

use std::path::Path;
use std::process::Command;

use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::{process, skip};

use super::Outcome;

/// Calls, by how they begin, that are answered otherwise, and why.
const ALLOWED: &[(&str, &str)] = &[
    // Ours says which element and what is allowed, from its own reading of the schema.
    ("D.checkpointCreateXML(\"<domaincheckpoint><name>a/b<", "a bad name is named instead of the schema"),
    // Its own names for what cannot be plugged in are those of another list.
    ("[TRY(D.attachDeviceFlags,x) for x in HOST]", "the kind of host device is told by its own name"),
    // Complaints about a document begin with the element that they are about.
    ("C.defineXML(xml(\"a\").replace(", "the place in the document is told as well"),
];

/// Makes the calls of one file here and there.
fn same(subject: &str) -> Outcome {
    if skip::lacks(&["python3"]) {
        return Ok(());
    }
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let stock = run(&sandbox, "test:///default", subject)?;
    let ours = run(&sandbox, &sandbox.uri("test", "/default"), subject)?;
    let allowed = |call: &str| ALLOWED.iter().any(|(begin, _)| call.starts_with(begin));
    let mut different = Vec::new();
    for (stock, ours) in stock.iter().zip(&ours) {
        let call = stock.split_once(": ").map_or("", |(_, call)| call);
        if stock != ours && !allowed(call) {
            different.push(format!("stock {stock}\nours  {ours}"));
        }
    }
    if stock.len() != ours.len() {
        different.push(format!("{} answers of stock, {} of ours", stock.len(), ours.len()));
    }
    assert!(!stock.is_empty(), "no calls were made");
    assert!(different.is_empty(), "{}", different.join("\n\n"));
    Ok(())
}

/// The answers, each with the number of its line in front.
fn run(sandbox: &Sandbox, uri: &str, subject: &str) -> Result<Vec<String>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/same");
    let files = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut command = Command::new("/usr/bin/python3");
    command.arg("-B").arg(folder.join("run.py")).arg(uri).arg(folder.join(subject)).arg(files.path());
    command.current_dir(files.path());
    sandbox.clean(&mut command);
    let text = process::succeed(&mut command, &format!("the calls of {subject} at {uri}"), CLIENT_LIMIT * 2)?.stdout;
    let mut answers: Vec<String> = Vec::new();
    for line in text.lines() {
        let numbered = line.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match answers.last_mut() {
            Some(last) if !numbered => last.extend(["\n", line]),
            _ => answers.push(line.to_owned()),
        }
    }
    Ok(answers)
}

macro_rules! subjects {
    ($($name:ident: $file:literal;)*) => { $(
        #[test]
        fn $name() -> Outcome {
            same($file)
        }
    )* };
}

subjects! {
    saving_answers_the_same: "save.txt";
    snapshots_answer_the_same: "snapshots.txt";
    checkpoints_answer_the_same: "checkpoints.txt";
    statistics_answer_the_same: "statistics.txt";
    tuning_answers_the_same: "tuning.txt";
    devices_answer_the_same: "devices.txt";
    guests_answer_the_same: "guest.txt";
    connections_answer_the_same: "connection.txt";
}
