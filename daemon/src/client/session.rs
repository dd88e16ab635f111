//! Authentication, opening and features: what the daemon answers itself.

use std::sync::atomic::Ordering;

use oxivirt_core::interface::Session;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::types::{List, limit};
use oxivirt_core::{Call, Error, ErrorCode, ErrorDomain, Result};

use super::context::Caller;
use super::lock;
use crate::server::Door;
use crate::settings::Auth;

/// Version of the interface that is spoken, libvirt 11.3.0.
pub(crate) const INTERFACE_VERSION: u64 = 11_003_000;

/// Numbers of the features that clients ask for.
mod feature {
    /// File descriptors pass both ways.
    const FD_PASSING: i32 = 8;
    /// Typed parameters may hold strings.
    const TYPED_PARAM_STRING: i32 = 9;
    /// Signs of life.
    pub(super) const PROGRAM_KEEPALIVE: i32 = 10;
    /// Events come with the id of their callback.
    const REMOTE_EVENT_CALLBACK: i32 = 14;
    /// The end of a driver's connection is told.
    const REMOTE_CLOSE_CALLBACK: i32 = 15;
    /// Arguments of network updates are in the documented order.
    const NETWORK_UPDATE_HAS_CORRECT_ORDER: i32 = 16;

    /// What the daemon itself has, whatever the driver.
    pub(super) const DAEMON: &[i32] = &[
        FD_PASSING,
        TYPED_PARAM_STRING,
        PROGRAM_KEEPALIVE,
        REMOTE_EVENT_CALLBACK,
        REMOTE_CLOSE_CALLBACK,
        NETWORK_UPDATE_HAS_CORRECT_ORDER,
    ];
}

impl Session for Caller {
    fn connect_open(&self, call: &Call, name: Option<&str>, flags: u32) -> Result<()> {
        let client = &self.client;
        if client.opening.swap(true, Ordering::AcqRel) || client.connection().is_some() {
            return Err(Error::internal("connection already open").in_domain(ErrorDomain::RPC));
        }
        let read_only = client.door == Door::ReadOnly || OpenFlags(flags).contains(OpenFlags::READ_ONLY);
        client.read_only.store(read_only, Ordering::Relaxed);
        let flags = if read_only { OpenFlags::READ_ONLY } else { OpenFlags::EMPTY };
        let opened = client.server.daemon().open(call, name.filter(|name| !name.is_empty()), flags);
        if let Ok(connection) = &opened {
            tracing::info!(client = client.id, driver = connection.driver(), read_only, "opened");
            *lock(&client.connection) = Some(connection.clone());
        }
        client.opening.store(false, Ordering::Release);
        opened.map(drop)
    }

    fn connect_close(&self, _: &Call) -> Result<()> {
        // The client goes away behind this answer, and its connection with it.
        Ok(())
    }

    fn connect_supports_feature(&self, _: &Call, feature: i32) -> Result<i32> {
        if feature == feature::PROGRAM_KEEPALIVE {
            // Who asks can answer: from now on the daemon may ask as well.
            self.client.keepalive.answers.store(true, Ordering::Relaxed);
        }
        Ok(i32::from(feature::DAEMON.contains(&feature)))
    }

    fn connect_is_secure(&self, _: &Call) -> Result<i32> {
        // A Unix socket never leaves this host.
        Ok(1)
    }

    fn connect_get_lib_version(&self, _: &Call) -> Result<u64> {
        Ok(INTERFACE_VERSION)
    }

    fn auth_list(&self, _: &Call) -> Result<List<i32, { limit::AUTH_TYPES }>> {
        const NONE: i32 = 0;
        const SASL: i32 = 1;
        const POLKIT: i32 = 2;
        let client = &self.client;
        let kind = match client.server.auth(client.door) {
            Auth::None => NONE,
            // Root and whoever runs the daemon could take over its files anyway.
            Auth::Polkit if client.is_trusted_user() => NONE,
            Auth::Polkit => POLKIT,
            Auth::Sasl => SASL,
        };
        if kind == NONE {
            client.let_in();
        }
        List::new(vec![kind])
    }

    fn auth_polkit(&self, _: &Call) -> Result<i32> {
        let client = &self.client;
        match client.server.auth(client.door) {
            Auth::Polkit => {
                let action = match client.door {
                    Door::ReadOnly => "org.libvirt.unix.monitor",
                    _ => "org.libvirt.unix.manage",
                };
                let detail = format!("polkit cannot be asked about action '{action}' yet");
                Err(Error::new(ErrorCode::AUTH_UNAVAILABLE, detail).in_domain(ErrorDomain::POLKIT))
            }
            _ => Err(Error::new(ErrorCode::AUTH_FAILED, "authentication failed").in_domain(ErrorDomain::RPC)),
        }
    }

    fn connect_register_close_callback(&self, _: &Call) -> Result<()> {
        self.client.wants_close_event.store(true, Ordering::Relaxed);
        if let Some(connection) = self.client.connection() {
            self.client.server.daemon().subscriptions.watch_close(connection.channel(), &self.client);
        }
        Ok(())
    }

    fn connect_unregister_close_callback(&self, _: &Call) -> Result<()> {
        self.client.wants_close_event.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl super::Client {
    /// Whether it acts for root or for the daemon's own user.
    fn is_trusted_user(&self) -> bool {
        self.peer.user == 0 || self.peer.user == rustix::process::geteuid().as_raw()
    }

    fn let_in(&self) {
        if !self.authenticated.swap(true, Ordering::AcqRel) {
            self.server.authenticated();
        }
    }
}
