//! One private daemon.
