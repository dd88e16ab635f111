//! The backend that asks polkit, with the action ids and details that rules
//! written for libvirt know.

use oxivirt_core::Result;

use super::{Judge, Question};
use crate::polkit::Polkit;

/// Asks polkit.
pub(super) struct Asks(pub(super) Polkit);

impl Judge for Asks {
    fn allows(&self, question: &Question<'_>) -> Result<bool> {
        let object = question.object.kind.name();
        let action = format!("org.libvirt.api.{object}.{}", question.permission).replace('_', "-");
        let attributes = question.object.attributes.iter().flatten();
        let known = attributes.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str()));
        let details: Vec<(&str, &str)> = [("connect_driver", question.driver)].into_iter().chain(known).collect();
        self.0.check(&action, &question.subject.identity, &details)
    }

    fn is_quick(&self) -> bool {
        false
    }
}
