//! A driver linked into the test, called without any table in between.

use std::path::PathBuf;
use std::sync::Arc;

use oxivirt_core::Call;
use oxivirt_core::plugin::{Driver, DriverModuleRef, OpenFlags, Start};

use super::{Quirks, Recorder, Setup, Subject, recording_host};

/// A driver that was started for the suite.
pub struct Direct<D> {
    driver: Arc<D>,
    recorder: &'static Recorder,
}

impl<D: Driver> Direct<D> {
    /// Starts the driver on a host that writes down its events.
    ///
    /// * `folder` – the driver's folders lie below it.
    /// * Errors: the driver's own; the reason when it declined.
    pub fn start(folder: PathBuf) -> Result<Self, String> {
        let (host, recorder) = recording_host(folder);
        match D::start(host).map_err(|error| error.to_string())? {
            Start::Ready(driver) => Ok(Self { driver: Arc::new(driver), recorder }),
            Start::Declined(reason) => Err(format!("the driver declined: {reason}")),
        }
    }

    /// What the suite needs.
    ///
    /// * `module` – the driver's tables, `<Erase<D>>::MODULE`, for what it declares.
    /// * `interfaces` – puts what a connection has into a [`Subject`].
    pub fn setup(
        self,
        uri: &'static str,
        module: DriverModuleRef,
        interfaces: fn(Arc<D::Connection>, Subject) -> Subject,
        quirks: Quirks,
    ) -> Setup {
        let open = move || {
            let opened = Call::internal("open", |call| self.driver.open(call, uri, OpenFlags::EMPTY))
                .map_err(|error| format!("'{uri}' cannot be opened: {error}"))?;
            let subject = Subject::absent(self.recorder.channel(opened.channel));
            Ok(interfaces(Arc::new(opened.connection), subject))
        };
        Setup { uri, way: "direct", declared: super::declared(module), open: Arc::new(open), quirks }
    }
}

/// Starts a driver that is linked into the test and makes the [`Setup`] of its
/// direct way: `direct!(Driver, "scheme:///path", quirks; connect, node, …)`.
///
/// The last part names the interfaces of the driver's connections, as in `plugin!`.
#[macro_export]
macro_rules! direct {
    ($driver:ty, $uri:literal, $quirks:expr; $($interface:ident),* $(,)?) => {
        $crate::contract::Direct::<$driver>::start(::std::env::temp_dir()).map(|direct| {
            direct.setup(
                $uri,
                <::oxivirt_core::plugin::Erase<$driver>>::MODULE,
                |connection, subject| $crate::contract::Subject {
                    $( $interface: connection.clone(), )*
                    ..subject
                },
                $quirks,
            )
        })
    };
}
