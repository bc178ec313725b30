//! The nearest name for a typo.

/// The candidate nearest to `written`, where one is near enough to be meant.
///
/// Near enough is a Damerau-Levenshtein distance of at most a third of the length (at least 1),
/// counted without regard to case and to `-` or `_`.
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace('-', "_");
    let written = fold(written);
    let limit = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let folded = fold(candidate);
            let distance = strsim::damerau_levenshtein(&written, &folded);
            // A name cut short is a common way to be wrong: `fail` for `failover`.
            let cut = written.len() >= 3 && folded.starts_with(&written);
            (if cut { 0 } else { distance }, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["db-failover", "api-rate-limit", "payment-failure"];
        assert_eq!(nearest("db-failovr", names), Some("db-failover"));
        assert_eq!(nearest("db_failover", names), Some("db-failover"));
        assert_eq!(nearest("pay", names), Some("payment-failure"));
        assert_eq!(nearest("zebra", names), None);
    }
}
