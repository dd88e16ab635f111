//! What `plugin!` writes into a plugin.

use std::marker::PhantomData;

use abi_stable::library::{CheckTypeLayout, IntoRootModuleResult, LibHeader, RootModuleResult};

use super::{
    Driver, DriverKind, DriverModule, DriverModuleRef, ForeignConnection, OpenFlags, PluginModule, PluginModuleRef,
    Start, Started,
};
use crate::Error;
use crate::abi::{ROption, RResult, RSlice, RStr, WithMetadata};
use crate::call::Call;
use crate::host::Host;
use crate::interface::InterfacesRef;
use crate::object::{Borrowed, Object, guarded};

/// Exports the drivers of this crate; the one line that makes it a plugin.
///
/// ```
/// use oxivirt_core::call::Call;
/// use oxivirt_core::host::Host;
/// use oxivirt_core::interface::{Connect, implements};
/// use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
/// use oxivirt_core::Result;
///
/// pub struct Hello;
///
/// impl Driver for Hello {
///     type Connection = Connection;
///
///     fn start(_host: Host) -> Result<Start<Self>> {
///         Ok(Start::Ready(Hello))
///     }
///
///     fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Connection>> {
///         Ok(Opened { connection: Connection, channel: 0 })
///     }
/// }
///
/// pub struct Connection;
///
/// #[implements]
/// impl Connect for Connection {
///     #[quick]
///     fn connect_get_type(&self, _call: &Call) -> Result<String> {
///         Ok("Hello".to_owned())
///     }
/// }
///
/// oxivirt_core::plugin! {
///     name: "hello",
///     description: "Says hello",
///     drivers: [
///         Hello { kind: HYPERVISOR, name: "Hello", schemes: ["hello"], wants: [], interfaces: [connect] },
///     ],
/// }
///
/// Call::internal("example", |call| {
///     assert_eq!(Connection.connect_get_type(call).unwrap(), "Hello");
///     assert!(Connection.connect_get_version(call).unwrap_err().is_no_support());
/// });
/// ```
///
/// `interfaces` names the modules of `oxivirt_core::interface` whose traits the
/// driver's connection type has under `#[implements]`.
#[macro_export]
macro_rules! plugin {
    (
        name: $name:literal,
        description: $description:literal,
        drivers: [ $( $driver:ty {
            kind: $kind:ident,
            name: $driver_name:literal,
            schemes: [ $($scheme:literal),* $(,)? ],
            wants: [ $($want:ident),* $(,)? ],
            interfaces: [ $($interface:ident),* $(,)? ] $(,)?
        } ),* $(,)? ] $(,)?
    ) => {
        const _: () = {
            struct Plugin;

            $(
                impl $crate::plugin::Module for $driver {
                    const KIND: $crate::plugin::DriverKind = $crate::plugin::DriverKind::$kind;
                    const NAME: &'static str = $driver_name;
                    const SCHEMES: &'static [$crate::abi::RStr<'static>] =
                        &[ $( $crate::abi::RStr::from_str($scheme) ),* ];
                    const WANTS: &'static [$crate::plugin::DriverKind] =
                        &[ $( $crate::plugin::DriverKind::$want ),* ];
                    const INTERFACES: $crate::interface::InterfacesRef = {
                        type Connection = <$driver as $crate::plugin::Driver>::Connection;
                        const TABLES: &$crate::abi::WithMetadata<$crate::interface::Interfaces> =
                            &$crate::abi::WithMetadata::new($crate::interface::Interfaces {
                                $( $interface: Some(<Connection as $crate::interface::Provides<_>>::TABLE), )*
                                ..$crate::interface::Interfaces::NONE
                            });
                        $crate::interface::InterfacesRef(TABLES.static_as_prefix())
                    };
                }
            )*

            impl $crate::plugin::Root for Plugin {
                const NAME: &'static str = $name;
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &'static str = $description;
                const DRIVERS: &'static [$crate::plugin::DriverModuleRef] =
                    &[ $( <$crate::plugin::Erase<$driver>>::MODULE ),* ];
            }

            #[allow(unsafe_code)]
            #[unsafe(export_name = "oxivirt_plugin")]
            static HEADER: $crate::plugin::Header = $crate::plugin::header::<Plugin>();
        };
    };
}

/// The facts of a driver; written by `plugin!`.
#[doc(hidden)]
#[allow(missing_docs)]
pub trait Module: Driver {
    const KIND: DriverKind;
    const NAME: &'static str;
    const SCHEMES: &'static [RStr<'static>];
    const WANTS: &'static [DriverKind];
    const INTERFACES: InterfacesRef;
}

/// The facts of a plugin; written by `plugin!`.
#[doc(hidden)]
#[allow(missing_docs)]
pub trait Root {
    const NAME: &'static str;
    const VERSION: &'static str;
    const DESCRIPTION: &'static str;
    const DRIVERS: &'static [DriverModuleRef];
}

/// The exported header of a plugin.
#[doc(hidden)]
pub const fn header<R: Root>() -> LibHeader {
    // SAFETY: the constructor returns a `PluginModuleRef`.
    unsafe { LibHeader::from_constructor::<PluginModuleRef>(construct::<R>, CheckTypeLayout::Yes) }
}

extern "C" fn construct<R: Root>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(root::<R>)
}

fn root<R: Root>() -> PluginModuleRef {
    struct Table<R>(PhantomData<R>);
    impl<R: Root> Table<R> {
        const WITH_METADATA: &'static WithMetadata<PluginModule> = &WithMetadata::new(PluginModule {
            name: RStr::from_str(R::NAME),
            version: RStr::from_str(R::VERSION),
            description: RStr::from_str(R::DESCRIPTION),
            drivers: RSlice::from_slice(R::DRIVERS),
            attach: super::log::attach,
        });
    }
    PluginModuleRef(Table::<R>::WITH_METADATA.static_as_prefix())
}

const _: fn() = || {
    fn is_root<T: IntoRootModuleResult>() {}
    is_root::<PluginModuleRef>();
};

/// A driver without its type.
#[doc(hidden)]
pub struct Erase<D>(PhantomData<D>);

#[doc(hidden)]
#[allow(missing_docs)]
impl<D: Module> Erase<D> {
    pub const MODULE: DriverModuleRef = DriverModuleRef(WithMetadata::static_as_prefix(Self::WITH_METADATA));
    const WITH_METADATA: &'static WithMetadata<DriverModule> = &WithMetadata::new(DriverModule {
        kind: D::KIND,
        name: RStr::from_str(D::NAME),
        schemes: RSlice::from_slice(D::SCHEMES),
        wants: RSlice::from_slice(D::WANTS),
        interfaces: D::INTERFACES,
        start: start::<D>,
        open: open::<D>,
        reload: reload::<D>,
        stop: stop::<D>,
    });
}

unsafe extern "C" fn start<D: Module>(host: Host) -> RResult<Started, Error> {
    guarded("start", || {
        Ok(match D::start(host)? {
            Start::Ready(driver) => Started { driver: ROption::RSome(Object::new(driver)), declined: "".into() },
            Start::Declined(reason) => Started { driver: ROption::RNone, declined: reason.into() },
        })
    })
}

unsafe extern "C" fn open<D: Module>(
    this: Borrowed,
    call: &Call,
    uri: RStr<'_>,
    flags: OpenFlags,
) -> RResult<ForeignConnection, Error> {
    // SAFETY: `Erase::<D>::MODULE` is only joined with drivers that its own
    // `start` made; the same holds for the functions below.
    let driver = unsafe { this.cast::<D>() };
    guarded("open", || {
        let opened = driver.open(call, uri.as_str(), flags)?;
        Ok(ForeignConnection::new(Object::new(opened.connection), D::INTERFACES, opened.channel, D::NAME))
    })
}

unsafe extern "C" fn reload<D: Module>(this: Borrowed) -> RResult<(), Error> {
    // SAFETY: see `open`.
    let driver = unsafe { this.cast::<D>() };
    guarded("reload", || driver.reload())
}

unsafe extern "C" fn stop<D: Module>(this: Borrowed) {
    // SAFETY: see `open`.
    let driver = unsafe { this.cast::<D>() };
    if let Err(error) = guarded("stop", || {
        driver.stop();
        Ok(())
    })
    .into_result()
    {
        tracing::error!(%error, "driver failed to stop");
    }
}
