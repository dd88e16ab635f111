//! The test driver of other daemons passes the contract through this driver.

use std::path::Path;

use oxivirt_core::ErrorCode;
use oxivirt_tests::contract::{self, Quirks, Setup};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, skip};

fn quirks() -> Quirks {
    Quirks {
        wrong_state: &[ErrorCode::OPERATION_INVALID, ErrorCode::INTERNAL_ERROR],
        lookups_explain: false,
        ..Quirks::default()
    }
}

/// What the test driver declares, asked without a daemon.
fn loaded(folder: &Path) -> Result<Setup, String> {
    contract::shared_object(&assets::plugin("test")?, "test:///default", folder.to_owned(), quirks())
}

fn daemon() -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// This driver in front of whatever serves in a sandbox.
fn through(sandbox: &Sandbox, folder: &Path, declared: &Setup, quirks: Quirks) -> Result<Setup, String> {
    // As long as the program, like the library itself.
    let uri: &'static str = sandbox.uri("test", "/default").leak();
    let setup =
        contract::shared_object(&contract::built_beside("oxivirt_driver_remote")?, uri, folder.to_owned(), quirks)?;
    Ok(Setup { declared: declared.declared.clone(), way: "remote", ..setup })
}

#[test]
fn our_daemon_answers_the_same_through_this_driver() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let loaded = loaded(folder.path())?;
    let sandbox = daemon()?;
    let remote = through(&sandbox, folder.path(), &loaded, quirks())?;
    contract::same_answers(&contract::run(&loaded).finish(), &contract::run(&remote).finish());
    Ok(())
}

#[test]
fn our_daemon_answers_the_same_through_another_one() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let loaded = loaded(folder.path())?;
    let (inner, outer) = (daemon()?, daemon()?);
    let uri: &'static str = inner.uri("test", "/default").leak();
    let served = contract::socket(outer.socket(), uri, loaded.declared.clone(), quirks());
    contract::same_answers(&contract::run(&loaded).finish(), &contract::run(&served).finish());
    Ok(())
}

/// What the stock test driver does otherwise than the contract asks.
const STOCK_DIFFERS: &[(&str, &str)] = &[
    ("free_pages_come_for_each_cell_and_size", "too many cells are an internal error of its protocol layer"),
    ("undefining_a_running_domain_leaves_it_running", "a transient domain can be undefined again and again"),
    ("a_transient_domain_goes_when_it_stops", "a transient domain can be marked for autostart"),
    (
        "virtual_cpus_are_told_while_running",
        "maps of CPUs are as many as were asked for, not as many as there are CPUs",
    ),
    ("a_network_is_defined_and_found", "no flag of the document of a network is known"),
    ("a_network_keeps_its_definition_while_it_runs", "no flag of the document of a network is known"),
    ("an_interface_is_defined_and_forgotten", "hardware addresses are kept in the letters they were written in"),
    ("snapshots_form_a_tree", "more names than there is room for are an internal error of its protocol layer"),
    ("a_snapshot_brings_back_a_state", "a snapshot of a domain that was off leaves it off whatever is asked for"),
    ("what_is_no_checkpoint_is_refused", "a disk that is not there is an error of the schema"),
    ("the_scheduler_has_a_name_and_parameters", "refuses a flag that its protocol layer adds"),
    ("no_call_finds_a_domain_that_is_gone", "a scheduler is named for whatever domain is asked about"),
    ("no_call_takes_another_domain_of_the_same_name", "a scheduler is named for whatever domain is asked about"),
    ("pools_are_listed_as_the_flags_say", "a count without the pools takes no notice of the flags"),
];

#[test]
fn the_stock_daemon_passes_through_this_driver() -> Result<(), String> {
    if skip::lacks(&["libvirtd", "unshare"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let loaded = loaded(folder.path())?;
    let mut sandbox = Sandbox::with(Program::Stock)?;
    sandbox.launch()?;
    let quirks = Quirks { excused: STOCK_DIFFERS, ..quirks() };
    contract::run(&through(&sandbox, folder.path(), &loaded, quirks)?).finish();
    Ok(())
}
