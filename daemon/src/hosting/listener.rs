//! Listens to a hosting process, on a thread of its own.

use std::io::{self, PipeReader};
use std::sync::Arc;
use std::thread::JoinHandle;

use oxivirt_core::constants::CloseReason;
use oxivirt_core::event::{CONNECTION_CLOSED, Event};
use oxivirt_core::host::LogRecord;
use oxivirt_core::wire::message::Program;
use oxivirt_core::wire::xdr::{Reader, Xdr};

use super::keeper::Keeper;
use super::line::{LineReader, pass_on};
use super::message::Message;
use super::process::Process;
use crate::logging;

/// Starts listening; the thread ends when the process says nothing more.
///
/// * `output`: what it prints; read for as long as anybody could print there.
pub(super) fn listen(
    keeper: Arc<Keeper>,
    process: Arc<Process>,
    mut reader: LineReader,
    output: PipeReader,
) -> io::Result<JoinHandle<()>> {
    let (plugin, pid) = (keeper.name().to_owned(), process.pid);
    let print = move || pass_on(output, |line| tracing::warn!(plugin, process = pid, "printed: {line}"));
    std::thread::Builder::new().name("output".to_owned()).spawn(print)?;
    std::thread::Builder::new().name("listener".to_owned()).spawn(move || {
        let plugin = keeper.name();
        loop {
            match reader.next() {
                Ok(Some((message, descriptor))) => {
                    if let Err(what) = hear(&keeper, &process, message, descriptor.map(Into::into)) {
                        tracing::error!(plugin, process = pid, "it sent {what} and is killed");
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(plugin, process = pid, %error, "it sent nonsense and is killed");
                    break;
                }
            }
        }
        process.leave();
        // Without this line it is of no use, should it still live.
        process.kill();
        keeper.gone();
    })
}

/// Takes one message; an error names one that does not belong here.
fn hear(
    keeper: &Keeper,
    process: &Process,
    message: Message,
    socket: Option<std::os::unix::net::UnixStream>,
) -> Result<(), String> {
    match message {
        Message::Started(starts) => keeper.started(starts),
        Message::Refused(error) => keeper.refused(&error),
        Message::Opened { tag, channel } => keeper.opened(tag, channel),
        Message::Event { channel, program, procedure, payload } => match event(program, procedure, &payload) {
            Some(event) => keeper.emit(process.generation, channel, &event),
            None => return Err(format!("an unknown event {procedure}")),
        },
        Message::Log(record) => {
            let message = format!("[process {}] {}", process.pid, record.message).into();
            logging::write_foreign(&LogRecord { message, ..record });
        }
        Message::Inhibit { holder, inhibit } => keeper.inhibit(&holder, inhibit),
        Message::Connect => match socket {
            Some(socket) => super::serve_driver(keeper.daemon, socket),
            None => return Err("no socket".to_owned()),
        },
        Message::Reloaded { tag, error } => keeper.reloaded(tag, error),
        Message::Pong => process.hear(),
        other => return Err(format!("what only the daemon says: {other:?}")),
    }
    Ok(())
}

/// The event in a message.
fn event(program: Program, procedure: i32, payload: &[u8]) -> Option<Event> {
    if program == Program::REMOTE && procedure == CONNECTION_CLOSED {
        let reason = CloseReason(i32::decode(&mut Reader::new(payload)).ok()?);
        return Event::connection_closed(reason).ok();
    }
    Event::from_message(program, procedure, payload).map(|(_, event)| event)
}
