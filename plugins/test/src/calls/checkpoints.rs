//! Checkpoints: a name for a moment since which writes are noted.

use std::sync::Arc;

use oxivirt_conf::checkpoint::{CheckpointDefinition, CheckpointFormat, CheckpointParse};
use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::moment::{Listing, Moment, MomentTree};
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainCheckpointCreateFlags, DomainCheckpointDeleteFlags, DomainCheckpointListFlags, DomainCheckpointXmlFlags,
};
use oxivirt_core::interface::{DomainCheckpoints, implements};
use oxivirt_core::types::{Counted, Domain, DomainCheckpoint, List, limit};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{now_seconds, remove_moment};
use crate::TestConnection;
use crate::definition::{self, Hooks};
use crate::error::{Own, argument, check_flags};
use crate::state::{Snapshot, reference};

type Tree = MomentTree<Arc<CheckpointDefinition>>;

#[implements]
impl DomainCheckpoints for TestConnection {
    fn domain_checkpoint_create_xml(
        &self,
        call: &Call,
        dom: &Domain,
        xml_desc: &str,
        flags: DomainCheckpointCreateFlags,
    ) -> Result<DomainCheckpoint> {
        use DomainCheckpointCreateFlags as F;
        check_flags(flags.0, (F::REDEFINE | F::QUIESCE).0, "domain_checkpoint_create_xml")?;
        let redefine = flags.contains(F::REDEFINE);
        let job = self.state().change(call, dom)?;
        let domain = job.snapshot();
        let unsupported = |text: &str| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
        if !domain.status.snapshots.is_empty() {
            return unsupported("cannot create checkpoint while snapshot exists");
        }
        if !domain.is_active() {
            return unsupported("cannot create checkpoint for inactive domain");
        }
        let how = CheckpointParse { redefine, internal: false };
        let (checkpoint, _) = in_checkpoint(CheckpointDefinition::parse(xml_desc, how, now_seconds(), &Hooks))?;
        let mut tree = Tree::clone(&domain.status.checkpoints);
        let name = checkpoint.name.clone();
        match redefine {
            true => redefine_one(&mut tree, checkpoint, &domain)?,
            false => {
                add(&mut tree, checkpoint, &domain)?;
                tree.set_current(Some(&name)).own()?;
            }
        }
        job.update(|domain| {
            domain.status.checkpoints = Arc::new(tree);
            Ok(())
        })?;
        Ok(DomainCheckpoint { name: name.into(), dom: reference(&job.snapshot()) })
    }

    #[quick]
    fn domain_checkpoint_get_xml_desc(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: DomainCheckpointXmlFlags,
    ) -> Result<String> {
        use DomainCheckpointXmlFlags as F;
        check_flags(flags.0, (F::SECURE | F::NO_DOMAIN | F::SIZE).0, "domain_checkpoint_get_xml_desc")?;
        let secure = flags.contains(F::SECURE);
        if secure && call.is_read_only() {
            let text = "virDomainCheckpointGetXMLDesc with secure flag";
            return Err(Error::new(ErrorCode::OPERATION_DENIED, text).in_domain(ErrorDomain::DOMAIN_CHECKPOINT));
        }
        let (_, found) = self.checkpoint_of(checkpoint)?;
        // Nothing is ever written, so there is no size to tell.
        let no_domain = flags.contains(F::NO_DOMAIN);
        in_checkpoint(found.format(CheckpointFormat { secure, no_domain, ..CheckpointFormat::default() }))
    }

    #[quick]
    fn domain_list_all_checkpoints(
        &self,
        _call: &Call,
        dom: &Domain,
        need_results: bool,
        flags: DomainCheckpointListFlags,
    ) -> Result<Counted<List<DomainCheckpoint, { limit::LIST }>, i32>> {
        check_list_flags(flags, "domain_list_all_checkpoints")?;
        answer(&*self.state().read(dom)?, None, need_results, flags)
    }

    #[quick]
    fn domain_checkpoint_list_all_children(
        &self,
        _call: &Call,
        checkpoint: &DomainCheckpoint,
        need_results: bool,
        flags: DomainCheckpointListFlags,
    ) -> Result<Counted<List<DomainCheckpoint, { limit::LIST }>, i32>> {
        check_list_flags(flags, "domain_checkpoint_list_all_children")?;
        answer(&*self.state().read(&checkpoint.dom)?, Some(&checkpoint.name), need_results, flags)
    }

    #[quick]
    fn domain_checkpoint_lookup_by_name(
        &self,
        _call: &Call,
        dom: &Domain,
        name: &str,
        flags: u32,
    ) -> Result<DomainCheckpoint> {
        check_flags(flags, 0, "domain_checkpoint_lookup_by_name")?;
        let domain = self.state().read(dom)?;
        let found = domain.status.checkpoints.find(name).own()?;
        Ok(DomainCheckpoint { name: found.name().into(), dom: reference(&domain) })
    }

    #[quick]
    fn domain_checkpoint_get_parent(
        &self,
        _call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: u32,
    ) -> Result<DomainCheckpoint> {
        check_flags(flags, 0, "domain_checkpoint_get_parent")?;
        let (domain, found) = self.checkpoint_of(checkpoint)?;
        let text = || format!("checkpoint '{}' does not have a parent", found.name);
        let none = || Error::new(ErrorCode::NO_DOMAIN_CHECKPOINT, text());
        let parent = found.parent().ok_or_else(none).own()?;
        Ok(DomainCheckpoint { name: parent.into(), dom: reference(&domain) })
    }

    fn domain_checkpoint_delete(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: DomainCheckpointDeleteFlags,
    ) -> Result<()> {
        use DomainCheckpointDeleteFlags as F;
        let known = F::CHILDREN | F::CHILDREN_ONLY | F::METADATA_ONLY;
        check_flags(flags.0, known.0, "domain_checkpoint_delete")?;
        let (children, only) = (flags.contains(F::CHILDREN), flags.contains(F::CHILDREN_ONLY));
        if children && only {
            return Err(argument(
                ErrorDomain::DOMAIN_CHECKPOINT,
                "virDomainCheckpointDelete".to_owned(),
                "ctl",
                "Flags 'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN' and 'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY' are \
                 mutually exclusive"
                    .to_owned(),
            ));
        }
        let job = self.state().change(call, &checkpoint.dom)?;
        job.update(|domain| {
            let tree = Arc::make_mut(&mut domain.status.checkpoints);
            remove_moment(tree, &checkpoint.name, children, only)
        })
        .own()
    }
}

impl TestConnection {
    fn checkpoint_of(&self, checkpoint: &DomainCheckpoint) -> Result<(Arc<Snapshot>, Arc<CheckpointDefinition>)> {
        let domain = self.state().read(&checkpoint.dom)?;
        let found = Arc::clone(domain.status.checkpoints.find(&checkpoint.name).own()?);
        Ok((domain, found))
    }
}

/// Writes down the present moment below the current checkpoint.
fn add(tree: &mut Tree, mut checkpoint: CheckpointDefinition, domain: &Snapshot) -> Result<()> {
    if domain.definition().devices.disks.is_empty() {
        let text = "domain must have at least one disk to perform checkpoints";
        return in_checkpoint(Err(Error::config_unsupported(text)));
    }
    checkpoint.domain = Some(Box::new(definition::at_rest(domain.definition()).own()?));
    checkpoint.parent = tree.current().map(|parent| parent.name.clone());
    in_checkpoint(checkpoint.align_disks(None))?;
    if tree.get(&checkpoint.name).is_some() {
        let text = format!("domain moment {} already exists", checkpoint.name);
        return Err(Error::operation_failed(text).in_domain(ErrorDomain::DOMAIN));
    }
    tree.insert(Arc::new(checkpoint)).own()
}

/// Writes down a checkpoint as its document has it.
fn redefine_one(tree: &mut Tree, mut checkpoint: CheckpointDefinition, domain: &Snapshot) -> Result<()> {
    let in_domain = |error: Error| error.in_domain(ErrorDomain::DOMAIN);
    tree.check_parent(&checkpoint.name, checkpoint.parent.as_deref()).map_err(in_domain)?;
    let before = tree.get(&checkpoint.name).cloned();
    let abi = |old: &_, new: &_| DomainDefinition::check_abi_stability(old, new, &Hooks);
    in_checkpoint(checkpoint.check_redefinition(domain.definition().uuid, before.as_deref(), &abi))?;
    match before {
        Some(_) => tree.replace(Arc::new(checkpoint)).map(drop).own(),
        None => tree.insert(Arc::new(checkpoint)).own(),
    }
}

fn check_list_flags(flags: DomainCheckpointListFlags, call: &str) -> Result<()> {
    let known = DomainCheckpointListFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
    check_flags(flags.0, known, call)
}

fn answer(
    domain: &Snapshot,
    from: Option<&str>,
    need_results: bool,
    flags: DomainCheckpointListFlags,
) -> Result<Counted<List<DomainCheckpoint, { limit::LIST }>, i32>> {
    use DomainCheckpointListFlags as F;
    let what = Listing {
        // One bit means more below a checkpoint, but less below the domain.
        descendants: flags.contains(F::DESCENDANTS) == from.is_some(),
        inner: flags.contains(F::NO_LEAVES),
        leaves: flags.contains(F::LEAVES),
        topological: flags.contains(F::TOPOLOGICAL),
    };
    let found = domain.status.checkpoints.list(from, what).own()?;
    let dom = reference(domain);
    let one = |checkpoint: &Arc<CheckpointDefinition>| DomainCheckpoint {
        name: checkpoint.name.as_str().into(),
        dom: dom.clone(),
    };
    Counted::answer(need_results, found.into_iter().map(one).collect())
}

fn in_checkpoint<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| error.in_domain(ErrorDomain::DOMAIN_CHECKPOINT))
}
