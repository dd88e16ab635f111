//! What the listener of a process hears.

use oxivirt_core::Error;
use oxivirt_core::event::Event;
use oxivirt_core::host::HostServices;

use super::super::message::Start;
use super::{Answer, Keeper};

impl Keeper {
    /// A process said how its drivers started.
    pub(in crate::hosting) fn started(&self, starts: Vec<Start>) {
        self.state().starts.get_or_insert(starts);
        self.changed.notify_all();
    }

    /// A process said why it does not start.
    pub(in crate::hosting) fn refused(&self, error: &Error) {
        let count = self.plugin.module.drivers().len();
        self.started(vec![Start::Failed(error.clone()); count]);
    }

    /// A process gave the answer to something.
    pub(in crate::hosting) fn opened(&self, tag: u64, channel: u64) {
        self.take_answer(tag, Answer::Channel(channel));
    }

    /// A driver has read its configuration again.
    pub(in crate::hosting) fn reloaded(&self, tag: u64, error: Option<Error>) {
        self.take_answer(tag, Answer::Reloaded(error.map_or(Ok(()), Err)));
    }

    fn take_answer(&self, tag: u64, answer: Answer) {
        if let Some(slot) = self.state().answers.get_mut(&tag) {
            *slot = Some(answer);
        }
        self.changed.notify_all();
    }

    /// A driver emitted an event.
    pub(in crate::hosting) fn emit(&self, generation: u64, channel: u64, event: &Event) {
        let channels = self.state().channels.of(generation, channel);
        for channel in channels {
            self.daemon.emit(channel, event);
        }
    }

    /// A driver wants the daemon to stay, or to be free to go.
    pub(in crate::hosting) fn inhibit(&self, holder: &str, inhibit: bool) {
        let mut state = self.state();
        match inhibit {
            true => state.inhibitors.push(holder.to_owned()),
            false => match state.inhibitors.iter().position(|other| other == holder) {
                Some(at) => drop(state.inhibitors.swap_remove(at)),
                None => return,
            },
        }
        drop(state);
        self.daemon.inhibit_shutdown(holder, inhibit);
    }

    /// A process says nothing more.
    pub(in crate::hosting) fn gone(&self) {
        // Taken so that nobody looks between and misses it.
        drop(self.state());
        self.changed.notify_all();
    }
}
