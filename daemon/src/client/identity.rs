//! Who is at the other end of a Unix socket.

use oxivirt_core::types::{TypedParam, TypedValue};
use tokio::net::UnixStream;

use crate::accounts;

/// A process of this host, as the kernel vouches for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// Its user; nobody's number when the kernel does not say.
    pub(crate) user: u32,
    /// Its group.
    pub(crate) group: u32,
    /// Its process id, 0 when unknown.
    pub(crate) process: i32,
}

impl Peer {
    /// Asks the kernel.
    pub(crate) fn of(socket: &UnixStream) -> Self {
        match socket.peer_cred() {
            Ok(cred) => Self { user: cred.uid(), group: cred.gid(), process: cred.pid().unwrap_or_default() },
            Err(error) => {
                tracing::warn!(%error, "the kernel does not say who connected");
                Self { user: u32::MAX, group: u32::MAX, process: 0 }
            }
        }
    }

    /// The same as parameters with the public names.
    pub(crate) fn parameters(&self) -> Vec<TypedParam> {
        let mut all = vec![
            TypedParam::new("unix-user-id", TypedValue::UnsignedLongLong(self.user.into())),
            TypedParam::new("unix-group-id", TypedValue::UnsignedLongLong(self.group.into())),
        ];
        if let Some(name) = accounts::user_name(self.user) {
            all.push(TypedParam::new("user-name", TypedValue::String(&name)));
        }
        if let Some(name) = accounts::group_name(self.group) {
            all.push(TypedParam::new("group-name", TypedValue::String(&name)));
        }
        if let Ok(process) = u32::try_from(self.process)
            && process > 0
        {
            all.push(TypedParam::new("process-id", TypedValue::LongLong(process.into())));
            if let Ok(Some(time)) = oxivirt_util::process::start_time(process) {
                all.push(TypedParam::new("process-time", TypedValue::UnsignedLongLong(time)));
            }
        }
        all
    }
}
