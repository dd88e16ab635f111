//! The proof of Oxivirt: what every test of a driver or of the whole stack uses.
//!
//! * [`kills`] kills the daemon in the middle of its work with guests.
//! * [`load`] is what dishonest clients send, and what it costs.
//! * [`process`] runs programs, always within a time limit.
//! * [`assets`] finds (and builds when needed) the daemon, the plugins and the test guest.
//! * [`contract`] is the suite that every driver passes, however it is reached.
//! * [`fixture`] are the definitions to start from, [`console`] is what a guest shows.
//! * [`sandbox`] is one private daemon with its clients, gone without a trace when dropped.
//! * [`pki`] makes certificates.
//! * [`stock`] puts the stock daemon into a sandbox instead, as the yardstick.
//! * [`wire`] is a client that can say wrong things.
//! * [`skip`] is how a test says that it cannot run here.
//!
//! The crate knows `core` and `util`. It meets the daemon as a process and
//! the drivers as shared objects, never as crates.

pub mod assets;
pub mod console;
pub mod contract;
pub mod corpus;
pub mod fixture;
pub mod kills;
pub mod load;
pub mod pki;
pub mod process;
pub mod sandbox;
pub mod skip;
pub mod stock;
pub mod wire;
