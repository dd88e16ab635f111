//! What may go wrong between daemon and plugin, proved with real shared objects.

mod every_event;
mod hosted;
mod through_daemon;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::event::Event;
use oxivirt_core::host::{Folder, Host, HostServices, LogLevel, LogRecord};
use oxivirt_core::interface::{Connect, DomainLifecycle, DomainListing};
use oxivirt_core::plugin::registry::{self, DriverState, Registry};
use oxivirt_core::plugin::{OpenFlags, loader};
use oxivirt_core::{Connection, Error, ErrorCode, Result};
use oxivirt_tests::{assets, process};

/// A daemon reduced to what plugins need to start.
#[derive(Default)]
struct Services {
    lines: Mutex<Vec<String>>,
}

impl HostServices for Services {
    fn emit(&self, _channel: u64, _event: &Event) {}
    fn new_channel(&self) -> u64 {
        1
    }
    fn log(&self, record: &LogRecord) {
        self.lines.lock().expect("no test panics with the lock").push(record.message.to_string());
    }
    fn log_level(&self) -> LogLevel {
        LogLevel::DEBUG
    }
    fn folder(&self, _folder: Folder) -> String {
        "/nonexistent".to_owned()
    }
    fn is_privileged(&self) -> bool {
        false
    }
    fn connect(&self, uri: &str, _flags: OpenFlags) -> Result<Connection> {
        Err(Error::new(ErrorCode::NO_CONNECT, uri))
    }
    fn inhibit_shutdown(&self, _holder: &str, _inhibit: bool) {}
}

fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(Services::default)
}

fn open(registry: &Registry, uri: &str) -> Result<Connection> {
    Call::internal("connect_open", |call| registry.open(call, uri, OpenFlags::EMPTY))
}

/// The folder with the shared objects of this profile.
fn built() -> PathBuf {
    let binary = std::env::current_exe().expect("a test has a path");
    binary.parent().and_then(Path::parent).expect("it lies in deps").to_owned()
}

/// The frozen driver, as it was or with a changed layout.
fn frozen(changed_layout: bool) -> PathBuf {
    // Both variants leave the same file, so one is built after the other, and
    // each once: a shared object that is in use must not be written again.
    static BUILT: OnceLock<[PathBuf; 2]> = OnceLock::new();
    BUILT.get_or_init(|| [build_frozen(false), build_frozen(true)])[usize::from(changed_layout)].clone()
}

fn build_frozen(changed_layout: bool) -> PathBuf {
    let manifest = assets::workspace().join("tests/drivers/frozen/Cargo.toml");
    let target = assets::target_folder().expect("a target folder").join("frozen");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    cargo.arg("--target-dir").arg(&target);
    if changed_layout {
        cargo.args(["--features", "changed-layout"]);
    }
    process::succeed(&mut cargo, "building the frozen driver", Duration::from_secs(600)).expect("it builds");
    let name = format!("{}-{}.so", if changed_layout { "changed" } else { "frozen" }, std::process::id());
    let copy = target.join(name);
    std::fs::copy(target.join("debug/liboxivirt_frozen_driver.so"), &copy).expect("it was built");
    copy
}

/// A folder with links to `files`, as `--plugin-dir` has them.
pub(crate) fn folder(files: &[&Path]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        let link = folder.path().join(file.file_name().expect("a file"));
        std::os::unix::fs::symlink(file, link).expect("a link");
    }
    folder
}

pub(crate) fn misbehaving() -> PathBuf {
    built().join("liboxivirt_misbehaving_driver.so")
}

/// Stand-ins for the drivers that others ask.
pub(crate) fn neighbour_drivers() -> PathBuf {
    built().join("liboxivirt_neighbour_drivers.so")
}

fn start(files: &[&Path]) -> (Registry, Vec<(PathBuf, Error)>, tempfile::TempDir) {
    let folder = folder(files);
    let found = registry::find(folder.path()).expect("the folder can be read");
    (Registry::start(found.plugins, Host::new(services())), found.refused, folder)
}

#[test]
fn a_driver_built_against_older_interfaces_still_works() {
    let (registry, refused, _folder) = start(&[&frozen(false)]);
    assert!(refused.is_empty(), "{refused:?}");
    let connection = open(&registry, "frozen:///").expect("opens");
    Call::internal("test", |call| {
        assert_eq!(connection.connect_get_type(call).expect("has it"), "Frozen");
        assert_eq!(connection.connect_get_version(call).expect("has it"), 1_002_003);
        let left_empty = connection.connect_get_max_vcpus(call, None).expect_err("slot is empty");
        assert_eq!(left_empty.code(), ErrorCode::NO_SUPPORT);
        let newer_call = connection.connect_get_sysinfo(call, 0).expect_err("slot is not there");
        assert_eq!(
            newer_call.message(),
            "this function is not supported by the connection driver: virConnectGetSysinfo"
        );
        let newer_interface = connection.domain_lookup_by_name(call, "x").expect_err("no such interface");
        assert_eq!(newer_interface.code(), ErrorCode::NO_SUPPORT);
    });
    let supported = registry.drivers()[0].supported();
    assert_eq!(supported, [("Connect", vec!["connect_get_type", "connect_get_version"])]);
}

#[test]
fn a_driver_with_another_layout_is_refused_and_the_others_go_on() {
    let changed = frozen(true);
    let (registry, refused, _folder) = start(&[&changed, &misbehaving()]);
    assert_eq!(refused.len(), 1);
    let text = refused[0].1.message();
    assert_eq!(refused[0].1.code(), ErrorCode::OPERATION_UNSUPPORTED);
    assert!(text.contains("changed-"), "names the file: {text}");
    assert!(text.contains("Fields"), "names the type: {text}");
    assert!(text.contains("0.1.0"), "names the versions: {text}");
    assert!(text.contains("expected: 168, found: 176"), "says what differs: {text}");
    assert!(!text.contains('\n') && text.len() < 2_000, "one line: {text}");
    open(&registry, "misbehave:///").expect("the other driver serves");
}

#[test]
fn the_verdict_on_a_plugin_does_not_depend_on_the_order() {
    let (old, changed) = (frozen(false), frozen(true));
    for _ in 0..2 {
        assert!(loader::load(&changed).is_err());
        assert!(loader::load(&old).is_ok());
        assert!(loader::load(&misbehaving()).is_ok());
    }
}

#[test]
fn a_panic_is_an_error_of_that_call_only() {
    let (registry, _refused, _folder) = start(&[&misbehaving()]);
    let connection = open(&registry, "misbehave:///").expect("opens");
    Call::internal("test", |call| {
        let domain = connection.domain_lookup_by_name(call, "guest").expect("found");
        for _ in 0..3 {
            let error = connection.domain_create(call, &domain).expect_err("panics");
            assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
            assert!(error.message().contains("domain_create") && error.message().contains("no start for 'guest'"));
        }
        assert_eq!(connection.connect_get_type(call).expect("goes on"), "Misbehave");
    });
    let lines = services().lines.lock().expect("no test panics with the lock");
    assert!(lines.iter().any(|line| line.contains("no start for 'guest'")), "the panic is in the log: {lines:?}");
    drop(lines);
    let error = open(&registry, "misbehave:///panic").expect_err("panics");
    assert!(error.message().contains("driver panicked in open"), "{error}");
}

#[test]
fn drivers_that_decline_or_fail_say_why() {
    let (registry, _refused, _folder) = start(&[&misbehaving()]);
    for (uri, reason) in [
        ("declines:///", "no such hardware"),
        ("fails:///", "configuration is broken"),
        ("panics:///", "driver panicked in start"),
    ] {
        let error = open(&registry, uri).expect_err("is not there");
        assert_eq!(error.code(), ErrorCode::NO_CONNECT);
        assert!(error.message().contains(reason), "{error}");
    }
    let ready = registry.drivers().iter().filter(|driver| matches!(driver.state, DriverState::Ready(_)));
    let names: Vec<&str> = ready.map(|driver| driver.module.name().as_str()).collect();
    assert_eq!(names, ["Misbehave", "Talks", "Crashes"]);
}

#[test]
fn a_missing_driver_is_named_by_its_scheme() {
    let (registry, _refused, _folder) = start(&[]);
    let error = open(&registry, "qemu:///system").expect_err("is not there");
    assert_eq!(error.code(), ErrorCode::NO_CONNECT);
    assert!(error.message().contains("scheme 'qemu'"), "{error}");
}

#[test]
fn files_that_are_no_plugins_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = folder.path().join("text.so");
    std::fs::write(&text, "not a shared object").expect("written");
    let error = loader::load(&text).err().expect("is refused");
    assert!(error.message().contains("text.so"), "{error}");
    let foreign = std::fs::read_to_string("/proc/self/maps").expect("own maps");
    let libc = foreign.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libc.so"));
    let error = loader::load(Path::new(libc.expect("libc is mapped"))).err().expect("is refused");
    assert!(error.message().contains("exports no plugin header"), "{error}");
}
