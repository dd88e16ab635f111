//! Opens connections for those who may.

use oxivirt_core::call::Call;
use oxivirt_core::client::{Client, Told, ask_for_everything};
use oxivirt_core::event::Event;
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::{Error, ErrorCode, Host, Result};

use crate::connection::{Carrier, Places, connect};
use crate::uri::RemoteUri;

/// The driver; it keeps nothing of its own.
pub struct RemoteDriver {
    host: Host,
}

impl Driver for RemoteDriver {
    type Connection = Client<Carrier>;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self { host }))
    }

    fn open(&self, call: &Call, uri: &str, flags: OpenFlags) -> Result<Opened<Client<Carrier>>> {
        may_open(call, uri)?;
        let uri = RemoteUri::parse(uri)?;
        let host = self.host;
        let channel = host.new_channel();
        let listener = Box::new(move |told| {
            let event = match told {
                Told::Event(_, event) => Ok(event),
                Told::Closed(reason) => Event::connection_closed(reason),
            };
            match event {
                Ok(event) => host.emit(channel, &event),
                Err(error) => tracing::error!(%error, "an event cannot be passed on"),
            }
        });
        let places = Places::of(&host);
        let connection = connect(&uri, flags, &places, listener)?;
        ask_for_everything(&connection, call)?;
        Ok(Opened { connection, channel })
    }
}

/// The connection acts as the daemon, and some transports run programs: a
/// client that could not do so itself must not do it through us.
fn may_open(call: &Call, uri: &str) -> Result<()> {
    let own = u64::from(rustix::process::geteuid().as_raw());
    let trusted = !call.is_read_only() && call.unix_user().is_some_and(|user| user == 0 || user == own);
    match call.client() == 0 || trusted {
        true => Ok(()),
        false => {
            let text = format!("'{uri}': only root and the daemon's own user may connect to other daemons through it");
            Err(Error::new(ErrorCode::OPERATION_DENIED, text))
        }
    }
}
