//! Killing the daemon in the middle of its work with QEMU guests, again and again.
//!
//! A handful of guests, persistent and transient, is worked on through stock
//! virsh. At a moment chosen by chance within the time that such work takes,
//! the daemon (or the process of its driver) is killed and started again.
//! Then everything is compared: the daemon's word with QEMU's own, with the
//! processes, tap devices and files that are there, with what was reported
//! before, and with guests that nobody touched.
//!
//! A seed decides what is done and when; the rest is the machine's own.

mod files;
mod look;
mod network;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::load::Sequence;
use crate::process;
use crate::sandbox::Sandbox;

use look::Look;
use network::Network;
use work::{Work, World};

pub use network::is_possible as has_own_network;

/// How often and how.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many times the daemon is killed.
    pub rounds: u32,
    /// Decides what is done and when.
    pub seed: u64,
    /// The driver has a process of its own, which is killed most of the time.
    pub apart: bool,
    /// Findings after which no more rounds are made.
    pub most_findings: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rounds were made.
    pub rounds: u32,
    /// Per kind of work: reported as done, cut short or refused.
    pub work: BTreeMap<&'static str, (u32, u32)>,
    /// What was wrong, with the round.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rounds, {} findings; work (done, not done):", self.rounds, self.findings.len())?;
        let each: Vec<String> = self.work.iter().map(|(name, (done, cut))| format!("{name} {done}, {cut}")).collect();
        writeln!(f, "  {}", each.join("; "))?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}

/// No kind of work is taken to need longer.
const LONGEST: Duration = Duration::from_secs(5);

/// How long things may take to settle after a restart.
const SETTLE: Duration = Duration::from_secs(20);

/// How long a driver's process may take to come back: the daemon waits longer each time.
const COMES_BACK: Duration = Duration::from_secs(120);

/// Runs the plan on a sandbox that is prepared and not launched.
///
/// * `told` – hears of each round.
/// * Errors: the judge itself cannot go on; findings are in the report.
pub fn run(mut sandbox: Sandbox, plan: Plan, told: &mut dyn FnMut(&str)) -> Result<Report, String> {
    if plan.apart {
        let settings = format!("{}isolated_plugins = [ \"qemu\" ]\n", sandbox.basic_settings());
        sandbox.configure("libvirtd.conf", &settings)?;
    }
    let network = Network::new()?;
    if let Some(network) = &network {
        sandbox.by_way_of(&network.words());
    }
    sandbox.launch()?;
    let mut judge = Judge {
        chance: Sequence::new(plan.seed),
        world: World::new(&sandbox, network.is_some())?,
        uri: sandbox.uri("qemu", "/system"),
        network,
        report: Report::default(),
        typical: BTreeMap::new(),
        plan,
        sandbox,
    };
    let outcome = judge.rounds(told);
    outcome.map(|()| judge.report).map_err(|e| judge.sandbox.explain(&e))
}

struct Judge {
    sandbox: Sandbox,
    uri: String,
    world: World,
    network: Option<Network>,
    chance: Sequence,
    plan: Plan,
    /// How long each kind of work takes.
    typical: BTreeMap<&'static str, Duration>,
    report: Report,
}

/// A piece of work and what was said of it.
struct Done {
    work: Work,
    success: bool,
    text: String,
}

impl Judge {
    fn rounds(&mut self, told: &mut dyn FnMut(&str)) -> Result<(), String> {
        let mut before = self.warm_up()?;
        for round in 1..=self.plan.rounds {
            if process::INTERRUPTED.load(Ordering::Relaxed) {
                return Err(format!("interrupted in round {round}"));
            }
            let pieces = self.world.choose(&mut self.chance, &before)?;
            let done = self.cut_short(pieces, round)?;
            let names: Vec<String> =
                done.iter().map(|d| format!("{}{}", d.work.name, if d.success { "" } else { " (cut)" })).collect();
            for piece in &done {
                let count = self.report.work.entry(piece.work.kind).or_default();
                if piece.success { count.0 += 1 } else { count.1 += 1 }
            }
            let (after, findings) = self.judge(&before, &done)?;
            self.report.rounds = round;
            let count = findings.len();
            for finding in findings {
                self.report.findings.push(format!("round {round}, after {}: {finding}", names.join(", ")));
            }
            told(&format!("round {round}: {}; {} run, {count} findings", names.join(", "), after.running()));
            if count > 0 {
                for piece in done.iter().filter(|piece| !piece.success) {
                    told(&format!("  {}: {}", piece.work.name, piece.text.trim()));
                }
            }
            before = after;
            if self.report.findings.len() >= self.plan.most_findings {
                break;
            }
            if round % 25 == 0 {
                before = self.everything_works(told)?;
            }
        }
        self.clear_away(told)
    }

    /// Does each kind of work once without a kill, so that its time is known.
    fn warm_up(&mut self) -> Result<Look, String> {
        for _ in 0..12 {
            let look = self.look()?;
            let pieces = self.world.choose(&mut self.chance, &look)?;
            for piece in pieces {
                let begun = Instant::now();
                let done = self.sandbox.virsh(&self.uri, &piece.words())?;
                if !done.status.success() {
                    return Err(format!("{} fails without any kill: {}", piece.name, done.text()));
                }
                self.typical.insert(piece.kind, begun.elapsed());
            }
        }
        let (look, findings) = self.settled(&|_| Vec::new())?;
        match findings.is_empty() {
            true => Ok(look),
            false => Err(format!("not clean before the first kill: {findings:?}")),
        }
    }

    /// Does pieces of work side by side and kills the daemon meanwhile.
    fn cut_short(&mut self, pieces: Vec<Work>, round: u32) -> Result<Vec<Done>, String> {
        let usual = Duration::from_millis(150);
        let longest = pieces.iter().map(|p| self.typical.get(p.kind).copied().unwrap_or(usual)).max().unwrap_or(usual);
        // At first the client only comes up; somewhat beyond the end as well.
        let (from, to) = if self.chance.below(5) == 0 { (0, 1500) } else { (400, 1300) };
        let share = from + self.chance.below(to - from);
        let moment = longest.mul_f64(share as f64 / 1000.0);
        // Now and then the daemon itself, whatever is apart.
        let apart = self.plan.apart && !round.is_multiple_of(4);
        let victim = match apart {
            true => self.driver()?,
            false => self.sandbox.pid(),
        };
        let (sandbox, uri) = (&self.sandbox, &self.uri);
        let outcomes = thread::scope(|scope| {
            let running: Vec<_> = pieces
                .iter()
                .map(|piece| {
                    scope.spawn(move || {
                        let begun = Instant::now();
                        let finished = sandbox.virsh(uri, &piece.words())?;
                        Ok((finished.status.success(), finished.text(), begun.elapsed()))
                    })
                })
                .collect();
            thread::sleep(moment);
            process::signal(victim, Signal::KILL);
            running
                .into_iter()
                .map(|one| one.join().map_err(|_| "a client panicked".to_owned())?)
                .collect::<Result<Vec<(bool, String, Duration)>, String>>()
        })?;
        if !apart {
            self.sandbox.kill();
            // Now and then the next one does not get far either.
            if self.chance.below(4) == 0 {
                self.sandbox.launch_for(Duration::from_millis(self.chance.number() % 400))?;
            }
            self.sandbox.launch()?;
        }
        let mut all = Vec::new();
        for (work, (success, text, elapsed)) in pieces.into_iter().zip(outcomes) {
            // About as often cut short as not, however slow the machine has become.
            let before = self.typical.get(work.kind).copied().unwrap_or(elapsed);
            let now = if success { (before + elapsed.min(before)) / 2 } else { before.mul_f64(1.1).min(LONGEST) };
            self.typical.insert(work.kind, now);
            all.push(Done { work, success, text });
        }
        Ok(all)
    }

    /// The process of the driver.
    fn driver(&self) -> Result<i32, String> {
        process::wait_for("the driver's process", COMES_BACK, || {
            process::children(self.sandbox.pid()).into_iter().find(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).into_owned();
                line.contains("--host-plugin") && line.contains("driver_qemu")
            })
        })
    }

    fn look(&self) -> Result<Look, String> {
        // A process that comes back is waited for by the daemon, a while.
        let end = Instant::now() + if self.plan.apart { COMES_BACK } else { Duration::ZERO };
        loop {
            match Look::take(&self.sandbox, &self.uri) {
                Ok(look) => return Ok(look),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// Looks until nothing is wrong any more, or for so long.
    fn settled(&self, more: &dyn Fn(&Look) -> Vec<String>) -> Result<(Look, Vec<String>), String> {
        let end = Instant::now() + SETTLE;
        loop {
            let look = self.look()?;
            let mut findings = look.problems.clone();
            findings.extend(files::strays(&self.sandbox, &look));
            if let Some(network) = &self.network {
                findings.extend(network.strays(&look)?);
            }
            findings.extend(more(&look));
            if findings.is_empty() || Instant::now() >= end {
                return Ok((look, findings));
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    fn judge(&self, before: &Look, done: &[Done]) -> Result<(Look, Vec<String>), String> {
        self.settled(&|after| {
            let mut findings = Vec::new();
            for piece in done.iter().filter(|piece| piece.success) {
                findings.extend(piece.work.is_missing_in(after));
            }
            let touched = |name: &str| done.iter().any(|piece| piece.work.touches(name));
            findings.extend(before.changed(after, &touched));
            findings
        })
    }

    /// Every guest can be ended and started, without any kill.
    fn everything_works(&mut self, told: &mut dyn FnMut(&str)) -> Result<Look, String> {
        let look = self.look()?;
        let virsh = |words: &[&str]| {
            let done = self.sandbox.virsh(&self.uri, words)?;
            Ok::<_, String>((!done.status.success()).then(|| format!("{}: {}", words.join(" "), done.text().trim())))
        };
        let mut findings = Vec::new();
        for (name, guest) in &look.domains {
            if guest.active {
                findings.extend(virsh(&["destroy", name])?);
            }
            if guest.persistent {
                findings.extend(virsh(&["start", name])?);
            }
        }
        let (look, more) = self.settled(&|_| Vec::new())?;
        findings.extend(more);
        told(&format!("every guest was ended and started: {} findings", findings.len()));
        self.report
            .findings
            .extend(findings.into_iter().map(|f| format!("when every guest is ended and started: {f}")));
        Ok(look)
    }

    /// When every guest is gone, nothing is left.
    fn clear_away(&mut self, told: &mut dyn FnMut(&str)) -> Result<(), String> {
        let look = self.look()?;
        for (name, guest) in &look.domains {
            if guest.active {
                self.sandbox.virsh_ok(&self.uri, &["destroy", name])?;
            }
            if guest.persistent {
                self.sandbox.virsh_ok(&self.uri, &["undefine", name])?;
            }
        }
        let (look, mut findings) = self.settled(&|look| match look.domains.is_empty() {
            true => Vec::new(),
            false => vec!["guests are left".to_owned()],
        })?;
        findings.extend(files::rest(&self.sandbox));
        told(&format!("everything was taken away: {} guests, {} findings", look.domains.len(), findings.len()));
        self.report.findings.extend(findings.into_iter().map(|f| format!("in the end: {f}")));
        Ok(())
    }
}
