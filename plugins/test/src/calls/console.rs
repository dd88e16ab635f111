//! A screen that always shows the same picture.

use std::io::Write;
use std::os::unix::net::UnixStream;

use oxivirt_core::call::Call;
use oxivirt_core::interface::{DomainConsole, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};

/// Bars of grey, 320 by 200.
const PICTURE: &[u8] = include_bytes!("screen.png");

#[implements]
impl DomainConsole for TestConnection {
    fn domain_screenshot(&self, call: &Call, dom: &Domain, _screen: u32, flags: u32) -> Result<Option<String>> {
        check_flags(flags, 0, "domain_screenshot")?;
        self.state().read(dom)?;
        let failed = |source: &std::io::Error| Error::system("cannot send the picture", source);
        let (mut ours, theirs) = UnixStream::pair().map_err(|source| failed(&source)).own()?;
        // It fits whole into what the socket holds, so nobody has to read yet.
        ours.set_nonblocking(true).and_then(|()| ours.write_all(PICTURE)).map_err(|source| failed(&source)).own()?;
        drop(ours);
        call.open_stream(theirs.into())?;
        Ok(Some("image/png".to_owned()))
    }
}
