//! Who is at the other end: what the kernel, the certificate and the password say.

use std::net::SocketAddr;
use std::os::fd::AsFd;

use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use oxivirt_util::accounts;

use super::socket::Accepted;

/// Where a client is.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// A process of this host.
    Local(Process),
    /// Somewhere in the network.
    Remote(SocketAddr),
}

/// A process of this host, as the kernel vouches for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    /// Its user; nobody's number when the kernel does not say.
    pub(crate) user: u32,
    /// Its group.
    pub(crate) group: u32,
    /// Its process id, 0 when unknown.
    pub(crate) id: i32,
    /// Its security context, where the host has any.
    pub(crate) context: Option<String>,
}

/// What a client has proved since it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proofs {
    /// The name in its certificate.
    pub(crate) certificate: Option<String>,
    /// Its user by SASL.
    pub(crate) sasl_user: Option<String>,
    /// On whose behalf it acts, told by a client that is trusted to say so.
    pub(crate) stands_for: Option<Vec<TypedParam>>,
}

impl Peer {
    /// Asks the kernel.
    pub(super) fn of(socket: &Accepted) -> Self {
        match socket {
            Accepted::Unix(socket) => Self::Local(Process::of(socket)),
            Accepted::Tcp(_, address) => Self::Remote(*address),
        }
    }

    /// Whether it acts for root or for the daemon's own user.
    pub(super) fn is_trusted(&self) -> bool {
        match self {
            Self::Local(process) => process.user == 0 || process.user == rustix::process::geteuid().as_raw(),
            Self::Remote(_) => false,
        }
    }

    /// What is known of it, as parameters with the public names.
    pub(crate) fn parameters(&self, proofs: &Proofs) -> Vec<TypedParam> {
        let mut all = match self {
            Self::Local(process) => process.parameters(),
            Self::Remote(_) => Vec::new(),
        };
        for (name, value) in [("sasl-user-name", &proofs.sasl_user), ("x509-distinguished-name", &proofs.certificate)] {
            if let Some(value) = value {
                all.push(TypedParam::new(name, TypedValue::String(value)));
            }
        }
        all
    }
}

impl Process {
    fn of(socket: impl AsFd) -> Self {
        match rustix::net::sockopt::socket_peercred(socket) {
            Ok(cred) => {
                let id = cred.pid.as_raw_pid();
                Self { user: cred.uid.as_raw(), group: cred.gid.as_raw(), id, context: security_context(id) }
            }
            Err(error) => {
                tracing::warn!(%error, "the kernel does not say who connected");
                Self { user: u32::MAX, group: u32::MAX, id: 0, context: None }
            }
        }
    }

    fn parameters(&self) -> Vec<TypedParam> {
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
        if let Ok(process) = u32::try_from(self.id)
            && process > 0
        {
            all.push(TypedParam::new("process-id", TypedValue::LongLong(process.into())));
            if let Ok(Some(time)) = oxivirt_util::process::start_time(process) {
                all.push(TypedParam::new("process-time", TypedValue::UnsignedLongLong(time)));
            }
        }
        if let Some(context) = &self.context {
            all.push(TypedParam::new("selinux-context", TypedValue::String(context)));
        }
        all
    }
}

/// The SELinux context of a process, where SELinux is in use.
fn security_context(process: i32) -> Option<String> {
    const SIZE_MAX: usize = 4096;
    if process <= 0 || !std::path::Path::new("/sys/fs/selinux/enforce").exists() {
        return None;
    }
    let file = format!("/proc/{process}/attr/current");
    let text = oxivirt_util::file::read_text(file.as_ref(), SIZE_MAX).ok()?;
    let text = text.trim_end_matches(['\0', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// Checks an identity that one client gives for another.
///
/// Errors: `INVALID_ARG` for a name that does not exist, comes twice or has a
/// value of another type.
pub(super) fn check_parameters(params: &[TypedParam]) -> Result<()> {
    const KNOWN: &[(&str, TypedValue<'static>)] = &[
        ("user-name", TypedValue::String("")),
        ("unix-user-id", TypedValue::UnsignedLongLong(0)),
        ("group-name", TypedValue::String("")),
        ("unix-group-id", TypedValue::UnsignedLongLong(0)),
        ("process-id", TypedValue::LongLong(0)),
        ("process-time", TypedValue::UnsignedLongLong(0)),
        ("sasl-user-name", TypedValue::String("")),
        ("x509-distinguished-name", TypedValue::String("")),
        ("selinux-context", TypedValue::String("")),
    ];
    for (at, param) in params.iter().enumerate() {
        let name = param.field();
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let (_, wanted) =
            known.ok_or_else(|| Error::invalid_arg(format!("parameter '{name}' is not part of an identity")))?;
        if std::mem::discriminant(wanted) != std::mem::discriminant(&param.value()) {
            return Err(Error::invalid_arg(format!("parameter '{name}' of an identity has the wrong type")));
        }
        if params[..at].iter().any(|other| other.field() == name) {
            return Err(Error::invalid_arg(format!("parameter '{name}' of an identity is given twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_identities_are_checked() {
        let user = TypedParam::new("sasl-user-name", TypedValue::String("anna"));
        let process = TypedParam::new("process-id", TypedValue::LongLong(7));
        check_parameters(&[user.clone(), process]).expect("an identity");
        for wrong in [
            vec![user.clone(), user],
            vec![TypedParam::new("shoe-size", TypedValue::Int(42))],
            vec![TypedParam::new("process-id", TypedValue::String("7"))],
        ] {
            check_parameters(&wrong).expect_err("none");
        }
    }
}
