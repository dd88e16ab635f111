//! This driver keeps the contract of every driver, as far as it declares calls.

use oxivirt_driver_@crate@::@Type@;
use oxivirt_tests::contract::{self, Quirks};
use oxivirt_tests::direct;

#[test]
fn passes_the_contract() {
    let setup = direct!(@Type@, "@name@:///system", Quirks::default(); connect, domain_listing);
    contract::run(&setup.expect("the driver starts")).finish();
}
