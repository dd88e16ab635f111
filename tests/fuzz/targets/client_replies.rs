//! Answers of a server to every call that a client makes: an error or a value that encodes again.
//!
//! Two bytes choose the call, the rest is the answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_core::client::{Client, Transport};
use oxivirt_core::interface::*;
use oxivirt_core::wire::xdr::{Reader, Writer};
use oxivirt_core::{Call, Result};

/// A server that says the same to everything.
struct Canned(Vec<u8>);

impl Transport for Canned {
    fn round_trip(&self, _: &Call, _: &CallDescription, _: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// Arguments that decode for nearly every call: empty texts and lists, nil objects, zeros.
const NOTHING: [u8; 4096] = [0; 4096];

fuzz_target!(|bytes: &[u8]| {
    let [interface, index, answer @ ..] = bytes else { return };
    let client = Client::new(Canned(answer.to_vec()));
    Call::internal("fuzz", |call| {
        let (mut input, mut out) = (Reader::new(&NOTHING), Writer::new());
        macro_rules! pick {
            ($($module:ident),* $(,)?) => {{
                let dispatch = [$( $module::dispatch::<Client<Canned>> ),*];
                let calls = [$( $module::CALLS.len() ),*];
                let at = *interface as usize % dispatch.len();
                dispatch[at](&client, *index as usize % (calls[at] + 1), call, &mut input, &mut out)
            }};
        }
        let _ = pick!(
            connect,
            node,
            domain_lifecycle,
            domain_listing,
            domain_information,
            domain_config,
            domain_metadata,
            domain_console,
            domain_guest,
            cpu_models,
            domain_devices,
            domain_block,
            domain_snapshots,
            domain_checkpoints,
            domain_backup,
            domain_migration,
            domain_save,
            domain_jobs,
            domain_stats,
            networks,
            network_ports,
            storage_pools,
            storage_volumes,
            secrets,
            node_devices,
            host_interfaces,
            nw_filters,
            qemu_monitor,
            lxc_namespace,
            session,
            events,
        );
    });
});
