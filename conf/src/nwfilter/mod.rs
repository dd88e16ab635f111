//! `<filter>`: rules on the traffic of a guest's network card.
//!
//! A [`NwFilterDefinition`] holds rules and references to other filters. What
//! a rule compares is described once, in the tables of [`Protocol`]: the name
//! of each attribute, the kind of its value, and by their order the order in
//! which attributes print.

mod address;
mod attribute;
mod chain;
mod definition;
mod reference;
mod rule;
mod tables;
mod value;
mod variable;
mod words;

pub use attribute::{Attribute, Hex, Kind, MAX_COMMENT};
pub use chain::{Chain, PRIORITIES};
pub use definition::{Entry, NwFilterDefinition};
pub use reference::FilterReference;
pub use rule::{Action, Condition, DEFAULT_RULE_PRIORITY, Direction, Match, Rule};
pub use tables::{Layer, Protocol};
pub use value::MatchValue;
pub use variable::{MAX_ITERATOR, Variable, VariableAccess};
pub use words::{ConnectionStates, SetDirection, TcpFlags, ether_type_name, ip_protocol_name, opcode_name};

#[cfg(test)]
mod tests;
