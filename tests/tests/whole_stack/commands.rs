//! The commands of stock virsh and virt-admin, nearly all of them: our daemon answers each like the stock one.
//!
//! The commands are the lines of `clients/*.txt`. They are made on one connection, so that what one
//! leaves is what the next finds. A command that the stock daemon does not support may do more
//! here; what is known to differ stands in `clients/known.txt`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{process, skip};

use super::Outcome;
use super::clients::{folder, is_known};

/// How long all commands of one file may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Commands that belong to the programs themselves.
const OWN: &[&str] = &["cd", "connect", "echo", "exit", "help", "pwd", "quit"];

/// What a file of commands says.
struct Script {
    /// Names and texts of documents.
    documents: Vec<(String, String)>,
    /// Commands, and whether numbers in their answers change.
    commands: Vec<(String, bool)>,
    /// Commands that are left out.
    left_out: Vec<String>,
}

impl Script {
    fn read(name: &str) -> Result<Script, String> {
        let file = folder().join(name);
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut script = Script { documents: Vec::new(), commands: Vec::new(), left_out: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let rest = line.get(1..).unwrap_or_default().trim();
            let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
            match line.as_bytes()[0] {
                b'<' => script.documents.push((first.to_owned(), more.to_owned())),
                b'~' => script.commands.push((rest.to_owned(), true)),
                b'!' if more.is_empty() => return Err(format!("'{line}' says no reason")),
                b'!' => script.left_out.push(first.to_owned()),
                _ => script.commands.push((line.to_owned(), false)),
            }
        }
        Ok(script)
    }

    /// Every command that a program knows and the file does not.
    fn forgotten(&self, program: &str) -> Result<Vec<String>, String> {
        let help = process::succeed(Command::new(program).arg("help"), &format!("{program} help"), LIMIT)?.stdout;
        let known = help.lines().filter_map(|line| line.strip_prefix("    ")?.split_whitespace().next());
        let has = |name: &&str| {
            OWN.contains(name)
                || self.left_out.iter().any(|other| other == name)
                || self.commands.iter().any(|(command, _)| command.split(' ').next() == Some(name))
        };
        Ok(known.filter(|name| !has(name)).map(str::to_owned).collect())
    }

    /// What a program says to each command.
    fn run(&self, sandbox: &Sandbox, program: &str, uri: &str) -> Result<Vec<String>, String> {
        // A name of one length, since tables are as wide as what is in them.
        let work = sandbox.root().join("work");
        fs::create_dir_all(&work).map_err(|e| e.to_string())?;
        let lines: String = self.commands.iter().map(|(command, _)| format!("{command}\n")).collect();
        for (name, text) in self.documents.iter().chain([&("commands".to_owned(), lines)]) {
            fs::write(work.join(name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        let mut command = Command::new("sh");
        // Both outputs in the order in which they come.
        command.args(["-c", "exec stdbuf -oL \"$0\" -q -c \"$1\" <commands 2>&1"]).args([program, uri]);
        sandbox.clean(&mut command).env("EDITOR", "true").current_dir(&work);
        let finished = process::run(&mut command, program, LIMIT).map_err(|e| sandbox.explain(&e))?;
        let root = sandbox.root().display().to_string();
        let text = finished.stdout.replace(&root, "ROOT");
        let prompt = format!("{program} # ");
        let mut answers: Vec<String> = text.split(&prompt).skip(1).map(str::to_owned).collect();
        if answers.last().is_some_and(|last| last.trim().is_empty()) {
            answers.pop();
        }
        let wanted = self.commands.len();
        let echoed = |(answer, (command, _)): (&String, &(String, bool))| answer.starts_with(command);
        match answers.len() == wanted && answers.iter().zip(&self.commands).all(echoed) {
            true => Ok(answers),
            false => {
                let last = answers.last().map(String::as_str).unwrap_or_default();
                Err(sandbox
                    .explain(&format!("{program} answered {} of {wanted} commands; last: {last}", answers.len())))
            }
        }
    }
}

/// A text without what changes: each number as any other, blanks as one.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let letter = match letter {
            '0'..='9' => '0',
            ' ' | '-' => ' ',
            other => other,
        };
        let repeats = matches!(letter, '0' | ' ') && out.ends_with(letter);
        if !repeats {
            out.push(letter);
        }
    }
    out
}

/// Holds both daemons' answers to a file of commands against each other.
fn same(file: &str, program: &str, uri: impl Fn(&Sandbox) -> String) -> Outcome {
    if skip::lacks(&[program, "libvirtd", "stdbuf"]) {
        return Ok(());
    }
    let script = Script::read(file)?;
    let forgotten = script.forgotten(program)?;
    assert!(forgotten.is_empty(), "{file} has no {}", forgotten.join(", "));
    let mut stock = Sandbox::with(Program::Stock)?;
    if let Err(reason) = stock.launch() {
        skip::skip(&format!("no stock daemon to compare with: {}", reason.lines().next().unwrap_or_default()));
        return Ok(());
    }
    let ours = Sandbox::start()?;
    let expected = script.run(&stock, program, &uri(&stock))?;
    let found = script.run(&ours, program, &uri(&ours))?;
    let mut problems = Vec::new();
    for (((command, moves), stock), ours) in script.commands.iter().zip(&expected).zip(&found) {
        let equal = if *moves { steady(stock) == steady(ours) } else { stock == ours };
        // Whoever does more than the stock daemon is no worse.
        let lacking = stock.contains("this function is not supported by the connection driver");
        if !equal && !lacking && !is_known(file, command)? {
            problems.push(format!("stock {stock}ours  {ours}"));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(format!("{} of {} answers differ:\n{}", problems.len(), expected.len(), problems.join("\n"))),
    }
}

#[test]
fn virsh_is_answered_the_same() -> Outcome {
    same("virsh.txt", "virsh", |sandbox| sandbox.uri("test", "/default"))
}

#[test]
fn administrators_are_answered_the_same() -> Outcome {
    same("admin.txt", "virt-admin", |sandbox| {
        let socket = sandbox.socket().with_file_name("libvirt-admin-sock");
        format!("libvirtd:///system?socket={}", socket.display())
    })
}
