//! The cases, one file per subject.

mod config;
mod connect;
mod cpu_models;
mod events;
mod information;
mod lifecycle;
mod listing;
mod metadata;
mod node;

use super::Case;
use super::case::Verdict;

type Body = fn(&Case<'_>) -> Verdict;

/// Lists the cases of a subject: each function is one.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(super) const CASES: &[(&str, super::Body)] = &[ $( (stringify!($name), $name) ),* ];
    };
}
use cases;

/// Every case with its name.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Body)> {
    let subjects = [
        connect::CASES,
        node::CASES,
        cpu_models::CASES,
        lifecycle::CASES,
        listing::CASES,
        information::CASES,
        config::CASES,
        metadata::CASES,
        events::CASES,
    ];
    subjects.into_iter().flatten().copied()
}
