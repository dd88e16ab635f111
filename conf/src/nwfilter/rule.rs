//! `<rule>`: what happens to which traffic.

use oxivirt_core::Result;

use super::{Attribute, MatchValue, PRIORITIES, Protocol};
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// Where a rule stands that does not say so.
pub const DEFAULT_RULE_PRIORITY: i32 = 500;

xml_enum! {
    /// What happens to traffic that a rule matches.
    pub enum Action { Drop = "drop", Accept = "accept", Reject = "reject", Return = "return", Continue = "continue" }
}

xml_enum! {
    /// Which way traffic goes, seen from the guest.
    pub enum Direction { In = "in", Out = "out", InOut = "inout" }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub action: Action,
    /// To what is sent or received.
    pub direction: Direction,
    /// Within [`PRIORITIES`]; the lower, the earlier.
    pub priority: i32,
    /// Whether the state of connections is looked at, so that answers pass.
    pub state_match: bool,
    /// Which traffic; `None` for all of it.
    pub condition: Option<Condition>,
}

/// The element inside a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The protocol.
    pub protocol: Protocol,
    /// The rule is about all traffic that does not match.
    pub negated: bool,
    /// What is compared, in the order of [`Protocol::attributes`].
    pub matches: Vec<Match>,
}

/// An attribute with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// One of the protocol's attributes.
    pub attribute: &'static Attribute,
    /// Of the attribute's kind, or a variable.
    pub value: MatchValue,
}

impl Condition {
    /// The value that an attribute is compared with, `None` where it is not compared.
    pub fn get(&self, name: &str) -> Option<&MatchValue> {
        self.matches.iter().find(|m| m.attribute.name == name).map(|m| &m.value)
    }

    fn parse(protocol: Protocol, node: Node<'_>) -> Result<Self> {
        let mut matches = Vec::new();
        for attribute in protocol.attributes() {
            let Some(text) = node.attr(attribute.name) else { continue };
            let value = MatchValue::parse(&attribute.kind, text)
                .ok_or_else(|| node.bad_attr(attribute.name, text, &attribute.kind.allowed()))?;
            matches.push(Match { attribute, value });
        }
        matches.shrink_to_fit();
        let condition = Self { protocol, negated: node.attr("match") == Some("no") && !matches.is_empty(), matches };
        condition.validate(node)?;
        Ok(condition)
    }

    /// Ports of a packet are known only where its protocol is one with ports.
    fn validate(&self, node: Node<'_>) -> Result<()> {
        const WITH_PORTS: [u32; 4] = [6, 17, 33, 132];
        let ports = ["srcportstart", "srcportend", "dstportstart", "dstportend"];
        let needed =
            matches!(self.protocol, Protocol::Ip | Protocol::Ipv6) && ports.iter().any(|p| self.get(p).is_some());
        let protocol = self.get("protocol").and_then(MatchValue::number);
        if needed && !protocol.is_some_and(|number| WITH_PORTS.contains(&number)) {
            return Err(node.error("ports need a 'protocol' of tcp(6), udp(17), dccp(33), or sctp(132)"));
        }
        Ok(())
    }

    fn format(&self, w: &mut Writer) {
        w.open(self.protocol.as_str());
        if self.negated {
            w.attr_str("match", "no");
        }
        for Match { attribute, value } in &self.matches {
            w.attr_str(attribute.name, &value.text(&attribute.kind));
        }
        w.close();
    }
}

impl Element for Rule {
    fn parse(node: Node<'_>) -> Result<Self> {
        let priority: Option<i32> = node.value("priority")?;
        let no_state = node.attr("statematch").is_some_and(|text| text == "0" || text.eq_ignore_ascii_case("false"));
        let first = node.children().find_map(|child| Some((Protocol::from_word(child.qualified_name())?, child)));
        Ok(Self {
            action: node.require("action")?,
            direction: node.require("direction")?,
            priority: priority.filter(|number| PRIORITIES.contains(number)).unwrap_or(DEFAULT_RULE_PRIORITY),
            state_match: !no_state,
            condition: first.map(|(protocol, child)| Condition::parse(protocol, child)).transpose()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("action", &self.action);
        w.attr("direction", &self.direction);
        w.attr("priority", &self.priority);
        if !self.state_match {
            w.attr_str("statematch", "false");
        }
        if let Some(condition) = &self.condition {
            condition.format(w);
        }
    }
}
