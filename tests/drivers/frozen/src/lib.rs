//! A driver for `frozen:///` with three calls, written by hand against the
//! interfaces in `interfaces/`. It must go on loading and working for ever.

use abi_stable::library::{CheckTypeLayout, LibHeader, RootModuleResult};
use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString};
use oxivirt_core::*;

#[unsafe(export_name = "oxivirt_plugin")]
static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<PluginModuleRef>(construct, CheckTypeLayout::Yes) };

extern "C" fn construct() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(|| PluginModuleRef(PLUGIN.static_as_prefix()))
}

const PLUGIN: &WithMetadata<PluginModule> = &WithMetadata::new(PluginModule {
    name: RStr::from_str("frozen"),
    version: RStr::from_str("0.1.0"),
    description: RStr::from_str("Built against the first interfaces"),
    drivers: RSlice::from_slice(&[DriverModuleRef(DRIVER.static_as_prefix())]),
    attach,
});

const DRIVER: &WithMetadata<DriverModule> = &WithMetadata::new(DriverModule {
    kind: DriverKind(0),
    name: RStr::from_str("Frozen"),
    schemes: RSlice::from_slice(&[RStr::from_str("frozen")]),
    wants: RSlice::from_slice(&[]),
    interfaces: INTERFACES,
    start,
    open,
    reload,
    stop,
});

const INTERFACES: InterfacesRef = {
    const TABLES: &WithMetadata<Interfaces> = &WithMetadata::new(Interfaces {
        reserved: 0,
        connect: Some(ConnectVtableRef(CONNECT.static_as_prefix())),
    });
    InterfacesRef(TABLES.static_as_prefix())
};

const CONNECT: &WithMetadata<ConnectVtable> = &WithMetadata::new(ConnectVtable {
    quick: 0,
    connect_get_type: Some(connect_get_type),
    connect_get_version: Some(connect_get_version),
    connect_get_max_vcpus: None,
});

extern "C" fn attach(_host: Host) {}

fn nothing() -> Object {
    unsafe extern "C" fn end(_pointer: Borrowed) {}
    Object { pointer: Borrowed(std::ptr::null()), end }
}

unsafe extern "C" fn start(_host: Host) -> RResult<Started, Error> {
    RResult::ROk(Started { driver: ROption::RSome(nothing()), declined: RString::new() })
}

unsafe extern "C" fn open(
    _this: Borrowed,
    _call: &Call,
    _uri: RStr<'_>,
    _flags: OpenFlags,
) -> RResult<ForeignConnection, Error> {
    RResult::ROk(ForeignConnection {
        target: Borrowed(std::ptr::null()),
        keeper: nothing(),
        interfaces: INTERFACES,
        channel: 0,
        driver: "Frozen".into(),
    })
}

unsafe extern "C" fn reload(_this: Borrowed) -> RResult<(), Error> {
    RResult::ROk(())
}

unsafe extern "C" fn stop(_this: Borrowed) {}

unsafe extern "C" fn connect_get_type(_this: Borrowed, _call: &Call) -> RResult<RString, Error> {
    RResult::ROk("Frozen".into())
}

unsafe extern "C" fn connect_get_version(_this: Borrowed, _call: &Call) -> RResult<u64, Error> {
    RResult::ROk(1_002_003)
}
