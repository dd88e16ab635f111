//! Arguments of every described call, decoded for a driver that has nothing:
//! the answer is always an error, never a panic or a huge allocation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_core::Call;
use oxivirt_core::interface::*;
use oxivirt_core::wire::xdr::{Reader, Writer};

struct Nothing;

impl Connect for Nothing {}
impl Node for Nothing {}
impl DomainLifecycle for Nothing {}
impl DomainListing for Nothing {}
impl DomainInformation for Nothing {}
impl DomainConfig for Nothing {}
impl DomainMetadata for Nothing {}
impl DomainConsole for Nothing {}
impl DomainGuest for Nothing {}
impl CpuModels for Nothing {}
impl Session for Nothing {}
impl Events for Nothing {}

fuzz_target!(|bytes: &[u8]| {
    let [interface, index, arguments @ ..] = bytes else { return };
    Call::internal("fuzz", |call| {
        let (mut input, mut out) = (Reader::new(arguments), Writer::new());
        macro_rules! pick {
            ($($module:ident),*) => {{
                let dispatch = [$( $module::dispatch::<Nothing> ),*];
                let calls = [$( $module::CALLS.len() ),*];
                let at = *interface as usize % dispatch.len();
                dispatch[at](&Nothing, *index as usize % (calls[at] + 1), call, &mut input, &mut out)
            }};
        }
        let answer = pick!(
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
            session,
            events
        );
        assert!(answer.is_err());
    });
});
