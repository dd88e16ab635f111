//! Bindings of network filters.

use oxivirt_core::call::Call;
use oxivirt_core::constants::NwFilterBindingCreateFlags;
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, NwFilters, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::NwFilterBinding;
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Shelf, between};

/// Serves `nwfilter:///`.
pub struct FilterDriver(Shelf);

/// A connection of it.
pub struct Filters(Shelf);

impl Driver for FilterDriver {
    type Connection = Filters;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self(Shelf::of(host))))
    }

    fn open(&self, _: &Call, _: &str, _: OpenFlags) -> Result<Opened<Filters>> {
        Ok(Opened { connection: Filters(self.0.clone()), channel: 0 })
    }
}

#[implements]
impl Connect for Filters {
    fn connect_get_type(&self, _: &Call) -> Result<String> {
        Ok("Filters".to_owned())
    }
}

#[implements]
impl NwFilters for Filters {
    fn nwfilter_binding_lookup_by_port_dev(&self, _: &Call, name: &str) -> Result<NwFilterBinding> {
        let text = self.0.read(&format!("bindings/{name}"), ErrorCode::NO_NWFILTER_BINDING)?;
        let filter = between(&text, "filter='", "'").unwrap_or_default();
        Ok(NwFilterBinding { portdev: name.into(), filtername: filter.into() })
    }

    fn nwfilter_binding_create_xml(
        &self,
        _: &Call,
        xml: &str,
        _: NwFilterBindingCreateFlags,
    ) -> Result<NwFilterBinding> {
        let device = between(xml, "<portdev name='", "'").unwrap_or_default();
        let filter = between(xml, "filter='", "'").unwrap_or_default();
        if filter == "no-such-filter" {
            return Err(Error::new(ErrorCode::NO_NWFILTER, format!("no nwfilter with matching name '{filter}'")));
        }
        self.0.write(&format!("bindings/{device}"), xml)?;
        Ok(NwFilterBinding { portdev: device.into(), filtername: filter.into() })
    }

    fn nwfilter_binding_delete(&self, _: &Call, binding: &NwFilterBinding) -> Result<()> {
        self.0.remove(&format!("bindings/{}", binding.portdev), ErrorCode::NO_NWFILTER_BINDING)
    }
}
