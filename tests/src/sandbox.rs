//! One private daemon with its clients, below one temporary folder.
//!
//! A sandbox may crash, restart and litter as it likes: dropping it ends the
//! daemon, every guest whose command line names the folder, and what the daemon
//! was asking QEMU meanwhile, and removes the folder. Nothing of the machine's own libvirt is read or touched.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{self, Finished};
use crate::{assets, stock};

/// How long a client program may take before it is ended.
pub const CLIENT_LIMIT: Duration = Duration::from_secs(60);

/// How long the daemon may take to answer on its socket, or to end when asked.
pub const DAEMON_LIMIT: Duration = Duration::from_secs(30);

/// A private daemon.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    daemon: Option<Child>,
    program: Program,
    own_group: bool,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    way: Vec<String>,
}

/// Which daemon runs.
#[derive(Debug, Clone)]
pub enum Program {
    /// Ours.
    Oxivirt {
        /// The daemon.
        daemon: PathBuf,
        /// The folder from which it takes its plugins.
        plugins: PathBuf,
    },
    /// The stock libvirtd of the distribution, see [`stock`].
    Stock,
    /// Any other one: a shell command that stays in the foreground, in which
    /// `{dir}` stands for the private folder and `{sock}` for the socket to serve.
    Command(String),
}

impl Sandbox {
    /// Starts the daemon on a fresh folder and waits until it answers.
    ///
    /// Errors: what could not be built or started, with the end of the daemon's log.
    pub fn start() -> Result<Sandbox, String> {
        let mut sandbox = Sandbox::prepare()?;
        sandbox.launch()?;
        Ok(sandbox)
    }

    /// Lays out the folder without starting the daemon, so that configuration can be written.
    pub fn prepare() -> Result<Sandbox, String> {
        match stock::chosen() {
            true => Sandbox::with(Program::Stock),
            false => Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? }),
        }
    }

    /// The same for a given daemon.
    pub fn with(program: Program) -> Result<Sandbox, String> {
        // Short on purpose: a socket's path may have at most 107 bytes.
        let folder =
            tempfile::Builder::new().prefix("oxivirt-").tempdir().map_err(|e| format!("a private folder: {e}"))?;
        let sandbox = Sandbox {
            folder,
            daemon: None,
            program,
            own_group: false,
            arguments: Vec::new(),
            variables: Vec::new(),
            way: Vec::new(),
        };
        fs::create_dir(sandbox.home()).map_err(|e| format!("{}: {e}", sandbox.home().display()))?;
        let mut settings = String::from("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n");
        if matches!(sandbox.program, Program::Stock) {
            let (lines, qemu) = stock::settings(sandbox.root());
            settings += &lines;
            sandbox.configure("qemu.conf", qemu)?;
        }
        sandbox.configure("libvirtd.conf", &settings)?;
        Ok(sandbox)
    }

    /// Makes signals from the terminal not reach the daemon.
    pub fn apart_from_terminal(mut self) -> Sandbox {
        self.own_group = true;
        self
    }

    /// Gives the daemon one more argument at its next launch, such as `--listen`.
    pub fn argument(&mut self, argument: &str) {
        self.arguments.push(argument.to_owned());
    }

    /// Has the daemon started by another program that becomes it, from its next launch on.
    ///
    /// * `words` – the program and its own arguments; the daemon's command follows.
    pub fn by_way_of(&mut self, words: &[String]) {
        self.way = words.to_vec();
    }

    /// Gives the daemon an environment variable at its next launch.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// How the daemon's configuration names a file of the sandbox.
    ///
    /// * `path` – an absolute one, with the sandbox's root for `/`.
    pub fn configured(&self, path: &str) -> String {
        match self.program {
            Program::Oxivirt { .. } => path.to_owned(),
            Program::Stock | Program::Command(_) => format!("{}{path}", self.root().display()),
        }
    }

    /// The text of `libvirtd.conf` that a sandbox begins with, for adding to it.
    pub fn basic_settings(&self) -> String {
        let stock = if matches!(self.program, Program::Stock) { stock::settings(self.root()).0 } else { String::new() };
        format!("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n{stock}")
    }

    /// Writes one of the daemon's configuration files, such as `qemu.conf`; read at the next launch.
    pub fn configure(&self, name: &str, text: &str) -> Result<(), String> {
        let file = self.root().join("etc/libvirt").join(name);
        let folder = self.root().join("etc/libvirt");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(|e| format!("{}: {e}", file.display()))
    }

    /// Starts the daemon and kills it after a while, whatever it does by then.
    pub fn launch_for(&mut self, moment: Duration) -> Result<(), String> {
        self.spawn()?;
        std::thread::sleep(moment);
        self.kill();
        Ok(())
    }

    /// Starts the daemon, for the first time or again, and waits until it answers.
    pub fn launch(&mut self) -> Result<(), String> {
        self.spawn()?;
        let socket = self.socket();
        let answer = process::wait_for(&format!("{} to accept", socket.display()), DAEMON_LIMIT, || {
            match self.daemon.as_mut().map(Child::try_wait) {
                Some(Ok(Some(status))) => Some(Err(format!("the daemon ended while starting: {status}"))),
                _ => UnixStream::connect(&socket).is_ok().then_some(Ok(())),
            }
        });
        answer.and_then(|early| early).map_err(|message| self.explain(&message))
    }

    fn spawn(&mut self) -> Result<(), String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .map_err(|e| format!("{}: {e}", self.log_file().display()))?;
        let errors = log.try_clone().map_err(|e| format!("the daemon's log: {e}"))?;
        let mut command = match &self.program {
            Program::Oxivirt { daemon, plugins } => {
                let mut command = Command::new(daemon);
                command.arg("--root").arg(self.root()).arg("--plugin-dir").arg(plugins);
                command
            }
            Program::Stock => stock::command(self.root())?,
            Program::Command(text) => {
                if let Some(folder) = self.socket().parent() {
                    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
                }
                let text = text.replace("{dir}", &self.root().display().to_string());
                let text = text.replace("{sock}", &self.socket().display().to_string());
                let mut command = Command::new("sh");
                command.arg("-c").arg(format!("exec {text}"));
                command
            }
        };
        if !matches!(self.program, Program::Command(_)) {
            command.args(&self.arguments);
        }
        if let [program, own @ ..] = self.way.as_slice() {
            let mut by_way = Command::new(program);
            by_way.args(own).arg(command.get_program()).args(command.get_args());
            command = by_way;
        }
        self.clean(&mut command).envs(self.variables.iter().cloned()).stdin(Stdio::null()).stdout(log).stderr(errors);
        if matches!(self.program, Program::Oxivirt { .. }) {
            // A relative path that a client makes up leads nowhere else.
            command.current_dir(self.root());
        }
        if self.own_group {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|e| format!("cannot start {}: {e}", command.get_program().display()))?;
        self.daemon = Some(child);
        Ok(())
    }

    /// Ends the daemon as a service manager would and waits for it; guests stay.
    ///
    /// Errors: it is still there after [`DAEMON_LIMIT`] (it is killed then), or it failed.
    pub fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.daemon.take() else {
            return Ok(());
        };
        let _questions = Questions::of(pid_of(&child));
        process::signal(pid_of(&child), Signal::TERM);
        match process::wait(&mut child, DAEMON_LIMIT) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.explain(&format!("the daemon ended with {status}"))),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(self.explain(&format!("the daemon did not end within {} s", DAEMON_LIMIT.as_secs())))
            }
        }
    }

    /// Kills the daemon without warning; guests stay.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            // Held still first, so that it starts nothing between the look and the end.
            process::signal(pid_of(&child), Signal::STOP);
            let _questions = Questions::of(pid_of(&child));
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The daemon's process id; 0 when none runs.
    pub fn pid(&self) -> i32 {
        self.daemon.as_ref().map_or(0, pid_of)
    }

    /// Whether the daemon still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.daemon.as_mut().map(Child::try_wait), Some(Ok(None)))
    }

    /// The folder that is the daemon's root.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The read-write socket.
    pub fn socket(&self) -> PathBuf {
        self.root().join("run/libvirt/libvirt-sock")
    }

    /// The read-only socket.
    pub fn read_only_socket(&self) -> PathBuf {
        self.root().join("run/libvirt/libvirt-sock-ro")
    }

    /// The URI under which a stock client reaches a driver here.
    ///
    /// * `scheme`, `path` – such as `qemu` and `/system`, or `test` and `/default`.
    pub fn uri(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}+unix://{path}?socket={}", self.socket().display())
    }

    /// Runs stock virsh against `uri`; a failing command is a result.
    pub fn virsh(&self, uri: &str, arguments: &[&str]) -> Result<Finished, String> {
        let what = format!("virsh {}", arguments.join(" "));
        process::run(&mut self.virsh_command(uri, arguments), &what, CLIENT_LIMIT).map_err(|e| self.explain(&e))
    }

    /// Runs stock virsh and gives back its output; a failing command is an error.
    pub fn virsh_ok(&self, uri: &str, arguments: &[&str]) -> Result<String, String> {
        let finished = self.virsh(uri, arguments)?;
        match finished.status.success() {
            true => Ok(finished.stdout),
            false => Err(self.explain(&format!("virsh {}: {}", arguments.join(" "), finished.text()))),
        }
    }

    /// The command that [`virsh`](Self::virsh) runs, for callers that feed or outlive it.
    pub fn virsh_command(&self, uri: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("virsh");
        command.args(["-q", "-c", uri]).args(arguments);
        self.clean(&mut command);
        command
    }

    /// Runs a Python program with the distribution's interpreter and bindings.
    ///
    /// Errors: it fails or hangs; the message holds its output and the daemon's log.
    pub fn python(&self, file: &Path, arguments: &[&str]) -> Result<String, String> {
        let what = format!("python3 {} {}", file.display(), arguments.join(" "));
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-B", "-u"]).arg(file).args(arguments);
        self.clean(&mut command);
        let finished = process::run(&mut command, &what, CLIENT_LIMIT * 2).map_err(|e| self.explain(&e))?;
        match finished.status.success() {
            true => Ok(finished.stdout),
            false => Err(self.explain(&format!("{what}: {}\n{}", finished.status, finished.text()))),
        }
    }

    /// The process id that the daemon noted for a running guest.
    pub fn guest_pid(&self, name: &str) -> Result<i32, String> {
        let file = self.root().join("run/libvirt/qemu").join(format!("{name}.pid"));
        fs::read_to_string(&file)
            .map_err(|e| format!("{}: {e}", file.display()))?
            .trim()
            .parse()
            .map_err(|e| format!("{}: {e}", file.display()))
    }

    /// The last lines that the daemon logged.
    pub fn log_tail(&self) -> String {
        let text = fs::read(self.log_file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Adds the end of the daemon's log to a message.
    pub fn explain(&self, message: &str) -> String {
        format!("{message}\n--- the daemon's log ends with:\n{}", self.log_tail())
    }

    fn log_file(&self) -> PathBuf {
        self.root().join("daemon.log")
    }

    fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// Takes away everything through which a user's settings could reach a program.
    pub fn clean<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["LIBVIRT_", "VIRSH_", "XDG_", "OXIVIRT_", "LC_"].iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.env("HOME", self.home()).env("LANG", "C.UTF-8").env("LIBVIRT_AUTOSTART", "0").current_dir("/")
    }

    /// The process ids in the daemon's folder of running guests.
    fn noted_guests(&self) -> Vec<i32> {
        let files = fs::read_dir(self.root().join("run/libvirt/qemu")).into_iter().flatten().flatten();
        files
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "pid"))
            .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok())
            .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("qemu")))
            .collect()
    }

    /// The processes whose command line names this sandbox's folder, each with that line.
    pub fn processes_with_lines(&self) -> Vec<(i32, String)> {
        let line = |pid: i32| {
            let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        self.processes().into_iter().map(|pid| (pid, line(pid))).filter(|(_, line)| !line.is_empty()).collect()
    }

    /// The processes whose command line names this sandbox's folder.
    fn processes(&self) -> Vec<i32> {
        let root = self.root().as_os_str().as_encoded_bytes();
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        // The stock daemon's guests know the folder under another name.
        let noted = match self.program {
            Program::Stock => self.noted_guests(),
            Program::Oxivirt { .. } | Program::Command(_) => Vec::new(),
        };
        let mine = |pid: i32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(root.len()).any(|window| window == root))
        };
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != own && (noted.contains(pid) || mine(*pid)))
            .collect()
    }
}

/// The children of a daemon, of which those that only asked QEMU what it can
/// do are ended on drop: they are no guests, and of no use without the daemon.
struct Questions(Vec<i32>);

impl Questions {
    fn of(daemon: i32) -> Questions {
        Questions(process::children(daemon))
    }
}

impl Drop for Questions {
    fn drop(&mut self) {
        let line = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let has = |pid: i32, start: &[u8]| line(pid).split(|byte| *byte == 0).any(|word| word.starts_with(start));
        for pid in &self.0 {
            // One that was just started still goes by the daemon's own command line.
            let _ = process::wait_for("a child to become itself", Duration::from_secs(2), || {
                (!has(*pid, b"--plugin-dir")).then_some(())
            });
            if has(*pid, b"none,accel=") {
                process::signal(*pid, Signal::KILL);
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
        // The folder's name is unique, so whoever was given it belongs here.
        for pid in self.processes() {
            process::signal(pid, Signal::CONT);
            process::signal(pid, Signal::KILL);
        }
        let _ = process::wait_for("the last guest to end", Duration::from_secs(5), || {
            self.processes().is_empty().then_some(())
        });
    }
}

fn pid_of(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap_or(0)
}
