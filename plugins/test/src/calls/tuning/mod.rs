//! Limits and places, one file per subject: each knows the names of its
//! parameters, what a definition says of them, and how it is changed.

pub(super) mod iothreads;
pub(super) mod iotune;
pub(super) mod scheduler;

pub(super) use oxivirt_conf::domain::tuning::{Known, bandwidth, blkio, memory, numa};
