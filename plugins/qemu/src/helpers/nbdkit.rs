//! `nbdkit`: reads an image from a server in the network, in QEMU's place.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxivirt_conf::domain::devices::{NetworkHost, NetworkProtocol, NetworkSource, StorageAuth};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};
use oxivirt_util::process::{self, RunOptions};

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::Site;
use crate::command::{Secret, image_url};
use crate::neighbours::Value;

/// An image in the network.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The block node that reads from it.
    pub node: &'a str,
    /// The disk that it belongs to.
    pub disk: Option<&'a str>,
    /// Where it is.
    pub network: &'a NetworkSource,
    /// Whom its server lets in.
    pub auth: Option<&'a StorageAuth>,
    /// Nobody writes to it.
    pub read_only: bool,
}

/// The plugin that speaks a protocol; none for what nbdkit is not used for.
pub fn plugin(protocol: NetworkProtocol) -> Option<&'static str> {
    use NetworkProtocol as P;
    match protocol {
        P::Http | P::Https | P::Ftp | P::Ftps | P::Tftp => Some("curl"),
        P::Ssh => Some("ssh"),
        _ => None,
    }
}

/// The pid file and the socket of a block node, in the guest's own folder.
pub fn run_files(folder: &Path, node: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("nbdkit-{node}.pid")), folder.join(format!("nbdkit-{node}.socket")))
}

/// Starts the program that serves an image, where nbdkit can do that on this host.
///
/// * `reveal` – gives the value of a secret.
/// * Returns it with its socket; none where the host's nbdkit lacks what is needed.
/// * Errors: those of `reveal`; `INTERNAL_ERROR` with its own words.
pub fn start(
    site: &Site,
    image: &Image<'_>,
    reveal: &mut dyn FnMut(Secret<'_>) -> Result<Value>,
) -> Result<Option<(Helper, PathBuf)>> {
    let Some(plugin) = plugin(image.network.protocol) else { return Ok(None) };
    let Ok(binary) = find_program("nbdkit") else { return Ok(None) };
    let parts = Parts::of(&binary)?;
    if !parts.plugins.join(format!("nbdkit-{plugin}-plugin.so")).exists() {
        return Ok(None);
    }
    let filter = parts.filters.join("nbdkit-readahead-filter.so").exists();
    let (pid_file, socket) = run_files(&site.files.state, image.node);
    let mut descriptors: Vec<(OwnedFd, i32)> = Vec::new();
    let mut pass = |secret: Secret<'_>| {
        let number = FIRST_FD.saturating_add(i32::try_from(descriptors.len()).unwrap_or(i32::MAX));
        descriptors.push((pipe_with(reveal(secret)?.reveal())?, number));
        Ok(number)
    };
    let line = arguments(image, &socket.to_string_lossy(), filter, &mut pass)?;
    let program = Program {
        kind: Kind::Disk,
        alias: image.disk.unwrap_or_default().to_owned(),
        binary,
        arguments: line.arguments,
        environment: line.environment,
        descriptors,
        rules: site.guest_user(),
        log: site.log(&format!("-nbdkit-{}.log", image.node)),
        pid_file,
        socket: Some(socket.clone()),
        files: Vec::new(),
        // In the foreground it would end with the thread that starts it.
        orphan: true,
    };
    Ok(Some((program.start()?, socket)))
}

/// What nbdkit is called with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Behind the program's name.
    pub arguments: Vec<String>,
    /// Variables beside the usual ones.
    pub environment: Vec<(String, String)>,
}

/// Writes the command line for an image.
///
/// * `filter` – whether it can read ahead.
/// * `pass` – puts a secret into a pipe; gives the number that its end has in nbdkit.
/// * Errors: those of `pass`; `CONFIG_UNSUPPORTED` several hosts.
pub fn arguments(
    image: &Image<'_>,
    socket: &str,
    filter: bool,
    pass: &mut dyn FnMut(Secret<'_>) -> Result<i32>,
) -> Result<Line> {
    let network = image.network;
    let mut line = Line::default();
    let mut add = |word: &str| line.arguments.push(word.to_owned());
    ["--unix", socket, "--foreground"].into_iter().for_each(&mut add);
    if image.read_only {
        add("--readonly");
    }
    if filter && network.readahead.is_some_and(|bytes| bytes > 0) {
        add("--filter=readahead");
    }
    let mut rest: Vec<(&str, String)> = Vec::new();
    match network.protocol {
        NetworkProtocol::Ssh => {
            add("ssh");
            let host = host(network)?;
            rest.push(("host", host.name.clone().unwrap_or_default()));
            rest.push(("port", host.port.unwrap_or(22).to_string()));
            rest.push(("path", network.name.clone().unwrap_or_default()));
            login(image, &mut rest, pass)?;
            let identity = network.ssh_identity.as_ref();
            if let (None, Some(user)) = (image.auth, identity.and_then(|i| i.username.clone())) {
                rest.push(("user", user));
            }
            if let Some(agent) = identity.and_then(|i| i.agentsock.clone()) {
                line.environment.push(("SSH_AUTH_SOCK".to_owned(), agent));
            }
            if let Some(file) = identity.and_then(|i| i.keyfile.clone()) {
                rest.push(("identity", file));
            }
            if let Some(file) = &network.known_hosts {
                rest.push(("known-hosts", file.clone()));
            }
        }
        protocol => {
            add("curl");
            // A server may send an HTTP client on to HTTPS, and nowhere else.
            let allowed = if protocol == NetworkProtocol::Http { "http,https" } else { protocol.as_str() };
            rest.push(("protocols", allowed.to_owned()));
            rest.push(("url", image_url(network)?));
            login(image, &mut rest, pass)?;
            if !network.cookies.is_empty() {
                let words: Vec<String> =
                    network.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                rest.push(("cookie", format!("-{}", pass(Secret::Words(&words.join("; ")))?)));
            }
            if network.ssl_verify == Some(YesNo::No) {
                rest.push(("sslverify", "false".to_owned()));
            }
            if let Some(seconds) = network.timeout.filter(|seconds| *seconds > 0) {
                rest.push(("timeout", seconds.to_string()));
            }
        }
    }
    line.arguments.extend(rest.into_iter().map(|(name, value)| format!("{name}={value}")));
    Ok(line)
}

fn login<'a>(
    image: &Image<'_>,
    rest: &mut Vec<(&'a str, String)>,
    pass: &mut dyn FnMut(Secret<'_>) -> Result<i32>,
) -> Result<()> {
    if let Some(auth) = image.auth {
        rest.push(("user", auth.username.clone()));
        rest.push(("password", format!("-{}", pass(Secret::Kept(&auth.secret))?)));
    }
    Ok(())
}

fn host(network: &NetworkSource) -> Result<&NetworkHost> {
    match network.hosts.as_slice() {
        [host] => Ok(host),
        others => Err(Error::config_unsupported(format!("nbdkit takes one host, not {}", others.len()))),
    }
}

/// The reading end of a pipe that holds a secret.
fn pipe_with(secret: &[u8]) -> Result<OwnedFd> {
    // What a pipe takes before somebody reads.
    if secret.len() > 1 << 15 {
        return Err(Error::config_unsupported("a secret is too long for nbdkit"));
    }
    let failed = |e| Error::system("cannot hand a secret over in a pipe", &e);
    let (reader, mut writer) = std::io::pipe().map_err(failed)?;
    writer.write_all(secret).map_err(failed)?;
    Ok(reader.into())
}

/// Where nbdkit has its parts.
struct Parts {
    plugins: PathBuf,
    filters: PathBuf,
}

impl Parts {
    fn of(binary: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("--dump-config").current_dir("/");
        let finished = process::run(&mut command, &RunOptions::default())
            .map_err(|e| Error::system(format_args!("cannot run '{}'", binary.display()), &e))?;
        let text = String::from_utf8_lossy(&finished.stdout).into_owned();
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            PathBuf::from(found.unwrap_or("/nonexistent"))
        };
        Ok(Self { plugins: value("plugindir"), filters: value("filterdir") })
    }
}

/// The first number behind the standard three.
const FIRST_FD: i32 = 3;
