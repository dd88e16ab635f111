//! The shape of what clients say in SCRAM, looked at before it is interpreted.

/// Whether a client's first message has all its parts: the binding flag, for
/// whom, the user, the nonce.
pub(super) fn is_first(message: &[u8]) -> bool {
    let mut parts = message.split(|byte| *byte == b',');
    let mut next = |wanted: fn(&[u8]) -> bool| parts.next().is_some_and(wanted);
    message.is_ascii_or_utf8()
        && next(|part| matches!(part, b"n" | b"y"))
        && next(|part| part.is_empty() || part.starts_with(b"a="))
        && next(|part| part.starts_with(b"n=") && part.len() > 2)
        && next(|part| part.starts_with(b"r=") && part.len() > 2)
        && parts.all(|part| part.len() >= 2 && part[1] == b'=')
}

/// Whether a client's last message has all its parts: the binding, the nonce,
/// at the end the proof.
pub(super) fn is_final(message: &[u8]) -> bool {
    let parts: Vec<&[u8]> = message.split(|byte| *byte == b',').collect();
    let [binding, nonce, between @ .., proof] = &parts[..] else { return false };
    message.is_ascii_or_utf8()
        && binding.starts_with(b"c=")
        && nonce.starts_with(b"r=")
        && between.iter().all(|part| part.len() >= 2 && part[1] == b'=' && part[0] != b'p')
        && proof.starts_with(b"p=")
}

/// A name without the escapes of SCRAM.
pub(super) fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (c, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        text.push(c);
        text.push_str(rest);
    }
    Some(text)
}

trait Text {
    fn is_ascii_or_utf8(&self) -> bool;
}

impl Text for [u8] {
    fn is_ascii_or_utf8(&self) -> bool {
        std::str::from_utf8(self).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_messages_pass() {
        assert!(is_first(b"n,,n=user,r=abc") && is_first(b"y,a=user,n=user,r=abc,x=1"));
        for wrong in
            ["", "n", "n,", "n,,", "n,a,n=u,r=x", "n,,n,r=x", "n,,n=u", "n,,n=u,r", "p=x,,n=u,r=x", "n,,m=u,n=u,r=x"]
        {
            assert!(!is_first(wrong.as_bytes()), "{wrong}");
        }
        assert!(is_final(b"c=biws,r=abc,p=xyz") && is_final(b"c=biws,r=abc,x=1,p=xyz"));
        for wrong in ["", "c", "c=,r=", "c=biws,r=abc,p", "c=biws,r=abc,p=x,", "c=b,r=a,x,p=x", "c=b,r=a,p=x,p=x"] {
            assert!(!is_final(wrong.as_bytes()), "{wrong}");
        }
        assert!(!is_first(b"n,,n=\xff,r=abc"));
    }

    #[test]
    fn names_lose_their_escapes() {
        assert_eq!(unescape("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
        assert_eq!(unescape("plain").as_deref(), Some("plain"));
        assert_eq!(unescape("a=2"), None);
    }
}
