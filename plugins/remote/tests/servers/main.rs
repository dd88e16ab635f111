//! This driver's connections to real servers, ours and the stock one, by every
//! transport, and to a server of the tests that says wrong things.

mod alive;
mod descriptors;
mod events;
mod ext;
mod impostor;
mod malformed;
mod place;
mod sasl;
mod ssh;
mod streams;
mod tcp;
mod tls;
mod unix;

type Outcome = Result<(), String>;
