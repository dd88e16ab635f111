//! All objects of one driver.

use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::definition::{Definition, Private};
use super::entry::Object;
use super::job::{Job, JobKind};
use super::shards::Shards;
use super::snapshot::Snapshot;

/// All objects of one driver by uuid, name and id. Cloning gives another
/// handle on the same table.
pub struct Table<D: Definition, P: Private>(Arc<Inner<D, P>>);

pub(super) struct Inner<D: Definition, P: Private> {
    index: ArcSwap<Index<D, P>>,
    writing: Mutex<()>,
    last_id: AtomicI32,
}

/// One version of the whole table.
struct Index<D: Definition, P: Private> {
    by_uuid: Shards<Uuid, Row<D, P>>,
    by_name: Shards<Arc<str>, Uuid>,
    by_id: Shards<i32, Uuid>,
}

struct Row<D: Definition, P: Private> {
    object: Arc<Object<D, P>>,
    snapshot: Arc<Snapshot<D, P::Status>>,
}

/// What [`Table::insert_or_get`] found.
#[derive(Debug)]
pub enum Inserted<D: Definition, P: Private> {
    /// It was put in.
    New(Arc<Object<D, P>>),
    /// One of the same name and uuid was there; nothing was put in.
    Existing(Arc<Object<D, P>>),
}

impl<D: Definition, P: Private> Table<D, P> {
    /// An empty table.
    pub fn new() -> Self {
        let index = Index { by_uuid: Shards::new(), by_name: Shards::new(), by_id: Shards::new() };
        Self(Arc::new(Inner {
            index: ArcSwap::from_pointee(index),
            writing: Mutex::new(()),
            last_id: AtomicI32::new(0),
        }))
    }

    /// Puts in a new object.
    ///
    /// Errors: `OPERATION_FAILED` when its uuid or name is taken, naming the
    /// one that has it; `INTERNAL_ERROR` when its id is taken.
    pub fn insert(&self, snapshot: Snapshot<D, P::Status>, private: P) -> Result<Arc<Object<D, P>>> {
        match self.add(self.make(snapshot, private))? {
            Inserted::New(object) => Ok(object),
            Inserted::Existing(object) => Err(taken_uuid(&object)),
        }
    }

    /// Puts in a new object that is already being worked on, so that nobody
    /// can get at it before its maker is done.
    ///
    /// Errors: as [`Table::insert`].
    pub fn insert_with_job(
        &self,
        snapshot: Snapshot<D, P::Status>,
        private: P,
        kind: JobKind,
        owner: &str,
    ) -> Result<Job<D, P>> {
        let object = self.make(snapshot, private);
        // Nobody else knows it yet, so its turn comes at once.
        let job = object.begin_job(kind, owner, Instant::now())?;
        match self.add(object)? {
            Inserted::New(_) => Ok(job),
            Inserted::Existing(object) => Err(taken_uuid(&object)),
        }
    }

    /// Puts in a new object unless one of the same name and uuid is there,
    /// as defining it again does.
    ///
    /// Errors: as [`Table::insert`] for a name or uuid of another object.
    pub fn insert_or_get(&self, snapshot: Snapshot<D, P::Status>, private: P) -> Result<Inserted<D, P>> {
        self.add(self.make(snapshot, private))
    }

    /// Takes out the object that `job` works on; `false` when it was not in
    /// this table any more. Those who wait for a job on it are told that it is gone.
    pub fn remove(&self, job: &Job<D, P>) -> bool {
        let object = job.object();
        if !object.is_of(&self.0) {
            return false;
        }
        self.0
            .write(|index| {
                // One that has left may share its uuid with a newcomer.
                if object.is_removed() {
                    return Ok(false);
                }
                let Some(row) = index.by_uuid.remove(&object.uuid()) else { return Ok(false) };
                index.by_name.remove(row.snapshot.definition().name());
                if let Some(id) = row.snapshot.id() {
                    index.by_id.remove(&id);
                }
                object.mark_removed();
                Ok(true)
            })
            .unwrap_or(false)
    }

    /// Gives the object that `job` works on a definition with another name.
    ///
    /// Errors: `OPERATION_INVALID` when it runs or the name is taken; `INTERNAL_ERROR`
    /// when the uuid differs.
    pub fn rename(&self, job: &Job<D, P>, renamed: impl Into<Arc<D>>) -> Result<()> {
        let renamed = renamed.into();
        job.update(|snapshot| {
            if snapshot.is_active() {
                return Err(Error::operation_invalid(format!("cannot rename active {}", D::NOUN)));
            }
            snapshot.set_definition(renamed);
            Ok(())
        })
    }

    /// The object of that uuid. Never waits, as all lookups.
    pub fn by_uuid(&self, uuid: Uuid) -> Option<Arc<Object<D, P>>> {
        self.0.index.load().by_uuid.get(&uuid).map(|row| Arc::clone(&row.object))
    }

    /// The object of that name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Object<D, P>>> {
        let index = self.0.index.load();
        let uuid = index.by_name.get(name)?;
        index.by_uuid.get(uuid).map(|row| Arc::clone(&row.object))
    }

    /// The running object of that number.
    pub fn by_id(&self, id: i32) -> Option<Arc<Object<D, P>>> {
        let index = self.0.index.load();
        let uuid = index.by_id.get(&id)?;
        index.by_uuid.get(uuid).map(|row| Arc::clone(&row.object))
    }

    /// [`Table::by_uuid`], or the kind's error; `name` is what the caller
    /// believes it to be called.
    pub fn require_uuid(&self, uuid: Uuid, name: Option<&str>) -> Result<Arc<Object<D, P>>> {
        self.by_uuid(uuid).ok_or_else(|| missing_by_uuid::<D>(uuid, name))
    }

    /// [`Table::by_name`], or the kind's error.
    pub fn require_name(&self, name: &str) -> Result<Arc<Object<D, P>>> {
        self.by_name(name)
            .ok_or_else(|| Error::new(D::MISSING, format!("no {} with matching name '{name}'", D::LOOKUP_NOUN)))
    }

    /// [`Table::by_id`], or the kind's error.
    pub fn require_id(&self, id: i32) -> Result<Arc<Object<D, P>>> {
        self.by_id(id).ok_or_else(|| Error::new(D::MISSING, format!("no {} with matching id '{id}'", D::LOOKUP_NOUN)))
    }

    /// The whole table at one moment, at no cost. Never waits.
    pub fn list(&self) -> Listing<D, P> {
        Listing(self.0.index.load_full())
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.index.load().by_uuid.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number for an object about to run: greater than all that were ever
    /// in this table.
    ///
    /// Errors: `INTERNAL_ERROR` after two thousand million of them.
    pub fn next_id(&self) -> Result<i32> {
        self.0
            .last_id
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |id| id.checked_add(1))
            .map(|id| id + 1)
            .map_err(|_| Error::internal(format!("no {} ids are left", D::NOUN)))
    }

    pub(super) fn make(&self, snapshot: Snapshot<D, P::Status>, private: P) -> Arc<Object<D, P>> {
        Arc::new(Object::new(Arc::new(snapshot), private, Arc::downgrade(&self.0)))
    }

    pub(super) fn add(&self, object: Arc<Object<D, P>>) -> Result<Inserted<D, P>> {
        let snapshot = object.snapshot();
        self.0.write(|index| {
            let (uuid, name) = (object.uuid(), snapshot.definition().name());
            if let Some(row) = index.by_uuid.get(&uuid) {
                return match row.snapshot.definition().name() == name {
                    true => Ok(Inserted::Existing(Arc::clone(&row.object))),
                    false => Err(taken_uuid(&row.object)),
                };
            }
            if let Some(other) = index.by_name.get(name) {
                return Err(Error::operation_failed(format!("{} '{name}' already exists with uuid {other}", D::NOUN)));
            }
            if let Some(id) = snapshot.id() {
                index.check_id(id)?;
                index.by_id.insert(id, uuid);
                self.0.last_id.fetch_max(id, Ordering::Relaxed);
            }
            index.by_name.insert(name.into(), uuid);
            index.by_uuid.insert(uuid, Row { object: Arc::clone(&object), snapshot: Arc::clone(&snapshot) });
            Ok(Inserted::New(Arc::clone(&object)))
        })
    }
}

impl<D: Definition, P: Private> Inner<D, P> {
    /// Publishes a changed version of the table, or nothing on an error.
    fn write<T>(&self, change: impl FnOnce(&mut Index<D, P>) -> Result<T>) -> Result<T> {
        let turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = Index::clone(&self.index.load());
        let outcome = change(&mut index)?;
        self.index.store(Arc::new(index));
        drop(turn);
        Ok(outcome)
    }

    /// Puts the new snapshot of an object in place of its old one, everywhere.
    pub(super) fn replace(
        &self,
        object: &Object<D, P>,
        old: &Snapshot<D, P::Status>,
        new: &Arc<Snapshot<D, P::Status>>,
    ) -> Result<()> {
        self.write(|index| {
            // One that has left may share its uuid with a newcomer.
            let row = index.by_uuid.get(&object.uuid()).filter(|_| !object.is_removed());
            let Some(row) = row else {
                object.swap(Arc::clone(new));
                return Ok(());
            };
            let row = Row { object: Arc::clone(&row.object), snapshot: Arc::clone(new) };
            let (uuid, before, after) = (object.uuid(), old.definition().name(), new.definition().name());
            if before != after {
                if index.by_name.get(after).is_some() {
                    return Err(Error::operation_invalid(format!("{} with name '{after}' already exists", D::NOUN)));
                }
                index.by_name.remove(before);
                index.by_name.insert(after.into(), uuid);
            }
            if old.id() != new.id() {
                if let Some(id) = new.id() {
                    index.check_id(id)?;
                    index.by_id.insert(id, uuid);
                    self.last_id.fetch_max(id, Ordering::Relaxed);
                }
                if let Some(id) = old.id() {
                    index.by_id.remove(&id);
                }
            }
            index.by_uuid.insert(uuid, row);
            object.swap(Arc::clone(new));
            Ok(())
        })
    }
}

impl<D: Definition, P: Private> Index<D, P> {
    fn check_id(&self, id: i32) -> Result<()> {
        match self.by_id.get(&id) {
            None => Ok(()),
            Some(uuid) => Err(Error::internal(format!("id {id} is already taken by the {} with uuid {uuid}", D::NOUN))),
        }
    }
}

/// A snapshot as tables keep it.
type Shared<D, P> = Arc<Snapshot<D, <P as Private>::Status>>;

/// A whole table at one moment.
pub struct Listing<D: Definition, P: Private>(Arc<Index<D, P>>);

impl<D: Definition, P: Private> Listing<D, P> {
    /// Each object with its snapshot at that moment, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Object<D, P>>, &Shared<D, P>)> {
        self.0.by_uuid.values().map(|row| (&row.object, &row.snapshot))
    }

    /// All snapshots at that moment, in no order.
    ///
    /// Whoever looks at thousands of them does so in several passes over this,
    /// each for one thing: memory is then fetched for many of them at a time.
    pub fn snapshots(&self) -> Vec<&Snapshot<D, P::Status>> {
        let mut all = Vec::with_capacity(self.len());
        all.extend(self.0.by_uuid.values().map(|row| &*row.snapshot));
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.by_uuid.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) fn missing_by_uuid<D: Definition>(uuid: Uuid, name: Option<&str>) -> Error {
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    Error::new(D::MISSING, format!("no {} with matching uuid '{uuid}'{name}", D::LOOKUP_NOUN))
}

fn taken_uuid<D: Definition, P: Private>(object: &Object<D, P>) -> Error {
    Error::operation_failed(format!(
        "{} '{}' is already defined with uuid {}",
        D::NOUN,
        object.snapshot().definition().name(),
        object.uuid()
    ))
}

impl<D: Definition, P: Private> Default for Table<D, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Definition, P: Private> Clone for Table<D, P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Definition, P: Private> fmt::Debug for Table<D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table of {} {}s", self.len(), D::NOUN)
    }
}

impl<D: Definition, P: Private> Clone for Index<D, P> {
    fn clone(&self) -> Self {
        Self { by_uuid: self.by_uuid.clone(), by_name: self.by_name.clone(), by_id: self.by_id.clone() }
    }
}

impl<D: Definition, P: Private> Clone for Row<D, P> {
    fn clone(&self) -> Self {
        Self { object: Arc::clone(&self.object), snapshot: Arc::clone(&self.snapshot) }
    }
}
