//! Words for a shell.

use std::borrow::Cow;

/// A word as a shell reads it back: as it is where nothing in it means anything to a shell.
pub(super) fn quoted(word: &str) -> String {
    let special = |c: char| c.is_ascii_whitespace() || "!\"#$&'()*;<>?[\\]^`{|}~".contains(c);
    let text: Cow<'_, str> = match word {
        "" => "''".into(),
        word if word.contains(special) => format!("'{}'", word.replace('\'', r"'\''")).into(),
        word => word.into(),
    };
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_what_means_something_is_quoted() {
        for (word, wanted) in [
            ("-name", "-name"),
            ("pc-i440fx-10.0,usb=off,a=b:c/d@e%f+g_h", "pc-i440fx-10.0,usb=off,a=b:c/d@e%f+g_h"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("{\"a\":1}", "'{\"a\":1}'"),
            ("[::]:1", "'[::]:1'"),
        ] {
            assert_eq!(quoted(word), wanted, "{word}");
        }
    }
}
