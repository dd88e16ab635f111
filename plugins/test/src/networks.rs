//! Virtual networks of the host.

use std::sync::Arc;

use oxivirt_conf::network::{NetworkDefinition, NoHooks, ParseFlags};
use oxivirt_conf::object::{self, Affected, Private, Table};
use oxivirt_conf::xml::Node;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{NetworkEventType, NetworkUpdateFlags};
use oxivirt_core::event::Event;
use oxivirt_core::types::{Network, Uuid};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::error::Own;
use crate::schema;
use crate::state::{State, begin, claim};

/// The private part of a network: there is nothing behind it.
pub(crate) struct NoBridge;

/// What is known of a network beside its definitions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Status {
    pub(crate) autostart: bool,
}

impl Private for NoBridge {
    type Status = Status;
}

pub(crate) type Networks = Table<NetworkDefinition, NoBridge>;
pub(crate) type Snapshot = object::Snapshot<NetworkDefinition, Status>;
pub(crate) type Job = object::Job<NetworkDefinition, NoBridge>;
type Object = object::Object<NetworkDefinition, NoBridge>;

/// How calls name a network.
pub(crate) fn reference(snapshot: &Snapshot) -> Network {
    let definition = snapshot.definition();
    Network { name: definition.name.as_str().into(), uuid: Uuid(*definition.uuid.as_bytes()) }
}

/// Reads a document that a client sent.
///
/// * `validate` – holds it against the published schema first.
pub(crate) fn parse(xml: &str, validate: bool) -> Result<NetworkDefinition> {
    if validate {
        schema::check(xml, "network.rng", ErrorDomain::NETWORK)?;
    }
    NetworkDefinition::parse(xml, ParseFlags::INACTIVE, &NoHooks).map_err(|error| error.in_domain(ErrorDomain::NETWORK))
}

/// Which definitions the flags of a call mean for a network in its present state.
pub(crate) fn affected(snapshot: &Snapshot, flags: NetworkUpdateFlags) -> Result<Affected> {
    let refused = |text: &str| Err(Error::operation_invalid(text).in_domain(ErrorDomain::NETWORK));
    if flags.contains(NetworkUpdateFlags::LIVE) && !snapshot.is_active() {
        return refused("network is not running");
    }
    if flags.contains(NetworkUpdateFlags::CONFIG) && !snapshot.is_persistent() {
        return refused("cannot change persistent config of a transient network");
    }
    Affected::new(snapshot, flags.0).map_err(|error| error.in_domain(ErrorDomain::NETWORK))
}

/// Changes each definition that is meant, or none.
pub(crate) fn edit(
    affected: Affected,
    job: &Job,
    mut change: impl FnMut(&mut NetworkDefinition) -> Result<()>,
) -> Result<()> {
    let mut edited = |definition: &Arc<NetworkDefinition>| -> Result<NetworkDefinition> {
        let mut definition = NetworkDefinition::clone(definition);
        change(&mut definition)?;
        Ok(definition)
    };
    job.update(|snapshot| {
        let live = affected.live().then(|| edited(snapshot.definition())).transpose()?;
        let config = affected.config().then(|| edited(snapshot.inactive_definition())).transpose()?;
        if let Some(live) = live {
            snapshot.set_definition(live);
        }
        if let Some(config) = config {
            snapshot.store(config);
        }
        Ok(())
    })
}

impl State {
    /// The network that a call is about.
    fn find_network(&self, net: &Network) -> Result<Arc<Object>> {
        self.networks.by_uuid(uuid::Uuid::from_bytes(net.uuid.0)).ok_or_else(|| {
            let text = format!("no network with matching name '{}'", net.name);
            Error::new(ErrorCode::NO_NETWORK, text).in_domain(ErrorDomain::TEST)
        })
    }

    /// What is known about the network that a call is about. Never waits.
    pub(crate) fn read_network(&self, net: &Network) -> Result<Arc<Snapshot>> {
        Ok(self.find_network(net)?.snapshot())
    }

    /// The right to change the network that a call is about.
    pub(crate) fn change_network(&self, call: &Call, net: &Network) -> Result<Job> {
        begin(&self.find_network(net)?, call)
    }

    /// Puts in a network that runs already, as files have them.
    pub(crate) fn add_network(&self, definition: NetworkDefinition) -> Result<()> {
        let definition = Arc::new(definition);
        let snapshot = Snapshot::active(Arc::clone(&definition), Some(definition), None, Status::default());
        self.networks.insert(snapshot, NoBridge).map(drop).map_err(|error| error.in_domain(ErrorDomain::NETWORK))
    }

    /// The same from an element of a file.
    pub(crate) fn add_network_node(&self, node: Node<'_>) -> Result<()> {
        self.add_network(NetworkDefinition::parse_node(node, ParseFlags::INACTIVE, &NoHooks)?)
    }

    /// Defines a network or changes the definition of the one that has its uuid.
    pub(crate) fn define_network(&self, call: &Call, definition: NetworkDefinition) -> Result<Network> {
        let definition = Arc::new(definition);
        let make = || (Snapshot::inactive(Arc::clone(&definition), Status::default()), NoBridge);
        let (job, new) = claim(&self.networks, call, &*definition, make).map_err(in_network)?;
        if !new {
            job.update(|snapshot| {
                snapshot.store(Arc::clone(&definition));
                Ok(())
            })
            .own()?;
        }
        let network = reference(&job.snapshot());
        self.tell_network(&network, NetworkEventType::DEFINED);
        Ok(network)
    }

    /// Starts a network that need not be defined.
    pub(crate) fn run_network(&self, call: &Call, definition: NetworkDefinition) -> Result<Network> {
        let definition = Arc::new(definition);
        let make = || (Snapshot::active(Arc::clone(&definition), None, None, Status::default()), NoBridge);
        let (job, new) = claim(&self.networks, call, &*definition, make).map_err(in_network)?;
        if !new {
            job.update(|snapshot| {
                if snapshot.is_active() {
                    let text = format!("network is already active as '{}'", snapshot.definition().name);
                    return Err(Error::operation_invalid(text));
                }
                snapshot.start(Arc::clone(&definition), None);
                Ok(())
            })
            .map_err(in_network)?;
        }
        let network = reference(&job.snapshot());
        self.tell_network(&network, NetworkEventType::STARTED);
        Ok(network)
    }

    /// Makes a defined network run.
    pub(crate) fn start_network(&self, job: &Job) -> Result<()> {
        job.update(|snapshot| {
            if snapshot.is_active() {
                let text = format!("Network '{}' is already running", snapshot.definition().name);
                return Err(Error::operation_invalid(text));
            }
            let definition = Arc::clone(snapshot.inactive_definition());
            snapshot.start(definition, None);
            Ok(())
        })
        .own()?;
        self.tell_network(&reference(&job.snapshot()), NetworkEventType::STARTED);
        Ok(())
    }

    /// Makes a network not run; one that is not defined goes.
    pub(crate) fn stop_network(&self, job: &Job) -> Result<()> {
        let before = job.snapshot();
        if !before.is_persistent() {
            // Before it stops, so that no listing shows it off.
            self.networks.remove(job);
        }
        job.update(|snapshot| {
            snapshot.stop();
            Ok(())
        })
        .own()?;
        self.tell_network(&reference(&before), NetworkEventType::STOPPED);
        Ok(())
    }

    /// Forgets a network that does not run.
    pub(crate) fn undefine_network(&self, job: &Job) -> Result<()> {
        let snapshot = job.snapshot();
        if snapshot.is_active() {
            let text = format!("Network '{}' is still running", snapshot.definition().name);
            return Err(Error::operation_invalid(text)).own();
        }
        self.networks.remove(job);
        self.tell_network(&reference(&snapshot), NetworkEventType::UNDEFINED);
        Ok(())
    }

    fn tell_network(&self, network: &Network, event: NetworkEventType) {
        self.emit_event(Event::network_lifecycle(network, event, 0));
    }
}

fn in_network(error: Error) -> Error {
    error.in_domain(ErrorDomain::NETWORK)
}
