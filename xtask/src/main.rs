//! The commands of the house: `cargo xtask COMMAND`. One file per command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod check;
mod conformance;
mod demo;
mod fuzz;
mod guest;
mod kills;
mod load;
mod new_driver;
mod packages;
mod policy;
mod signals;
mod stage;
mod test;

/// What a command gives back: nothing, or one message for people.
type Outcome = Result<(), String>;

/// Oxivirt's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Boot a small guest through stock virsh on a private daemon
    Demo(demo::Arguments),
    /// Install the distribution packages that the other commands need
    Packages(packages::Arguments),
    /// Fuzz every parser of outside bytes for a while
    Fuzz(fuzz::Arguments),
    /// Make the small Linux guest used by the demo and the tests
    Guest,
    /// Install what tests need, build, and run every check and test
    Test,
    /// Build for release and lay everything out as installed
    Stage(stage::Arguments),
    /// Write a new driver's crate
    NewDriver(new_driver::Arguments),
    /// Measure our daemon beside another one
    Bench(bench::Arguments),
    /// Send garbage in large numbers and see what the daemon makes of it
    Load(load::Arguments),
    /// Kill the daemon in the middle of its work with guests and see what is lost or left over
    Kills(kills::Arguments),
    /// Run the data suites of libvirt's own tests
    Conformance(conformance::Arguments),
    /// Hold the house rules against the workspace
    Check(check::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::command(&arguments),
        Command::Packages(arguments) => packages::command(&arguments),
        Command::Fuzz(arguments) => fuzz::command(&arguments),
        Command::Guest => guest::command(),
        Command::Test => return test::command(),
        Command::Stage(arguments) => stage::command(&arguments),
        Command::Conformance(arguments) => conformance::command(&arguments),
        Command::Bench(arguments) => bench::command(&arguments),
        Command::Kills(arguments) => kills::command(&arguments),
        Command::Load(arguments) => load::command(&arguments),
        Command::NewDriver(arguments) => new_driver::command(&arguments),
        Command::Check(arguments) => check::command(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
