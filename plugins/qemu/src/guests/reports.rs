//! More of what QEMU reports by itself: channels, thresholds, failing memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{BackingStore, ChannelState, ChannelTarget, Disk, StorageSource};
use serde_json::Value;

use super::{ANSWER, Guests};
use crate::agent;
use crate::lifecycle::{Notice, Subject};
use crate::monitor::Event;
use crate::state::{Object, Run, Snapshot};

impl Guests {
    /// Hands an event to clients that want to see what QEMU itself says.
    pub(super) fn pass_on(&self, snapshot: &Snapshot, event: &Event) {
        let definition = snapshot.definition();
        let subject = Subject {
            name: definition.name.clone(),
            uuid: definition.uuid.into_bytes(),
            id: snapshot.id().unwrap_or(-1),
        };
        let details = (!event.data.is_null()).then(|| event.data.to_string());
        let notice =
            Notice::Monitor { event: event.name.clone(), seconds: event.seconds, micros: event.micros, details };
        self.sink.notice(&subject, notice);
    }

    /// The guest opened or closed a channel.
    pub(super) fn channel_changed(&self, object: &Arc<Object>, run: &Run, event: &Event) {
        let (Some(alias), Some(open)) = (event.text("id"), event.flag("open")) else { return };
        self.set_channel(object, run, alias, open, false);
        self.save_logged(object);
    }

    fn set_channel(&self, object: &Arc<Object>, run: &Run, alias: &str, open: bool, at_start: bool) {
        let mut changed = false;
        object.note(|status| {
            let channels = Arc::make_mut(&mut status.open_channels);
            changed = if open { channels.insert(alias.to_owned()) } else { channels.remove(alias) };
        });
        let snapshot = object.snapshot();
        if changed && agent_alias(snapshot.definition()) == Some(alias) {
            // What was said before is of no use to an agent that starts anew.
            run.marks.agent.forget();
            self.tell(&snapshot, Notice::Agent { connected: open, at_start });
        }
    }

    /// Asks which channels the guest has open, after a start or when it is taken over.
    ///
    /// One that cannot be asked is told by its next event.
    pub(super) fn look_at_channels(&self, object: &Arc<Object>, run: &Run) {
        if agent_alias(object.snapshot().definition()).is_none() {
            return;
        }
        let answer = match run.monitor().and_then(|monitor| monitor.execute("query-chardev", Value::Null, ANSWER)) {
            Ok(answer) => answer,
            Err(error) => return tracing::warn!(%error, "cannot tell which channels are open"),
        };
        let open: BTreeSet<&str> = answer
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry.get("frontend-open").and_then(Value::as_bool) == Some(true))
            .filter_map(|entry| entry.get("label")?.as_str()?.strip_prefix("char"))
            .collect();
        let definition = Arc::clone(object.snapshot().definition());
        for channel in &definition.devices.channels {
            if let (ChannelTarget::Virtio { .. }, Some(alias)) = (&channel.target, channel.info.alias.as_deref()) {
                self.set_channel(object, run, alias, open.contains(alias), true);
            }
        }
    }

    /// A write went past the threshold of an image; such a threshold works once.
    pub(super) fn threshold_crossed(&self, object: &Arc<Object>, event: &Event) {
        let number = |key: &str| event.data.get(key).and_then(Value::as_u64);
        let (Some(node), Some(threshold), Some(excess)) =
            (event.text("node-name"), number("write-threshold"), number("amount-exceeded"))
        else {
            return;
        };
        let snapshot = object.snapshot();
        let Some((disk, image, top)) = image_of_node(snapshot.definition(), node) else { return };
        let path = image.path().map(str::to_owned);
        let tell = |device: String| {
            self.tell(&snapshot, Notice::BlockThreshold { device, path: path.clone(), threshold, excess });
        };
        let by_index = image.index.map(|index| format!("{}[{index}]", disk.target.dev));
        if top {
            tell(disk.target.dev.clone());
        }
        let asked_by_index = crate::status::StorageNotes::of(image).is_ok_and(|notes| notes.threshold_by_index);
        if let (Some(device), true) = (by_index, !top || asked_by_index) {
            tell(device);
        }
    }

    /// Memory of the host or the guest failed.
    pub(super) fn memory_failed(&self, object: &Arc<Object>, event: &Event) {
        // Numbers of the public API.
        let recipient = i32::from(event.text("recipient") == Some("guest"));
        let action = match event.text("action") {
            Some("inject") => 1,
            Some("fatal") => 2,
            Some("reset") => 3,
            _ => 0,
        };
        let flag = |name: &str| event.data.get("flags").and_then(|f| f.get(name)).and_then(Value::as_bool);
        let flags = u32::from(flag("action-required") == Some(true)) | u32::from(flag("recursive") == Some(true)) << 1;
        self.tell(&object.snapshot(), Notice::MemoryFailure(recipient, action, flags));
    }
}

/// The alias of the channel that the agent listens on.
pub(super) fn agent_alias(definition: &DomainDefinition) -> Option<&str> {
    let mut channels = definition.devices.channels.iter();
    let is_agent = |target: &ChannelTarget| matches!(target, ChannelTarget::Virtio { name: Some(name), .. } if name == agent::CHANNEL);
    channels.find(|channel| is_agent(&channel.target))?.info.alias.as_deref()
}

/// Puts into a live definition what is newer than it: which channels are open.
pub(crate) fn show_channels(definition: &mut DomainDefinition, open: &BTreeSet<String>) {
    for channel in &mut definition.devices.channels {
        let connected = channel.info.alias.as_ref().is_some_and(|alias| open.contains(alias));
        if let ChannelTarget::Virtio { state, .. } = &mut channel.target {
            *state = Some(if connected { ChannelState::Connected } else { ChannelState::Disconnected });
        }
    }
}

/// The image behind a block node, with its disk, and whether the guest writes to it.
pub(super) fn image_of_node<'d>(
    definition: &'d DomainDefinition,
    node: &str,
) -> Option<(&'d Disk, &'d StorageSource, bool)> {
    let is_of = |source: &StorageSource| {
        source.index.is_some_and(|index| {
            node.strip_prefix("libvirt-")
                .and_then(|rest| rest.split_once('-'))
                .is_some_and(|(number, kind)| number.parse() == Ok(index) && matches!(kind, "storage" | "format"))
        })
    };
    for disk in &definition.devices.disks {
        if is_of(&disk.source) {
            return Some((disk, &disk.source, true));
        }
        let mut below = disk.backing.as_deref();
        while let Some(BackingStore::Layer(layer)) = below {
            if is_of(&layer.source) {
                return Some((disk, &layer.source, false));
            }
            below = layer.backing.as_deref();
        }
    }
    None
}
