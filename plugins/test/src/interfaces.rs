//! Network interfaces of the host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oxivirt_conf::interface::HostInterface;
use oxivirt_core::types::HostInterface as Reference;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::directory::{Directory, Names};
use crate::error::Own;
use crate::schema;

/// One interface.
#[derive(Clone)]
pub(crate) struct Interface {
    pub(crate) definition: HostInterface,
    pub(crate) active: bool,
}

impl Interface {
    /// How calls name it.
    pub(crate) fn reference(&self) -> Reference {
        let mac = self.definition.mac().unwrap_or_default();
        Reference { name: self.definition.name.as_str().into(), mac: mac.into() }
    }
}

/// All interfaces, and what a set of changes began with.
///
/// Lock order: the set of changes, then the directory.
#[derive(Default)]
pub(crate) struct Interfaces {
    all: Directory<Interface>,
    before: Mutex<Option<Arc<Names<Interface>>>>,
}

/// Reads a document that a client sent.
///
/// * `validate` – holds it against the published schema first.
pub(crate) fn parse(xml: &str, validate: bool) -> Result<HostInterface> {
    if validate {
        schema::check(xml, "interface.rng", ErrorDomain::INTERFACE)?;
    }
    HostInterface::parse(xml).map_err(|error| error.in_domain(ErrorDomain::INTERFACE))
}

impl Interfaces {
    /// All of them at this moment. Never waits.
    pub(crate) fn all(&self) -> Arc<Names<Interface>> {
        self.all.all()
    }

    /// The one of that name. Never waits.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Interface>> {
        self.all.get(name).ok_or_else(|| missing("name", name))
    }

    /// The only one with that hardware address, in capitals or not.
    ///
    /// Errors: `NO_INTERFACE`; `MULTIPLE_INTERFACES`.
    pub(crate) fn find_by_mac(&self, mac: &str) -> Result<Arc<Interface>> {
        let all = self.all();
        let fits = |interface: &&Arc<Interface>| {
            interface.definition.mac().is_some_and(|known| known.eq_ignore_ascii_case(mac))
        };
        let mut found = all.values().filter(fits);
        match (found.next(), found.next()) {
            (None, _) => Err(missing("mac", mac)),
            (Some(interface), None) => Ok(Arc::clone(interface)),
            (Some(_), Some(_)) => Err(Error::new(ErrorCode::MULTIPLE_INTERFACES, "").in_domain(ErrorDomain::TEST)),
        }
    }

    /// Defines an interface, or changes the definition of the one of its name.
    pub(crate) fn define(&self, definition: HostInterface) -> Result<Reference> {
        self.put(definition, |known| known.is_some_and(|known| known.active))
    }

    /// Puts in an interface that is up already, as files have them.
    pub(crate) fn add(&self, definition: HostInterface) -> Result<()> {
        self.put(definition, |_| true).map(drop)
    }

    fn put(
        &self,
        definition: HostInterface,
        active: impl FnOnce(Option<&Arc<Interface>>) -> bool,
    ) -> Result<Reference> {
        self.change(|all| {
            let active = active(all.get(&definition.name));
            let interface = Interface { definition, active };
            let reference = interface.reference();
            all.insert(interface.definition.name.clone(), Arc::new(interface));
            Ok(reference)
        })
    }

    /// Forgets an interface.
    pub(crate) fn undefine(&self, name: &str) -> Result<()> {
        self.change(|all| all.remove(name).map(drop).ok_or_else(|| missing("name", name)))
    }

    /// Brings an interface up or takes it down.
    ///
    /// Errors: `OPERATION_INVALID` when it is so already.
    pub(crate) fn set_active(&self, name: &str, active: bool) -> Result<()> {
        self.change(|all| {
            let interface = all.get_mut(name).ok_or_else(|| missing("name", name))?;
            if interface.active == active {
                return Err(Error::operation_invalid("")).own();
            }
            Arc::make_mut(interface).active = active;
            Ok(())
        })
    }

    /// Begins a set of changes.
    pub(crate) fn begin(&self) -> Result<()> {
        let mut before = self.before();
        if before.is_some() {
            return Err(Error::operation_invalid("there is another transaction running.")).own();
        }
        *before = Some(self.all());
        Ok(())
    }

    /// Keeps the changes since the begin.
    pub(crate) fn commit(&self) -> Result<()> {
        match self.before().take() {
            Some(_) => Ok(()),
            None => Err(Error::operation_invalid("no transaction running, nothing to be committed.")).own(),
        }
    }

    /// Takes the changes since the begin back.
    pub(crate) fn roll_back(&self) -> Result<()> {
        let mut before = self.before();
        let none = || Error::operation_invalid("no transaction running, nothing to rollback.");
        let old = before.take().ok_or_else(none).own()?;
        self.change(|all| {
            *all = Names::clone(&old);
            Ok(())
        })
    }

    fn change<R>(&self, edit: impl FnOnce(&mut Names<Interface>) -> Result<R>) -> Result<R> {
        self.all.change(edit, |_| ())
    }

    fn before(&self) -> MutexGuard<'_, Option<Arc<Names<Interface>>>> {
        // One step changes what it protects, so it is whole even after a panic.
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(what: &str, value: &str) -> Error {
    let text = format!("no interface with matching {what} '{value}'");
    Error::new(ErrorCode::NO_INTERFACE, text).in_domain(ErrorDomain::TEST)
}
