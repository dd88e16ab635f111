//! What a driver adds and lets pass.

use std::cell::RefCell;

use oxivirt_core::{Error, Result};

use super::{GUEST, edited, parse};
use crate::domain::{AbiChange, DomainDefinition, DomainHooks, NoHooks};

#[derive(Default)]
struct Driver {
    asked: RefCell<Vec<AbiChange>>,
}

impl DomainHooks for Driver {
    fn check_abi_stability(&self, old: &DomainDefinition, new: &DomainDefinition) -> Result<()> {
        match old.memory_backing == new.memory_backing {
            true => Ok(()),
            false => Err(Error::config_unsupported("the memory comes from elsewhere")),
        }
    }

    fn allows_abi_change(&self, change: &AbiChange) -> bool {
        self.asked.borrow_mut().push(change.clone());
        change.path == "/domain/features/vmcoreinfo" || change.path.starts_with("count(")
    }
}

#[test]
fn a_difference_names_both_values() {
    let error = parse(GUEST).check_abi_stability(&edited("queues='2'", "queues='4'"), &NoHooks).unwrap_err();
    let text = "/domain/devices/disk[1]/driver/@queues cannot change from '2' to '4' since the guest relies on it";
    assert_eq!(error.detail(), text);
    let gone = edited("<ps2 state='on'/>", "");
    let error = parse(GUEST).check_abi_stability(&gone, &NoHooks).unwrap_err();
    let text = "/domain/features/ps2 cannot change from '<ps2 state='on'/>' to nothing since the guest relies on it";
    assert_eq!(error.detail(), text);
}

#[test]
fn a_driver_lets_a_difference_pass_and_the_rest_is_still_compared() {
    let driver = Driver::default();
    parse(GUEST).check_abi_stability(&edited("<vmcoreinfo state='on'/>", ""), &driver).unwrap();
    let asked = driver.asked.borrow();
    let [change] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((change.old.as_deref(), change.new.as_deref()), (Some("<vmcoreinfo state='on'/>"), None));
    drop(asked);
    let shorter = edited("<timer name='rtc' tickpolicy='catchup'/>", "");
    let error = parse(GUEST).check_abi_stability(&shorter, &driver).unwrap_err();
    assert!(error.detail().starts_with("/domain/clock/timer[1]/@name"), "{error}");
}

#[test]
fn a_driver_compares_more() {
    let other = edited("<access mode='private'/>", "<access mode='shared'/>");
    let error = parse(GUEST).check_abi_stability(&other, &Driver::default()).unwrap_err();
    assert_eq!(error.detail(), "the memory comes from elsewhere");
    parse(GUEST).check_abi_stability(&parse(GUEST), &Driver::default()).unwrap();
}
