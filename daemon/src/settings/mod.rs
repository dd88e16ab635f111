//! `libvirtd.conf`: read whole, every key known and checked.

mod identity;
mod isolation;
mod keys;
mod network;

use std::path::{Path, PathBuf};
use std::time::Duration;

use oxivirt_util::config::{Complaints, Config, ConfigError};

use crate::access::Backend;
use crate::hooks::Wishes;
use crate::logging::{Filter, Level, Output, Place, Plan};
pub(crate) use identity::Identity;
pub(crate) use isolation::Isolation;
use keys::KEYS;
pub(crate) use network::{Network, SaslRules, TlsFiles, TlsRules};

/// Everything that the daemon takes from its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The sockets.
    pub(crate) sockets: Sockets,
    /// The network sockets.
    pub(crate) network: Network,
    /// TLS on the network sockets.
    pub(crate) tls: TlsRules,
    /// Whom SASL lets in.
    pub(crate) sasl: SaslRules,
    /// Limits of the server for ordinary clients.
    pub(crate) main: Limits,
    /// Limits of the server for administrators.
    pub(crate) admin: Limits,
    /// The log.
    pub(crate) log: Log,
    /// Who decides on access to single objects, all of them; empty means nobody is asked.
    pub(crate) access: Vec<Backend>,
    /// The operator's scripts.
    pub(crate) hooks: Wishes,
    /// Plugins in processes of their own.
    pub(crate) isolation: Isolation,
    /// Keys that were set and have no effect yet.
    pub(crate) idle_keys: Vec<&'static str>,
    /// Which host this is.
    pub(crate) identity: Identity,
}

/// The Unix sockets and who may use them.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    /// Group that owns them.
    pub(crate) group: Option<String>,
    /// Folder instead of the usual one.
    pub(crate) folder: Option<PathBuf>,
    /// Permission bits of the read-write socket, where configured.
    pub(crate) read_write_mode: Option<u32>,
    /// Permission bits of the read-only socket, where configured.
    pub(crate) read_only_mode: Option<u32>,
    /// Permission bits of the administrators' socket, where configured.
    pub(crate) admin_mode: Option<u32>,
    /// How clients of the read-write socket prove who they are, where configured.
    pub(crate) read_write_auth: Option<Auth>,
    /// How clients of the read-only socket prove who they are, where configured.
    pub(crate) read_only_auth: Option<Auth>,
}

/// How clients prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Whoever can open the socket may go on.
    #[default]
    None,
    /// A challenge on the connection.
    Sasl,
    /// polkit is asked; root and the daemon's own user need no answer.
    Polkit,
}

/// What one server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Clients at a time.
    pub(crate) clients: usize,
    /// Connections that wait to be accepted.
    pub(crate) queued_clients: u32,
    /// Clients at a time that did not prove yet who they are.
    pub(crate) anonymous_clients: usize,
    /// Workers that stay without work.
    pub(crate) min_workers: usize,
    /// Workers at a time, not counting those that hang.
    pub(crate) max_workers: usize,
    /// Workers for calls that never wait for a guest.
    pub(crate) prio_workers: usize,
    /// Calls of one client at a time.
    pub(crate) client_requests: usize,
    /// Seconds of silence before a client is asked for a sign of life; absent
    /// means never.
    pub(crate) keepalive_interval: Option<u32>,
    /// Questions without a sign of life before the client is dropped.
    pub(crate) keepalive_count: u32,
}

/// What is logged, and where to.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Least important level, where configured.
    pub(crate) level: Option<Level>,
    /// Levels of certain sources.
    pub(crate) filters: Vec<Filter>,
    /// Where to; empty means the default.
    pub(crate) outputs: Vec<(Level, Place)>,
}

impl Settings {
    /// Reads the file; a missing one is an error only if it was asked for.
    ///
    /// Errors: one line with file and line number for each mistake.
    pub(crate) fn read(path: &Path, required: bool) -> Result<Self, Vec<String>> {
        let config = match required {
            true => Config::read(path),
            false => Config::read_or_empty(path),
        };
        let config = config.map_err(|error| match error.get_ref() {
            Some(inner) => vec![inner.to_string()],
            None => vec![format!("cannot read configuration '{}': {error}", path.display())],
        })?;
        Self::from_config(&config).map_err(|all| all.iter().map(ConfigError::to_string).collect())
    }

    /// Takes what was read; every mistake is told.
    pub(crate) fn from_config(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut wrong = Complaints::default();
        config.check_keys(KEYS, &mut wrong);
        let main = Limits {
            clients: wrong.number(config, "max_clients", 1..=100_000, 5000),
            queued_clients: wrong.number(config, "max_queued_clients", 1..=100_000, 1000),
            anonymous_clients: wrong.number(config, "max_anonymous_clients", 1..=100_000, 20),
            min_workers: wrong.number(config, "min_workers", 0..=10_000, 5),
            max_workers: wrong.number(config, "max_workers", 1..=10_000, 20),
            prio_workers: wrong.number(config, "prio_workers", 0..=10_000, 5),
            client_requests: wrong.number(config, "max_client_requests", 1..=100_000, 5),
            keepalive_interval: None,
            keepalive_count: wrong.number(config, "keepalive_count", 0..=1_000_000, 5),
        };
        let admin = Limits {
            clients: wrong.number(config, "admin_max_clients", 1..=100_000, 5000),
            queued_clients: wrong.number(config, "admin_max_queued_clients", 1..=100_000, 20),
            anonymous_clients: wrong.number(config, "admin_max_clients", 1..=100_000, 5000),
            min_workers: wrong.number(config, "admin_min_workers", 0..=10_000, 5),
            max_workers: wrong.number(config, "admin_max_workers", 1..=10_000, 20),
            prio_workers: 0,
            client_requests: wrong.number(config, "admin_max_client_requests", 1..=100_000, 5),
            keepalive_interval: None,
            keepalive_count: wrong.number(config, "admin_keepalive_count", 0..=1_000_000, 5),
        };
        let main = Limits { keepalive_interval: wrong.take(None, interval(config, "keepalive_interval")), ..main };
        let admin =
            Limits { keepalive_interval: wrong.take(None, interval(config, "admin_keepalive_interval")), ..admin };
        for (low, high, limits) in
            [("min_workers", "max_workers", main), ("admin_min_workers", "admin_max_workers", admin)]
        {
            if limits.min_workers > limits.max_workers {
                let key = if config.get(low).is_some() { low } else { high };
                let message =
                    format!("'{low}' is {}, more than '{high}' with {}", limits.min_workers, limits.max_workers);
                wrong.add(config.error(key, message));
            }
        }
        let settings = Self {
            sockets: sockets(config, &mut wrong),
            network: Network::from_config(config, &mut wrong),
            tls: TlsRules::from_config(config, &mut wrong),
            sasl: SaslRules::from_config(config, &mut wrong),
            main,
            admin,
            log: log(config, &mut wrong),
            access: wrong.take(Vec::new(), access(config)),
            hooks: wrong.take(Wishes::default(), hooks(config)),
            isolation: Isolation::from_config(config, &mut wrong),
            identity: wrong.take(Identity::default(), Identity::from_config(config)),
            idle_keys: config.idle_keys(KEYS),
        };
        wrong.none_or(settings)
    }
}

impl Log {
    /// Opens every output.
    ///
    /// * `fallback`: where to when nothing is configured.
    /// * Errors: the first output that cannot be opened.
    pub(crate) fn open(&self, verbose: bool, fallback: &Place) -> Result<Plan, String> {
        let level = match (self.level, verbose) {
            (Some(level), _) => level,
            (None, true) => Level::Info,
            (None, false) => Level::Warning,
        };
        let mut outputs = Vec::new();
        for (level, place) in &self.outputs {
            outputs.push(Output::open(*level, place)?);
        }
        if outputs.is_empty() {
            outputs.push(Output::open(Level::Debug, fallback)?);
        }
        Ok(Plan { level, filters: self.filters.clone(), outputs })
    }
}

/// Seconds; -1 and 0 mean never.
fn interval(config: &Config, key: &str) -> Result<Option<u32>, ConfigError> {
    match config.int(key)? {
        None => Ok(Some(5)),
        Some(-1 | 0) => Ok(None),
        Some(value) => match u32::try_from(value) {
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => {
                Err(config.error(key, format!("value {value} for '{key}' is neither -1 nor a number of seconds")))
            }
        },
    }
}

fn auth(config: &Config, key: &str) -> Result<Option<Auth>, ConfigError> {
    match config.str(key)? {
        None => Ok(None),
        Some("none") => Ok(Some(Auth::None)),
        Some("sasl") => Ok(Some(Auth::Sasl)),
        Some("polkit") => Ok(Some(Auth::Polkit)),
        Some(other) => Err(config.error(key, format!("'{other}' for '{key}' is none of none, sasl, polkit"))),
    }
}

fn sockets(config: &Config, wrong: &mut Complaints) -> Sockets {
    Sockets {
        group: wrong.take(None, config.str("unix_sock_group")).map(str::to_owned),
        folder: wrong.take(None, config.path("unix_sock_dir")),
        read_write_mode: wrong.take(None, config.permissions("unix_sock_rw_perms")),
        read_only_mode: wrong.take(None, config.permissions("unix_sock_ro_perms")),
        admin_mode: wrong.take(None, config.permissions("unix_sock_admin_perms")),
        read_write_auth: wrong.take(None, auth(config, "auth_unix_rw")),
        read_only_auth: wrong.take(None, auth(config, "auth_unix_ro")),
    }
}

fn log(config: &Config, wrong: &mut Complaints) -> Log {
    let level = match wrong.take(None, config.uint_within("log_level", 0..=4)) {
        // 0 asks for the default, as leaving it out does.
        None | Some(0) => None,
        Some(number) => Level::from_number(number),
    };
    let mut text = |key: &str| wrong.take(None, config.str(key)).unwrap_or_default();
    let (filters, outputs) = (Filter::parse_list(text("log_filters")), Output::parse_list(text("log_outputs")));
    Log {
        level,
        filters: wrong.take(Vec::new(), filters.map_err(|message| config.error("log_filters", message))),
        outputs: wrong.take(Vec::new(), outputs.map_err(|message| config.error("log_outputs", message))),
    }
}

fn access(config: &Config) -> Result<Vec<Backend>, ConfigError> {
    let names = config.str_list("access_drivers")?.unwrap_or_default();
    let known = names.iter().map(|name| match Backend::from_name(name) {
        Some(backend) => Ok(backend),
        None => Err(config.error("access_drivers", format!("'{name}' for 'access_drivers' is none of rules, polkit"))),
    });
    known.collect()
}

fn hooks(config: &Config) -> Result<Wishes, ConfigError> {
    let script = config.str("events_script")?.filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = script.as_ref().filter(|path| !path.is_absolute()) {
        let message = format!("'{}' for 'events_script' is not an absolute path", path.display());
        return Err(config.error("events_script", message));
    }
    let wanted = config.str_list("events_set")?.unwrap_or_else(|| vec!["*:*"]);
    let events = wanted.iter().map(|pattern| match pattern.split_once(':') {
        Some((object, event)) if !object.is_empty() && !event.is_empty() => Ok((object.to_owned(), event.to_owned())),
        _ => {
            let message = format!("'{pattern}' for 'events_set' is no object and event such as \"domain:start\"");
            Err(config.error("events_set", message))
        }
    });
    let limit = Duration::from_secs(config.uint_within("hook_timeout", 1..=86_400)?.unwrap_or(120));
    Ok(Wishes { script, events: events.collect::<Result<_, _>>()?, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let config = Config::parse("libvirtd.conf", text).map_err(|error| error.to_string())?;
        Settings::from_config(&config)
            .map_err(|all| all.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn every_mistake_is_told_once_in_the_order_of_the_file() {
        let error = read("tcp_port = 16509\nmax_clients = 0\nfoo = 1\nauth_tls = \"polkit\"\ntls_priority = \"\"\n")
            .expect_err("wrong");
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 4, "{error}");
        for (line, wanted) in lines.iter().zip(["conf:1: expected a string", "conf:2: ", "conf:3: unknown", "conf:4: "])
        {
            assert!(line.contains(wanted), "{line}");
        }
    }

    #[test]
    fn defaults_are_libvirts() {
        let settings = read("").expect("valid");
        let main = settings.main;
        assert_eq!((main.clients, main.queued_clients, main.anonymous_clients), (5000, 1000, 20));
        assert_eq!((main.min_workers, main.max_workers, main.prio_workers, main.client_requests), (5, 20, 5, 5));
        assert_eq!((main.keepalive_interval, main.keepalive_count), (Some(5), 5));
    }

    #[test]
    fn values_arrive() {
        let settings = read(
            "unix_sock_group = \"kvm\"\nunix_sock_rw_perms = \"0660\"\nauth_unix_rw = \"none\"\nmax_clients = 7\n\
             keepalive_interval = -1\nlog_level = 1\nlog_outputs = \"1:stderr\"\naudit_level = 0\n",
        )
        .expect("valid");
        assert_eq!(settings.sockets.group.as_deref(), Some("kvm"));
        assert_eq!(settings.sockets.read_write_mode, Some(0o660));
        assert_eq!(settings.sockets.read_write_auth, Some(Auth::None));
        assert_eq!((settings.main.clients, settings.main.keepalive_interval), (7, None));
        assert_eq!(settings.log.level, Some(Level::Debug));
        assert_eq!(settings.idle_keys, ["audit_level"]);
    }

    #[test]
    fn plugins_are_isolated_one_by_one_or_all() {
        let none = read("isolation = \"none\"\n").expect("valid").isolation;
        assert_eq!(none, Isolation::default());
        let some = read("isolated_plugins = [ \"qemu\", \"qmeu\" ]\nisolation_start_limit = 5\n").expect("valid");
        assert!(some.isolation.concerns("qemu") && !some.isolation.concerns("test"));
        assert_eq!(some.isolation.unknown(&["qemu", "test"]), ["qmeu"]);
        assert_eq!(some.isolation.start_limit, Duration::from_secs(5));
        assert!(read("isolation = \"process\"\n").expect("valid").isolation.concerns("test"));
    }

    #[test]
    fn complaints_name_file_and_line() {
        for (text, wanted) in [
            ("\nnonsense = 1\n", "libvirtd.conf:2: unknown key 'nonsense'"),
            ("max_clients = \"many\"\n", "libvirtd.conf:1: expected an unsigned integer for 'max_clients' parameter"),
            ("max_clients = 0\n", "libvirtd.conf:1: value 0 for 'max_clients' parameter must be in range 1:100000"),
            ("auth_unix_rw = \"maybe\"\n", "libvirtd.conf:1: 'maybe' for 'auth_unix_rw' is none of none, sasl, polkit"),
            ("unix_sock_ro_perms = \"rwx\"\n", "libvirtd.conf:1: 'rwx' for 'unix_sock_ro_perms' is no permission mode"),
            (
                "min_workers = 9\nmax_workers = 3\n",
                "libvirtd.conf:1: 'min_workers' is 9, more than 'max_workers' with 3",
            ),
            ("log_outputs = \"1:pigeon\"\n", "libvirtd.conf:1: '1:pigeon' is none of"),
            ("host_uuid = \"00000000-0000-0000-0000-000000000000\"\n", "libvirtd.conf:1: all digits of"),
            ("unix_sock_dir = \"run\"\n", "libvirtd.conf:1: 'run' for 'unix_sock_dir' is not an absolute path"),
            (
                "access_drivers = [ \"rules\", \"guards\" ]\n",
                "libvirtd.conf:1: 'guards' for 'access_drivers' is none of rules, polkit",
            ),
            ("events_script = \"a.sh\"\n", "libvirtd.conf:1: 'a.sh' for 'events_script' is not an absolute path"),
            ("events_set = [ \"domain\" ]\n", "libvirtd.conf:1: 'domain' for 'events_set' is no object and event"),
            ("hook_timeout = 0\n", "libvirtd.conf:1: value 0 for 'hook_timeout' parameter must be in range"),
            ("isolation = \"jail\"\n", "libvirtd.conf:1: 'jail' for 'isolation' is none of none, process"),
            ("isolated_plugins = 1\n", "libvirtd.conf:1: expected a string"),
            ("isolation_start_limit = 0\n", "libvirtd.conf:1: value 0 for 'isolation_start_limit' parameter must be"),
            ("listen_tcp = 2\n", "libvirtd.conf:1: expected 0 or 1 for 'listen_tcp' parameter"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(wanted), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_template_names_every_key_once_and_is_valid() {
        let template = include_str!("../../dist/libvirtd.conf");
        read(template).expect("as shipped");
        // A setting that is only an example stands behind a lone `#`.
        let examples: String = template
            .lines()
            .filter(|line| line.starts_with('#') && !line.starts_with("# ") && line.contains('='))
            .map(|line| format!("{}\n", &line[1..]))
            .collect();
        read(&examples).expect("every example is valid");
        let config = Config::parse("libvirtd.conf", &examples).expect("valid");
        for key in KEYS {
            assert_eq!(config.entries().filter(|entry| entry.key == key.name).count(), 1, "{}", key.name);
        }
    }
}
