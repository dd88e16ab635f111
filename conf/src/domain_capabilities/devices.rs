//! `<devices>`.

use oxivirt_core::Result;

use super::support::Support;
use crate::xml::{Element, Node, Writer};

/// Lists the kinds once: fields, reading and writing follow.
macro_rules! devices {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What devices a guest may have; `None` where nothing is known.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Devices {
            $($(#[$doc])* pub $name: Option<Support>,)+
        }

        impl Element for Devices {
            fn parse(node: Node<'_>) -> Result<Self> {
                Ok(Self { $($name: node.child_element(stringify!($name))?,)+ })
            }

            fn format(&self, w: &mut Writer) {
                // Printed open even without any.
                w.force_children();
                $(if let Some(support) = &self.$name {
                    w.element(stringify!($name), support);
                })+
            }
        }
    };
}

devices! {
    /// Disks: `diskDevice`, `bus`, `model`.
    disk,
    /// Screens on the network or host: `type`.
    graphics,
    /// Video cards: `modelType`.
    video,
    /// Devices of the host: `mode`, `startupPolicy`, `subsysType`, `capsType`, `pciBackend`.
    hostdev,
    /// Sources of randomness: `model`, `backendModel`.
    rng,
    /// Shared folders: `driverType`.
    filesystem,
    /// Trusted platform modules: `model`, `backendModel`, `backendVersion`.
    tpm,
    /// Redirected devices: `bus`.
    redirdev,
    /// Channels: `type`.
    channel,
    /// Crypto accelerators: `model`, `type`, `backendModel`.
    crypto,
    /// Network cards: `backendType`.
    interface,
    /// Panic notifiers: `model`.
    panic,
}
