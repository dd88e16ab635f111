//! `fuzz`: coverage-guided fuzzing of every parser of outside bytes.
//!
//! The targets stand in `tests/fuzz` as a workspace of their own, because all
//! that they link is compiled with coverage counters, on the stable compiler.
//! What a target found is kept in `target/fuzz/NAME/` and tried first next time.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::{assets, process};

use crate::Outcome;

/// Compiler flags that put libFuzzer's counters into the code under test.
const COUNTERS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The platform is named so that the counters stay out of build scripts and macros.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// When a repeated run ends although its inputs are not through.
const REPEAT_SECONDS: u64 = 60;

/// How long the targets may take to compile.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The target; all of them when left out
    target: Option<String>,
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Runs one target or all of them.
pub(crate) fn command(arguments: &Arguments) -> Outcome {
    build()?;
    let targets = targets()?;
    let chosen: Vec<&String> = match &arguments.target {
        Some(name) => {
            let found = targets.iter().find(|target| *target == name);
            vec![found.ok_or_else(|| format!("no fuzz target '{name}', there are: {}", targets.join(" ")))?]
        }
        None => targets.iter().collect(),
    };
    chosen.into_iter().try_for_each(|target| run(target, Effort::Explore { seconds: arguments.seconds }))
}

/// How a target is run.
#[derive(Clone, Copy)]
pub(crate) enum Effort {
    /// A new walk each time, on top of all that was found before: for finding.
    Explore { seconds: u64 },
    /// The same inputs each time, from the seeds alone: for a gate, whose answer
    /// must follow from the code and not from luck.
    Repeat { runs: u64 },
}

/// Compiles the targets.
pub(crate) fn build() -> Outcome {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--locked", "--target", PLATFORM, "--target-dir"]);
    cargo.arg(folder()?).current_dir(assets::workspace().join("tests/fuzz")).env("RUSTFLAGS", COUNTERS);
    process::show(&mut cargo, "building the fuzz targets", BUILD_LIMIT)
}

/// The names of the targets, which are the files in `tests/fuzz/targets`, sorted.
pub(crate) fn targets() -> Result<Vec<String>, String> {
    let folder = assets::workspace().join("tests/fuzz/targets");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.path().file_stem().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Runs one compiled target; what makes it fail is named in the error.
pub(crate) fn run(target: &str, effort: Effort) -> Outcome {
    let folder = folder()?;
    let mut fuzzer = Command::new(folder.join(PLATFORM).join("release").join(target));
    let (inputs, limit) = match effort {
        Effort::Explore { seconds } => {
            fuzzer.arg(format!("-max_total_time={seconds}")).arg("-timeout=10");
            (folder.join(target), seconds + 60)
        }
        Effort::Repeat { runs } => {
            let inputs = folder.join("repeated").join(target);
            if inputs.exists() {
                std::fs::remove_dir_all(&inputs).map_err(|e| format!("cannot empty {}: {e}", inputs.display()))?;
            }
            // A slow machine runs fewer inputs, it does not fail.
            fuzzer.args([format!("-runs={runs}"), "-seed=1".to_owned(), format!("-max_total_time={REPEAT_SECONDS}")]);
            fuzzer.arg("-timeout=60");
            (inputs, REPEAT_SECONDS + 120)
        }
    };
    std::fs::create_dir_all(&inputs).map_err(|e| format!("cannot make {}: {e}", inputs.display()))?;
    // What is found goes to the first folder; the seeds are only read.
    let seeds = assets::workspace().join("tests/fuzz/seeds").join(target);
    fuzzer.arg(&inputs).args(seeds.is_dir().then_some(seeds)).arg("-rss_limit_mb=1024");
    fuzzer.arg("-print_final_stats=1").arg(format!("-artifact_prefix={}/failed-", inputs.display()));
    let finished = process::run(&mut fuzzer, target, Duration::from_secs(limit))?;
    let runs = finished.stderr.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    match finished.status.success() {
        true => {
            println!("{target}: {} runs, no finding", runs.unwrap_or("?").trim());
            Ok(())
        }
        false => Err(format!("fuzz target {target} failed:\n{}", findings(&finished.stderr))),
    }
}

/// What a failing fuzzer printed without its progress: the panic's words stand before the trace, the input after it.
fn findings(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    match lines.len() {
        0..=80 => lines.join("\n"),
        count => format!("{}\n…\n{}", lines[..50].join("\n"), lines[count - 30..].join("\n")),
    }
}

fn folder() -> Result<PathBuf, String> {
    Ok(assets::target_folder()?.join("fuzz"))
}
