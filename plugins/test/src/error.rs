//! Refusals in the words that clients of this driver know.

use oxivirt_core::interface::public_name;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

/// Refuses flags outside `known`; `call` is the wire name.
pub(crate) fn check_flags(given: u32, known: u32, call: &str) -> Result<()> {
    let unknown = given & !known;
    if unknown == 0 {
        return Ok(());
    }
    let function = public_name(call).replacen("vir", "test", 1);
    let text = format!("unsupported flags (0x{unknown:x}) in function {function}");
    Err(argument(ErrorDomain::TEST, function, "flags", text))
}

/// Refuses flags that contradict each other.
pub(crate) fn exclusive_flags(call: &str, first: &str, second: &str) -> Error {
    let text = format!("Flags '{first}' and '{second}' are mutually exclusive");
    argument(ErrorDomain::DOMAIN, public_name(call), "ctl", text)
}

/// An argument that can never be right, said without the standing text.
pub(crate) fn argument(domain: ErrorDomain, function: String, name: &str, text: String) -> Error {
    Error::from_wire(ErrorCode::INVALID_ARG, domain, text, [Some(function), Some(name.to_owned()), None], [0, 0])
}

/// The domain has to run for this.
pub(crate) fn not_running() -> Error {
    Error::operation_invalid("domain is not running").in_domain(ErrorDomain::DOMAIN)
}

/// Something is wrong in this driver's own eyes.
pub(crate) trait Own<T> {
    /// Marks an error as this driver's, unless it already has an origin.
    fn own(self) -> Result<T>;
}

impl<T> Own<T> for Result<T> {
    fn own(self) -> Result<T> {
        self.map_err(|error| error.in_domain(ErrorDomain::TEST))
    }
}
