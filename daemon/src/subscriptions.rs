//! Who wants which events, and how they get there.
//!
//! A driver that emits only appends to a queue. One task takes everything
//! that has gathered, puts together what goes to each client, and writes once
//! per client; no lock is held while it writes. Should drivers be faster than
//! that, they are made to help, so that the queue stays bounded.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use oxivirt_core::event::{CONNECTION_CLOSED, Event, EventKey, EventKind, all_events};
use oxivirt_core::types::Domain;
use oxivirt_core::wire::message::{Header, Program, begin, finish, frame};
use oxivirt_core::wire::xdr::{Reader, Xdr};
use oxivirt_core::{Error, Result};
use regex::{Regex, RegexBuilder};
use tokio::sync::Notify;

use crate::access::{Access, Sight, Waiting};
use crate::client::Client;

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Kind of object.
    pub(crate) kind: EventKind,
    /// Number of the event among those of its kind.
    pub(crate) id: i32,
    /// Which message carries it.
    pub(crate) form: Form,
    /// Only events about this object.
    pub(crate) key: Option<EventKey>,
    /// Of a monitor's events, only these.
    pub(crate) monitor: MonitorEvents,
}

/// Which events of a monitor are wanted, by name.
#[derive(Clone, Debug)]
pub(crate) enum MonitorEvents {
    All,
    Named(String),
    Matching(Regex),
}

impl MonitorEvents {
    /// All without a name; `regex` makes the name a pattern, `nocase` blind to case.
    pub(crate) fn new(name: Option<&str>, regex: bool, nocase: bool) -> Result<Self> {
        let Some(name) = name else { return Ok(Self::All) };
        let pattern = match (regex, nocase) {
            (true, _) => name.to_owned(),
            (false, true) => format!("^{}$", regex::escape(name)),
            (false, false) => return Ok(Self::Named(name.to_owned())),
        };
        let built = RegexBuilder::new(&pattern).case_insensitive(nocase).size_limit(PATTERN_MAX).build();
        built.map(Self::Matching).map_err(|error| Error::invalid_arg(format!("pattern of event names: {error}")))
    }

    fn fit(&self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::Named(name) => monitor_event_name(event).is_some_and(|other| other == *name),
            Self::Matching(pattern) => monitor_event_name(event).is_some_and(|name| pattern.is_match(&name)),
        }
    }
}

/// Bytes that a compiled pattern of a client may take.
const PATTERN_MAX: usize = 64 << 10;

/// The name that follows the domain in a monitor's event.
fn monitor_event_name(event: &Event) -> Option<String> {
    let mut body = Reader::new(event.body());
    Domain::decode(&mut body).ok()?;
    String::decode(&mut body).ok()
}

/// Which message carries an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The one with the callback's id.
    Callback,
    /// The oldest one, without.
    Plain,
}

#[derive(Clone)]
struct Subscriber {
    client: Arc<Client>,
    callback: i32,
    wish: Wish,
}

/// Who wants what on one channel; replaced as a whole.
#[derive(Clone, Default)]
struct Channel {
    subscribers: Vec<Subscriber>,
    /// Clients that want to know when the driver loses its connection.
    watchers: Vec<Arc<Client>>,
}

/// All channels.
#[derive(Default)]
pub(crate) struct Subscriptions {
    channels: RwLock<HashMap<u64, Arc<Channel>>>,
    queue: Mutex<Vec<(u64, Event)>>,
    /// Held while a batch goes out, so that order is kept.
    delivering: Mutex<()>,
    gathered: Notify,
}

/// So many events may gather before a driver has to help.
const GATHERED_MAX: usize = 4096;

impl Subscriptions {
    /// Adds a wish; returns the callback's id, unique for the client.
    pub(crate) fn add(&self, channel: u64, client: &Arc<Client>, wish: Wish) -> i32 {
        self.change(channel, |entry| {
            let mine = entry.subscribers.iter().filter(|other| Arc::ptr_eq(&other.client, client));
            let taken: Vec<i32> = mine.map(|other| other.callback).collect();
            let callback = (0..).find(|id| !taken.contains(id)).unwrap_or_default();
            entry.subscribers.push(Subscriber { client: client.clone(), callback, wish });
            callback
        })
    }

    /// Removes one wish; whether there was one.
    pub(crate) fn remove(&self, channel: u64, client: &Arc<Client>, fits: impl Fn(&Wish) -> bool) -> bool {
        self.remove_subscriber(channel, |other| Arc::ptr_eq(&other.client, client) && fits(&other.wish))
    }

    /// Removes one wish by its callback's id; whether there was one.
    pub(crate) fn remove_callback(&self, channel: u64, client: &Arc<Client>, kind: EventKind, callback: i32) -> bool {
        self.remove_subscriber(channel, |other| {
            Arc::ptr_eq(&other.client, client)
                && other.callback == callback
                && other.wish.kind == kind
                && other.wish.form == Form::Callback
        })
    }

    /// How often a client wants one event in the oldest form.
    pub(crate) fn count_plain(&self, channel: u64, client: &Arc<Client>, id: i32) -> i32 {
        let Some(entry) = self.read(channel) else { return 0 };
        let mine = entry.subscribers.iter().filter(|other| Arc::ptr_eq(&other.client, client));
        let count = mine.filter(|other| other.wish.form == Form::Plain && other.wish.id == id).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    /// Tells a client when the driver of a channel loses its connection.
    pub(crate) fn watch_close(&self, channel: u64, client: &Arc<Client>) {
        self.change(channel, |entry| {
            if !entry.watchers.iter().any(|other| Arc::ptr_eq(other, client)) {
                entry.watchers.push(client.clone());
            }
        });
    }

    /// Forgets everything of a client.
    pub(crate) fn forget(&self, client: &Client) {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let is_it = |other: &Arc<Client>| std::ptr::eq(Arc::as_ptr(other), client);
        for entry in channels.values_mut() {
            if entry.watchers.iter().any(&is_it) || entry.subscribers.iter().any(|other| is_it(&other.client)) {
                let entry = Arc::make_mut(entry);
                entry.watchers.retain(|other| !is_it(other));
                entry.subscribers.retain(|other| !is_it(&other.client));
            }
        }
        channels.retain(|_, entry| !entry.subscribers.is_empty() || !entry.watchers.is_empty());
    }

    /// Takes an event from a driver.
    pub(crate) fn emit(&self, channel: u64, event: &Event) {
        if self.read(channel).is_none() {
            return;
        }
        let mut queue = lock(&self.queue);
        queue.push((channel, event.clone()));
        let (first, many) = (queue.len() == 1, queue.len() >= GATHERED_MAX);
        drop(queue);
        if many {
            self.deliver();
        } else if first {
            self.gathered.notify_one();
        }
    }

    /// Delivers whatever gathers, for good.
    pub(crate) async fn run(&self) {
        loop {
            self.gathered.notified().await;
            self.deliver();
        }
    }

    fn deliver(&self) {
        let _order = lock(&self.delivering);
        let batch = take(&mut *lock(&self.queue));
        let mut parcels: BTreeMap<u64, (Arc<Client>, Vec<u8>)> = BTreeMap::new();
        let mut undecided = Undecided::default();
        for (channel, event) in &batch {
            let Some(entry) = self.read(*channel) else { continue };
            if event.kind() == EventKind::CONNECTION {
                let closed = frame(&Header::event(Program::REMOTE, CONNECTION_CLOSED), event.body());
                for client in entry.watchers.iter().filter(|client| client.wants_close_event()) {
                    add(&mut parcels, client, closed.as_deref().unwrap_or_default());
                }
                continue;
            }
            let frames = Frames::of(event);
            for subscriber in entry.subscribers.iter().filter(|subscriber| subscriber.wish.fits(event)) {
                let bytes = match (subscriber.wish.form, &frames.callback, &frames.plain) {
                    (Form::Callback, Some(bytes), _) | (Form::Plain, _, Some(bytes)) => bytes,
                    _ => continue,
                };
                let parcel = match undecided.sight(&subscriber.client, event) {
                    Sight::Yes => add(&mut parcels, &subscriber.client, bytes),
                    Sight::No => continue,
                    Sight::Undecided => undecided.add(&subscriber.client, event, bytes),
                };
                if subscriber.wish.form == Form::Callback {
                    // The id stands right behind the header.
                    let at = parcel.len() - bytes.len() + Frames::ID_AT;
                    parcel[at..at + 4].copy_from_slice(&subscriber.callback.to_be_bytes());
                }
            }
        }
        for (_, (client, bytes)) in parcels {
            client.send_event(bytes);
        }
        undecided.hand_over();
    }

    fn read(&self, channel: u64) -> Option<Arc<Channel>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).get(&channel).cloned()
    }

    fn change<T>(&self, channel: u64, change: impl FnOnce(&mut Channel) -> T) -> T {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(channels.entry(channel).or_default()))
    }

    fn remove_subscriber(&self, channel: u64, fits: impl Fn(&Subscriber) -> bool) -> bool {
        self.change(channel, |entry| match entry.subscribers.iter().position(fits) {
            Some(at) => {
                entry.subscribers.remove(at);
                true
            }
            None => false,
        })
    }
}

/// Messages of which nobody said yet whether their clients may have them.
#[derive(Default)]
struct Undecided {
    /// Absent until the first client is looked at.
    access: Option<Option<Arc<Access>>>,
    messages: Vec<Waiting>,
}

impl Undecided {
    /// Whether a client may hear of an event.
    fn sight(&mut self, client: &Client, event: &Event) -> Sight {
        match self.access.get_or_insert_with(|| client.access()) {
            None => Sight::Yes,
            // What comes first must arrive first.
            Some(_) if self.messages.iter().any(|waiting| waiting.client.id == client.id) => Sight::Undecided,
            Some(access) => access.sight(client, event),
        }
    }

    fn add(&mut self, client: &Arc<Client>, event: &Event, frame: &[u8]) -> &mut Vec<u8> {
        let waiting = Waiting { client: client.clone(), event: event.clone(), frame: frame.to_vec() };
        let at = self.messages.len();
        self.messages.push(waiting);
        &mut self.messages[at].frame
    }

    /// Lets the messages wait elsewhere, behind whatever was sent already.
    fn hand_over(self) {
        if let Some(Some(access)) = self.access
            && !self.messages.is_empty()
        {
            access.tell_later(self.messages);
        }
    }
}

impl Wish {
    fn fits(&self, event: &Event) -> bool {
        self.kind == event.kind()
            && self.id == event.id()
            && self.key.as_ref().is_none_or(|key| event.key().as_ref() == Some(key))
            && self.monitor.fit(event)
    }
}

/// The messages of one event, made once for all who get it.
struct Frames {
    callback: Option<Vec<u8>>,
    plain: Option<Vec<u8>>,
}

impl Frames {
    /// Where the callback's id stands.
    const ID_AT: usize = oxivirt_core::wire::message::LENGTH_SIZE + oxivirt_core::wire::message::HEADER_SIZE;

    fn of(event: &Event) -> Self {
        let Some(description) = event.description() else {
            tracing::warn!(kind = ?event.kind(), id = event.id(), "a driver emitted an event without a message");
            return Self { callback: None, plain: None };
        };
        let callback = begin(&Header::event(description.program, description.callback)).and_then(|mut out| {
            out.put_u32(0);
            out.put_raw(event.body());
            finish(out)
        });
        let plain =
            description.plain.map(|number| frame(&Header::event(description.program, number), event.plain_body()));
        Self { callback: callback.ok(), plain: plain.and_then(Result::ok) }
    }
}

/// Number of the oldest message of an event.
pub(crate) fn plain_number(kind: EventKind, id: i32) -> Option<i32> {
    all_events().find(|event| event.kind == kind && event.id == id)?.plain
}

fn add<'a>(
    parcels: &'a mut BTreeMap<u64, (Arc<Client>, Vec<u8>)>,
    client: &Arc<Client>,
    bytes: &[u8],
) -> &'a mut Vec<u8> {
    let parcel = parcels.entry(client.id).or_insert_with(|| (client.clone(), Vec::new()));
    parcel.1.extend_from_slice(bytes);
    &mut parcel.1
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
