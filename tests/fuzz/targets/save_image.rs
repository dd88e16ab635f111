//! Documents of saved guests: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::domain::NoHooks;
use oxivirt_conf::save_image::SavedDocuments;

fuzz_target!(|bytes: &[u8]| {
    // Ends of lines that are written as references are printed as they are, which XML reads as blanks.
    if bytes.windows(2).any(|pair| pair == b"&#") {
        return;
    }
    let behind = bytes.iter().position(|byte| *byte == 0).map_or(0, |at| at + 1);
    for cookie_at in [0, behind] {
        let Ok(first) = SavedDocuments::parse(bytes, cookie_at, &NoHooks) else { continue };
        let Ok(text) = first.format() else { continue };
        let again = SavedDocuments::parse(&text.bytes, text.cookie_at, &NoHooks).expect("own output reads back");
        assert_eq!(again.format().expect("prints"), text);
    }
});
