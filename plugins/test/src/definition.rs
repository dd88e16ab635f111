//! What this driver makes of a domain document: nearly everything is accepted,
//! little is added.

use std::collections::HashSet;

use oxivirt_conf::domain::devices::InterfaceTarget;
use oxivirt_conf::domain::{
    DeviceMut, DomainDefinition, DomainHooks, DomainType, FormatFlags, LifecycleAction, ParseFlags,
};
use oxivirt_conf::xml::Node;
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::error::{Own, argument};
use crate::node::ARCH;
use crate::schema;

/// This driver's part in the reading of a document.
pub(crate) struct Hooks;

impl DomainHooks for Hooks {
    fn basic_post_parse(&self, def: &mut DomainDefinition, _flags: ParseFlags) -> Result<()> {
        def.os.kind.arch.get_or_insert_with(|| ARCH.to_owned());
        Ok(())
    }

    fn device_post_parse(&self, device: DeviceMut<'_>, _def: &DomainDefinition, _flags: ParseFlags) -> Result<()> {
        if let DeviceMut::Console(console) = device {
            console.target_type.get_or_insert_with(|| "serial".to_owned());
        }
        Ok(())
    }

    fn definition_post_parse(&self, def: &mut DomainDefinition, _flags: ParseFlags) -> Result<()> {
        name_interfaces(def);
        Ok(())
    }
}

/// Gives each network card without a host device one that is free in its domain.
fn name_interfaces(def: &mut DomainDefinition) {
    let device = |target: &Option<InterfaceTarget>| target.as_ref().and_then(|target| target.dev.clone());
    let mut taken: HashSet<String> =
        def.devices.interfaces.iter().filter_map(|interface| device(&interface.target)).collect();
    let mut next = 0_usize;
    for interface in &mut def.devices.interfaces {
        if device(&interface.target).is_some() {
            continue;
        }
        let name = loop {
            let name = format!("testnet{next}");
            next += 1;
            if taken.insert(name.clone()) {
                break name;
            }
        };
        interface.target.get_or_insert_default().dev = Some(name);
    }
}

/// Reads a document that a client sent.
///
/// * `validate` – holds it against the published schema first, which runs a program.
pub(crate) fn parse(xml: &str, validate: bool) -> Result<DomainDefinition> {
    if validate {
        schema::check(xml, "domain.rng", ErrorDomain::DOMAIN)?;
    }
    DomainDefinition::parse(xml, ParseFlags::INACTIVE, &Hooks).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// The definition of a domain as a document keeps it: what belongs to one run is left out.
pub(crate) fn at_rest(definition: &DomainDefinition) -> Result<DomainDefinition> {
    let xml = definition.format(FormatFlags::SECURE | FormatFlags::INACTIVE)?;
    DomainDefinition::parse(&xml, ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE, &Hooks)
}

/// Reads a `<domain>` inside of another document.
pub(crate) fn parse_node(node: Node<'_>) -> Result<DomainDefinition> {
    DomainDefinition::parse_node(node, ParseFlags::INACTIVE, &Hooks)
        .map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// The definition of a run under number `id`.
pub(crate) fn running(definition: &DomainDefinition, id: i32) -> DomainDefinition {
    DomainDefinition { id: u32::try_from(id).ok(), ..definition.clone() }
}

/// Refuses what can be no new name of a domain.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        let text = "string new_name in virDomainRename must not be empty".to_owned();
        return Err(argument(ErrorDomain::DOMAIN, "virDomainRename".to_owned(), "new_name", text));
    }
    if name.contains('/') {
        return Err(Error::xml(format!("name {name} cannot contain '/'"))).own();
    }
    if name.chars().any(|letter| letter.is_control()) {
        return Err(Error::xml(format!("name {name:?} cannot contain control characters"))).own();
    }
    Ok(())
}

/// Whether a domain goes on after the guest's end.
pub(crate) fn starts_again(action: LifecycleAction) -> bool {
    matches!(action, LifecycleAction::Restart | LifecycleAction::RenameRestart)
}

/// Whether a word names a kind of hypervisor.
pub(crate) fn is_virtualization_type(word: &str) -> bool {
    DomainType::from_word(word).is_some()
}
