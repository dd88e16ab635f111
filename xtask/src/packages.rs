//! `packages`: installs what the other commands need from the distribution.
//!
//! Debian 12 carries libvirt 9 and QEMU 7; the versions that Oxivirt is held
//! against come from its backports suite, which is added when it is missing.
//! Debian 13 has them in the release. Packages that would start a daemon of
//! their own are kept from doing so.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;
use oxivirt_tests::process::{self, find_program};

use crate::Outcome;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// For which command
    #[arg(long = "for", value_enum, default_value = "test")]
    purpose: Purpose,
}

/// What the packages are for; each holds the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Purpose {
    /// Booting a guest through stock virsh
    Demo,
    /// Every test
    Test,
    /// Benchmarks against the stock daemon
    Bench,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    install(arguments.purpose)
}

/// Installs what is missing for `purpose`; does nothing when nothing is.
///
/// Errors: not a Debian system that has the packages, no right to install,
/// or apt failed three times; each with what to do about it.
pub(crate) fn install(purpose: Purpose) -> Outcome {
    let wanted: Vec<&Package> = PACKAGES.iter().filter(|package| package.purpose <= purpose).collect();
    let missing = missing(&wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let suite = suite()?;
    println!("installing {} packages from the distribution:", missing.len());
    for package in &missing {
        let from = if package.backport && suite == Suite::Bookworm { " (bookworm-backports)" } else { "" };
        println!("  {:<28} {}{from}", package.name, package.reason);
    }
    let apt = Apt::new(&missing)?;
    if suite == Suite::Bookworm {
        apt.add_backports()?;
    }
    apt.get(&["update"])?;
    let guard = ServiceGuard::new(&apt, &missing)?;
    let (backports, release): (Vec<&Package>, Vec<&Package>) =
        missing.iter().partition(|package| package.backport && suite == Suite::Bookworm);
    for (target, group) in [(Some("bookworm-backports"), backports), (None, release)] {
        if group.is_empty() {
            continue;
        }
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(target.into_iter().flat_map(|target| ["-t", target]));
        arguments.extend(group.iter().map(|package| package.name));
        apt.get(&arguments)?;
    }
    drop(guard);
    match self::missing(&wanted)?.as_slice() {
        [] => Ok(()),
        still => Err(format!("after the installation these are still missing or too old: {}", names(still))),
    }
}

/// Reads the package lists anew.
pub(crate) fn refresh() -> Outcome {
    Apt::new(&[])?.get(&["update"])
}

struct Package {
    name: &'static str,
    /// The oldest major version that serves, 0 for any.
    major: u32,
    /// Whether Debian 12 has that version in its backports suite only.
    backport: bool,
    purpose: Purpose,
    reason: &'static str,
    /// Service units that the package would enable.
    units: &'static [&'static str],
}

const fn package(name: &'static str, purpose: Purpose, reason: &'static str) -> Package {
    Package { name, major: 0, backport: false, purpose, reason, units: &[] }
}

const fn backport(name: &'static str, major: u32, purpose: Purpose, reason: &'static str) -> Package {
    Package { name, major, backport: true, purpose, reason, units: &[] }
}

const PACKAGES: &[Package] = &[
    backport("libvirt-clients", 11, Purpose::Demo, "stock virsh"),
    backport("qemu-system-x86", 10, Purpose::Demo, "runs the guests"),
    package("busybox-static", Purpose::Demo, "userland of the test guest"),
    package("cpio", Purpose::Demo, "packs the test guest"),
    package("xz-utils", Purpose::Demo, "unpacks kernel modules"),
    backport("libvirt-common", 11, Purpose::Test, "schemas that printed XML must satisfy"),
    backport("qemu-utils", 10, Purpose::Test, "disk images"),
    backport("qemu-system-modules-opengl", 10, Purpose::Test, "displays on a message bus"),
    package("python3-minimal", Purpose::Test, "runs the Python clients"),
    package("python3-libvirt", Purpose::Test, "stock Python bindings"),
    package("openssl", Purpose::Test, "makes certificates"),
    package("libsasl2-modules", Purpose::Test, "passwords by SCRAM in stock clients"),
    package("dbus-daemon", Purpose::Test, "private buses of displays and of polkit's stand-in"),
    package("swtpm", Purpose::Test, "a TPM for guests"),
    package("nbdkit", Purpose::Test, "reads images from web servers"),
    package("passt", Purpose::Test, "a way into the network for guests"),
    package("swtpm-tools", Purpose::Test, "makes the state of a TPM"),
    package("libsys-virt-perl", Purpose::Test, "stock Perl bindings"),
    package("ruby-libvirt", Purpose::Test, "stock Ruby bindings"),
    package("libvirt-dbus", Purpose::Test, "stock D-Bus interface"),
    package("virtinst", Purpose::Test, "virt-install, virt-xml and virt-clone"),
    backport("libvirt-doc", 11, Purpose::Test, "documents for the test driver"),
    package("qemu-guest-agent", Purpose::Test, "a real agent for the test guest"),
    package("libxml2-utils", Purpose::Test, "validates XML"),
    package("g++", Purpose::Test, "links the fuzz targets"),
    Package {
        units: &[
            "libvirtd.service",
            "libvirtd.socket",
            "libvirtd-ro.socket",
            "libvirtd-admin.socket",
            "libvirt-guests.service",
            "virtlogd.service",
            "virtlogd.socket",
            "virtlogd-admin.socket",
        ],
        ..backport("libvirt-daemon", 11, Purpose::Bench, "the stock daemon, to compare with")
    },
];

/// Those of `wanted` that are not installed or too old, by one query.
fn missing<'a>(wanted: &[&'a Package]) -> Result<Vec<&'a Package>, String> {
    if find_program("dpkg-query").is_none() {
        return Err(elsewhere("it has no dpkg", wanted));
    }
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Package} ${db:Status-Abbrev} ${Version}\n"]);
    query.args(wanted.iter().map(|package| package.name));
    // A package that dpkg never heard of makes the status non-zero; its line is simply absent.
    let answer = process::run(&mut query, "asking dpkg what is installed", Duration::from_secs(60))?;
    let installed: HashMap<&str, u32> = answer
        .stdout
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, status, version) = (words.next()?, words.next()?, words.next()?);
            status.starts_with("ii").then(|| (name, major(version)))
        })
        .collect();
    let serves = |package: &Package| installed.get(package.name).is_some_and(|major| *major >= package.major);
    Ok(wanted.iter().copied().filter(|package| !serves(package)).collect())
}

/// The first number of a Debian version, behind its epoch: 10 for `1:10.0.2+ds-2`.
fn major(version: &str) -> u32 {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    let digits: String = upstream.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[derive(PartialEq, Eq)]
enum Suite {
    Bookworm,
    /// Has everything in the release itself.
    Newer,
}

/// Which Debian this is.
fn suite() -> Result<Suite, String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
            .unwrap_or_default()
    };
    match (value("ID").as_str(), value("VERSION_ID").as_str()) {
        ("debian", "12") => Ok(Suite::Bookworm),
        ("debian", other) if other.parse::<u32>().map_or(true, |number| number > 12) => Ok(Suite::Newer),
        (id, version) => {
            let all: Vec<&Package> = PACKAGES.iter().collect();
            Err(elsewhere(&format!("it is {id} {version}"), &all))
        }
    }
}

fn elsewhere(why: &str, wanted: &[&Package]) -> String {
    format!(
        "packages can be installed on Debian 12 or newer only, and this system is not one ({why}); \
         what is needed is: {}",
        names(wanted)
    )
}

fn names(packages: &[&Package]) -> String {
    packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
}

/// apt with the rights it needs.
struct Apt {
    prefix: Vec<&'static str>,
}

impl Apt {
    fn new(missing: &[&Package]) -> Result<Apt, String> {
        if rustix::process::geteuid().is_root() {
            return Ok(Apt { prefix: Vec::new() });
        }
        match find_program("sudo") {
            Some(_) => Ok(Apt { prefix: vec!["sudo"] }),
            None => Err(format!(
                "this user may not run apt and there is no sudo; as root: apt-get update; apt-get install {}",
                names(missing)
            )),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut words = self.prefix.iter().copied().chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words);
        command
    }

    /// Runs apt-get, up to three times.
    fn get(&self, arguments: &[&str]) -> Outcome {
        let what = format!("apt-get {}", arguments.join(" "));
        let mut last = String::new();
        for attempt in 0..3 {
            if attempt > 0 {
                eprintln!("{last}\ntrying again");
                std::thread::sleep(Duration::from_secs(5));
            }
            let mut command = self.command("env");
            command
                .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"])
                .args(["-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30"])
                .args(["-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"])
                .args(arguments);
            match process::show(&mut command, &what, Duration::from_secs(900)) {
                Ok(()) => return Ok(()),
                Err(message) => last = message,
            }
        }
        Err(last)
    }

    /// Adds the backports suite to apt's sources unless some source names it.
    fn add_backports(&self) -> Outcome {
        let sources = sources();
        if sources.contains("bookworm-backports") {
            return Ok(());
        }
        let mirror = mirror(&sources).ok_or_else(|| {
            "apt's sources name no mirror of Debian: add its suite bookworm-backports to them by hand".to_owned()
        })?;
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let signed = match Path::new(keyring).is_file() {
            true => format!("[signed-by={keyring}] "),
            false => String::new(),
        };
        self.write(
            "/etc/apt/sources.list.d/bookworm-backports.list",
            &format!("deb {signed}{mirror} bookworm-backports main\n"),
            "644",
        )
    }

    /// Writes a system file with the rights of apt.
    fn write(&self, path: &str, content: &str, mode: &str) -> Outcome {
        let what = format!("writing {path}");
        let source = tempfile::NamedTempFile::new().map_err(|e| format!("{what}: {e}"))?;
        fs::write(source.path(), content).map_err(|e| format!("{what}: {e}"))?;
        let mut command = self.command("install");
        command.args(["-m", mode]).arg(source.path()).arg(path);
        process::succeed(&mut command, &what, Duration::from_secs(60)).map(drop)
    }
}

/// The text of every source list of apt.
fn sources() -> String {
    let listed = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    listed
        .map(|entry| entry.path())
        .chain(["/etc/apt/sources.list".into()])
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |all, line| all + &line + "\n")
}

/// The mirror from which the release itself comes.
fn mirror(sources: &str) -> Option<&str> {
    let is_mirror = |word: &&str| word.contains("://") && word.trim_end_matches('/').ends_with("/debian");
    sources.lines().flat_map(str::split_whitespace).find(is_mirror)
}

/// Keeps newly installed packages from starting their daemons, now and at the next boot.
///
/// While it lives a policy file refuses service starts; afterwards units that
/// the packages enabled on a machine with systemd are disabled again. A
/// package that was there before is not touched.
struct ServiceGuard<'a> {
    apt: &'a Apt,
    policy: bool,
    units: Vec<&'static str>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl<'a> ServiceGuard<'a> {
    fn new(apt: &'a Apt, missing: &[&Package]) -> Result<Self, String> {
        let units: Vec<&'static str> = missing
            .iter()
            .flat_map(|package| package.units)
            .copied()
            .filter(|unit| !Path::new("/usr/lib/systemd/system").join(unit).exists())
            .collect();
        let policy = !units.is_empty() && !Path::new(POLICY).exists();
        if policy {
            apt.write(POLICY, "#!/bin/sh\n# No service starts while packages are installed.\nexit 101\n", "755")?;
        }
        Ok(ServiceGuard { apt, policy, units })
    }
}

impl Drop for ServiceGuard<'_> {
    fn drop(&mut self) {
        let run = |mut command: Command, what: &str| {
            if let Err(message) = process::run(&mut command, what, Duration::from_secs(60)) {
                eprintln!("warning: {message}");
            }
        };
        if self.policy {
            let mut command = self.apt.command("rm");
            command.args(["-f", POLICY]);
            run(command, "removing the service policy");
        }
        if !self.units.is_empty() && Path::new("/run/systemd/system").is_dir() {
            let mut command = self.apt.command("systemctl");
            command.arg("disable").args(&self.units);
            run(command, "disabling the stock daemon's units");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_behind_their_epoch() {
        assert_eq!(major("1:10.0.2+ds-2+deb13u1~bpo12+1"), 10);
        assert_eq!(major("11.3.0-2~bpo12+1"), 11);
        assert_eq!(major("odd"), 0);
    }

    #[test]
    fn the_mirror_of_the_release_is_found_in_both_source_formats() {
        assert_eq!(mirror("deb http://a.example/debian bookworm main\n"), Some("http://a.example/debian"));
        assert_eq!(mirror("Types: deb\nURIs: http://b.example/debian/\n"), Some("http://b.example/debian/"));
        assert_eq!(mirror("URIs: https://c.example/node\n"), None);
    }

    #[test]
    fn purposes_grow() {
        assert!(Purpose::Demo < Purpose::Test && Purpose::Test < Purpose::Bench);
    }
}
