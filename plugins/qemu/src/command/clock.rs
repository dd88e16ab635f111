//! `-rtc` and the timers of the board.

use oxivirt_conf::domain::{ClockBasis, ClockOffset, TickPolicy, TimerName, TimerTrack};
use oxivirt_core::{Error, Result};

use super::Builder;

pub(super) fn clock(b: &mut Builder<'_>) -> Result<()> {
    let clock = &b.domain.clock;
    let base = match &clock.offset {
        ClockOffset::Utc { .. } => "utc".to_owned(),
        ClockOffset::LocalTime { .. } => "localtime".to_owned(),
        ClockOffset::Absolute(start) => date_time(i64::try_from(*start).map_err(|_| too_far())?)?,
        ClockOffset::Variable { adjustment, basis, .. } => {
            let now = match basis {
                ClockBasis::Utc => b.host.now(),
                ClockBasis::LocalTime => b.host.now().checked_add(b.host.utc_offset()).ok_or_else(too_far)?,
            };
            date_time(now.checked_add(*adjustment).ok_or_else(too_far)?)?
        }
        ClockOffset::Timezone(zone) => {
            // QEMU itself then lives in that time zone.
            b.environment.push(("TZ".into(), zone.clone()));
            "localtime".to_owned()
        }
    };
    let mut text = format!("base={base}");
    for timer in clock.timers.iter().filter(|t| t.name == TimerName::Rtc) {
        if let Some(track) = timer.track {
            let word = match track {
                TimerTrack::Boot => return Err(Error::config_unsupported("unsupported rtc timer track 'boot'")),
                TimerTrack::Guest => "vm",
                TimerTrack::Wall => "host",
                TimerTrack::Realtime => "rt",
            };
            text.push_str(&format!(",clock={word}"));
        }
        match timer.tickpolicy {
            Some(TickPolicy::Catchup) => text.push_str(",driftfix=slew"),
            None | Some(TickPolicy::Delay) => {}
            Some(other) => {
                return Err(Error::config_unsupported(format!(
                    "unsupported rtc timer tickpolicy '{}'",
                    other.as_str()
                )));
            }
        }
    }
    b.pair("-rtc", text);
    for timer in &b.domain.clock.timers {
        match (timer.name, timer.tickpolicy) {
            (TimerName::Pit, Some(policy @ (TickPolicy::Delay | TickPolicy::Discard))) => {
                if b.emulator.has_property("kvm-pit", "lost_tick_policy") {
                    b.pair("-global", format!("kvm-pit.lost_tick_policy={}", policy.as_str()));
                } else if policy == TickPolicy::Discard {
                    return Err(Error::config_unsupported("unsupported pit tickpolicy 'discard'"));
                }
            }
            (TimerName::Pit, Some(TickPolicy::Merge)) => {
                return Err(Error::config_unsupported("unsupported pit tickpolicy 'merge'"));
            }
            (TimerName::Platform | TimerName::ArmVTimer, _) => {
                return Err(Error::config_unsupported(format!(
                    "unsupported timer type (name) '{}'",
                    timer.name.as_str()
                )));
            }
            (TimerName::Hpet, policy) if policy.is_some_and(|p| p != TickPolicy::Delay) => {
                return Err(Error::config_unsupported("unsupported hpet tickpolicy"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn too_far() -> Error {
    Error::config_unsupported("the guest's clock would start outside of what can be written")
}

/// `2026-01-31T12:00:00`.
fn date_time(seconds: i64) -> Result<String> {
    let seconds = u64::try_from(seconds).map_err(|_| too_far())?;
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds)).ok_or_else(too_far)?;
    let text = crate::process::timestamp(at);
    text.get(..19).map(|t| t.replace(' ', "T")).ok_or_else(too_far)
}
