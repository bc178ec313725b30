//! Times on the screen: local, with their offset said; the journal has UTC.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use crate::model::{Duration, Timestamp};

/// `19:53:59`: where a line above has said day and offset.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `2026-11-20 20:53:59+01:00`
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S%:z")
        .to_string()
}

/// A moment as tools write it, to the second: what stands behind the point nobody decides by.
/// Any other text as it is.
pub(super) fn to_the_second(text: &str) -> Cow<'_, str> {
    let Some((seconds, rest)) = text.split_once('.') else {
        return Cow::Borrowed(text);
    };
    match text.parse::<jiff::Timestamp>() {
        Ok(_) => {
            let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            Cow::Owned(format!("{seconds}{zone}"))
        }
        Err(_) => Cow::Borrowed(text),
    }
}

/// `2026-11-20, UTC+01:00`: what stands above lines that say the time only.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d, UTC%:z")
        .to_string()
}

/// `0:42`, `1:02:03`: time that passes.
pub(super) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_std().as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// `3m 12s`: time that is left, in whole seconds.
pub(super) fn left(duration: Duration) -> String {
    Duration::from_secs(duration.as_std().as_secs()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_say_their_offset() {
        let at: Timestamp = "2026-11-20T19:53:59Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(time(at, &zone), "20:53:59");
        assert_eq!(moment(at, &zone), "2026-11-20 20:53:59+01:00");
        assert_eq!(day(at, &zone), "2026-11-20, UTC+01:00");
        let tools = to_the_second("2026-11-20T10:20:03.300509775Z");
        assert_eq!(tools, "2026-11-20T10:20:03Z");
        assert_eq!(to_the_second("1.5 of 10.3Z"), "1.5 of 10.3Z");
        assert_eq!(elapsed(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(left(Duration::from_millis(192_400)), "3m 12s");
    }
}
