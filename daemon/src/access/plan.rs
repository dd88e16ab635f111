//! What a call demands, worked out once from its description.

use std::collections::HashMap;
use std::sync::LazyLock;

use oxivirt_core::constants::{
    DomainCheckpointCreateFlags, DomainCheckpointXmlFlags, DomainInterfaceAddressesSource, DomainModificationImpact,
    DomainRebootFlags, DomainSaveImageXmlFlags, DomainShutdownFlags, DomainSnapshotCreateFlags, DomainSnapshotXmlFlags,
    DomainVcpuFlags, DomainXmlFlags, NetworkUpdateFlags, NodeDeviceUpdateFlags,
};
use oxivirt_core::interface::{CallDescription, all_calls};
use oxivirt_core::types::{
    Domain, DomainSnapshot, HostInterface, Network, NetworkPort, NwFilterBinding, Secret, StorageVolume,
};
use oxivirt_core::wire::shape::Shape;
use oxivirt_core::wire::xdr::{Reader, Xdr};
use oxivirt_core::{Error, Result};

use super::object::Kind;

/// What one call demands.
pub(super) struct Plan {
    shapes: Vec<Shape>,
    pub(super) rules: Vec<Rule>,
    /// Kind of the objects in the answer, and what is wanted on each.
    pub(super) filter: Option<(Kind, &'static str)>,
}

/// One permission that a call demands.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    pub(super) permission: &'static str,
    pub(super) condition: Condition,
    pub(super) source: Source,
}

/// When a permission is demanded; numbers are those of arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    /// The argument has one of these flags.
    Any(usize, u32),
    /// The argument has none of these flags.
    None(usize, u32),
    /// The argument is this number.
    Equal(usize, u32),
}

/// Where the object is found; numbers are those of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It is the connection.
    Connect,
    /// An argument refers to it.
    Reference(usize),
    /// An argument refers to a part of it: a snapshot or checkpoint.
    Part(usize),
    /// An argument is its name.
    Name(usize),
    /// An argument is the document that describes it; the other one is the
    /// name that it gets instead, and the third what it becomes a part of.
    Document { xml: usize, name: Option<usize>, within: Option<usize> },
    /// An argument names the file of a saved guest; the other one is the
    /// document that replaces that of the file.
    Image { file: usize, xml: Option<usize> },
    /// Among typed parameters, in one of the ways above.
    Parameters(usize),
    /// The call looks it up: it is the answer.
    Answer,
    /// Nobody can say before the call is made.
    Unknown,
}

impl Plan {
    /// Works out a call.
    ///
    /// Errors: a rule that is not understood, in words.
    fn of(call: &CallDescription) -> Result<Self, String> {
        let arguments = (call.arguments)();
        let rules = call.acl.iter().map(|text| Rule::read(text, &arguments)).collect::<Result<_, _>>()?;
        let filter = match call.filter {
            [] => None,
            [text] => {
                let (kind, permission) = text.split_once(':').ok_or_else(|| format!("filter '{text}'"))?;
                Some((Kind::from_name(kind).ok_or_else(|| format!("filter '{text}'"))?, permission))
            }
            more => return Err(format!("{} filters", more.len())),
        };
        Ok(Self { shapes: arguments.into_iter().map(|(_, shape)| shape).collect(), rules, filter })
    }

    /// The plan of a call; a call without one is refused.
    pub(super) fn find(call: &CallDescription) -> Result<&'static Self> {
        static PLANS: LazyLock<HashMap<(u32, i32), Result<Plan, String>>> =
            LazyLock::new(|| all_calls().map(|call| ((call.program.0, call.number), Plan::of(call))).collect());
        match PLANS.get(&(call.program.0, call.number)) {
            Some(Ok(plan)) => Ok(plan),
            Some(Err(what)) => {
                Err(Error::internal(format!("the access rules of {} are not understood: {what}", call.name)))
            }
            None => Err(Error::internal(format!("{} has no access rules", call.name))),
        }
    }

    /// Reads from argument `at` on.
    pub(super) fn argument<'a>(&self, at: usize, payload: &'a [u8]) -> Result<Reader<'a>> {
        let mut input = Reader::new(payload);
        self.shapes.iter().take(at).try_for_each(|shape| shape.skip(&mut input))?;
        Ok(input)
    }

    /// Reads argument `at`.
    pub(super) fn value<T: Xdr>(&self, at: usize, payload: &[u8]) -> Result<T> {
        T::decode(&mut self.argument(at, payload)?)
    }

    /// Reads argument `at`, a text that may be absent.
    pub(super) fn text(&self, at: usize, payload: &[u8]) -> Result<Option<String>> {
        match self.shapes.get(at) {
            Some(Shape::Optional(_)) => self.value(at, payload),
            _ => self.value(at, payload).map(Some),
        }
    }
}

impl Rule {
    fn read(text: &'static str, arguments: &[(&'static str, Shape)]) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let kind = parts.next().and_then(Kind::from_name).ok_or_else(|| format!("object of '{text}'"))?;
        let permission = parts.next().ok_or_else(|| format!("permission of '{text}'"))?;
        let condition = Condition::read(parts.next(), arguments).ok_or_else(|| format!("condition of '{text}'"))?;
        let source = Source::find(kind, permission, arguments);
        Ok(Self { kind, permission, condition, source })
    }

    /// Whether these arguments demand it.
    pub(super) fn applies(&self, plan: &Plan, payload: &[u8]) -> Result<bool> {
        let number = |at| plan.argument(at, payload).and_then(|mut input| input.get_u32());
        Ok(match self.condition {
            Condition::Always => true,
            Condition::Any(at, mask) => number(at)? & mask != 0,
            Condition::None(at, mask) => number(at)? & mask == 0,
            Condition::Equal(at, value) => number(at)? == value,
        })
    }
}

impl Condition {
    /// Reads `FLAG|FLAG`, `!FLAG|FLAG` or `:argument:VALUE`.
    fn read(text: Option<&str>, arguments: &[(&'static str, Shape)]) -> Option<Self> {
        let Some(text) = text else { return Some(Self::Always) };
        let index = |wanted: &str| {
            let fits =
                |(name, shape): &(&str, Shape)| *name == wanted && matches!(shape, Shape::Int | Shape::UnsignedInt);
            arguments.iter().position(fits)
        };
        if let Some((argument, value)) = text.strip_prefix(':').and_then(|rest| rest.split_once(':')) {
            return Some(Self::Equal(index(argument)?, constant(value)?));
        }
        let (names, absent) = match text.strip_prefix('!') {
            Some(names) => (names, true),
            None => (text, false),
        };
        let mask = names.split('|').try_fold(0, |mask, name| Some(mask | constant(name)?))?;
        let flags = index("flags")?;
        Some(if absent { Self::None(flags, mask) } else { Self::Any(flags, mask) })
    }
}

/// The number behind a name of the public interface.
fn constant(name: &str) -> Option<u32> {
    Some(match name {
        "VIR_DOMAIN_AFFECT_LIVE" => DomainModificationImpact::LIVE.0,
        "VIR_DOMAIN_AFFECT_CONFIG" => DomainModificationImpact::CONFIG.0,
        "VIR_DOMAIN_VCPU_GUEST" => DomainVcpuFlags::GUEST.0,
        "VIR_DOMAIN_XML_SECURE" => DomainXmlFlags::SECURE.0,
        "VIR_DOMAIN_XML_MIGRATABLE" => DomainXmlFlags::MIGRATABLE.0,
        "VIR_DOMAIN_REBOOT_GUEST_AGENT" => DomainRebootFlags::GUEST_AGENT.0,
        "VIR_DOMAIN_SHUTDOWN_GUEST_AGENT" => DomainShutdownFlags::GUEST_AGENT.0,
        "VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE" => DomainSnapshotCreateFlags::QUIESCE.0,
        "VIR_DOMAIN_SNAPSHOT_XML_SECURE" => DomainSnapshotXmlFlags::SECURE.0,
        "VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE" => DomainCheckpointCreateFlags::QUIESCE.0,
        "VIR_DOMAIN_CHECKPOINT_XML_SECURE" => DomainCheckpointXmlFlags::SECURE.0,
        "VIR_DOMAIN_SAVE_IMAGE_XML_SECURE" => DomainSaveImageXmlFlags::SECURE.0,
        "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT" => DomainInterfaceAddressesSource::AGENT.0,
        "VIR_NETWORK_UPDATE_AFFECT_LIVE" => NetworkUpdateFlags::LIVE.0,
        "VIR_NETWORK_UPDATE_AFFECT_CONFIG" => NetworkUpdateFlags::CONFIG.0,
        "VIR_NODE_DEVICE_UPDATE_AFFECT_LIVE" => NodeDeviceUpdateFlags::LIVE.0,
        "VIR_NODE_DEVICE_UPDATE_AFFECT_CONFIG" => NodeDeviceUpdateFlags::CONFIG.0,
        _ => return None,
    })
}

impl Source {
    fn find(kind: Kind, permission: &str, arguments: &[(&'static str, Shape)]) -> Self {
        let of = |shape: Shape| arguments.iter().position(|(_, other)| *other == shape);
        let named = |names: &[&str]| arguments.iter().position(|(name, shape)| names.contains(name) && is_text(shape));
        let xml = named(&["xml", "xml_desc", "dom_xml"]);
        let reference = match kind {
            Kind::Connect => return Self::Connect,
            Kind::Domain => of(Domain::shape()),
            Kind::Interface => of(HostInterface::shape()),
            // All of them are a name and a uuid.
            Kind::Network | Kind::NwFilter | Kind::StoragePool => of(Network::shape()),
            Kind::NetworkPort => of(NetworkPort::shape()),
            Kind::NodeDevice => None,
            Kind::NwFilterBinding => of(NwFilterBinding::shape()),
            Kind::Secret => of(Secret::shape()),
            Kind::StorageVol => of(StorageVolume::shape()),
        };
        if let (Some(xml), "create") = (xml, permission) {
            let within = matches!(kind, Kind::NetworkPort | Kind::StorageVol).then(|| of(Network::shape())).flatten();
            return Self::Document { xml, name: None, within };
        }
        if let Some(at) = reference {
            return Self::Reference(at);
        }
        if kind == Kind::Domain {
            if let Some(at) = of(DomainSnapshot::shape()) {
                return Self::Part(at);
            }
            if let Some(file) = named(&["from", "file"]) {
                return Self::Image { file, xml: named(&["dxml"]) };
            }
            let name = named(&["dname"]);
            if let Some(xml) = xml {
                return Self::Document { xml, name, within: None };
            }
            if let Some(at) = name.filter(|at| !matches!(arguments.get(*at), Some((_, Shape::Optional(_))))) {
                return Self::Name(at);
            }
            if let Some(at) = arguments.iter().position(|(name, _)| *name == "params") {
                return Self::Parameters(at);
            }
        }
        if permission == "getattr" {
            return Self::Answer;
        }
        match (kind, named(&["name"]), xml) {
            (Kind::NodeDevice, Some(at), _) => Self::Name(at),
            (_, _, Some(xml)) => Self::Document { xml, name: None, within: None },
            _ => Self::Unknown,
        }
    }
}

fn is_text(shape: &Shape) -> bool {
    match shape {
        Shape::Optional(of) => matches!(**of, Shape::String { .. }),
        other => matches!(other, Shape::String { .. }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_every_call_is_understood() {
        let mut unknown = Vec::new();
        for call in all_calls() {
            let plan = Plan::of(call).unwrap_or_else(|what| panic!("{}: {what}", call.name));
            assert_eq!(plan.rules.len(), call.acl.len(), "{}", call.name);
            unknown.extend(plan.rules.iter().filter(|rule| rule.source == Source::Unknown).map(|_| call.name));
            for rule in &plan.rules {
                assert!(rule.source != Source::Answer || rule.permission == "getattr", "{}", call.name);
                assert!(rule.source != Source::Answer || !call.write, "{} would act before it is checked", call.name);
            }
        }
        unknown.dedup();
        // A guest on its way here without a document, and a foreign process.
        assert_eq!(unknown, ["domain_migrate_prepare", "domain_attach"]);
    }

    #[test]
    fn objects_and_conditions_are_found_among_the_arguments() {
        let plan = |name: &str| Plan::of(all_calls().find(|call| call.name == name).expect(name)).expect(name);
        let source = |name: &str| plan(name).rules.last().expect(name).source;
        for (name, wanted) in [
            ("connect_get_capabilities", Source::Connect),
            ("domain_create", Source::Reference(0)),
            ("domain_snapshot_get_xml_desc", Source::Part(0)),
            ("domain_checkpoint_delete", Source::Part(0)),
            ("domain_lookup_by_name", Source::Answer),
            ("storage_pool_lookup_by_volume", Source::Answer),
            ("storage_vol_lookup_by_name", Source::Answer),
            ("network_port_lookup_by_uuid", Source::Answer),
            ("domain_define_xml_flags", Source::Document { xml: 0, name: None, within: None }),
            ("domain_migrate_prepare2", Source::Document { xml: 4, name: Some(2), within: None }),
            ("domain_migrate_prepare3_params", Source::Parameters(0)),
            ("domain_migrate_finish3", Source::Name(0)),
            ("domain_restore_flags", Source::Image { file: 0, xml: Some(1) }),
            ("domain_save_image_get_xml_desc", Source::Image { file: 0, xml: None }),
            ("domain_restore_params", Source::Parameters(0)),
            ("storage_vol_create_xml_from", Source::Document { xml: 1, name: None, within: Some(0) }),
            ("network_port_create_xml", Source::Document { xml: 1, name: None, within: Some(0) }),
            ("network_port_delete", Source::Reference(0)),
            ("node_device_update", Source::Name(0)),
            ("node_device_lookup_by_name", Source::Answer),
            ("nwfilter_binding_create_xml", Source::Document { xml: 0, name: None, within: None }),
            ("secret_get_value", Source::Reference(0)),
        ] {
            assert_eq!(source(name), wanted, "{name}");
        }
        let conditions = plan("domain_attach_device_flags").rules.into_iter().map(|rule| rule.condition);
        assert_eq!(conditions.collect::<Vec<_>>(), [Condition::Always, Condition::None(2, 3), Condition::Any(2, 2)]);
        let conditions = plan("domain_interface_addresses").rules.into_iter().map(|rule| rule.condition);
        assert_eq!(conditions.collect::<Vec<_>>(), [Condition::Always, Condition::Equal(1, 1)]);
    }
}
