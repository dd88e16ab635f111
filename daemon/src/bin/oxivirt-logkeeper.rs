//! `oxivirt-logkeeper`: writes what comes on its standard input to a log file
//! and its predecessors. Drivers start one for each guest.
//!
//! Where its standard output is a nameless file of memory, the last words are
//! kept there for whoever started it.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use oxivirt_util::log_keeper::{LastWords, MAX_BACKUPS, MAX_SIZE, Rotating, keep};

/// Writes its standard input to a log file that is set aside when it is full.
#[derive(Debug, Parser)]
#[command(name = "oxivirt-logkeeper", version)]
struct Options {
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// Bytes of one file.
    #[arg(long, default_value_t = MAX_SIZE)]
    max_size: u64,
    /// Older files that are kept.
    #[arg(long, default_value_t = MAX_BACKUPS)]
    max_backups: u32,
    /// Keep the last words in standard output, a file of memory.
    #[arg(long)]
    last_words: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let words = match options.last_words {
        true => io::stdout().as_fd().try_clone_to_owned().ok().map(LastWords::of),
        false => None,
    };
    let log = Rotating::new(options.file, options.max_size, options.max_backups);
    match keep(io::stdin().lock(), log, words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oxivirt-logkeeper: cannot read: {error}");
            ExitCode::FAILURE
        }
    }
}
