//! A fake QEMU on the other end of a socket pair.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use oxivirt_core::ErrorCode;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, PartialEq)]
enum News {
    Event(String),
    Closed(String),
}

struct Tell(std::sync::Mutex<Sender<News>>);

impl Handler for Tell {
    fn event(&self, event: Event) {
        let _ = self.0.lock().unwrap().send(News::Event(event.name));
    }
    fn closed(&self, why: &str) {
        let _ = self.0.lock().unwrap().send(News::Closed(why.to_owned()));
    }
}

struct Fake {
    lines: BufReader<UnixStream>,
    out: UnixStream,
}

impl Fake {
    fn say(&mut self, value: Value) {
        writeln!(self.out, "{value}").unwrap();
    }
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
    fn greet(&mut self) {
        self.say(json!({"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}, "capabilities": []}}));
        let hello = self.hear();
        assert_eq!(hello["execute"], "qmp_capabilities");
        self.answer(&hello, json!({}));
    }
    fn answer(&mut self, to: &Value, value: Value) {
        self.say(json!({"return": value, "id": to["id"]}));
    }
}

fn with_fake(script: impl FnOnce(&mut Fake) + Send + 'static) -> (Result<Monitor>, Receiver<News>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut fake = Fake { lines: BufReader::new(theirs.try_clone().unwrap()), out: theirs };
        script(&mut fake);
    });
    let (sender, news) = channel();
    (Monitor::open("vm", ours, Box::new(Tell(sender.into())), LONG), news)
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(150);

#[test]
fn answers_match_their_ids_whatever_the_order() {
    let (monitor, _news) = with_fake(|q| {
        q.greet();
        let (a, b) = (q.hear(), q.hear());
        q.answer(&b, b["execute"].clone());
        q.answer(&a, a["execute"].clone());
        q.hear();
    });
    let monitor = monitor.unwrap();
    std::thread::scope(|s| {
        for name in ["first", "second"] {
            let monitor = &monitor;
            s.spawn(move || assert_eq!(monitor.execute(name, Value::Null, LONG).unwrap(), name));
        }
    });
}

#[test]
fn refusals_keep_qemus_words() {
    let (monitor, _news) = with_fake(|q| {
        q.greet();
        let c = q.hear();
        assert_eq!(c["arguments"], json!({"device": "x"}));
        q.say(json!({"error": {"class": "GenericError", "desc": "Device 'x' not found"}, "id": c["id"]}));
        let c = q.hear();
        q.say(json!({"error": {"class": "CommandNotFound", "desc": "no"}, "id": c["id"]}));
        q.hear();
    });
    let monitor = monitor.unwrap();
    let error = monitor.execute("eject", json!({"device": "x"}), LONG).unwrap_err();
    assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
    assert_eq!(error.detail(), "unable to execute QEMU command 'eject': Device 'x' not found");
    assert!(monitor.attempt("new-one", Value::Null, LONG).unwrap_err().is_unknown_command());
}

#[test]
fn a_hang_times_out_by_name_and_a_late_answer_does_no_harm() {
    let (go, wait) = channel::<()>();
    let (monitor, _news) = with_fake(move |q| {
        q.greet();
        let slow = q.hear();
        wait.recv().unwrap();
        q.answer(&slow, json!("late"));
        let next = q.hear();
        q.answer(&next, json!("in time"));
        q.hear();
    });
    let monitor = monitor.unwrap();
    let error = monitor.execute("query-slow", Value::Null, SHORT).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT);
    assert!(error.message().contains("'query-slow'") && error.message().contains("'vm'"), "{error}");
    go.send(()).unwrap();
    assert_eq!(monitor.execute("query-next", Value::Null, LONG).unwrap(), "in time");
}

#[test]
fn no_greeting_is_a_timeout_of_its_own() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (sender, _news) = channel();
    let error = Monitor::open("vm", ours, Box::new(Tell(sender.into())), SHORT).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT);
    assert!(error.message().contains("greeting"), "{error}");
}

#[test]
fn garbage_ends_the_connection_and_says_what_it_was() {
    let (monitor, news) = with_fake(|q| {
        q.greet();
        q.hear();
        q.out.write_all(b"\x00\xff not json\n").unwrap();
        q.hear();
    });
    let error = monitor.unwrap().execute("stop", Value::Null, LONG).unwrap_err();
    assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
    assert!(error.message().contains("not json"), "{error}");
    assert!(matches!(news.recv_timeout(LONG).unwrap(), News::Closed(_)));
}

#[test]
fn eof_in_the_middle_of_a_message_fails_the_caller_and_tells_the_handler() {
    let (monitor, news) = with_fake(|q| {
        q.greet();
        q.hear();
        q.out.write_all(b"{\"return\": ").unwrap();
    });
    let monitor = monitor.unwrap();
    let error = monitor.execute("stop", Value::Null, LONG).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_FAILED);
    assert!(error.message().contains("middle of a message"), "{error}");
    assert!(matches!(news.recv_timeout(LONG).unwrap(), News::Closed(_)));
    let again = monitor.execute("cont", Value::Null, LONG).unwrap_err();
    assert!(again.message().contains("middle of a message"), "{again}");
}

#[test]
fn an_endless_message_is_cut_off() {
    let (monitor, news) = with_fake(|q| {
        q.greet();
        q.hear();
        let chunk = vec![b'['; 1 << 16];
        while q.out.write_all(&chunk).is_ok() {}
    });
    let error = monitor.unwrap().execute("stop", Value::Null, LONG).unwrap_err();
    assert!(error.message().contains("longer than"), "{error}");
    assert!(matches!(news.recv_timeout(LONG).unwrap(), News::Closed(_)));
}

#[test]
fn an_event_storm_arrives_whole_and_answers_still_come() {
    let (monitor, news) = with_fake(|q| {
        q.greet();
        let c = q.hear();
        for n in 0..20_000 {
            q.say(json!({"event": format!("E{n}"), "timestamp": {"seconds": 1, "microseconds": 2}}));
        }
        q.answer(&c, json!({}));
        q.hear();
    });
    monitor.unwrap().execute("stop", Value::Null, LONG).unwrap();
    for n in 0..20_000 {
        assert_eq!(news.recv_timeout(LONG).unwrap(), News::Event(format!("E{n}")));
    }
}

#[test]
fn a_qemu_that_does_not_read_never_blocks_the_caller() {
    let (go, wait) = channel::<()>();
    let (monitor, _news) = with_fake(move |q| {
        q.greet();
        let _ = wait.recv();
    });
    let monitor = monitor.unwrap();
    let began = Instant::now();
    let big = json!({"text": "x".repeat(1 << 20)});
    for _ in 0..QUEUE_AND_MORE {
        let error = monitor.execute("big", big.clone(), Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT);
    }
    assert!(began.elapsed() < LONG);
    drop(go);
}

const QUEUE_AND_MORE: usize = 80;

#[test]
fn dropping_the_monitor_closes_the_socket() {
    let (done, closed) = channel();
    let (monitor, news) = with_fake(move |q| {
        q.greet();
        let mut rest = String::new();
        done.send(q.lines.read_line(&mut rest).unwrap()).unwrap();
    });
    drop(monitor.unwrap());
    assert_eq!(closed.recv_timeout(LONG).unwrap(), 0);
    assert!(matches!(news.recv_timeout(LONG).unwrap(), News::Closed(_)));
}
