//! Many threads on one table. No test sleeps; where one must see another
//! wait, it looks at the queue until it does.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, ErrorCode};
use uuid::Uuid;

use super::{Definition, Inserted, JOB_WAIT, Job, JobKind, Lasting, Object, Private, Snapshot, StatusDocument, Table};

#[derive(Debug, Clone)]
struct Def {
    name: String,
    uuid: Uuid,
}

impl Definition for Def {
    const NOUN: &'static str = "domain";
    const MISSING: ErrorCode = ErrorCode::NO_DOMAIN;

    fn name(&self) -> &str {
        &self.name
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }
}

#[derive(Debug, Default)]
struct Own {
    inside: AtomicI32,
}

impl Private for Own {
    type Status = u64;
}

type Obj = Arc<Object<Def, Own>>;

fn def(name: &str, number: u128) -> Def {
    Def { name: name.to_owned(), uuid: Uuid::from_u128(number) }
}

fn stopped(name: &str, number: u128) -> Snapshot<Def, u64> {
    Snapshot::inactive(def(name, number), 0)
}

fn one() -> (Table<Def, Own>, Obj) {
    let table = Table::new();
    let object = table.insert(stopped("a", 1), Own::default()).unwrap();
    (table, object)
}

fn soon() -> Instant {
    Instant::now() + JOB_WAIT
}

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::yield_now();
    }
}

fn code_and_text<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code(), error.message().to_owned())
}

#[test]
fn duplicates_are_refused_in_the_words_of_stock_drivers() {
    let (table, _) = one();
    let uuid = Uuid::from_u128(1);
    let (code, text) = code_and_text(table.insert(stopped("b", 1), Own::default()));
    assert_eq!(code, ErrorCode::OPERATION_FAILED);
    assert_eq!(text, format!("operation failed: domain 'a' is already defined with uuid {uuid}"));
    let (code, text) = code_and_text(table.insert(stopped("a", 2), Own::default()));
    assert_eq!(code, ErrorCode::OPERATION_FAILED);
    assert_eq!(text, format!("operation failed: domain 'a' already exists with uuid {uuid}"));
    let (code, _) = code_and_text(table.insert(stopped("a", 1), Own::default()));
    assert_eq!(code, ErrorCode::OPERATION_FAILED);
    let again = table.insert_or_get(stopped("a", 1), Own::default()).unwrap();
    assert!(matches!(again, Inserted::Existing(_)));
    let more = table.insert_or_get(stopped("c", 3), Own::default()).unwrap();
    assert!(matches!(more, Inserted::New(_)));
    assert_eq!(table.len(), 2);
}

#[test]
fn lookups_name_what_is_missing() {
    let (table, object) = one();
    assert!(Arc::ptr_eq(&table.require_name("a").unwrap(), &object));
    assert!(Arc::ptr_eq(&table.require_uuid(object.uuid(), None).unwrap(), &object));
    let (code, text) = code_and_text(table.require_name("x"));
    assert_eq!(code, ErrorCode::NO_DOMAIN);
    assert_eq!(text, "Domain not found: no domain with matching name 'x'");
    let (_, text) = code_and_text(table.require_id(7));
    assert_eq!(text, "Domain not found: no domain with matching id '7'");
    let (_, text) = code_and_text(table.require_uuid(Uuid::nil(), Some("x")));
    let nil = Uuid::nil();
    assert_eq!(text, format!("Domain not found: no domain with matching uuid '{nil}' (x)"));
}

#[test]
fn rename_moves_the_name_and_refuses_a_taken_one() {
    let (table, a) = one();
    table.insert(stopped("b", 2), Own::default()).unwrap();
    let job = a.begin_job(JobKind::Modify, "rename", soon()).unwrap();
    let (code, text) = code_and_text(table.rename(&job, def("b", 1)));
    assert_eq!(code, ErrorCode::OPERATION_INVALID);
    assert!(text.ends_with("domain with name 'b' already exists"), "{text}");
    assert_eq!(code_and_text(table.rename(&job, def("c", 9))).0, ErrorCode::INTERNAL_ERROR);
    assert_eq!(a.snapshot().definition().name, "a", "nothing changed");
    table.rename(&job, def("c", 1)).unwrap();
    assert!(table.by_name("a").is_none());
    assert!(Arc::ptr_eq(&table.by_name("c").unwrap(), &a));
    assert_eq!(table.list().iter().filter(|(_, s)| s.definition().name == "c").count(), 1);
}

#[test]
fn ids_are_found_unique_and_freed() {
    let (table, a) = one();
    let b = table.insert(Snapshot::active(def("b", 2), None, Some(40), 0), Own::default()).unwrap();
    assert_eq!(table.next_id().unwrap(), 41, "numbers of found objects are not given again");
    let job = a.begin_job(JobKind::Modify, "start", soon()).unwrap();
    let taken = job.update(|s| {
        s.start(def("a", 1), Some(40));
        Ok(())
    });
    assert_eq!(code_and_text(taken).0, ErrorCode::INTERNAL_ERROR);
    assert!(!a.snapshot().is_active());
    job.update(|s| {
        s.start(def("a", 1), Some(42));
        Ok(())
    })
    .unwrap();
    assert!(Arc::ptr_eq(&table.require_id(42).unwrap(), &a));
    assert!(Arc::ptr_eq(&table.require_id(40).unwrap(), &b));
    assert_eq!(code_and_text(table.rename(&job, def("z", 1))).0, ErrorCode::OPERATION_INVALID);
    job.update(|s| {
        s.stop();
        Ok(())
    })
    .unwrap();
    assert!(table.by_id(42).is_none());
    assert_eq!(table.next_id().unwrap(), 43);
}

#[test]
fn a_failed_update_changes_nothing() {
    let (_table, a) = one();
    let job = a.begin_job(JobKind::Modify, "x", soon()).unwrap();
    let failed: Result<(), _> = job.update(|s| {
        s.status = 99;
        Err(Error::internal("no"))
    });
    assert!(failed.is_err());
    assert_eq!(a.snapshot().status, 0);
    a.note(|status| *status = 5);
    assert_eq!(job.snapshot().status, 5);
}

#[test]
fn a_timeout_names_both_calls_the_kind_and_the_age() {
    let (_table, a) = one();
    let held = a.begin_job(JobKind::LongRunning, "virDomainSave of client 7", soon()).unwrap();
    let late = a.begin_job(JobKind::Modify, "virDomainResume of client 9", Instant::now());
    let (code, text) = code_and_text(late);
    assert_eq!(code, ErrorCode::OPERATION_TIMEOUT);
    let begin = "Timed out during operation: cannot acquire state change lock for \
        virDomainResume of client 9 (held by monitor=virDomainSave of client 7, \
        a long-running job, for 0.";
    assert!(text.starts_with(begin) && text.ends_with(" s)"), "{text}");
    assert_eq!(a.jobs()[0].owner, "virDomainSave of client 7");
    drop(held);
    assert!(a.jobs().is_empty());
    a.begin_job(JobKind::Modify, "x", Instant::now()).unwrap();
}

#[test]
fn queries_share_and_modification_is_alone() {
    let (_table, a) = one();
    let now = |kind| a.begin_job(kind, "x", Instant::now());
    let query = now(JobKind::Query).unwrap();
    let second = now(JobKind::Query).unwrap();
    assert!(now(JobKind::Modify).is_err());
    let long = now(JobKind::LongRunning).unwrap();
    assert!(now(JobKind::LongRunning).is_err());
    drop((query, second));
    assert!(now(JobKind::Query).is_ok());
    assert!(now(JobKind::Modify).is_err());
    drop(long);
    let modify = now(JobKind::Modify).unwrap();
    for kind in [JobKind::Query, JobKind::Modify, JobKind::LongRunning] {
        assert!(now(kind).is_err(), "{kind}");
    }
    drop(modify);
}

#[test]
fn waiters_are_served_in_the_order_of_arrival() {
    let (_table, a) = one();
    let served = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let held = a.begin_job(JobKind::Modify, "first", soon()).unwrap();
        for n in 0..20 {
            let (a, served) = (&a, &served);
            scope.spawn(move || {
                let job = a.begin_job(JobKind::Modify, "next", soon()).unwrap();
                served.lock().unwrap().push(n);
                drop(job);
            });
            until("queueing", || a.waiting_jobs() == n + 1);
        }
        drop(held);
    });
    assert_eq!(*served.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn queries_do_not_overtake_unless_beside_a_long_job() {
    let (_table, a) = one();
    std::thread::scope(|scope| {
        let query = a.begin_job(JobKind::Query, "q", soon()).unwrap();
        let writer = scope.spawn(|| a.begin_job(JobKind::Modify, "m", soon()).unwrap());
        until("queueing", || a.waiting_jobs() == 1);
        let second = a.begin_job(JobKind::Query, "q2", Instant::now());
        assert!(second.is_err(), "a steady stream of queries must not starve a writer");
        drop(query);
        drop(writer.join().unwrap());

        let long = a.begin_job(JobKind::LongRunning, "l", soon()).unwrap();
        let writer = scope.spawn(|| a.begin_job(JobKind::Modify, "m", soon()).unwrap());
        until("queueing", || a.waiting_jobs() == 1);
        a.begin_job(JobKind::Query, "q3", Instant::now()).unwrap();
        drop(long);
        writer.join().unwrap();
    });
}

#[test]
fn who_gives_up_lets_those_behind_go_on() {
    let (_table, a) = one();
    std::thread::scope(|scope| {
        let _query = a.begin_job(JobKind::Query, "q", soon()).unwrap();
        let deadline = Instant::now() + Duration::from_millis(300);
        let a = &a;
        let writer = scope.spawn(move || a.begin_job(JobKind::Modify, "m", deadline).is_err());
        until("queueing", || a.waiting_jobs() == 1 || Instant::now() > deadline);
        let reader = scope.spawn(|| a.begin_job(JobKind::Query, "q2", soon()).is_ok());
        assert!(writer.join().unwrap());
        assert!(reader.join().unwrap());
    });
}

#[test]
fn a_long_job_can_be_asked_to_give_up() {
    let (_table, a) = one();
    assert!(!a.abort_job());
    let long = a.begin_job(JobKind::LongRunning, "save", soon()).unwrap();
    assert!(!long.abort_requested());
    assert!(!long.abort_signal().wait(Duration::ZERO));
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let raised = long.abort_signal().wait(Duration::from_secs(60));
            drop(long);
            raised
        });
        assert!(a.abort_job());
        a.begin_job(JobKind::Modify, "destroy", soon()).unwrap();
        assert!(worker.join().unwrap());
    });
    let next = a.begin_job(JobKind::LongRunning, "save", soon()).unwrap();
    assert!(!next.abort_requested(), "a request concerns one job");
}

#[test]
fn removal_tells_waiters_and_frees_name_uuid_and_id() {
    let (table, a) = one();
    std::thread::scope(|scope| {
        let job = a.begin_job(JobKind::Modify, "undefine", soon()).unwrap();
        let waiter = scope.spawn(|| a.begin_job(JobKind::Modify, "start", soon()));
        until("queueing", || a.waiting_jobs() == 1);
        job.update(|s| {
            s.set_id(Some(3));
            Ok(())
        })
        .unwrap();
        assert!(table.remove(&job));
        assert!(!table.remove(&job));
        assert!(table.is_empty() && table.by_id(3).is_none() && table.by_name("a").is_none());
        let successor = table.insert(stopped("a", 1), Own::default()).unwrap();
        job.update(|s| {
            s.status = 7;
            Ok(())
        })
        .unwrap();
        assert_eq!((a.snapshot().status, successor.snapshot().status), (7, 0));
        assert_eq!(table.list().iter().map(|(_, s)| s.status).sum::<u64>(), 0);
        assert!(!table.remove(&job), "a successor is not removed in its place");
        drop(job);
        let (code, text) = code_and_text(waiter.join().unwrap());
        assert_eq!(code, ErrorCode::NO_DOMAIN);
        assert!(text.ends_with("(a)"), "{text}");
    });
}

#[test]
fn a_new_object_with_a_job_is_out_of_reach_until_done() {
    let table = Table::<Def, Own>::new();
    let make = || table.insert_with_job(stopped("a", 1), Own::default(), JobKind::Modify, "create");
    let job = make().unwrap();
    assert!(make().is_err());
    let found = table.require_name("a").unwrap();
    assert!(found.begin_job(JobKind::Query, "x", Instant::now()).is_err());
    drop(job);
    assert!(found.begin_job(JobKind::Query, "x", Instant::now()).is_ok());
}

#[test]
fn modify_jobs_exclude_each_other_and_lose_no_update() {
    let (_table, a) = one();
    let (threads, rounds) = (8, 200);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let job = a.begin_job(JobKind::Modify, "add", soon()).unwrap();
                    assert_eq!(job.private().inside.fetch_add(1, Ordering::SeqCst), 0);
                    let seen = job.snapshot().status;
                    job.update(|s| {
                        s.status = seen + 1;
                        Ok(())
                    })
                    .unwrap();
                    job.private().inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
        // Facts noted from outside are merged, not overwritten.
        scope.spawn(|| (0..rounds).for_each(|_| a.note(|status| *status += 0)));
    });
    assert_eq!(a.snapshot().status, threads * rounds);
    assert!(a.jobs().is_empty() && a.waiting_jobs() == 0);
}

#[test]
fn mixed_kinds_never_break_the_rules() {
    let (_table, a) = one();
    let (modify, long) = (AtomicI32::new(0), AtomicI32::new(0));
    std::thread::scope(|scope| {
        for seed in 0..8_u32 {
            let (a, modify, long) = (&a, &modify, &long);
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let pick = seed.wrapping_mul(2_654_435_761).wrapping_add(round * 40_503) >> 7;
                    let (kind, counter) = match pick % 4 {
                        0 => (JobKind::Modify, Some(modify)),
                        1 => (JobKind::LongRunning, Some(long)),
                        _ => (JobKind::Query, None),
                    };
                    let job = a.begin_job(kind, "x", soon()).unwrap();
                    if let Some(counter) = counter {
                        assert_eq!(counter.fetch_add(1, Ordering::SeqCst), 0, "{kind}");
                    }
                    if kind != JobKind::Modify {
                        assert_eq!(modify.load(Ordering::SeqCst), 0, "{kind} beside modify");
                    }
                    std::thread::yield_now();
                    if let Some(counter) = counter {
                        counter.fetch_sub(1, Ordering::SeqCst);
                    }
                    drop(job);
                }
            });
        }
    });
    assert!(a.jobs().is_empty() && a.waiting_jobs() == 0);
}

#[test]
fn readers_do_not_wait_for_a_stuck_job() {
    let (table, a) = one();
    let _stuck = a.begin_job(JobKind::Modify, "stuck", soon()).unwrap();
    let waiting = std::thread::spawn({
        let a = Arc::clone(&a);
        move || a.begin_job(JobKind::Modify, "m", Instant::now() + Duration::from_millis(1))
    });
    assert_eq!(table.list().len(), 1);
    assert_eq!(table.require_name("a").unwrap().snapshot().status, 0);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn a_listing_is_one_moment_of_the_whole_table() {
    // Two objects change in turn, first a then b: no moment has b ahead of a,
    // nor a ahead by more than one.
    let (table, a) = one();
    let b = table.insert(stopped("b", 2), Own::default()).unwrap();
    let done = AtomicBool::new(false);
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for _ in 0..5000 {
                a.note(|status| *status += 1);
                b.note(|status| *status += 1);
            }
            done.store(true, Ordering::SeqCst);
        });
        start.wait();
        while !done.load(Ordering::SeqCst) {
            let listing = table.list();
            let status = |name: &str| {
                let found = listing.iter().find(|(_, s)| s.definition().name == name);
                found.map(|(_, s)| s.status).unwrap()
            };
            let (a, b) = (status("a"), status("b"));
            assert!(a == b || a == b + 1, "{a} {b}");
        }
    });
}

#[test]
fn only_one_of_many_gets_a_name() {
    let table = Table::<Def, Own>::new();
    let start = Barrier::new(8);
    let got = AtomicI32::new(0);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (table, start, got) = (&table, &start, &got);
            scope.spawn(move || {
                start.wait();
                if table.insert(stopped("same", n), Own::default()).is_ok() {
                    got.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(got.into_inner(), 1);
    assert_eq!(table.len(), 1);
}

#[test]
fn ten_thousand_objects_are_listed_while_they_come_and_go() {
    let table = Table::<Def, Own>::new();
    for n in 0..10_000 {
        table.insert(stopped(&format!("d{n}"), n), Own::default()).unwrap();
    }
    let before = table.list();
    std::thread::scope(|scope| {
        for part in 0..4_u128 {
            let table = &table;
            scope.spawn(move || {
                for n in (part * 500)..(part * 500 + 500) {
                    let object = table.require_name(&format!("d{n}")).unwrap();
                    let job = object.begin_job(JobKind::Modify, "remove", soon()).unwrap();
                    assert!(table.remove(&job));
                }
            });
        }
        for _ in 0..50 {
            let listing = table.list();
            assert_eq!(listing.iter().count(), listing.len());
        }
    });
    assert_eq!(table.len(), 8_000);
    assert_eq!(before.iter().count(), 10_000, "an old listing stays as it was");
}

/// The file of the tests' objects: name, uuid, id and number.
struct Saved(String, u128, i32, u64);

impl StatusDocument for Saved {
    type Context<'a> = str;

    fn read(text: &str, prefix: &str) -> Result<Self, Error> {
        let wrong = || Error::xml(format!("'{text}' is no status"));
        let fields: Vec<&str> = text.strip_prefix(prefix).ok_or_else(wrong)?.split(' ').collect();
        let [name, uuid, id, status] = fields.as_slice() else { return Err(wrong()) };
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        Ok(Self((*name).to_owned(), number(uuid)?.into(), number(id)? as i32, number(status)?))
    }

    fn print(&self) -> Result<String, Error> {
        Ok(format!("status {} {} {} {}", self.0, self.1, self.2, self.3))
    }
}

impl Lasting<Def> for Own {
    type Document = Saved;

    fn to_status(&self, snapshot: &Snapshot<Def, u64>) -> Option<Saved> {
        let definition = snapshot.definition();
        let id = snapshot.id()?;
        Some(Saved(definition.name.clone(), definition.uuid.as_u128(), id, snapshot.status))
    }

    fn from_status(saved: &Saved) -> Result<(Snapshot<Def, u64>, Self), Error> {
        Ok((Snapshot::active(def(&saved.0, saved.1), None, Some(saved.2), saved.3), Own::default()))
    }
}

fn load(table: &Table<Def, Own>, text: &str) -> Result<Job<Def, Own>, Error> {
    table.load_status(text, "status ", "taking over", soon(), |old, new| *new += old).map(|(job, _)| job)
}

#[test]
fn what_runs_is_found_again_by_the_next_daemon() {
    let (table, a) = one();
    let saved = std::cell::RefCell::new(None);
    let save = |object: &Obj| {
        object.save_status(|text| {
            *saved.borrow_mut() = text.map(str::to_owned);
            Ok(())
        })
    };
    save(&a).unwrap();
    assert_eq!(*saved.borrow(), None, "one that does not run has no status");
    let job = a.begin_job(JobKind::Modify, "start", soon()).unwrap();
    job.update(|s| {
        s.start(def("a", 1), Some(9));
        s.status = 40;
        Ok(())
    })
    .unwrap();
    save(&a).unwrap();
    let text = saved.borrow().clone().unwrap();
    assert_eq!(text, "status a 1 9 40");
    drop(table);

    // Transient: nothing was stored.
    let table = Table::<Def, Own>::new();
    let job = load(&table, &text).unwrap();
    let found = job.snapshot();
    assert_eq!((found.id(), found.status, found.is_persistent()), (Some(9), 40, false));
    assert_eq!(table.next_id().unwrap(), 10);
    assert!(table.require_name("a").unwrap().begin_job(JobKind::Query, "x", Instant::now()).is_err());

    // Persistent: its definition was read before.
    let (table, a) = one();
    a.note(|status| *status = 2);
    let job = load(&table, &text).unwrap();
    assert!(Arc::ptr_eq(job.object(), &a));
    let found = a.snapshot();
    assert_eq!((found.id(), found.status, found.is_persistent()), (Some(9), 42, true));
}

#[test]
fn a_status_of_somebody_else_changes_nothing() {
    let (table, a) = one();
    assert_eq!(code_and_text(load(&table, "nonsense")).0, ErrorCode::XML_ERROR);
    assert_eq!(code_and_text(load(&table, "status a 2 9 40")).0, ErrorCode::OPERATION_FAILED);
    let busy = a.begin_job(JobKind::Modify, "edit", soon()).unwrap();
    let now = table.load_status("status a 1 9 40", "status ", "taking over", Instant::now(), |_, _| ());
    assert_eq!(now.err().map(|e| e.code()), Some(ErrorCode::OPERATION_TIMEOUT));
    drop(busy);
    assert!(!a.snapshot().is_active());
    let failed = a.save_status(|_| Err(Error::internal("disk full")));
    assert_eq!(code_and_text(failed).0, ErrorCode::INTERNAL_ERROR);
    a.save_status(|_| Ok(())).unwrap();
}

#[test]
fn the_last_status_written_is_the_newest() {
    let (_table, a) = one();
    let job = a.begin_job(JobKind::Modify, "start", soon()).unwrap();
    job.update(|s| {
        s.set_id(Some(1));
        Ok(())
    })
    .unwrap();
    let file = std::sync::Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    a.note(|status| *status += 1);
                    a.save_status(|text| {
                        let text = text.unwrap();
                        let number = |text: &str| text.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0_u64);
                        let mut file = file.lock().unwrap();
                        assert!(number(text) >= number(&file), "'{text}' after '{file}'");
                        *file = text.to_owned();
                        Ok(())
                    })
                    .unwrap();
                }
            });
        }
    });
    assert!(file.lock().unwrap().ends_with(" 2000"));
}
