//! The password of a display.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Graphics, GraphicsAuth, GraphicsKind, Listen};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::hotplug::{Session, persistent};

pub(super) fn update(session: &Session<'_>, live: &DomainDefinition, wanted: Graphics) -> Result<DomainDefinition> {
    let at = persistent::display(&live.devices.graphics, &wanted)?;
    let mut changed = live.clone();
    let display = changed.devices.graphics.get_mut(at).ok_or_else(|| Error::internal("the display is lost"))?;
    check(display, &wanted)?;
    let (protocol, old, new) = match (&mut display.kind, wanted.kind) {
        (GraphicsKind::Vnc(old), GraphicsKind::Vnc(new)) => ("vnc", &mut old.auth, new.auth),
        (GraphicsKind::Spice(old), GraphicsKind::Spice(new)) => ("spice", &mut old.auth, new.auth),
        _ => return Err(Error::config_unsupported("only displays of type 'vnc' and 'spice' can be changed")),
    };
    if *old != new {
        set_password(session, protocol, &new)?;
        *old = new;
    }
    Ok(changed)
}

fn set_password(session: &Session<'_>, protocol: &str, auth: &GraphicsAuth) -> Result<()> {
    let Some(password) = &auth.passwd else { return Ok(()) };
    let connected = auth.connected.map(|c| c.as_str()).filter(|word| *word != "default");
    let time = match &auth.valid_to {
        Some(text) => seconds(text)?.to_string(),
        None => "never".to_owned(),
    };
    session.monitor.set_password(protocol, password, connected, session.answer)?;
    session.monitor.expire_password(protocol, &time, session.answer)
}

/// Seconds since 1970 of `YYYY-MM-DDThh:mm:ss` in UTC.
pub(super) fn seconds(text: &str) -> Result<i64> {
    let bad = || Error::xml(format!("cannot parse password validity time '{text}', expect YYYY-MM-DDTHH:MM:SS"));
    let (date, time) = text.split_once('T').ok_or_else(bad)?;
    let numbers = |part: &str, separator: char| -> Option<[i64; 3]> {
        let mut all =
            part.split(separator).map(|number| number.parse::<i64>().ok().filter(|n| (0..10_000).contains(n)));
        let three = [all.next()??, all.next()??, all.next()??];
        all.next().is_none().then_some(three)
    };
    let [year, month, day] = numbers(date, '-').ok_or_else(bad)?;
    let [hour, minute, second] = numbers(time, ':').ok_or_else(bad)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return Err(bad());
    }
    // Years begin in March, so that the day that only some have is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970;
    Ok(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// From the first of March of the year 0.
const DAYS_TO_1970: i64 = 719_468;

/// All but the password stays.
fn check(old: &Graphics, new: &Graphics) -> Result<()> {
    let same_listens = old.listens.len() == new.listens.len()
        && old.listens.iter().zip(&new.listens).all(|(old, new)| same_listen(old, new));
    let same = match (&old.kind, &new.kind) {
        (GraphicsKind::Vnc(a), GraphicsKind::Vnc(b)) => {
            (a.autoport == b.autoport && (a.autoport || a.port == b.port), a.keymap == b.keymap)
        }
        (GraphicsKind::Spice(a), GraphicsKind::Spice(b)) => {
            let ports = (a.port, a.tls_port) == (b.port, b.tls_port);
            (a.autoport == b.autoport && (a.autoport || ports), a.keymap == b.keymap)
        }
        _ => (true, true),
    };
    let kind = if matches!(old.kind, GraphicsKind::Vnc(_)) { "vnc" } else { "spice" };
    let refuse = |text: String| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    if let GraphicsKind::Vnc(vnc) = &new.kind
        && vnc.auth.connected.is_some_and(|word| !matches!(word.as_str(), "keep" | "default"))
    {
        return Err(Error::config_unsupported("VNC supports connected='keep' only"));
    }
    match (same_listens, same) {
        (false, _) => refuse(format!("cannot change listen address setting on '{kind}' graphics")),
        (_, (false, _)) => refuse(format!("cannot change port settings on {kind} graphics")),
        (_, (_, false)) => refuse(format!("cannot change keymap setting on {kind} graphics")),
        _ => Ok(()),
    }
}

/// What was filled in at the start says nothing.
fn same_listen(old: &Listen, new: &Listen) -> bool {
    match (old, new) {
        (Listen::Address { address: a, .. }, Listen::Address { address: b, .. }) => b.is_none() || a == b,
        (Listen::Network { network: a, .. }, Listen::Network { network: b, .. }) => a == b,
        (Listen::Socket { .. }, Listen::Socket { .. }) | (Listen::None, Listen::None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::seconds;

    #[test]
    fn times_are_counted_from_1970() {
        for (text, wanted) in [
            ("1970-01-01T00:00:00", 0),
            ("2013-05-31T16:11:22", 1_370_016_682),
            ("2000-02-29T12:00:00", 951_825_600),
            ("2026-11-21T09:30:00", 1_795_253_400),
        ] {
            assert_eq!(seconds(text).unwrap(), wanted, "{text}");
        }
        for text in ["", "2013-05-31", "2013-13-01T00:00:00", "2013-01-01T24:00:00", "99999999999-1-1T0:0:0"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
