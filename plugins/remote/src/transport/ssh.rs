//! Another machine's daemon, through the `ssh` program.

use std::process::Command;

use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Error, ErrorCode, Result};

use super::Carried;
use super::command::start;
use crate::defaults::Defaults;
use crate::parameters::{HostKeys, Mode, Proxy};
use crate::uri::RemoteUri;

/// Runs ssh, and on the other machine whatever reaches the daemon's socket.
pub(super) fn connect(uri: &RemoteUri, flags: OpenFlags, defaults: &Defaults) -> Result<Carried> {
    let mut command = Command::new(uri.parameters.command.as_deref().unwrap_or("ssh"));
    command.args(arguments(uri, flags.contains(OpenFlags::READ_ONLY), defaults)?);
    start(command)
}

fn arguments(uri: &RemoteUri, read_only: bool, defaults: &Defaults) -> Result<Vec<String>> {
    let ours = &uri.parameters;
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
    if let Some(port) = uri.port {
        add(&["-p", &port.to_string()]);
    }
    if let Some(user) = &uri.user {
        add(&["-l", user]);
    }
    if let Some(keyfile) = &ours.keyfile {
        add(&["-i", keyfile]);
    }
    if ours.no_tty {
        add(&["-o", "BatchMode=yes"]);
    }
    let host_keys = ours.host_keys.unwrap_or(HostKeys::Normal);
    match (&ours.known_hosts, host_keys) {
        // Whoever believes any key must not be stopped by one that has changed.
        (_, HostKeys::Ignore) => add(&["-o", "UserKnownHostsFile=/dev/null"]),
        (Some(file), _) => add(&["-o", &format!("UserKnownHostsFile={}", option_path(file)?)]),
        (None, _) => {}
    }
    match host_keys {
        HostKeys::Ignore => add(&["-o", "StrictHostKeyChecking=no"]),
        _ if ours.no_verify => add(&["-o", "StrictHostKeyChecking=no"]),
        HostKeys::Auto => add(&["-o", "StrictHostKeyChecking=accept-new"]),
        HostKeys::Normal => {}
    }
    if !ours.sshauth.is_empty() {
        add(&["-o", &format!("PreferredAuthentications={}", ways(&ours.sshauth))]);
        let has = |way: &str| ours.sshauth.iter().any(|other| other == way);
        match (has("agent"), has("privkey")) {
            (false, true) => add(&["-o", "IdentityAgent=none"]),
            (true, false) if ours.keyfile.is_none() => add(&["-o", "IdentityFile=none"]),
            _ => {}
        }
    }
    add(&["-T", "-e", "none", "--", if uri.host.is_empty() { "localhost" } else { &uri.host }]);
    all.push(format!("sh -c {}", quoted(&script(uri, read_only, defaults)?)));
    Ok(all)
}

/// libvirt's words for ways to prove who we are, in those of ssh.
fn ways(libvirt: &[String]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for way in libvirt {
        let way = if matches!(way.as_str(), "agent" | "privkey") { "publickey" } else { way };
        if !all.contains(&way) {
            all.push(way);
        }
    }
    all.join(",")
}

/// A path as ssh's options take it, with nothing that they would replace.
fn option_path(path: &str) -> Result<String> {
    match path.contains(['"', '\n', '$']) {
        false => Ok(format!("\"{}\"", path.replace('%', "%%"))),
        true => Err(Error::invalid_arg(format!("ssh cannot be told the file '{}'", path.escape_debug()))),
    }
}

/// What runs on the other machine.
fn script(uri: &RemoteUri, read_only: bool, defaults: &Defaults) -> Result<String> {
    let ours = &uri.parameters;
    // A helper is told; netcat knows one socket only.
    let default = match ours.netcat.is_some() || ours.socket.is_some() {
        true => Proxy::Netcat,
        false => defaults.proxy,
    };
    let proxy = ours.proxy.unwrap_or(default);
    if ours.mode.unwrap_or(defaults.mode) == Mode::Direct {
        let text = "the daemon of one driver (mode=direct) cannot be reached through ssh";
        return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    }
    if proxy == Proxy::Native && ours.netcat.is_some() {
        return Err(Error::invalid_arg("URI parameter 'netcat' means nothing with proxy=native"));
    }
    let helper = {
        let option = if read_only { "-r " } else { "" };
        format!("virt-ssh-helper {option}{}", quoted(&helper_uri(uri)))
    };
    let end = if read_only && !uri.is_session() { "-sock-ro" } else { "-sock" };
    let socket = match &ours.socket {
        Some(socket) => quoted(socket),
        None if uri.is_session() => "\"${XDG_RUNTIME_DIR:-$HOME/.cache}/libvirt/libvirt-sock\"".to_owned(),
        None => quoted(&format!("/run/libvirt/libvirt{end}")),
    };
    let program = quoted(ours.netcat.as_deref().unwrap_or("nc"));
    // Some netcats end with their input only when told to.
    let netcat = format!(
        "if {program} -q 2>&1 | grep -q 'requires an argument'; then exec {program} -q 0 -U {socket}; \
         else exec {program} -U {socket}; fi"
    );
    Ok(match proxy {
        Proxy::Auto => format!("if command -v virt-ssh-helper >/dev/null 2>&1; then exec {helper}; fi; {netcat}"),
        Proxy::Native => format!("exec {helper}"),
        Proxy::Netcat => netcat,
    })
}

/// The URI for the helper: what the server is to open, and where its socket is.
fn helper_uri(uri: &RemoteUri) -> String {
    let mut text = uri.name.clone();
    let mut add = |key: &str, value: &str| {
        text += if text.contains('?') { "&" } else { "?" };
        text += &format!("{key}={}", escaped(value));
    };
    if uri.parameters.mode == Some(Mode::Legacy) {
        add("mode", "legacy");
    }
    if let Some(socket) = &uri.parameters.socket {
        add("socket", socket);
    }
    text
}

/// A value inside the query of a URI.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn all(text: &str) -> Result<String> {
        Ok(arguments(&RemoteUri::parse(text)?, false, &Defaults::default())?.join(" "))
    }

    /// Runs a script on this machine with stand-ins for everything that it may call.
    fn run(text: &str, programs: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for program in programs {
            use std::os::unix::fs::PermissionsExt;
            let file = folder.path().join(program);
            std::fs::write(&file, format!("#!/bin/sh\necho {program} \"$@\"\n")).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let uri = RemoteUri::parse(text).unwrap();
        let script = script(&uri, true, &Defaults::default()).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let output = Command::new("sh").args(["-c", &script]).env("PATH", path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn ssh_gets_what_the_uri_says() {
        assert_eq!(
            all("qemu+ssh://me@box:7/system?keyfile=/k&no_tty=1&no_verify=1&proxy=native").unwrap(),
            "-p 7 -l me -i /k -o BatchMode=yes -o StrictHostKeyChecking=no -T -e none -- box \
             sh -c 'exec virt-ssh-helper '\\''qemu:///system'\\'''"
        );
        let text = all("qemu+ssh://box/system?socket=/a%20b").unwrap();
        assert!(text.contains("/a b") && !text.contains("virt-ssh-helper"), "{text}");
        let text = all(
            "qemu+libssh2://box/system?known_hosts=/a%20b%25h&known_hosts_verify=auto&sshauth=agent,privkey,password",
        );
        let wanted = "-o UserKnownHostsFile=\"/a b%%h\" -o StrictHostKeyChecking=accept-new \
                      -o PreferredAuthentications=publickey,password -T";
        assert!(text.as_ref().unwrap().starts_with(wanted), "{text:?}");
        let text = all("qemu+libssh://box/system?known_hosts_verify=ignore&known_hosts=/k&sshauth=privkey").unwrap();
        let wanted = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no \
                      -o PreferredAuthentications=publickey -o IdentityAgent=none -T";
        assert!(text.starts_with(wanted), "{text}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "qemu+ssh://box/system?mode=direct",
            "qemu+ssh://box/system?proxy=native&netcat=nc",
            "qemu+ssh://box/system?known_hosts=/a%22b",
        ] {
            assert!(all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_script_runs_what_is_there() {
        let helper = "virt-ssh-helper";
        assert_eq!(run("qemu+ssh://box/system", &[helper, "nc"]), "virt-ssh-helper -r qemu:///system");
        assert_eq!(run("qemu+ssh://box/system?netcat=ncat", &[helper, "ncat"]), "ncat -U /run/libvirt/libvirt-sock-ro");
        let native = "x+ssh://box/y?proxy=native&socket=/a%27b&mode=legacy&keep=1";
        assert_eq!(run(native, &[helper]), "virt-ssh-helper -r x:///y?keep=1&mode=legacy&socket=%2Fa%27b");
        assert_eq!(run("x+ssh://box/y?socket=/a%27b%20c%3B%20echo", &["nc"]), "nc -U /a'b c; echo");
    }

    #[test]
    fn a_quote_stays_inside_its_word() {
        let program = format!("printf %s {}", quoted("a'b; echo c"));
        let output = Command::new("sh").args(["-c", &program]).output().unwrap();
        assert_eq!(output.stdout, b"a'b; echo c");
    }
}
