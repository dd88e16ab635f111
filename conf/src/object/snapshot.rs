//! What readers see of an object at one moment.

use std::sync::Arc;

/// The definitions and status of an object at one moment.
///
/// There is always a current definition: that of the running thing while it
/// is active, else the stored one. An object without a stored definition is
/// transient: when it stops, it goes.
#[derive(Debug)]
pub struct Snapshot<D, S> {
    current: Arc<D>,
    stored: Option<Arc<D>>,
    active: bool,
    id: Option<i32>,
    /// What the driver tells readers besides.
    pub status: S,
}

impl<D, S> Snapshot<D, S> {
    /// A defined object that does not run.
    pub fn inactive(stored: impl Into<Arc<D>>, status: S) -> Self {
        let stored = stored.into();
        Self { current: Arc::clone(&stored), stored: Some(stored), active: false, id: None, status }
    }

    /// A running object; `stored` is what it will be at its next start,
    /// `None` for a transient one; `id` where the kind has numbers.
    pub fn active(current: impl Into<Arc<D>>, stored: Option<Arc<D>>, id: Option<i32>, status: S) -> Self {
        Self { current: current.into(), stored, active: true, id, status }
    }

    /// The definition in force: of the running thing, else the stored one.
    pub fn definition(&self) -> &Arc<D> {
        &self.current
    }

    /// The definition of the next start; the current one for a transient object.
    pub fn inactive_definition(&self) -> &Arc<D> {
        self.stored.as_ref().unwrap_or(&self.current)
    }

    /// The stored definition; `None` for a transient object.
    pub fn stored(&self) -> Option<&Arc<D>> {
        self.stored.as_ref()
    }

    /// Whether it runs.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it is still there when it does not run.
    pub fn is_persistent(&self) -> bool {
        self.stored.is_some()
    }

    /// Its number while it runs, where the kind has numbers.
    pub fn id(&self) -> Option<i32> {
        self.id
    }

    /// Makes it run with `current`, under `id` where the kind has numbers.
    pub fn start(&mut self, current: impl Into<Arc<D>>, id: Option<i32>) {
        self.current = current.into();
        self.active = true;
        self.id = id;
    }

    /// Makes it not run: the stored definition is in force again, the number
    /// is free. A transient one keeps its last definition until it is removed.
    pub fn stop(&mut self) {
        self.active = false;
        self.id = None;
        if let Some(stored) = &self.stored {
            self.current = Arc::clone(stored);
        }
    }

    /// Sets or clears the number alone.
    pub fn set_id(&mut self, id: Option<i32>) {
        self.id = id;
    }

    /// Changes the definition in force; while it does not run that is the stored one.
    pub fn set_definition(&mut self, current: impl Into<Arc<D>>) {
        self.current = current.into();
        if !self.active {
            self.stored = Some(Arc::clone(&self.current));
        }
    }

    /// Stores a definition for the next start, making the object persistent.
    pub fn store(&mut self, stored: impl Into<Arc<D>>) {
        let stored = stored.into();
        if !self.active {
            self.current = Arc::clone(&stored);
        }
        self.stored = Some(stored);
    }

    /// Forgets the stored definition, making the object transient. One that
    /// does not run should then be removed.
    pub fn forget_stored(&mut self) {
        self.stored = None;
    }
}

// By hand, since a derive would ask for definitions that can be cloned.
impl<D, S: Clone> Clone for Snapshot<D, S> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            stored: self.stored.clone(),
            active: self.active,
            id: self.id,
            status: self.status.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_and_stopping_switches_definitions() {
        let mut s = Snapshot::inactive("stored", ());
        assert!(!s.is_active() && s.is_persistent());
        s.start("live", Some(3));
        assert_eq!((**s.definition(), **s.inactive_definition()), ("live", "stored"));
        assert_eq!(s.id(), Some(3));
        s.store("next");
        assert_eq!((**s.definition(), **s.inactive_definition()), ("live", "next"));
        s.set_definition("changed");
        assert_eq!((**s.definition(), **s.inactive_definition()), ("changed", "next"));
        s.stop();
        assert_eq!((**s.definition(), s.id(), s.is_active()), ("next", None, false));
        s.set_definition("edited");
        assert_eq!(s.stored().map(|d| **d), Some("edited"));
    }

    #[test]
    fn transient_keeps_its_definition_when_stopped() {
        let mut s = Snapshot::active("live", None, Some(1), ());
        assert!(!s.is_persistent());
        s.stop();
        assert_eq!((**s.definition(), **s.inactive_definition()), ("live", "live"));
    }
}
