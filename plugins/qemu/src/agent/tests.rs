//! An agent on the other end of a socket, of good and bad manners.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::json;

use super::*;

const SOON: Limits = Limits { sync: Duration::from_secs(20), answer: Duration::from_secs(20) };
const SHORT: Limits = Limits { sync: Duration::from_millis(300), answer: Duration::from_millis(300) };

/// One visitor's conversation.
struct Visit {
    lines: BufReader<UnixStream>,
    out: UnixStream,
}

impl Visit {
    fn hear(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        self.lines.read_until(b'\n', &mut line).unwrap();
        let start = line.iter().position(|b| *b == b'{')?;
        serde_json::from_slice(&line[start..]).ok()
    }

    fn say(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).unwrap();
    }

    /// Answers the request to begin afresh; false at the end.
    fn begin(&mut self) -> bool {
        let Some(question) = self.hear() else { return false };
        assert_eq!(question["execute"], "guest-sync-delimited");
        let answer = json!({"return": question["arguments"]["id"]});
        self.say(b"\xff");
        self.say(format!("{answer}\n").as_bytes());
        true
    }
}

/// Serves each visitor in turn with the script.
fn served(script: impl Fn(&mut Visit) + Send + 'static) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut visit = Visit { lines: BufReader::new(stream.try_clone().unwrap()), out: stream };
            script(&mut visit);
        }
    });
    (folder, path)
}

#[test]
fn a_command_is_answered_after_old_words_were_thrown_away() {
    let (_folder, path) = served(|visit| {
        visit.say(b"{\"return\": \"of long ago\"}\nhalf a li");
        while visit.begin() {
            let question = visit.hear().unwrap();
            visit.say(format!("{}\n", json!({"return": question["arguments"]})).as_bytes());
        }
    });
    let agent = Agent::default();
    for n in 0..3 {
        assert_eq!(agent.ask(&path, "guest-echo", json!({"n": n}), SOON), Ok(json!({"n": n})));
    }
}

#[test]
fn refusals_are_told_in_the_agents_words() {
    let (_folder, path) = served(|visit| {
        while visit.begin() {
            visit.hear();
            visit.say(b"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no such thing\"}}\n");
        }
    });
    let failure = Agent::default().ask(&path, "guest-x", Value::Null, SOON).unwrap_err();
    assert!(failure.is_unsupported());
    let error = failure.into_error("guest-x");
    assert_eq!(error.code(), ErrorCode::AGENT_COMMAND_FAILED);
    assert_eq!(error.detail(), "unable to execute QEMU agent command 'guest-x': no such thing");
}

#[test]
fn one_that_is_silent_or_floods_is_given_up() {
    let (_folder, silent) = served(|visit| while visit.hear().is_some() {});
    let agent = Agent::default();
    let error = agent.ask(&silent, "guest-ping", Value::Null, SHORT).unwrap_err().into_error("guest-ping");
    assert_eq!(error.code(), ErrorCode::AGENT_UNRESPONSIVE);
    assert!(error.detail().contains("synchronization"), "{}", error.detail());

    let (_folder, later) = served(|visit| {
        visit.begin();
        while visit.hear().is_some() {}
    });
    let error = agent.ask(&later, "guest-ping", Value::Null, SHORT).unwrap_err().into_error("guest-ping");
    assert_eq!(error.code(), ErrorCode::AGENT_COMMAND_TIMEOUT);

    let (_folder, flood) = served(|visit| {
        visit.begin();
        while visit.out.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let failure = Agent::default().ask(&flood, "guest-ping", Value::Null, SOON).unwrap_err();
    assert!(matches!(failure, Failure::Garbled(_)), "{failure:?}");
}

#[test]
fn a_farewell_needs_no_answer() {
    let (_folder, path) = served(|visit| {
        visit.begin();
        visit.hear();
    });
    let agent = Agent::default();
    assert_eq!(agent.tell(&path, "guest-shutdown", json!({"mode": "powerdown"}), SOON, &|| false), Ok(()));
    let (_folder, path) = served(|visit| {
        visit.begin();
        while visit.hear().is_some() {}
    });
    assert_eq!(agent.tell(&path, "guest-shutdown", json!({}), SOON, &|| true), Ok(()));
    let failure = agent.ask(std::path::Path::new("/nowhere/agent"), "guest-ping", Value::Null, SOON).unwrap_err();
    assert!(matches!(failure, Failure::Unresponsive(_)));
}
