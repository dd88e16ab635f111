//! The QEMU driver passes the contract of every driver.

use oxivirt_driver_qemu::QemuDriver;
use oxivirt_tests::contract::{self, Quirks};
use oxivirt_tests::direct;

#[test]
fn passes_the_contract() {
    let quirks = Quirks {
        domain_xml: |name| {
            format!(
                "<domain type='qemu'><name>{name}</name><memory>65536</memory>\
                 <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
            )
        },
        // Their disks and networks are not there where the suite runs.
        devices: "",
        excused: &[
            (
                "a_transient_life_is_told",
                "clients of this driver have always heard that the CPUs go on before they heard of the start",
            ),
            ("cpus_have_statistics", "they are counted by control groups, which one user's daemon does not have"),
            (
                "the_scheduler_has_a_name_and_parameters",
                "it is set by control groups, which one user's daemon does not have",
            ),
        ],
        ..Quirks::default()
    };
    let setup = direct!(
        QemuDriver, "qemu:///session", quirks;
        connect, node, domain_lifecycle, domain_listing, domain_information, domain_config, domain_devices, domain_block, domain_stats, domain_save, domain_jobs, domain_metadata, domain_guest, domain_console, cpu_models,
    );
    match setup {
        Ok(setup) => drop(contract::run(&setup).finish()),
        Err(reason) if reason.contains("no qemu-system-") => eprintln!("SKIPPED: {reason}, nothing was tested"),
        Err(reason) => panic!("the driver does not start: {reason}"),
    }
}
