//! Who answers on a connection.

use oxivirt_core::call::Call;
use oxivirt_core::interface::{Connect, implements};
use oxivirt_core::{Error, Result};

use crate::driver::@Type@Connection;

#[implements]
impl Connect for @Type@Connection {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("@Type@".to_owned())
    }

    #[quick]
    fn connect_get_uri(&self, _call: &Call) -> Result<String> {
        Ok("@name@:///system".to_owned())
    }

    #[quick]
    fn connect_get_hostname(&self, _call: &Call) -> Result<String> {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map_err(|error| Error::internal(format!("the host's name: {error}")))?;
        Ok(name.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_not_supported() {
        Call::internal("test", |call| {
            assert_eq!(@Type@Connection.connect_get_type(call).ok().as_deref(), Some("@Type@"));
            let answer = @Type@Connection.connect_get_version(call);
            assert!(answer.is_err_and(|error| error.is_no_support()));
        });
    }
}
