//! What a file says about the state of a domain: elements of a namespace of their own inside of its document.

use std::path::Path;
use std::sync::Arc;

use oxivirt_conf::moment::{Loaded, MomentTree};
use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotParse};
use oxivirt_conf::xml::Node as Element;
use oxivirt_core::constants::DomainStateCode;
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::definition::Hooks;

/// The namespace.
const NAMESPACE: &str = "http://libvirt.org/schemas/domain/test/1.0";

/// The state in which a domain of a file begins.
pub(super) struct Beginning {
    pub(super) state: DomainStateCode,
    pub(super) transient: bool,
    pub(super) managed_save: bool,
    pub(super) snapshots: MomentTree<Arc<SnapshotDefinition>>,
}

impl Default for Beginning {
    fn default() -> Self {
        let (transient, managed_save) = (false, false);
        Self { state: DomainStateCode::RUNNING, transient, managed_save, snapshots: MomentTree::default() }
    }
}

impl Beginning {
    /// * `name`: what the domain is called.
    /// * `host`: the host's file, beside which others lie.
    pub(super) fn parse(domain: Element<'_>, name: &str, host: &Path) -> Result<Self> {
        let mut beginning = Self::default();
        let mut snapshots = Vec::new();
        let mut state = None;
        for element in domain.children().filter(|element| element.namespace() == Some(NAMESPACE)) {
            match element.name() {
                "runstate" if state.is_none() => state = Some(run_state(&element.text())?),
                "transient" => beginning.transient = true,
                "hasmanagedsave" => beginning.managed_save = true,
                "domainsnapshot" => snapshots.push(snapshot(element, host)?),
                _ => {}
            }
        }
        beginning.state = state.unwrap_or(beginning.state);
        let off = beginning.state == DomainStateCode::SHUTOFF;
        if beginning.transient && off {
            return Err(Error::xml("transient domain cannot have runstate 'shutoff'"));
        }
        if beginning.managed_save && !off {
            return Err(Error::xml("domain with managedsave data can only have runstate 'shutoff'"));
        }
        beginning.snapshots = tree(name, snapshots)?;
        Ok(beginning)
    }
}

/// The number of a state in digits; running where nothing is said.
fn run_state(text: &str) -> Result<DomainStateCode> {
    if text.is_empty() {
        return Ok(DomainStateCode::RUNNING);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = text.parse().ok().filter(|_| digits).ok_or_else(|| Error::xml("invalid runstate"))?;
    let state = i32::try_from(number).map(DomainStateCode).ok().filter(|state| state.name().is_some());
    state.ok_or_else(|| Error::xml(format!("runstate '{number}' out of range'")))
}

/// A snapshot, in place or by `file=`, and whether it is the current one.
fn snapshot(element: Element<'_>, host: &Path) -> Result<(SnapshotDefinition, bool)> {
    let how = SnapshotParse { redefine: true, disks: true, internal: true };
    let parsed = match element.attr("file") {
        None => SnapshotDefinition::parse_node(element, how, 0, &Hooks),
        Some(file) => {
            let text = super::read(&host.parent().unwrap_or(Path::new("")).join(file))?;
            SnapshotDefinition::parse(&text, how, 0, &Hooks)
        }
    };
    parsed.map_err(|error| error.in_domain(ErrorDomain::DOMAIN_SNAPSHOT))
}

fn tree(domain: &str, snapshots: Vec<(SnapshotDefinition, bool)>) -> Result<MomentTree<Arc<SnapshotDefinition>>> {
    let mut current = snapshots.iter().filter(|(_, current)| *current).map(|(snapshot, _)| snapshot.name.clone());
    let (first, second) = (current.next(), current.next());
    drop(current);
    if second.is_some() {
        return Err(Error::internal("more than one snapshot claims to be active"));
    }
    let Loaded { mut tree, problems, .. } =
        MomentTree::load(snapshots.into_iter().map(|(snapshot, _)| Arc::new(snapshot)));
    if !problems.is_empty() {
        return Err(Error::internal(format!("Snapshots have inconsistent relations for domain {domain}")));
    }
    tree.set_current(first.as_deref())?;
    Ok(tree)
}
