#![doc = include_str!("../README.md")]
//!
//! # Where to start
//! [`driver`] starts and opens connections; `connect` and `listing` fill in one
//! interface each. A further interface of `oxivirt_core::interface` is a
//! further file with an `#[implements]` block, and its name in the line below.

mod connect;
pub mod driver;
mod listing;

pub use driver::{@Type@, @Type@Connection};

oxivirt_core::plugin! {
    name: "@name@",
    description: "Drives @name@",
    drivers: [
        @Type@ {
            kind: HYPERVISOR,
            name: "@Type@",
            schemes: ["@name@"],
            wants: [],
            interfaces: [connect, domain_listing],
        },
    ],
}
