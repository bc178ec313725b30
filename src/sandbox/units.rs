//! Numbers as people read them at a glance.

use crate::model::Size;

/// One digit behind the point.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Bytes in whole units: nobody counts a gigabyte exactly, and a size that is no whole number of
/// its unit is written in bytes.
pub(super) fn readable(bytes: f64) -> Size {
    let unit = [30, 20, 10]
        .map(|bits| f64::from(1_u32 << bits))
        .into_iter()
        .find(|unit| bytes >= unit * 2.0)
        .unwrap_or(1.0);
    Size::from_bytes(((bytes / unit).round() * unit) as u64)
}
