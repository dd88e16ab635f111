//! Opens connections: shared for the default host, private for a file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fluent_uri::Uri;
use oxivirt_core::call::Call;
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::{Error, ErrorCode, Host, Result};

use crate::error::Own;
use crate::node_file;
use crate::state::State;

/// The driver: remembers the default host while somebody is connected to it.
pub struct TestDriver {
    host: Host,
    default: Mutex<Weak<State>>,
}

/// A connection of this driver.
pub struct TestConnection {
    state: Arc<State>,
    uri: String,
}

impl TestConnection {
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}

impl Driver for TestDriver {
    type Connection = TestConnection;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self { host, default: Mutex::new(Weak::new()) }))
    }

    fn open(&self, _call: &Call, uri: &str, _flags: OpenFlags) -> Result<Opened<TestConnection>> {
        let state = match path(uri).own()?.as_str() {
            "" | "/" => return Err(Error::invalid_arg("testOpen: supply a path or use test:///default")).own(),
            "/default" => self.default_state()?,
            file => Arc::new(node_file::load(self.host, Path::new(file)).or_else(|error| match error.code() {
                // What the system says comes from nowhere in particular.
                ErrorCode::SYSTEM_ERROR => Err(error),
                _ => Err(error).own(),
            })?),
        };
        let channel = state.channel;
        Ok(Opened { connection: TestConnection { state, uri: uri.to_owned() }, channel })
    }
}

impl TestDriver {
    fn default_state(&self) -> Result<Arc<State>> {
        let mut default = self.default.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = default.upgrade() {
            return Ok(state);
        }
        let state = Arc::new(node_file::default_host(self.host).own()?);
        *default = Arc::downgrade(&state);
        Ok(state)
    }
}

/// The path of a URI, decoded.
fn path(uri: &str) -> Result<String> {
    let parsed = Uri::parse(uri).map_err(|error| Error::invalid_arg(format!("'{uri}' is not a valid URI: {error}")))?;
    if parsed.authority().is_some_and(|authority| !authority.as_str().is_empty()) {
        return Err(Error::invalid_arg(format!("'{uri}' names another host")));
    }
    let path = parsed.path().decode().to_string();
    path.map(|path| path.into_owned()).map_err(|_| Error::invalid_arg(format!("the path of '{uri}' is not text")))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn only_the_path_counts() {
        for (uri, expected) in [
            ("test:///default", "/default"),
            ("test:///default?x=1", "/default"),
            ("test:///a%20b.xml", "/a b.xml"),
            ("test:/a", "/a"),
            ("test:///", "/"),
            ("test:", ""),
        ] {
            assert_eq!(path(uri).expect(uri), expected);
        }
        for bad in ["test://host/default", "test:///%zz", "default", "test:///%ff"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
