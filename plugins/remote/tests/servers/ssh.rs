//! ssh: the real protocol where a server of it is installed, else a stand-in
//! that runs on this machine what ssh would run on another one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oxivirt_core::interface::{DomainConsole, DomainListing, Features};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{process, skip};

use super::Outcome;
use super::place::{SOON, ask, free_port, open, ours, refused, start, text, with_each, works};

/// Our helper.
const HELPER: &str = env!("CARGO_BIN_EXE_virt-ssh-helper");

/// Writes a program into a folder.
fn program(folder: &Path, name: &str, lines: &str) -> Result<PathBuf, String> {
    std::fs::create_dir_all(folder).map_err(text)?;
    let file = folder.join(name);
    std::fs::write(&file, lines).map_err(text)?;
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).map_err(text)?;
    Ok(file)
}

/// A stand-in for ssh whose other machine has only some programs.
///
/// * `helper` – what runs there as `virt-ssh-helper`.
fn stand_in(sandbox: &Sandbox, helper: Option<&str>) -> Result<String, String> {
    let folder = sandbox.root().join(format!("there-{}", helper.map_or("none", |path| &path[1..2])));
    if let Some(helper) = helper {
        program(&folder, "virt-ssh-helper", &format!("#!/bin/sh\nexec {helper} \"$@\"\n"))?;
    }
    // As small as netcat can be; complains like the one that wants to be told when to end.
    program(
        &folder,
        "nc",
        "#!/usr/bin/python3\n\
         import os, select, socket, sys\n\
         if sys.argv[1:] == ['-q']:\n    sys.exit('nc: option requires an argument')\n\
         assert sys.argv[1:-1] in (['-q', '0', '-U'], ['-q0', '-U']), sys.argv\n\
         s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[-1])\n\
         while True:\n\
         \x20   for r in select.select([0, s], [], [])[0]:\n\
         \x20       data = os.read(0, 65536) if r == 0 else s.recv(65536)\n\
         \x20       if not data: sys.exit()\n\
         \x20       if r == 0: s.sendall(data)\n\
         \x20       else:\n\
         \x20           while data: data = data[os.write(1, data):]\n",
    )?;
    let lines = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> {root}/said\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\n\
         PATH={}:/usr/bin:/bin exec sh -c \"$*\"\n",
        folder.display(),
        root = sandbox.root().display(),
    );
    Ok(program(&folder, "ssh", &lines)?.display().to_string())
}

fn uri(sandbox: &Sandbox, ssh: &str, more: &str) -> String {
    format!("test+ssh://localhost/default?command={ssh}&socket={}{more}", sandbox.socket().display())
}

#[test]
fn daemons_are_reached_through_each_proxy() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let mut helpers = vec![HELPER];
        if !skip::lacks(&["virt-ssh-helper"]) {
            helpers.push("/usr/bin/virt-ssh-helper");
        }
        for helper in helpers {
            let ssh = stand_in(&sandbox, Some(helper))?;
            for more in ["&proxy=native", "&proxy=netcat", "&proxy=auto", "", "&netcat=nc", "&proxy=native&mode=legacy"]
            {
                let client = open(&uri(&sandbox, &ssh, more), sandbox.root());
                works(&client.map_err(|e| sandbox.explain(&format!("{helper} {more}: {e}")))?)?;
            }
        }
        let ssh = stand_in(&sandbox, None)?;
        works(&open(&uri(&sandbox, &ssh, "&proxy=auto"), sandbox.root()).map_err(text)?)?;
        let client = open(&uri(&sandbox, &ssh, ""), sandbox.root()).map_err(text)?;
        let way = client.transport();
        assert_eq!((way.is_alive(), way.is_secure(), way.is_encrypted()), (true, true, true));
        assert_eq!(ask("connect_is_secure", |call| client.connect_is_secure(call))?, 1);
        // The server sees a Unix socket, but what is in between passes bytes only.
        assert_eq!(ask("connect_supports_feature", |call| client.connect_supports_feature(call, 8))?, 0);
        let domain = ask("domain_lookup_by_name", |call| client.domain_lookup_by_name(call, "test"))?;
        let pipe = std::io::pipe().map_err(text)?;
        let request = oxivirt_core::client::Request::new("domain_fd_associate").with_descriptors(vec![pipe.0.into()]);
        let answer = oxivirt_core::Call::with(&request, |call| {
            client.domain_fd_associate(call, &domain, "disk", Default::default())
        });
        refused(answer, &["file descriptors"])?;
        works(&client)
    })
}

#[test]
fn what_ssh_says_is_passed_on() -> Outcome {
    let sandbox = start(ours()?)?;
    let ssh = program(sandbox.root(), "ssh", "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")?;
    refused(open(&uri(&sandbox, &ssh.display().to_string(), ""), sandbox.root()), &["Permission denied (publickey)."])?;
    refused(open(&uri(&sandbox, "/no/such/ssh", ""), sandbox.root()), &["/no/such/ssh"])?;
    let ssh = stand_in(&sandbox, Some(HELPER))?;
    let lost = format!("test+ssh://localhost/default?command={ssh}&proxy=native&socket=/no/such/socket");
    refused(open(&lost, sandbox.root()), &["/no/such/socket"])?;
    refused(open(&uri(&sandbox, &ssh, "&mode=direct"), sandbox.root()), &["direct"])?;
    refused(open(&uri(&sandbox, &ssh, "&proxy=native&netcat=nc"), sandbox.root()), &["netcat"]).map(drop)
}

#[test]
fn options_reach_ssh() -> Outcome {
    let sandbox = start(ours()?)?;
    let ssh = stand_in(&sandbox, Some(HELPER))?;
    let more = "&keyfile=/k&no_tty=1&no_verify=1&known_hosts=/known";
    works(&open(&uri(&sandbox, &ssh, more).replace("//localhost", "//me@localhost:7"), sandbox.root()).map_err(text)?)?;
    let said = std::fs::read_to_string(sandbox.root().join("said")).map_err(text)?;
    let wanted = "-p 7 -l me -i /k -o BatchMode=yes -o UserKnownHostsFile=\"/known\" -o StrictHostKeyChecking=no \
                  -T -e none -- localhost ";
    assert!(said.starts_with(wanted), "{said}");
    Ok(())
}

#[test]
fn stock_clients_come_in_through_our_helper() -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    with_each(|_, program| {
        let sandbox = start(program)?;
        let ssh = stand_in(&sandbox, Some(HELPER))?;
        for more in ["&proxy=native", "&proxy=netcat"] {
            let listed = sandbox.virsh_ok(&uri(&sandbox, &ssh, more), &["list", "--all", "--name"])?;
            assert_eq!(listed.trim(), "test");
        }
        let read_only = sandbox.virsh_command(&uri(&sandbox, &ssh, "&proxy=native"), &["-r", "list"]);
        drop(read_only);
        Ok(())
    })
}

/// A server of ssh on a port of this host.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_real_protocol_carries_it_too() -> Outcome {
    let there = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
    let there = there.map(str::to_owned).or_else(|| std::env::var("OXIVIRT_TEST_SSHD").ok());
    let Some(sshd) = there else {
        skip::skip("not installed: sshd");
        return Ok(());
    };
    if skip::lacks(&["ssh", "ssh-keygen"]) {
        return Ok(());
    }
    let sandbox = start(ours()?)?;
    let folder = sandbox.root().join("ssh");
    std::fs::create_dir(&folder).map_err(text)?;
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).map_err(text)?;
    for name in ["host", "mine", "strange"] {
        let file = folder.join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file);
        process::succeed(&mut command, "ssh-keygen", SOON)?;
    }
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::copy(path("mine.pub"), path("authorized")).map_err(text)?;
    let port = free_port()?;
    let helpers = sandbox.root().join("there");
    program(&helpers, "virt-ssh-helper", &format!("#!/bin/sh\nexec {HELPER} \"$@\"\n"))?;
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nPidFile none\nSetEnv PATH={}:/usr/bin:/bin\n",
        path("host"),
        path("authorized"),
        helpers.display(),
    );
    std::fs::write(path("config"), config).map_err(text)?;
    let log = std::fs::File::create(path("log")).map_err(text)?;
    std::fs::create_dir_all("/run/sshd").map_err(text)?;
    let mut command = Command::new(&sshd);
    command.args(["-D", "-e", "-f", &path("config")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut server = Server(command.spawn().map_err(text)?);
    let ended = process::wait_for("sshd to listen", SOON, || {
        if let Ok(Some(status)) = server.0.try_wait() {
            return Some(Some(status));
        }
        std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(|_| None)
    })?;
    if let Some(status) = ended {
        let log = std::fs::read_to_string(path("log")).unwrap_or_default();
        skip::skip(&format!("sshd does not run here: {status} {log}"));
        return Ok(());
    }
    let key = std::fs::read_to_string(path("host.pub")).map_err(text)?;
    std::fs::write(path("known"), format!("[127.0.0.1]:{port} {key}")).map_err(text)?;
    let uri = |more: &str| {
        let socket = sandbox.socket();
        format!(
            "test+ssh://127.0.0.1:{port}/default?no_tty=1&sshauth=privkey&proxy=native&socket={}{more}",
            socket.display()
        )
    };
    let log = || std::fs::read_to_string(path("log")).unwrap_or_default();
    let known = format!("&known_hosts={}", path("known"));
    let mine = format!("&keyfile={}", path("mine"));
    works(&open(&uri(&format!("{known}{mine}")), sandbox.root()).map_err(|e| format!("{e}\n{}", log()))?)?;
    refused(open(&uri(&format!("{known}&keyfile={}", path("strange"))), sandbox.root()), &["denied"])?;
    // A host that is not known, and one whose key has changed.
    refused(open(&uri(&format!("{mine}&known_hosts={}", path("nobody"))), sandbox.root()), &["verification failed"])?;
    works(&open(&uri(&format!("{mine}&known_hosts={}&no_verify=1", path("fresh"))), sandbox.root()).map_err(text)?)?;
    let strange = std::fs::read_to_string(path("strange.pub")).map_err(text)?;
    std::fs::write(path("changed"), format!("[127.0.0.1]:{port} {strange}")).map_err(text)?;
    let changed = format!("{mine}&known_hosts={}", path("changed"));
    refused(open(&uri(&format!("{changed}&known_hosts_verify=auto")), sandbox.root()), &["verification failed"])?;
    works(&open(&uri(&format!("{changed}&known_hosts_verify=ignore")), sandbox.root()).map_err(text)?)
}
