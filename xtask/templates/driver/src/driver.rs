//! The driver as a whole: started once by the daemon, asked for connections.

use oxivirt_core::call::Call;
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::{Error, Host, Result};

/// The driver. What all connections share belongs here.
pub struct @Type@ {
    /// Everything that the driver sees of the daemon.
    host: Host,
}

/// One client's connection. Any method may be called from several threads at once.
pub struct @Type@Connection;

impl Driver for @Type@ {
    type Connection = @Type@Connection;

    /// Answer `Start::Declined` with a reason where there is nothing to drive.
    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(@Type@ { host }))
    }

    fn open(&self, _call: &Call, uri: &str, _flags: OpenFlags) -> Result<Opened<@Type@Connection>> {
        check(uri)?;
        Ok(Opened { connection: @Type@Connection, channel: self.host.new_channel() })
    }
}

/// There is one thing to connect to.
fn check(uri: &str) -> Result<()> {
    match uri.split(['?', '#']).next() {
        Some("@name@:///system") => Ok(()),
        _ => Err(Error::invalid_arg(format!("'{uri}': try @name@:///system"))),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_the_system_can_be_opened() {
        assert!(check("@name@:///system").is_ok());
        assert!(check("@name@:///system?x=1").is_ok());
        assert!(check("@name@:///elsewhere").is_err());
    }
}
