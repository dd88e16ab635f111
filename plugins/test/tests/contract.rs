//! The test driver passes the contract of every driver.

use oxivirt_core::ErrorCode;
use oxivirt_driver_test::TestDriver;
use oxivirt_tests::contract::{self, Quirks};
use oxivirt_tests::direct;

#[test]
fn passes_the_contract() -> Result<(), String> {
    let quirks = Quirks {
        wrong_state: &[ErrorCode::OPERATION_INVALID, ErrorCode::INTERNAL_ERROR],
        lookups_explain: false,
        ..Quirks::default()
    };
    let direct = direct!(
        TestDriver, "test:///default", quirks;
        connect, node, domain_lifecycle, domain_listing, domain_information, domain_config, domain_metadata, domain_guest,
        cpu_models, networks, host_interfaces, node_devices, storage_pools, storage_volumes,
        domain_save, domain_snapshots, domain_checkpoints, domain_stats, domain_block, domain_devices, domain_console,
    );
    contract::pass(&direct?, "oxivirt_driver_test")
}
