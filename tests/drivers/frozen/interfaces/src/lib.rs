//! What crossed the plugin boundary in the first days: one interface of three
//! methods. Frozen: it stands for every plugin that nobody builds again.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RStr, RString, RVec};

macro_rules! numbers {
    ($($name:ident($repr:ty)),*) => { $(
        #[repr(transparent)]
        #[derive(StableAbi, Clone, Copy)]
        pub struct $name(pub $repr);
    )* };
}
numbers!(
    ErrorCode(i32),
    ErrorDomain(i32),
    DriverKind(i32),
    OpenFlags(u32),
    Folder(i32),
    LogLevel(i32),
    EventKind(i32)
);

#[repr(transparent)]
#[derive(StableAbi, Clone)]
pub struct Error(pub RBox<Fields>);

#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct Fields {
    pub code: ErrorCode,
    pub domain: ErrorDomain,
    pub message: RString,
    pub str1: ROption<RString>,
    pub str2: ROption<RString>,
    pub str3: ROption<RString>,
    pub int1: i32,
    pub int2: i32,
    #[cfg(feature = "changed-layout")]
    pub int3: u64,
}

#[repr(transparent)]
#[derive(StableAbi, Clone, Copy)]
pub struct Borrowed(pub *const ());

unsafe impl Send for Borrowed {}
unsafe impl Sync for Borrowed {}

#[repr(C)]
#[derive(StableAbi)]
pub struct Object {
    pub pointer: Borrowed,
    pub end: unsafe extern "C" fn(Borrowed),
}

#[repr(transparent)]
#[derive(StableAbi, Clone, Copy)]
pub struct Uuid(pub [u8; 16]);

#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct Domain {
    pub name: RString,
    pub uuid: Uuid,
    pub id: i32,
}

#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct TypedParam {
    pub field: RString,
    pub kind: i32,
    pub bits: u64,
    pub text: ROption<RString>,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct Call {
    pub context: Borrowed,
    pub table: ContextTableRef,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ContextTableRef)))]
#[sabi(missing_field(option))]
pub struct ContextTable {
    pub name: unsafe extern "C" fn(&Borrowed) -> RStr<'_>,
    pub client: unsafe extern "C" fn(Borrowed) -> u64,
    pub is_read_only: unsafe extern "C" fn(Borrowed) -> bool,
    pub identity: unsafe extern "C" fn(Borrowed) -> RVec<TypedParam>,
    pub open_stream: unsafe extern "C" fn(Borrowed, i32) -> RResult<(), Error>,
    pub take_descriptor: unsafe extern "C" fn(Borrowed, u32) -> RResult<i32, Error>,
    #[sabi(last_prefix_field)]
    pub give_descriptor: unsafe extern "C" fn(Borrowed, i32) -> RResult<(), Error>,
}

#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub id: i32,
    pub domain: ROption<Domain>,
    pub body: RVec<u8>,
}

#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct LogRecord {
    pub level: LogLevel,
    pub target: RString,
    pub file: RString,
    pub line: u32,
    pub message: RString,
}

#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Host {
    pub services: Borrowed,
    pub table: HostTableRef,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostTableRef)))]
#[sabi(missing_field(option))]
pub struct HostTable {
    pub emit: unsafe extern "C" fn(Borrowed, u64, &Event),
    pub new_channel: unsafe extern "C" fn(Borrowed) -> u64,
    pub log: unsafe extern "C" fn(Borrowed, &LogRecord),
    pub log_level: unsafe extern "C" fn(Borrowed) -> LogLevel,
    pub folder: unsafe extern "C" fn(Borrowed, Folder) -> RString,
    pub is_privileged: unsafe extern "C" fn(Borrowed) -> bool,
    pub connect: unsafe extern "C" fn(Borrowed, RStr<'_>, OpenFlags) -> RResult<ForeignConnection, Error>,
    #[sabi(last_prefix_field)]
    pub inhibit_shutdown: unsafe extern "C" fn(Borrowed, RStr<'_>, bool),
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ConnectVtableRef)))]
#[sabi(missing_field(option))]
pub struct ConnectVtable {
    #[sabi(last_prefix_field)]
    pub quick: u64,
    pub connect_get_type: Option<unsafe extern "C" fn(Borrowed, &Call) -> RResult<RString, Error>>,
    pub connect_get_version: Option<unsafe extern "C" fn(Borrowed, &Call) -> RResult<u64, Error>>,
    pub connect_get_max_vcpus:
        Option<unsafe extern "C" fn(Borrowed, &Call, ROption<RStr<'_>>) -> RResult<i32, Error>>,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = InterfacesRef)))]
#[sabi(missing_field(option))]
pub struct Interfaces {
    #[sabi(last_prefix_field)]
    pub reserved: usize,
    pub connect: Option<ConnectVtableRef>,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(option))]
pub struct PluginModule {
    pub name: RStr<'static>,
    pub version: RStr<'static>,
    pub description: RStr<'static>,
    pub drivers: RSlice<'static, DriverModuleRef>,
    #[sabi(last_prefix_field)]
    pub attach: extern "C" fn(Host),
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}
    const BASE_NAME: &'static str = "oxivirt_plugin";
    const NAME: &'static str = "oxivirt_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = DriverModuleRef)))]
#[sabi(missing_field(option))]
pub struct DriverModule {
    pub kind: DriverKind,
    pub name: RStr<'static>,
    pub schemes: RSlice<'static, RStr<'static>>,
    pub wants: RSlice<'static, DriverKind>,
    pub interfaces: InterfacesRef,
    pub start: unsafe extern "C" fn(Host) -> RResult<Started, Error>,
    pub open: unsafe extern "C" fn(Borrowed, &Call, RStr<'_>, OpenFlags) -> RResult<ForeignConnection, Error>,
    pub reload: unsafe extern "C" fn(Borrowed) -> RResult<(), Error>,
    #[sabi(last_prefix_field)]
    pub stop: unsafe extern "C" fn(Borrowed),
}

#[repr(C)]
#[derive(StableAbi)]
pub struct Started {
    pub driver: ROption<Object>,
    pub declined: RString,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct ForeignConnection {
    pub target: Borrowed,
    pub keeper: Object,
    pub interfaces: InterfacesRef,
    pub channel: u64,
    pub driver: RString,
}
