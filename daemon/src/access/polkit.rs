//! The backend that asks polkit, with the action ids and details that rules
//! written for libvirt know.

use oxivirt_core::Result;

use super::{Judge, Question};
use crate::polkit::Polkit;

/// Asks polkit.
pub(super) struct Asks(pub(super) Polkit);

impl Judge for Asks {
    fn allows(&self, question: &Question<'_>) -> Result<bool> {
        self.0.check(&action(question), &question.subject.identity, &details(question))
    }

    fn is_quick(&self) -> bool {
        false
    }
}

/// What polkit calls a permission, such as `org.libvirt.api.storage-pool.read-secure`.
fn action(question: &Question<'_>) -> String {
    format!("org.libvirt.api.{}.{}", question.object.kind.name(), question.permission).replace('_', "-")
}

/// What rules may look at: the driver, and what is known of the object.
fn details<'a>(question: &Question<'a>) -> Vec<(&'a str, &'a str)> {
    let attributes = question.object.attributes.iter().flatten();
    let known = attributes.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str()));
    [("connect_driver", question.driver)].into_iter().chain(known).collect()
}

#[cfg(test)]
mod tests {
    use super::super::object::Object;
    use super::super::subject::Subject;
    use super::*;
    use oxivirt_core::constants::SecretUsageType;

    #[test]
    fn rules_written_for_libvirt_fit() {
        const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab23fa";
        let subject = Subject { client: 1, identity: Vec::new() };
        let volume = Object::secret(UUID, SecretUsageType::VOLUME, "/disk");
        for (object, permission, wanted, attributes) in [
            (Object::connect(), "search_domains", "connect.search-domains", vec![]),
            (
                Object::domain("a", UUID),
                "read_secure",
                "domain.read-secure",
                vec![("domain_name", "a"), ("domain_uuid", UUID)],
            ),
            (Object::domain("a", ""), "start", "domain.start", vec![("domain_name", "a")]),
            (
                Object::interface("eth0", "AA:bb:cc:dd:ee:FF"),
                "getattr",
                "interface.getattr",
                vec![("interface_name", "eth0"), ("interface_macaddr", "aa:bb:cc:dd:ee:ff")],
            ),
            (Object::network("n", UUID), "save", "network.save", vec![("network_name", "n"), ("network_uuid", UUID)]),
            (Object::node_device("computer"), "detach", "node-device.detach", vec![("node_device_name", "computer")]),
            (
                Object::nwfilter("f", UUID),
                "write",
                "nwfilter.write",
                vec![("nwfilter_name", "f"), ("nwfilter_uuid", UUID)],
            ),
            (
                Object::nwfilter_binding("vnet0", "", "f"),
                "create",
                "nwfilter-binding.create",
                vec![("nwfilter_binding_portdev", "vnet0"), ("nwfilter_binding_filter", "f")],
            ),
            (
                volume,
                "read_secure",
                "secret.read-secure",
                vec![("secret_uuid", UUID), ("secret_usage_volume", "/disk")],
            ),
            (
                Object::secret(UUID, SecretUsageType::ISCSI, "t"),
                "read",
                "secret.read",
                vec![("secret_uuid", UUID), ("secret_usage_target", "t")],
            ),
            (Object::secret(UUID, SecretUsageType::NONE, ""), "read", "secret.read", vec![("secret_uuid", UUID)]),
        ] {
            let question = Question { subject: &subject, driver: "QEMU", object: &object, permission };
            assert_eq!(action(&question), format!("org.libvirt.api.{wanted}"));
            let with_driver: Vec<_> = [("connect_driver", "QEMU")].into_iter().chain(attributes).collect();
            assert_eq!(details(&question), with_driver, "{wanted}");
        }
    }
}
