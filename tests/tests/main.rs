//! The whole stack with stock clients: what an operator sees.
//!
//! Every case starts a daemon of its own, so all may run at once. With
//! `OXIVIRT_TEST_DAEMON=stock` the same cases judge the stock daemon.

mod plugin_boundary;
mod whole_stack;
