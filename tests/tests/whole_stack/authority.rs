//! A stand-in for polkit on a private bus.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Runtime;
use zbus::zvariant::OwnedVariant;

/// What the stand-in says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// Somebody would have to be asked, and there is nobody.
    NoAgent,
    /// Somebody was asked and closed the window.
    Dismissed,
    /// It never says anything.
    Silence,
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) kind: String,
    pub(super) process: u32,
    pub(super) user: i32,
    pub(super) has_start: bool,
    pub(super) action: String,
    pub(super) details: BTreeMap<String, String>,
    pub(super) may_ask: bool,
    cancellation: String,
}

impl Question {
    /// One of the details; empty when it is absent.
    pub(super) fn detail(&self, name: &str) -> &str {
        self.details.get(name).map_or("", String::as_str)
    }
}

type Rule = Box<dyn Fn(&Question) -> Verdict + Send>;

struct Shared {
    rule: Rule,
    questions: Vec<Question>,
    /// Those that were withdrawn.
    withdrawn: Vec<String>,
}

struct Authority(Arc<Mutex<Shared>>);

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        details: HashMap<String, String>,
        flags: u32,
        cancellation: String,
    ) -> ((bool, bool, HashMap<String, String>),) {
        let verdict = {
            let mut shared = lock(&self.0);
            let of = |name: &str| subject.1.get(name);
            let question = Question {
                kind: subject.0.clone(),
                process: of("pid").and_then(|value| u32::try_from(value).ok()).unwrap_or_default(),
                user: of("uid").and_then(|value| i32::try_from(value).ok()).unwrap_or(-1),
                has_start: of("start-time").is_some_and(|value| u64::try_from(value).is_ok()),
                action,
                details: details.into_iter().collect(),
                may_ask: flags & 1 != 0,
                cancellation,
            };
            let verdict = (shared.rule)(&question);
            shared.questions.push(question);
            verdict
        };
        if verdict == Verdict::Silence {
            std::future::pending::<()>().await;
        }
        let said = match verdict {
            Verdict::Dismissed => HashMap::from([("polkit.dismissed".to_owned(), "true".to_owned())]),
            _ => HashMap::new(),
        };
        ((verdict == Verdict::Yes, verdict == Verdict::NoAgent, said),)
    }

    fn cancel_check_authorization(&self, cancellation: String) {
        lock(&self.0).withdrawn.push(cancellation);
    }
}

/// A bus with the stand-in on it, gone when dropped.
pub(super) struct Bus {
    daemon: Child,
    shared: Arc<Mutex<Shared>>,
    pub(super) address: String,
    connection: Option<zbus::Connection>,
    runtime: Runtime,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Bus {
    /// Starts both in a folder; the stand-in says no to everything.
    pub(super) fn start(folder: &Path) -> Result<Bus, String> {
        let at = |e: &dyn std::fmt::Display| format!("a private bus: {e}");
        let config = folder.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig>\n\
             <listen>unix:path={}/bus</listen>\n<auth>EXTERNAL</auth>\n<policy context=\"default\">\n\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\n\
             <allow user=\"*\"/>\n</policy>\n</busconfig>\n",
            folder.display()
        );
        std::fs::write(&config, text).map_err(|e| at(&e))?;
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| at(&e))?;
        let mut address = String::new();
        let output = daemon.stdout.take().ok_or("a private bus: no output")?;
        std::io::BufReader::new(output).read_line(&mut address).map_err(|e| at(&e))?;
        // Without its identity, so that a bus that is started again is the same one.
        let address = address.trim().split(",guid=").next().unwrap_or_default().to_owned();
        let rule: Rule = Box::new(|_| Verdict::No);
        let shared = Arc::new(Mutex::new(Shared { rule, questions: Vec::new(), withdrawn: Vec::new() }));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| at(&e))?;
        let mut bus = Bus { daemon, shared, address, connection: None, runtime };
        bus.appear()?;
        Ok(bus)
    }

    /// The stand-in is there, for the first time or again.
    pub(super) fn appear(&mut self) -> Result<(), String> {
        let authority = Authority(self.shared.clone());
        let connection = self.runtime.block_on(async {
            let builder = zbus::connection::Builder::address(self.address.as_str())
                .name("org.freedesktop.PolicyKit1")
                .serve_at("/org/freedesktop/PolicyKit1/Authority", authority);
            builder.build().await
        });
        self.connection = Some(connection.map_err(|e| format!("a stand-in for polkit: {e}"))?);
        Ok(())
    }

    /// The stand-in goes away, the bus stays.
    pub(super) fn vanish(&mut self) -> Result<(), String> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let closed = self.runtime.block_on(connection.close());
        closed.map_err(|e| format!("the stand-in for polkit does not go: {e}"))
    }

    /// One verdict for every question from now on.
    pub(super) fn decide(&self, verdict: Verdict) {
        self.decide_by(move |_| verdict);
    }

    /// A rule for every question from now on.
    pub(super) fn decide_by(&self, rule: impl Fn(&Question) -> Verdict + Send + 'static) {
        lock(&self.shared).rule = Box::new(rule);
    }

    /// All that was asked.
    pub(super) fn questions(&self) -> Vec<Question> {
        lock(&self.shared).questions.clone()
    }

    /// Forgets what was asked so far.
    pub(super) fn forget(&self) {
        lock(&self.shared).questions.clear();
    }

    /// The questions that the daemon withdrew.
    pub(super) fn withdrawn(&self) -> Vec<Question> {
        let shared = lock(&self.shared);
        let is_withdrawn = |question: &&Question| shared.withdrawn.contains(&question.cancellation);
        shared.questions.iter().filter(is_withdrawn).cloned().collect()
    }
}
