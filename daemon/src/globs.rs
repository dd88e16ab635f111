//! Patterns of the access lists: `*` stands for any text, `?` for one character.

/// Whether the whole of `text` fits `pattern`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and the text from which what follows it was tried.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_fit() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**a", "ba", true),
            ("C=GB,*,CN=client?", "C=GB,ST=London,O=Red Hat,CN=client1", true),
            ("C=GB,*,CN=client?", "C=GB,ST=London,O=Red Hat,CN=client", false),
            ("*@EXAMPLE.COM", "joe@EXAMPLE.COM", true),
            ("*@EXAMPLE.COM", "joe@EXAMPLE.COM.evil", false),
            ("a*b*c", "aXbYbZc", true),
            ("?", "ä", true),
            ("[a-z]", "a", false),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
        let long = "a".repeat(20_000);
        assert!(!fits(&"*a".repeat(50).replace("*a", "*aa*"), &long[..60]));
    }
}
