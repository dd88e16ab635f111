//! Snapshots: a name for a state and the definition that went with it.

use std::path::Path;
use std::sync::Arc;

use oxivirt_conf::domain::devices::SnapshotLocation;
use oxivirt_conf::moment::{Listing, Moment, MomentTree};
use oxivirt_conf::snapshot::{
    Alignment, MemorySnapshot, SnapshotDefinition, SnapshotFormat, SnapshotParse, SnapshotState,
};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainSnapshotCreateFlags, DomainSnapshotDeleteFlags, DomainSnapshotListFlags, DomainSnapshotRevertFlags,
    DomainSnapshotXmlFlags, DomainStateCode, ShutoffReason, StoppedDetail,
};
use oxivirt_core::interface::{DomainSnapshots, implements};
use oxivirt_core::types::{Counted, Domain, DomainSnapshot, List, limit};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{now_seconds, remove_moment};
use crate::TestConnection;
use crate::definition::{self, Hooks};
use crate::error::{Own, argument, check_flags};
use crate::schema;
use crate::state::{Snapshot, reference};

type Tree = MomentTree<Arc<SnapshotDefinition>>;

#[implements]
impl DomainSnapshots for TestConnection {
    fn domain_snapshot_create_xml(
        &self,
        call: &Call,
        dom: &Domain,
        xml_desc: &str,
        flags: DomainSnapshotCreateFlags,
    ) -> Result<DomainSnapshot> {
        use DomainSnapshotCreateFlags as F;
        let known = F::REDEFINE | F::CURRENT | F::HALT | F::QUIESCE | F::ATOMIC | F::LIVE | F::VALIDATE;
        check_flags(flags.0, known.0, "domain_snapshot_create_xml")?;
        let redefine = flags.contains(F::REDEFINE);
        if flags.contains(F::CURRENT) && !redefine {
            return Err(argument(
                ErrorDomain::DOMAIN_SNAPSHOT,
                "virDomainSnapshotCreateXML".to_owned(),
                "ctl",
                "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE' is required by flag 'VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT'"
                    .to_owned(),
            ));
        }
        let job = self.state().change(call, dom)?;
        let domain = job.snapshot();
        if !domain.status.checkpoints.is_empty() {
            let text = "cannot create snapshot while checkpoint exists";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
        }
        if flags.contains(F::VALIDATE) {
            schema::check(xml_desc, "domainsnapshot.rng", ErrorDomain::DOMAIN_SNAPSHOT)?;
        }
        let how = SnapshotParse { redefine, disks: true, internal: false };
        let (snapshot, _) = in_snapshot(SnapshotDefinition::parse(xml_desc, how, now_seconds(), &Hooks))?;
        let mut tree = Tree::clone(&domain.status.snapshots);
        let name = snapshot.name.clone();
        match redefine {
            true => redefine_one(&mut tree, snapshot, &domain)?,
            false => add(&mut tree, snapshot, &domain)?,
        }
        if !redefine || flags.contains(F::CURRENT) {
            tree.set_current(Some(&name)).own()?;
        }
        job.update(|domain| {
            domain.status.snapshots = Arc::new(tree);
            Ok(())
        })?;
        let dom = reference(&job.snapshot());
        if flags.contains(F::HALT) && !redefine && domain.is_active() {
            self.state().stop(&job, ShutoffReason::FROM_SNAPSHOT, StoppedDetail::FROM_SNAPSHOT)?;
        }
        Ok(DomainSnapshot { name: name.into(), dom })
    }

    #[quick]
    fn domain_snapshot_get_xml_desc(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotXmlFlags,
    ) -> Result<String> {
        check_flags(flags.0, DomainSnapshotXmlFlags::SECURE.0, "domain_snapshot_get_xml_desc")?;
        let secure = flags.contains(DomainSnapshotXmlFlags::SECURE);
        if secure && call.is_read_only() {
            let text = "virDomainSnapshotGetXMLDesc with secure flag";
            return Err(Error::new(ErrorCode::OPERATION_DENIED, text).in_domain(ErrorDomain::DOMAIN_SNAPSHOT));
        }
        let (domain, found) = self.snapshot_of(snap)?;
        let domain_uuid = Some(domain.definition().uuid);
        in_snapshot(found.format(SnapshotFormat { secure, domain_uuid, ..SnapshotFormat::default() }))
    }

    #[quick]
    fn domain_snapshot_num(&self, _call: &Call, dom: &Domain, flags: DomainSnapshotListFlags) -> Result<i32> {
        check_list_flags(flags, "domain_snapshot_num")?;
        let found = list(&self.state().read(dom)?.status.snapshots, None, flags)?.len();
        Ok(i32::try_from(found).unwrap_or(i32::MAX))
    }

    #[quick]
    fn domain_snapshot_list_names(
        &self,
        _call: &Call,
        dom: &Domain,
        maxnames: i32,
        flags: DomainSnapshotListFlags,
    ) -> Result<List<RString, { limit::LIST }>> {
        check_list_flags(flags, "domain_snapshot_list_names")?;
        names(&list(&self.state().read(dom)?.status.snapshots, None, flags)?, maxnames)
    }

    #[quick]
    fn domain_snapshot_lookup_by_name(
        &self,
        _call: &Call,
        dom: &Domain,
        name: &str,
        flags: u32,
    ) -> Result<DomainSnapshot> {
        check_flags(flags, 0, "domain_snapshot_lookup_by_name")?;
        let domain = self.state().read(dom)?;
        let found = domain.status.snapshots.find(name).own()?;
        Ok(DomainSnapshot { name: found.name().into(), dom: reference(&domain) })
    }

    #[quick]
    fn domain_has_current_snapshot(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<bool> {
        check_flags(flags, 0, "domain_has_current_snapshot")?;
        Ok(self.state().read(dom)?.status.snapshots.current().is_some())
    }

    #[quick]
    fn domain_snapshot_current(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<DomainSnapshot> {
        check_flags(flags, 0, "domain_snapshot_current")?;
        let domain = self.state().read(dom)?;
        let text = "the domain does not have a current snapshot";
        let missing = || Error::new(ErrorCode::NO_DOMAIN_SNAPSHOT, text);
        let found = domain.status.snapshots.current().ok_or_else(missing).own()?;
        Ok(DomainSnapshot { name: found.name().into(), dom: reference(&domain) })
    }

    fn domain_revert_to_snapshot(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotRevertFlags,
    ) -> Result<()> {
        use DomainSnapshotRevertFlags as F;
        check_flags(flags.0, (F::RUNNING | F::PAUSED | F::FORCE).0, "domain_revert_to_snapshot")?;
        if flags.contains(F::RUNNING | F::PAUSED) {
            return Err(exclusive(
                "virDomainRevertToSnapshot",
                "VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING",
                "VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED",
            ));
        }
        let job = self.state().change(call, &snap.dom)?;
        let found = Arc::clone(job.snapshot().status.snapshots.find(&snap.name).own()?);
        self.state().revert(&job, &found, flags)
    }

    fn domain_snapshot_delete(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotDeleteFlags,
    ) -> Result<()> {
        use DomainSnapshotDeleteFlags as F;
        check_flags(flags.0, (F::CHILDREN | F::CHILDREN_ONLY).0, "domain_snapshot_delete")?;
        let (children, only) = (flags.contains(F::CHILDREN), flags.contains(F::CHILDREN_ONLY));
        if children && only {
            return Err(exclusive(
                "virDomainSnapshotDelete",
                "VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN",
                "VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY",
            ));
        }
        let job = self.state().change(call, &snap.dom)?;
        job.update(|domain| {
            let tree = Arc::make_mut(&mut domain.status.snapshots);
            remove_moment(tree, &snap.name, children, only)
        })
        .own()
    }

    #[quick]
    fn domain_snapshot_get_parent(&self, _call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<DomainSnapshot> {
        check_flags(flags, 0, "domain_snapshot_get_parent")?;
        let (domain, found) = self.snapshot_of(snap)?;
        let text = || format!("snapshot '{}' does not have a parent", found.name);
        let none = || Error::new(ErrorCode::NO_DOMAIN_SNAPSHOT, text());
        let parent = found.parent().ok_or_else(none).own()?;
        Ok(DomainSnapshot { name: parent.into(), dom: reference(&domain) })
    }

    #[quick]
    fn domain_snapshot_num_children(
        &self,
        _call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotListFlags,
    ) -> Result<i32> {
        check_list_flags(flags, "domain_snapshot_num_children")?;
        let domain = self.state().read(&snap.dom)?;
        let found = list(&domain.status.snapshots, Some(&snap.name), flags)?.len();
        Ok(i32::try_from(found).unwrap_or(i32::MAX))
    }

    #[quick]
    fn domain_snapshot_list_children_names(
        &self,
        _call: &Call,
        snap: &DomainSnapshot,
        maxnames: i32,
        flags: DomainSnapshotListFlags,
    ) -> Result<List<RString, { limit::LIST }>> {
        check_list_flags(flags, "domain_snapshot_list_children_names")?;
        let domain = self.state().read(&snap.dom)?;
        names(&list(&domain.status.snapshots, Some(&snap.name), flags)?, maxnames)
    }

    #[quick]
    fn domain_snapshot_is_current(&self, _call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<bool> {
        check_flags(flags, 0, "domain_snapshot_is_current")?;
        let (domain, found) = self.snapshot_of(snap)?;
        Ok(domain.status.snapshots.is_current(&found.name))
    }

    #[quick]
    fn domain_snapshot_has_metadata(&self, _call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<bool> {
        check_flags(flags, 0, "domain_snapshot_has_metadata")?;
        // They consist of nothing else.
        self.snapshot_of(snap).map(|_| true)
    }

    #[quick]
    fn domain_list_all_snapshots(
        &self,
        _call: &Call,
        dom: &Domain,
        need_results: bool,
        flags: DomainSnapshotListFlags,
    ) -> Result<Counted<List<DomainSnapshot, { limit::LIST }>, i32>> {
        check_list_flags(flags, "domain_list_all_snapshots")?;
        let domain = self.state().read(dom)?;
        answer(&domain, &list(&domain.status.snapshots, None, flags)?, need_results)
    }

    #[quick]
    fn domain_snapshot_list_all_children(
        &self,
        _call: &Call,
        snapshot: &DomainSnapshot,
        need_results: bool,
        flags: DomainSnapshotListFlags,
    ) -> Result<Counted<List<DomainSnapshot, { limit::LIST }>, i32>> {
        check_list_flags(flags, "domain_snapshot_list_all_children")?;
        let domain = self.state().read(&snapshot.dom)?;
        answer(&domain, &list(&domain.status.snapshots, Some(&snapshot.name), flags)?, need_results)
    }
}

impl TestConnection {
    fn snapshot_of(&self, snap: &DomainSnapshot) -> Result<(Arc<Snapshot>, Arc<SnapshotDefinition>)> {
        let domain = self.state().read(&snap.dom)?;
        let found = Arc::clone(domain.status.snapshots.find(&snap.name).own()?);
        Ok((domain, found))
    }
}

/// Writes down the present state below the current snapshot.
fn add(tree: &mut Tree, mut snapshot: SnapshotDefinition, domain: &Snapshot) -> Result<()> {
    let taken = tree.get(&snapshot.name).is_some();
    snapshot.domain = Some(Box::new(definition::at_rest(domain.definition()).own()?));
    snapshot.parent = tree.current().map(|parent| parent.name.clone());
    snapshot.state = Some(state_of(domain.status.state));
    let online = snapshot.state != Some(SnapshotState::Shutoff);
    let outside = matches!(snapshot.memory, MemorySnapshot::External(_));
    if snapshot.memory == MemorySnapshot::Unsaid {
        snapshot.memory = if online { MemorySnapshot::Internal } else { MemorySnapshot::No };
    } else if !online && snapshot.memory != MemorySnapshot::No {
        return in_snapshot(Err(Error::config_unsupported("offline snapshots do not hold memory")));
    }
    let default = if outside { SnapshotLocation::External } else { SnapshotLocation::Internal };
    let how = Alignment { default, uniform: !outside, force_default: false };
    in_snapshot(snapshot.align_disks(None, how, &is_file))?;
    if taken {
        let text = format!("domain moment {} already exists", snapshot.name);
        return Err(Error::operation_failed(text).in_domain(ErrorDomain::DOMAIN));
    }
    tree.insert(Arc::new(snapshot)).own()
}

/// Writes down a snapshot as its document has it.
fn redefine_one(tree: &mut Tree, mut snapshot: SnapshotDefinition, domain: &Snapshot) -> Result<()> {
    let in_domain = |error: Error| error.in_domain(ErrorDomain::DOMAIN);
    tree.check_parent(&snapshot.name, snapshot.parent.as_deref()).map_err(in_domain)?;
    let before = tree.get(&snapshot.name).cloned();
    let abi = |old: &_, new: &_| oxivirt_conf::domain::DomainDefinition::check_abi_stability(old, new, &Hooks);
    let uuid = domain.definition().uuid;
    in_snapshot(snapshot.check_redefinition(uuid, before.as_deref(), false, &abi, &is_file))?;
    match before {
        Some(_) => tree.replace(Arc::new(snapshot)).map(drop).own(),
        None => tree.insert(Arc::new(snapshot)).own(),
    }
}

fn is_file(path: &str) -> bool {
    Path::new(path).is_file()
}

fn state_of(state: DomainStateCode) -> SnapshotState {
    match state {
        DomainStateCode::BLOCKED => SnapshotState::Blocked,
        DomainStateCode::PAUSED => SnapshotState::Paused,
        DomainStateCode::SHUTDOWN => SnapshotState::Shutdown,
        DomainStateCode::SHUTOFF => SnapshotState::Shutoff,
        DomainStateCode::CRASHED => SnapshotState::Crashed,
        DomainStateCode::PMSUSPENDED => SnapshotState::PmSuspended,
        _ => SnapshotState::Running,
    }
}

fn check_list_flags(flags: DomainSnapshotListFlags, call: &str) -> Result<()> {
    let known = DomainSnapshotListFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
    check_flags(flags.0, known, call)
}

/// The snapshots that pass: of each group that `flags` touch, one flag fits.
fn list<'t>(
    tree: &'t Tree,
    from: Option<&str>,
    flags: DomainSnapshotListFlags,
) -> Result<Vec<&'t Arc<SnapshotDefinition>>> {
    use DomainSnapshotListFlags as F;
    let what = Listing {
        // One bit means more below a snapshot, but less below the domain.
        descendants: flags.contains(F::DESCENDANTS) == from.is_some(),
        inner: flags.contains(F::NO_LEAVES),
        leaves: flags.contains(F::LEAVES),
        topological: flags.contains(F::TOPOLOGICAL),
    };
    let fits = |snapshot: &SnapshotDefinition| {
        let state = match snapshot.state {
            Some(SnapshotState::Shutoff) => F::INACTIVE,
            Some(SnapshotState::DiskSnapshot) => F::DISK_ONLY,
            _ => F::ACTIVE,
        };
        let place = if snapshot.is_external() { F::EXTERNAL } else { F::INTERNAL };
        let groups = [
            (F::METADATA | F::NO_METADATA, F::METADATA),
            (F::INACTIVE | F::ACTIVE | F::DISK_ONLY, state),
            (F::INTERNAL | F::EXTERNAL, place),
        ];
        groups.iter().all(|(group, own)| !flags.intersects(*group) || flags.intersects(*own))
    };
    Ok(tree.list(from, what).own()?.into_iter().filter(|snapshot| fits(snapshot)).collect())
}

fn names(found: &[&Arc<SnapshotDefinition>], most: i32) -> Result<List<RString, { limit::LIST }>> {
    let most = usize::try_from(most).unwrap_or(0);
    List::new(found.iter().take(most).map(|snapshot| snapshot.name.as_str().into()).collect())
}

fn answer(
    domain: &Snapshot,
    found: &[&Arc<SnapshotDefinition>],
    need_results: bool,
) -> Result<Counted<List<DomainSnapshot, { limit::LIST }>, i32>> {
    let dom = reference(domain);
    let name = |snapshot: &&Arc<SnapshotDefinition>| snapshot.name.as_str().into();
    Counted::answer(need_results, found.iter().map(|s| DomainSnapshot { name: name(s), dom: dom.clone() }).collect())
}

fn exclusive(function: &str, first: &str, second: &str) -> Error {
    let text = format!("Flags '{first}' and '{second}' are mutually exclusive");
    argument(ErrorDomain::DOMAIN_SNAPSHOT, function.to_owned(), "ctl", text)
}

fn in_snapshot<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| error.in_domain(ErrorDomain::DOMAIN_SNAPSHOT))
}
