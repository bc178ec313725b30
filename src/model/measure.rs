//! Durations and sizes: values with a unit, that compare as what they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A length of time, never negative. Written `30s`, `1h 30m`, `250ms`, `2d` (a day is 24 hours).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(std::time::Duration);

/// The longest duration that is accepted: 100 years, so that sums with a timestamp stay sane.
const MAX_SECONDS: u64 = 100 * 366 * 24 * 3600;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(std::time::Duration::ZERO);

    /// So many whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(std::time::Duration::from_millis(millis))
    }

    /// From seconds as a number; `None` where it is negative, not finite, or over 100 years.
    pub fn from_secs_f64(seconds: f64) -> Option<Self> {
        let duration = std::time::Duration::try_from_secs_f64(seconds).ok()?;
        (duration.as_secs() <= MAX_SECONDS).then_some(Self(duration))
    }

    /// From the standard library's duration, capped at 100 years.
    pub fn from_std(duration: std::time::Duration) -> Self {
        Self(duration.min(std::time::Duration::from_secs(MAX_SECONDS)))
    }

    /// As the standard library's duration.
    pub const fn as_std(self) -> std::time::Duration {
        self.0
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// The time between two moments, zero where the second is before the first.
    pub fn between(from: jiff::Timestamp, to: jiff::Timestamp) -> Self {
        let nanos = to.as_nanosecond() - from.as_nanosecond();
        let nanos = u64::try_from(nanos.max(0)).unwrap_or(u64::MAX);
        Self::from_std(std::time::Duration::from_nanos(nanos))
    }

    /// The moment that lies this long after another, capped at the end of time.
    pub fn after(self, moment: jiff::Timestamp) -> jiff::Timestamp {
        moment.checked_add(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// This many times as long, capped at 100 years.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::from_secs_f64(self.as_secs_f64() * factor).unwrap_or(Self::from_secs(MAX_SECONDS))
    }

    /// Both together, capped at 100 years.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::from_std(self.0.saturating_add(other.0))
    }
}

/// A duration or a size that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMeasure(String);

impl fmt::Display for InvalidMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidMeasure {}

impl FromStr for Duration {
    type Err = InvalidMeasure;

    fn from_str(text: &str) -> Result<Self, InvalidMeasure> {
        let shown = super::text::escape_controls(text);
        let bad = |why: &str| {
            InvalidMeasure(format!(
                "`{shown}` is not a duration{why}; write for example 30s, 5m, 1h 30m or 2d"
            ))
        };
        let trimmed = text.trim();
        if trimmed.starts_with(['-', '+']) || trimmed.ends_with("ago") {
            return Err(bad(": it cannot be negative or signed"));
        }
        if !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(bad(": its unit is missing"));
        }
        let span: jiff::Span = trimmed.parse().map_err(|_| bad(""))?;
        let signed = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| bad(": months and years have no fixed length"))?;
        let duration = std::time::Duration::try_from(signed).map_err(|_| bad(""))?;
        if duration.as_secs() > MAX_SECONDS {
            return Err(bad(": it is over 100 years"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let seconds = self.0.as_secs();
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let nanos = self.0.subsec_nanos();
        if hours > 0 {
            text.push_str(&format!("{hours}h "));
        }
        if minutes > 0 {
            text.push_str(&format!("{minutes}m "));
        }
        if rest > 0 || nanos > 0 || text.is_empty() {
            let fraction = format!("{nanos:09}");
            let fraction = fraction.trim_end_matches('0');
            if rest == 0 && text.is_empty() && nanos > 0 && nanos.is_multiple_of(1_000_000) {
                text.push_str(&format!("{}ms", nanos / 1_000_000));
            } else if fraction.is_empty() {
                text.push_str(&format!("{rest}s"));
            } else {
                text.push_str(&format!("{rest}.{fraction}s"));
            }
        }
        f.pad(text.trim_end())
    }
}

impl Duration {
    /// For the screen: rounded to what a person reads at a glance.
    pub fn rounded(self) -> String {
        let millis = self.0.as_millis();
        match millis {
            0..1000 => format!("{millis}ms"),
            1000..60_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
            _ => Self::from_secs(self.0.as_secs()).to_string(),
        }
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidMeasure;

    fn try_from(text: String) -> Result<Self, InvalidMeasure> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> String {
        duration.to_string()
    }
}

/// An amount of data in bytes. Written `16 KiB`, `1.5GB`, `512` (bytes); `KB` is 1000 bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
];

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = InvalidMeasure;

    fn from_str(text: &str) -> Result<Self, InvalidMeasure> {
        let bad = || {
            let shown = super::text::escape_controls(text);
            InvalidMeasure(format!(
                "`{shown}` is not a size; write for example 512, 16 KiB, 1.5 GiB or 10MB"
            ))
        };
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let unit = unit.trim().to_ascii_lowercase();
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(bad)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(*factor).map(Self).ok_or_else(bad);
        }
        let number: f64 = number.parse().map_err(|_| bad())?;
        let bytes = number * (*factor as f64);
        // 2^53 is where a number with a point stops being exact; beyond it, write bytes.
        if bytes.is_finite() && (0.0..=9_007_199_254_740_992.0).contains(&bytes) {
            Ok(Self(bytes.round() as u64))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS[6..]
            .iter()
            .rev()
            .zip(["PiB", "TiB", "GiB", "MiB", "KiB"])
            .map(|((_, factor), unit)| (unit, *factor))
            .find(|(_, factor)| self.0 >= *factor)
            .unwrap_or(("B", 1));
        let text = if self.0.is_multiple_of(factor) {
            format!("{} {unit}", self.0 / factor)
        } else {
            // Not a whole number of the unit: bytes are exact, and the text is read back.
            format!("{} B", self.0)
        };
        f.pad(&text)
    }
}

impl TryFrom<String> for Size {
    type Error = InvalidMeasure;

    fn try_from(text: String) -> Result<Self, InvalidMeasure> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h 30m", 5400),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("48h", 172_800),
        ] {
            assert_eq!(text.parse(), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "-5m",
            "5",
            "1 month",
            "5x",
            "5m ago",
            "soon",
            "999999999h",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_read_back_as_it_is_shown() {
        for millis in [
            0, 1, 250, 999, 1000, 4200, 61_000, 3_600_000, 5_400_000, 90_061_001,
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(duration.to_string().parse(), Ok(duration), "{duration}");
        }
        assert_eq!(Duration::from_secs(5400).to_string(), "1h 30m");
        assert_eq!(Duration::from_millis(250).to_string(), "250ms");
    }

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!("16 KiB".parse(), Ok(Size::from_bytes(16_384)));
        assert_eq!("1.5 GiB".parse(), Ok(Size::from_bytes(1_610_612_736)));
        assert_eq!("10MB".parse(), Ok(Size::from_bytes(10_000_000)));
        assert_eq!(Size::from_bytes(16_384).to_string(), "16 KiB");
        assert_eq!(Size::from_bytes(1000).to_string(), "1000 B");
        assert!("-1".parse::<Size>().is_err());
        assert!("99999999 PiB".parse::<Size>().is_err());
    }
}
