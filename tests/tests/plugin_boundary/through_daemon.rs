//! The same misbehaviour, seen by clients of a running daemon.

use std::thread;
use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::client::{Client, Limits, Link, Opening, connect_unix, open};
use oxivirt_core::interface::{Connect, DomainLifecycle, DomainListing};
use oxivirt_core::{ErrorCode, Result};
use oxivirt_tests::assets;
use oxivirt_tests::sandbox::{Program, Sandbox};

use super::{folder, frozen, misbehaving};

/// How long an answer may take that nothing holds up.
const SOON: Duration = Duration::from_secs(20);

/// More than a daemon has workers for a start.
const HANGING: usize = 24;

fn client(sandbox: &Sandbox, uri: &str) -> Result<Client<Link>> {
    let limits = Limits { answer: SOON, ..Limits::default() };
    open(connect_unix(&sandbox.socket())?, Opening { limits, ..Opening::new(uri) }, Box::new(|_| {}))
}

fn daemon(plugins: &tempfile::TempDir) -> Sandbox {
    let daemon = assets::daemon().expect("the daemon builds");
    let program = Program::Oxivirt { daemon, plugins: plugins.path().to_owned() };
    let mut sandbox = Sandbox::with(program).expect("a sandbox");
    sandbox.launch().unwrap_or_else(|message| panic!("{}", sandbox.explain(&message)));
    sandbox
}

#[test]
fn calls_that_hang_stop_no_other_client() {
    let plugins = folder(&[&misbehaving()]);
    let sandbox = daemon(&plugins);
    let domain = {
        let client = client(&sandbox, "misbehave:///").expect("opens");
        Call::internal("test", |call| client.domain_lookup_by_name(call, "guest")).expect("found")
    };
    // Each of these waits for an answer that never comes, until its client gives up.
    let stuck: Vec<_> = (0..HANGING).map(|_| client(&sandbox, "misbehave:///").expect("opens")).collect();
    thread::scope(|scope| {
        for client in &stuck {
            let domain = &domain;
            scope.spawn(move || {
                let error = Call::internal("test", |call| client.domain_destroy(call, domain)).expect_err("hangs");
                assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT, "{error}");
            });
        }
        for round in 0..5 {
            let healthy = client(&sandbox, "misbehave:///").expect("a new client is let in");
            Call::internal("test", |call| {
                assert_eq!(healthy.connect_get_type(call).expect("a quick call"), "Misbehave");
                let name = format!("guest-{round}");
                assert_eq!(healthy.domain_lookup_by_name(call, &name).expect("a worker's call").name, name);
            });
        }
    });
    client(&sandbox, "misbehave:///").expect("goes on when they have gone");
}

#[test]
fn a_panicking_driver_leaves_the_daemon_and_its_clients() {
    let plugins = folder(&[&misbehaving()]);
    let mut sandbox = daemon(&plugins);
    let bystander = client(&sandbox, "misbehave:///").expect("opens");
    let client = client(&sandbox, "misbehave:///").expect("opens");
    Call::internal("test", |call| {
        let domain = client.domain_lookup_by_name(call, "guest").expect("found");
        let error = client.domain_create(call, &domain).expect_err("panics");
        assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
        assert!(error.message().contains("driver panicked in domain_create"), "{error}");
        assert_eq!(client.connect_get_type(call).expect("same client"), "Misbehave");
        assert_eq!(bystander.connect_get_type(call).expect("other client"), "Misbehave");
    });
    assert!(sandbox.is_alive());
}

#[test]
fn a_refused_plugin_leaves_the_others_and_is_named_in_the_log() {
    let changed = frozen(true);
    let plugins = folder(&[&changed, &frozen(false)]);
    let sandbox = daemon(&plugins);
    let client = client(&sandbox, "frozen:///").expect("the older plugin serves");
    let name = Call::internal("test", |call| client.connect_get_type(call)).expect("has it");
    assert_eq!(name, "Frozen");
    let log = sandbox.log_tail();
    let file = changed.file_name().expect("a file").to_string_lossy();
    assert!(log.contains(&*file) && log.contains("type Fields"), "{log}");
}

#[test]
fn a_missing_driver_is_an_error_that_names_the_scheme() {
    let plugins = folder(&[]);
    let sandbox = daemon(&plugins);
    let answer = sandbox.virsh(&sandbox.uri("qemu", "/system"), &["list"]).expect("virsh runs");
    assert!(!answer.status.success());
    assert!(answer.stderr.contains("scheme 'qemu'"), "{}", answer.stderr);
}
