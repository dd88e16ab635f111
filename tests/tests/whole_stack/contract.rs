//! The contract suite through shared objects and through the daemon, answers equal.

use oxivirt_core::ErrorCode;
use oxivirt_tests::assets;
use oxivirt_tests::contract::{self, Quirks};
use oxivirt_tests::sandbox::{Program, Sandbox};

use super::Outcome;

/// Runs the suite on one plugin, loaded here and served by a daemon.
fn same_both_ways(plugin: &str, uri: &'static str, quirks: Quirks) -> Outcome {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let loaded = contract::shared_object(&assets::plugin(plugin)?, uri, folder.path().to_owned(), quirks.clone())?;
    let mut sandbox = Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })?;
    sandbox.launch()?;
    let served = contract::socket(sandbox.socket(), uri, loaded.declared.clone(), quirks);
    contract::same_answers(&contract::run(&loaded).finish(), &contract::run(&served).finish());
    Ok(())
}

#[test]
fn the_test_driver_answers_the_same_behind_the_daemon() -> Outcome {
    let quirks = Quirks {
        wrong_state: &[ErrorCode::OPERATION_INVALID, ErrorCode::INTERNAL_ERROR],
        lookups_explain: false,
        ..Quirks::default()
    };
    same_both_ways("test", "test:///default", quirks)
}
