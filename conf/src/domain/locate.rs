//! Where in a document something stands that a check refused.

use oxivirt_core::{Error, ErrorCode};

use super::devices::DeviceRef;
use crate::xml::Node;

/// The document that a definition came from, where it is at hand.
///
/// Checks look at typed values, which know no lines; only when one fails is
/// the element looked up again.
#[derive(Clone, Copy)]
pub(super) struct Place<'d>(pub(super) Option<Node<'d>>);

impl Place<'_> {
    /// Adds line and path of the first `element` below `<domain>`.
    pub(super) fn below_domain(self, element: &str, error: Error) -> Error {
        match self.0.and_then(|domain| domain.child(element)) {
            Some(node) => at(node, None, error),
            None => error,
        }
    }

    /// Adds line and path of a device.
    ///
    /// * `nth` – its place among the devices of its kind.
    pub(super) fn device(self, device: DeviceRef<'_>, nth: usize, error: Error) -> Error {
        let Some(devices) = self.0.and_then(|domain| domain.child("devices")) else { return error };
        let all = || devices.children_named(device.name()).enumerate();
        // Lists that are sorted are searched by what names the device.
        let attr = |node: Node<'_>, child: &str, name: &str, value: &str| {
            node.child(child).and_then(|child| child.attr(name)) == Some(value)
        };
        let found = match device {
            DeviceRef::Disk(disk) => all().find(|(_, node)| attr(*node, "target", "dev", &disk.target.dev)),
            DeviceRef::Controller(controller) => {
                let index = controller.index.unwrap_or_default().to_string();
                let kind = controller.kind.to_string();
                let same = |node: Node<'_>| node.attr("index") == Some(index.as_str());
                all().find(|(_, node)| node.attr("type") == Some(kind.as_str()) && same(*node))
            }
            // What was added is not in the document, and stands in front.
            DeviceRef::Console(_) | DeviceRef::Video(_) => None,
            _ => all().nth(nth),
        };
        match found {
            Some((at_list, node)) => at(node, Some(at_list + 1), error),
            None => error,
        }
    }
}

fn at(node: Node<'_>, nth: Option<usize>, error: Error) -> Error {
    // The words of this code are a name alone; a line is given once.
    if error.code() == ErrorCode::NO_SOURCE || error.detail().starts_with("line ") {
        return error;
    }
    let nth = nth.map(|nth| format!("[{nth}]")).unwrap_or_default();
    node.error_at(&nth, error.code(), error.detail())
}
