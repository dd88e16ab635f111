//! What parts of a definition get when their guest starts.

use oxivirt_conf::domain::devices::{
    Address, Channel, ChannelTarget, CharKind, Graphics, GraphicsKind, Listen, ListenOrigin, SocketMode,
};
use oxivirt_conf::xml::YesNo;

use crate::process::GuestFiles;
use crate::settings::Settings;

/// The socket of a channel that names none.
pub fn channel_socket(channel: &mut Channel, files: &GuestFiles) {
    if let (ChannelTarget::Virtio { name, .. }, CharKind::Unix(unix)) = (&channel.target, &mut channel.source.kind)
        && unix.path.is_none()
    {
        let file = match (name, &channel.info.address) {
            (Some(name), _) => name.replace('/', "_"),
            (None, Some(Address::VirtioSerial { controller, bus, port })) => {
                format!("vioser-{controller:02}-{bus:02}-{port:02}.sock")
            }
            (None, _) => return,
        };
        unix.mode = Some(SocketMode::Bind);
        unix.path = Some(files.channels.join(file).to_string_lossy().into_owned());
    }
}

/// Where a display listens that leaves it to the host's administrator.
pub fn listen(graphics: &mut Graphics, files: &GuestFiles, settings: &Settings) {
    let (name, rules) = match &graphics.kind {
        GraphicsKind::Vnc(_) => ("vnc", &settings.vnc),
        GraphicsKind::Spice(_) => ("spice", &settings.spice),
        _ => return,
    };
    if graphics.listens.is_empty() {
        graphics.listens.push(Listen::Address { address: None, origin: ListenOrigin::default() });
    }
    match graphics.listens.first_mut() {
        Some(unsaid @ Listen::Address { address: None, .. }) if rules.auto_unix_socket => {
            let socket = files.state.join(format!("{name}.sock")).to_string_lossy().into_owned();
            let origin = ListenOrigin { from_config: Some(1), auto_generated: Some(YesNo::Yes) };
            *unsaid = Listen::Socket { socket: Some(socket), origin };
        }
        Some(Listen::Address { address: address @ None, origin }) => {
            *address = Some(rules.listen.clone());
            origin.from_config = Some(1);
        }
        _ => {}
    }
}
