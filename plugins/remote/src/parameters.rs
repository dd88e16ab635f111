//! The parameters of a URI that are for us: what each may be.

use oxivirt_core::{Error, Result};

/// Which daemon a Unix socket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// That of the driver where there is one, else that for everything.
    Auto,
    /// The daemon of one driver.
    Direct,
    /// The daemon for everything.
    Legacy,
}

impl Mode {
    /// Reads `auto`, `direct` or `legacy`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "direct" => Self::Direct,
            "legacy" => Self::Legacy,
            _ => return None,
        })
    }
}

/// What reaches the daemon's socket on the other machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// The helper where it is installed, else netcat.
    Auto,
    /// `virt-ssh-helper`.
    Native,
    /// netcat.
    Netcat,
}

impl Proxy {
    /// Reads `auto`, `native` or `netcat`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "native" => Self::Native,
            "netcat" => Self::Netcat,
            _ => return None,
        })
    }
}

/// How we are to prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By nothing.
    Nothing,
    /// By SASL, perhaps with one mechanism.
    Sasl(Option<String>),
    /// By polkit.
    Polkit,
}

impl Proof {
    /// Reads `none`, `sasl`, `sasl.MECHANISM` or `polkit`.
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "none" => Self::Nothing,
            "polkit" => Self::Polkit,
            "sasl" => Self::Sasl(None),
            _ => match text.strip_prefix("sasl.") {
                Some(mechanism) if !mechanism.is_empty() => Self::Sasl(Some(mechanism.to_ascii_uppercase())),
                _ => return None,
            },
        })
    }
}

/// What to think of a host key that is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeys {
    /// The user is asked, where there is one.
    Normal,
    /// It is believed; one that has changed is not.
    Auto,
    /// Any is believed.
    Ignore,
}

/// Ways to prove to ssh who we are, in libvirt's words.
const SSH_WAYS: &[&str] = &["agent", "privkey", "password", "keyboard-interactive"];

/// The parameters that are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// URI that the server is to open.
    pub name: Option<String>,
    /// Program that carries the connection.
    pub command: Option<String>,
    /// Path of the daemon's Unix socket.
    pub socket: Option<String>,
    /// How we prove who we are.
    pub proof: Option<Proof>,
    /// File with names and passwords.
    pub authfile: Option<String>,
    /// netcat on the other machine.
    pub netcat: Option<String>,
    /// Private key for ssh.
    pub keyfile: Option<String>,
    /// Whether ssh must not ask anybody.
    pub no_tty: bool,
    /// Whether any server will do.
    pub no_verify: bool,
    /// Whether our own certificate files are taken as they are.
    pub no_sanity: bool,
    /// Folder of our certificate files.
    pub pkipath: Option<String>,
    /// Which versions of TLS.
    pub tls_priority: Option<String>,
    /// File of known host keys.
    pub known_hosts: Option<String>,
    /// What to think of new host keys.
    pub host_keys: Option<HostKeys>,
    /// Ways to prove to ssh who we are, in order.
    pub sshauth: Vec<String>,
    /// Which daemon.
    pub mode: Option<Mode>,
    /// What reaches the socket over there.
    pub proxy: Option<Proxy>,
}

impl Parameters {
    /// Takes one parameter; whether it is ours.
    ///
    /// * Errors: `INVALID_ARG` for a value that means nothing.
    pub(crate) fn take(&mut self, key: &str, value: &str) -> Result<bool> {
        let text = || Some(value.to_owned());
        let one_of =
            |allowed: &str| Error::invalid_arg(format!("URI parameter '{key}' is '{value}', allowed are {allowed}"));
        let yes = || match value.parse::<i64>() {
            Ok(number) => Ok(number != 0),
            Err(_) => Err(Error::invalid_arg(format!("URI parameter '{key}' is '{value}', which is no number"))),
        };
        match key {
            "name" => self.name = text(),
            "command" => self.command = text(),
            "socket" => self.socket = text(),
            "auth" => {
                let proof = Proof::parse(value);
                self.proof = Some(proof.ok_or_else(|| one_of("none, sasl, sasl.MECHANISM and polkit"))?);
            }
            "authfile" => self.authfile = text(),
            "netcat" => self.netcat = text(),
            "keyfile" => self.keyfile = text(),
            "no_tty" => self.no_tty = yes()?,
            "no_verify" => self.no_verify = yes()?,
            "no_sanity" => self.no_sanity = yes()?,
            "pkipath" => self.pkipath = text(),
            "tls_priority" => self.tls_priority = text(),
            "known_hosts" => self.known_hosts = text(),
            "known_hosts_verify" => {
                self.host_keys = Some(match value {
                    "normal" => HostKeys::Normal,
                    "auto" => HostKeys::Auto,
                    "ignore" => HostKeys::Ignore,
                    _ => return Err(one_of("normal, auto and ignore")),
                });
            }
            "sshauth" => {
                self.sshauth = value.split(',').map(|way| way.trim().to_ascii_lowercase()).collect();
                if self.sshauth.iter().any(|way| !SSH_WAYS.contains(&way.as_str())) {
                    return Err(one_of(&SSH_WAYS.join(", ")));
                }
            }
            "mode" => {
                let mode = Mode::parse(value);
                self.mode = Some(mode.ok_or_else(|| one_of("auto, direct and legacy"))?);
            }
            "proxy" => {
                let proxy = Proxy::parse(value);
                self.proxy = Some(proxy.ok_or_else(|| one_of("auto, netcat and native"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn values_that_mean_nothing_are_refused() {
        for (key, value) in [
            ("mode", "odd"),
            ("mode", ""),
            ("proxy", "direct"),
            ("no_tty", "yes"),
            ("no_verify", ""),
            ("auth", "kerberos"),
            ("auth", "sasl."),
            ("known_hosts_verify", "maybe"),
            ("sshauth", "agent,guess"),
        ] {
            let error = Parameters::default().take(key, value).unwrap_err();
            assert!(error.message().contains(key), "{error}");
        }
        assert!(!Parameters::default().take("keep", "x").unwrap());
    }

    #[test]
    fn values_are_read() {
        let mut parameters = Parameters::default();
        for (key, value) in [
            ("auth", "sasl.plain"),
            ("sshauth", "privkey, agent"),
            ("no_tty", "2"),
            ("mode", "direct"),
            ("proxy", "native"),
        ] {
            assert!(parameters.take(key, value).unwrap(), "{key}");
        }
        let wanted = Parameters {
            proof: Some(Proof::Sasl(Some("PLAIN".to_owned()))),
            sshauth: vec!["privkey".to_owned(), "agent".to_owned()],
            no_tty: true,
            mode: Some(Mode::Direct),
            proxy: Some(Proxy::Native),
            ..Parameters::default()
        };
        assert_eq!(parameters, wanted);
    }
}
