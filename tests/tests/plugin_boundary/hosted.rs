//! The same misbehaviour in a process of its own, behind a running daemon.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::client::{Client, Limits, Link, Opening, Request, Told, connect_unix, open};
use oxivirt_core::constants::{CloseReason, DomainConsoleFlags, DomainEventId, DomainRebootFlags};
use oxivirt_core::event::EventKind;
use oxivirt_core::interface::{Connect, DomainConsole, DomainLifecycle, DomainListing, Events, Session};
use oxivirt_core::packets::Packet;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::types::{Domain, List, TypedParam, TypedValue, Uuid};
use oxivirt_core::{ErrorCode, Result};
use oxivirt_tests::assets;
use oxivirt_tests::process::{self, alive};
use oxivirt_tests::sandbox::{Program, Sandbox};
use rustix::process::Signal;

use super::{folder, misbehaving};

/// Far more than a process takes to come back after a few ends in a row.
const LIMIT: Duration = Duration::from_secs(60);

/// Every plugin apart, none may take long to start.
const ISOLATED: &str = "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nisolation = \"process\"\n";

/// A daemon whose plugins, the test driver among them, all have processes.
struct Host {
    sandbox: Sandbox,
    _plugins: tempfile::TempDir,
}

impl Host {
    fn start(settings: &str) -> Host {
        let mut host = Host::prepare(settings);
        host.launch();
        host
    }

    fn prepare(settings: &str) -> Host {
        let test = assets::plugin("test").expect("the test driver builds");
        let plugins = folder(&[&misbehaving(), &test]);
        let daemon = assets::daemon().expect("the daemon builds");
        let program = Program::Oxivirt { daemon, plugins: plugins.path().to_owned() };
        let sandbox = Sandbox::with(program).expect("a sandbox");
        sandbox.configure("libvirtd.conf", settings).expect("a file");
        Host { sandbox, _plugins: plugins }
    }

    fn launch(&mut self) {
        self.sandbox.launch().unwrap_or_else(|message| panic!("{message}"));
    }

    fn client(&self, uri: &str) -> Result<Client<Link>> {
        self.open(Opening::new(uri)).map(|(client, _)| client)
    }

    fn open(&self, opening: Opening<'_>) -> Result<(Client<Link>, Receiver<Told>)> {
        let (tell, told) = channel();
        let limits = Limits { answer: LIMIT, ..Limits::default() };
        let listener = Box::new(move |what| drop(tell.send(what)));
        let client = open(connect_unix(&self.sandbox.socket())?, Opening { limits, ..opening }, listener)?;
        Ok((client, told))
    }

    /// The processes in which plugins run whose file is named like this.
    fn processes(&self, plugin: &str) -> Vec<i32> {
        let is = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("--host-plugin") && line.contains(plugin)
        };
        process::children(self.sandbox.pid()).into_iter().filter(is).collect()
    }

    /// The one process of a plugin, once there is one that is not `but`.
    fn process(&self, plugin: &str, but: Option<i32>) -> i32 {
        process::wait_for("a hosting process", LIMIT, || match self.processes(plugin)[..] {
            [one] if Some(one) != but => Some(one),
            _ => None,
        })
        .unwrap_or_else(|message| panic!("{}", self.sandbox.explain(&message)))
    }

    fn marker(&self, name: &str) -> std::path::PathBuf {
        self.sandbox.root().join("etc/libvirt").join(format!("crashes.{name}"))
    }

    /// Waits until a call goes through again.
    fn again<T>(&self, what: &str, mut call: impl FnMut(&Call) -> Result<T>) -> T {
        let mut last = None;
        let result = process::wait_for(what, LIMIT, || {
            Call::internal("test", &mut call).map_err(|error| last = Some(error.message().to_owned())).ok()
        });
        result.unwrap_or_else(|message| panic!("{}", self.sandbox.explain(&format!("{message}; last: {last:?}"))))
    }
}

fn domain(name: &str) -> Domain {
    Domain::new(name, Uuid([9; 16]), 1)
}

/// One word of what the driver says about its caller.
fn word<'a>(text: &'a str, name: &str) -> &'a str {
    let words = text.split(' ');
    words.filter_map(|word| word.split_once('=')).find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

#[test]
fn callers_are_themselves_in_the_process() {
    let host = Host::start(ISOLATED);
    let client = host.client("crashes:///").expect("opens");
    let ask = |client: &Client<Link>| Call::internal("test", |call| client.connect_get_sysinfo(call, 0)).expect("told");
    let seen = ask(&client);
    let process = host.process("misbehaving", None);
    assert_ne!(process, host.sandbox.pid());
    assert_eq!(word(&seen, "process"), process.to_string());
    assert_eq!(word(&seen, "read-only"), "false");
    let user = rustix::process::getuid().as_raw();
    assert_eq!(word(&seen, "unix-user-id"), format!("UnsignedLongLong({user})"), "{seen}");
    assert_eq!(word(&seen, "process-id"), format!("LongLong({})", std::process::id()), "{seen}");

    let (looker, _) =
        host.open(Opening { flags: OpenFlags::READ_ONLY, ..Opening::new("crashes:///") }).expect("opens to look");
    let other = ask(&looker);
    assert_eq!(word(&other, "read-only"), "true");
    assert_ne!(word(&other, "client"), word(&seen, "client"));
    let error = Call::internal("test", |call| looker.domain_resume(call, &domain("x"))).expect_err("may only look");
    assert_eq!(error.code(), ErrorCode::OPERATION_DENIED);

    // On behalf of somebody else, said before and after the opening.
    let anna = |name| vec![TypedParam::new("sasl-user-name", TypedValue::String(name))];
    let (front, _) = host.open(Opening { identity: anna("anna"), ..Opening::new("crashes:///") }).expect("trusted");
    let seen = ask(&front);
    assert_eq!(word(&seen, "sasl-user-name"), "String(\"anna\")", "{seen}");
    assert_eq!(word(&seen, "unix-user-id"), "", "{seen}");
    let bert = List::new(anna("bert")).expect("short");
    Call::internal("test", |call| front.connect_set_identity(call, &bert, 0)).expect("trusted");
    assert_eq!(word(&ask(&front), "sasl-user-name"), "String(\"bert\")");
    // Also in the process that comes next.
    process::signal(process, Signal::KILL);
    host.process("misbehaving", Some(process));
    let seen = host.again("the next process", |call| front.connect_get_sysinfo(call, 0));
    assert_eq!(word(&seen, "sasl-user-name"), "String(\"bert\")");
}

#[test]
fn other_drivers_are_reached_from_the_process() {
    let host = Host::start(ISOLATED);
    let client = host.client("crashes:///").expect("opens");
    let look = |name: &str| Call::internal("test", |call| client.domain_lookup_by_name(call, name));
    assert_eq!(look("test:///default").expect("in another process").name.as_str(), "test:///default");
    let error = look("nobody:///here").expect_err("no such driver");
    assert_eq!(error.code(), ErrorCode::NO_CONNECT);
    assert!(error.message().contains("scheme 'nobody'"), "{error}");
    // And from a process to a driver of the daemon itself.
    let settings = "auth_unix_rw = \"none\"\nisolated_plugins = [ \"misbehave\" ]\n";
    let host = Host::start(settings);
    assert_eq!(host.processes("driver_test").len(), 0);
    let client = host.client("crashes:///").expect("opens");
    let found = Call::internal("test", |call| client.domain_lookup_by_name(call, "test:///default"));
    assert_eq!(found.expect("in the daemon").name.as_str(), "test:///default");
}

#[test]
fn hooks_events_and_the_log_come_out_of_the_process() {
    let host = Host::start(ISOLATED);
    let hooks = host.sandbox.root().join("etc/libvirt/hooks");
    fs::create_dir_all(&hooks).expect("a folder");
    let note = hooks.join("seen");
    fs::write(hooks.join("crashes"), format!("#!/bin/sh\necho \"$@\" >> {}\n[ $1 != bad ]\n", note.display()))
        .expect("written");
    fs::set_permissions(hooks.join("crashes"), fs::Permissions::from_mode(0o755)).expect("executable");
    let (client, told) = host.open(Opening::new("crashes:///")).expect("opens");
    Call::internal("test", |call| {
        client.domain_shutdown(call, &domain("good")).expect("the hook is content");
        let error = client.domain_shutdown(call, &domain("bad")).expect_err("the hook is not");
        assert_eq!(error.code(), ErrorCode::HOOK_SCRIPT_FAILED);
        let every = client.connect_domain_event_callback_register_any(call, DomainEventId::LIFECYCLE, None);
        every.expect("registered");
        client.domain_reboot(call, &domain("one"), DomainRebootFlags::EMPTY).expect("told");
    });
    assert_eq!(fs::read_to_string(note).expect("noted"), "good stopped end -\nbad stopped end -\n");
    match told.recv_timeout(LIMIT).expect("an event") {
        Told::Event(_, event) => {
            assert_eq!(event.kind(), EventKind::DOMAIN);
            assert_eq!(event.domain().expect("about a domain").name.as_str(), "one");
        }
        other => panic!("{other:?}"),
    }
    let process = host.process("misbehaving", None);
    let line = format!("[process {process}] reboot asked for domain=one");
    process::wait_for("the record in the log", LIMIT, || host.sandbox.log_tail().contains(&line).then_some(()))
        .unwrap_or_else(|message| panic!("{}", host.sandbox.explain(&message)));
}

#[test]
fn streams_and_descriptors_pass_and_streams_break_with_the_process() {
    let host = Host::start(ISOLATED);
    let client = host.client("crashes:///").expect("opens");
    let request = Request::new("domain_open_graphics_fd");
    Call::with(&request, |call| client.domain_open_graphics_fd(call, &domain("one"), 0, 0)).expect("a descriptor");
    let mut came = request.take_descriptors();
    let mut screen = UnixStream::from(came.pop().expect("one came"));
    let mut text = String::new();
    screen.read_to_string(&mut text).expect("readable");
    assert_eq!(text, "graphics");

    let request = Request::new("domain_open_console");
    Call::with(&request, |call| client.domain_open_console(call, &domain("one"), None, DomainConsoleFlags::EMPTY))
        .expect("a console");
    let console = request.take_stream().expect("a stream");
    match console.receive() {
        Ok(Some(Packet::Data(data))) => assert_eq!(data, b"one"),
        other => panic!("{other:?}"),
    }
    let process = host.process("misbehaving", None);
    process::signal(process, Signal::KILL);
    match console.receive() {
        Ok(Some(Packet::Failed(error))) => {
            assert!(error.message().contains(&format!("driver Crashes (process {process})")), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_crash_fails_the_calls_under_way_and_nothing_else() {
    let mut host = Host::start(ISOLATED);
    fs::write(host.marker("busy"), "").expect("written");
    let (client, told) = host.open(Opening::new("crashes:///")).expect("opens");
    let bystander = host.client("test:///default").expect("opens");
    let neighbour = host.process("driver_test", None);
    let mut process = host.process("misbehaving", None);
    for round in 0..3 {
        // One call waits, another one makes the driver crash.
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                Call::internal("test", |call| client.domain_suspend(call, &domain("busy"))).expect_err("never answered")
            });
            process::wait_for("the call to wait", LIMIT, || fs::remove_file(host.marker("waiting")).ok())
                .expect("it is there");
            let crash = Call::internal("test", |call| client.domain_create(call, &domain("one"))).expect_err("crashes");
            for error in [crash, waiting.join().expect("no panic")] {
                assert_eq!(error.code(), ErrorCode::RPC, "{error}");
                let who = format!("driver Crashes (process {process})");
                assert!(error.message().contains(&who), "round {round}: {error}");
            }
        });
        match told.recv_timeout(LIMIT).expect("the end is told") {
            Told::Closed(reason) => assert_eq!(reason, CloseReason::EOF),
            other => panic!("{other:?}"),
        }
        let hostname = Call::internal("test", |call| bystander.connect_get_uri(call));
        assert_eq!(hostname.expect("another driver"), "test:///default");
        // The same connection is of use again, in another process.
        let seen = host.again("the next process", |call| client.connect_get_sysinfo(call, 0));
        let next = host.process("misbehaving", None);
        assert_ne!(next, process);
        assert_eq!(word(&seen, "process"), next.to_string());
        process = next;
        // Events reach it as before.
        Call::internal("test", |call| {
            let all = client.connect_domain_event_callback_register_any(call, DomainEventId::LIFECYCLE, None);
            let number = all.expect("registered");
            client.domain_reboot(call, &domain("one"), DomainRebootFlags::EMPTY).expect("told");
            assert!(matches!(told.recv_timeout(LIMIT), Ok(Told::Event(_, _))));
            client.connect_domain_event_callback_deregister_any(call, number).expect("was there");
        });
    }
    assert_eq!(host.process("driver_test", None), neighbour, "its process was left alone");
    assert!(host.sandbox.is_alive());
    assert!(host.sandbox.log_tail().contains("printed: about to crash"), "{}", host.sandbox.explain("its last words"));
}

#[test]
fn drivers_that_decline_or_fail_in_their_process_say_why() {
    let host = Host::start(ISOLATED);
    for (uri, reason) in [
        ("declines:///", "no such hardware"),
        ("fails:///", "configuration is broken"),
        ("panics:///", "driver panicked in start"),
        ("misbehave:///panic", "driver panicked in open"),
    ] {
        let error = host.client(uri).err().expect("is not there");
        assert!(error.message().contains(reason), "{error}");
    }
    host.client("misbehave:///").expect("the others serve");
}

#[test]
fn a_driver_that_hangs_when_it_starts_is_given_up_and_tried_again() {
    let mut host = Host::prepare(&format!("{ISOLATED}isolation_start_limit = 2\n"));
    fs::write(host.marker("hang"), "").expect("written");
    host.launch();
    let error = host.client("misbehave:///").err().expect("is not there");
    assert_eq!(error.code(), ErrorCode::NO_CONNECT);
    let text = error.message();
    assert!(text.contains("driver Misbehave: it did not start within 2 s in process"), "{text}");
    host.client("test:///default").expect("the others serve");
    fs::remove_file(host.marker("hang")).expect("was there");
    process::wait_for("the driver to serve", LIMIT, || host.client("crashes:///").ok())
        .unwrap_or_else(|message| panic!("{}", host.sandbox.explain(&message)));
}

#[test]
fn configuration_is_read_again_in_the_process() {
    let host = Host::start(ISOLATED);
    let client = host.client("crashes:///").expect("opens");
    let version = || Call::internal("test", |call| client.connect_get_version(call)).expect("told");
    assert_eq!(version(), 0);
    process::signal(host.sandbox.pid(), Signal::HUP);
    process::wait_for("the driver to reload", LIMIT, || (version() == 1).then_some(())).expect("reloads");
    fs::write(host.marker("fail"), "").expect("written");
    process::signal(host.sandbox.pid(), Signal::HUP);
    process::wait_for("the failure in the log", LIMIT, || {
        let log = host.sandbox.log_tail();
        (log.contains("a driver did not reload") && log.contains("told to fail")).then_some(())
    })
    .unwrap_or_else(|message| panic!("{}", host.sandbox.explain(&message)));
}

#[test]
fn a_busy_process_keeps_an_idle_daemon() {
    let mut host = Host::prepare(ISOLATED);
    host.sandbox.argument("--timeout");
    host.sandbox.argument("2");
    host.launch();
    let client = host.client("crashes:///").expect("opens");
    Call::internal("test", |call| client.domain_resume(call, &domain("guest"))).expect("asks it to stay");
    // Who dies while it holds the daemon holds it no longer than its successor starts.
    Call::internal("test", |call| client.domain_resume(call, &domain("other"))).expect("asks it to stay");
    drop(client);
    thread::sleep(Duration::from_secs(5));
    assert!(host.sandbox.is_alive(), "{}", host.sandbox.explain("it ended under a busy driver"));
    let client = host.client("crashes:///").expect("opens");
    Call::internal("test", |call| client.domain_destroy(call, &domain("guest"))).expect("lets it go");
    process::signal(host.process("misbehaving", None), Signal::KILL);
    host.again("the next process", |call| client.connect_get_sysinfo(call, 0));
    drop(client);
    process::wait_for("the daemon to end", LIMIT, || (!host.sandbox.is_alive()).then_some(()))
        .unwrap_or_else(|message| panic!("{}", host.sandbox.explain(&message)));
}

#[test]
fn no_process_stays_behind() {
    for hard in [false, true] {
        let mut host = Host::start(ISOLATED);
        let client = host.client("crashes:///").expect("opens");
        let processes = [host.process("misbehaving", None), host.process("driver_test", None)];
        match hard {
            false => host.sandbox.stop().unwrap_or_else(|message| panic!("{message}")),
            true => host.sandbox.kill(),
        }
        process::wait_for("the processes to end", LIMIT, || {
            processes.iter().all(|process| !alive(*process)).then_some(())
        })
        .expect("they end with the daemon");
        drop(client);
        let left: Vec<_> =
            fs::read_dir(host.sandbox.root().join("run/libvirt")).into_iter().flatten().flatten().collect();
        let sockets = left.iter().filter(|entry| entry.file_name().to_string_lossy().contains("sock")).count();
        assert_eq!(sockets, if hard { 3 } else { 0 }, "{left:?}");
    }
}

#[test]
fn nobody_else_gets_a_process() {
    let daemon = assets::daemon().expect("the daemon builds");
    let mut command = std::process::Command::new(daemon);
    command.arg("--host-plugin").arg(misbehaving()).stdin(std::process::Stdio::null());
    let finished = process::run(&mut command, "oxivirtd --host-plugin", LIMIT).expect("it ends");
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("is for the daemon's own use"), "{}", finished.text());
}
