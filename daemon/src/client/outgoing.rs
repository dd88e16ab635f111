//! Frames on their way to a client.
//!
//! Whoever has a frame writes it to the socket at once. Only what the socket
//! does not take is queued, and a task writes it when the client reads again.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::socket::Socket;

/// Above so many queued bytes nothing more is read from the client or its
/// streams.
pub(crate) const HIGH_WATER: usize = 1 << 20;

/// Above so many queued bytes a client that gets events is too slow.
pub(crate) const EVENTS_MAX: usize = 8 << 20;

/// How long a client may take to read its last answer.
const FAREWELL: Duration = Duration::from_secs(10);

/// The writing side of one client.
pub(crate) struct Outgoing {
    state: Mutex<State>,
    runtime: Handle,
    drained: Notify,
}

struct State {
    socket: Option<Arc<Socket>>,
    queue: VecDeque<Piece>,
    /// Bytes of the first piece that are written already.
    written: usize,
    queued: usize,
    flushing: bool,
    closing: bool,
}

/// What goes out in one go.
enum Piece {
    Frame(Vec<u8>),
    /// Goes with one byte that means nothing.
    Descriptor(OwnedFd),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Frame(bytes) => bytes.len(),
            Self::Descriptor(_) => 1,
        }
    }

    /// Writes what the socket takes behind the first `written` bytes.
    fn write(&self, socket: &Socket, written: usize) -> io::Result<usize> {
        match self {
            Self::Frame(bytes) => socket.try_write(&bytes[written..]),
            Self::Descriptor(descriptor) => {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                let all = [descriptor.as_fd()];
                control.push(SendAncillaryMessage::ScmRights(&all));
                let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                Ok(sendmsg(socket, &[IoSlice::new(&[0])], &mut control, flags)?)
            }
        }
    }
}

impl Outgoing {
    /// Takes over the writing side of a socket.
    pub(crate) fn new(socket: Arc<Socket>, runtime: Handle) -> Self {
        let state = State {
            socket: Some(socket),
            queue: VecDeque::new(),
            written: 0,
            queued: 0,
            flushing: false,
            closing: false,
        };
        Self { state: Mutex::new(state), runtime, drained: Notify::new() }
    }

    /// Sends a frame, at once or when the client reads again. Frames to a
    /// client that is gone vanish.
    ///
    /// Returns how many bytes wait.
    pub(crate) fn send(self: &Arc<Self>, frame: Vec<u8>) -> usize {
        self.send_piece(&mut self.lock(), Piece::Frame(frame))
    }

    /// Sends a frame and the descriptors that it announces.
    pub(crate) fn send_with(self: &Arc<Self>, frame: Vec<u8>, descriptors: Vec<OwnedFd>) {
        let mut state = self.lock();
        self.send_piece(&mut state, Piece::Frame(frame));
        for descriptor in descriptors {
            self.send_piece(&mut state, Piece::Descriptor(descriptor));
        }
    }

    fn send_piece(self: &Arc<Self>, state: &mut State, piece: Piece) -> usize {
        if state.closing {
            return 0;
        }
        let Some(socket) = state.socket.clone() else { return 0 };
        if !state.queue.is_empty() {
            state.queued += piece.len();
            state.queue.push_back(piece);
            return state.queued;
        }
        let mut written = 0;
        while written < piece.len() {
            match piece.write(&socket, written) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    state.end();
                    return 0;
                }
            }
        }
        if written == piece.len() {
            return 0;
        }
        state.queued = piece.len() - written;
        state.written = written;
        state.queue.push_back(piece);
        if !state.flushing {
            state.flushing = true;
            self.runtime.spawn(flush(self.clone(), socket));
        }
        state.queued
    }

    /// Ends the connection after everything queued is written, or at once when
    /// the client does not read.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        if state.queue.is_empty() {
            state.end();
        }
        drop(state);
        self.drained.notify_waiters();
    }

    /// Ends the connection now; whatever is queued is lost.
    pub(crate) fn abort(&self) {
        self.lock().end();
        self.drained.notify_waiters();
    }

    /// Whether the connection ended.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.closing || state.socket.is_none()
    }

    /// Whether so much is queued that nothing more should be read.
    pub(crate) fn is_full(&self) -> bool {
        self.lock().queued > HIGH_WATER
    }

    /// Waits until the client has read most of what is queued, or is gone.
    pub(crate) async fn wait_for_room(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            if !self.is_full() {
                return;
            }
            drained.await;
        }
    }

    /// Whether the other side has hung up.
    pub(crate) fn peer_is_gone(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(socket) = self.lock().socket.clone() else { return true };
        let mut set = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut set, Some(&now)), Ok(1..)) && set[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self) {
        self.closing = true;
        self.queue.clear();
        self.queued = 0;
        if let Some(socket) = self.socket.take() {
            // Also wakes the task that reads from this client.
            let _ = rustix::net::shutdown(socket.as_fd(), rustix::net::Shutdown::Both);
        }
    }
}

/// Writes what is queued whenever the socket takes more.
async fn flush(outgoing: Arc<Outgoing>, socket: Arc<Socket>) {
    let room = match socket.room() {
        Ok(room) => room,
        Err(error) => {
            tracing::warn!(%error, "a client that reads slowly is disconnected");
            outgoing.abort();
            return;
        }
    };
    loop {
        let closing = outgoing.lock().closing;
        let writable = match closing {
            true => tokio::time::timeout(FAREWELL, room.writable())
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            // A client in no hurry is woken up for by `close` only.
            false => tokio::select! {
                ready = room.writable() => ready,
                () = outgoing.drained.notified() => continue,
            },
        };
        let mut guard = outgoing.lock();
        let state = &mut *guard;
        let Some(mut ready) = writable.ok().filter(|_| state.socket.is_some()) else {
            state.end();
            state.flushing = false;
            break;
        };
        let full = state.queued > HIGH_WATER;
        while let Some(front) = state.queue.front() {
            match front.write(&socket, state.written) {
                Ok(count) => {
                    state.written += count;
                    state.queued -= count;
                    if state.written == front.len() {
                        state.written = 0;
                        state.queue.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    break;
                }
                Err(_) => {
                    state.end();
                    break;
                }
            }
        }
        if state.queue.is_empty() {
            if state.closing {
                state.end();
            }
            state.flushing = false;
            break;
        }
        if full && state.queued <= HIGH_WATER {
            drop(guard);
            outgoing.drained.notify_waiters();
        }
    }
    outgoing.drained.notify_waiters();
}
