//! Joins standard input and output to the daemon's socket that a URI means.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(oxivirt_driver_remote::helper::run(std::env::args().skip(1)))
}
