//! What one run at a time has: the runbook's lock, filled in.

use crate::expr::{Scope, Template};
use crate::model::ids::EnvironmentName;
use crate::model::text::{escape_controls, is_unsafe};
use crate::model::{Map, Value};
use crate::spec::step::MAX_LOCK;

/// The lock's name, with the environment in front: a rehearsal, or a run in staging, must not hold
/// up the one that counts.
///
/// # Errors
/// What is wrong with it, in words: it cannot be filled in, or is no name with these parameters.
pub(super) fn name(
    lock: &Template,
    params: &Map,
    environment: &EnvironmentName,
) -> Result<String, String> {
    let params = Value::Map(params.clone());
    let names = Scope::new().with("params", &params);
    let filled = lock.render(&names).map_err(|e| e.message)?;
    let name = filled.trim();
    if name.is_empty() {
        return Err("nothing is left of it with these parameters".to_owned());
    }
    if name.len() > MAX_LOCK {
        let size = name.len();
        return Err(format!(
            "it has {size} bytes with these parameters, and at most {MAX_LOCK} are a name"
        ));
    }
    if name.chars().any(is_unsafe) {
        let shown = escape_controls(name);
        return Err(format!("`{shown}` holds characters that cannot be seen"));
    }
    Ok(format!("{environment}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(lock: &str, cluster: &str) -> Result<String, String> {
        let params = Map::from_iter([
            ("cluster".to_owned(), Value::from(cluster)),
            ("none".to_owned(), Value::None),
        ]);
        let production = "production".parse().unwrap();
        name(&Template::parse(lock).unwrap(), &params, &production)
    }

    #[test]
    fn a_lock_is_named_by_the_parameters() {
        let lock = "database/{{ params.cluster }}";
        assert_eq!(
            named(lock, "main"),
            Ok("production/database/main".to_owned())
        );
        assert_eq!(
            named("database", "main"),
            Ok("production/database".to_owned())
        );
        assert_eq!(
            named("database/{{ params.cluster }} ", "main"),
            Ok("production/database/main".to_owned()),
            "what cannot be seen does not tell two locks apart"
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let lock = "{{ params.cluster }}";
        assert!(named(lock, " ").unwrap_err().contains("nothing is left"));
        assert!(named(lock, "a\nb").unwrap_err().contains("`a\\nb`"));
        assert!(
            named(lock, "a\u{202e}b")
                .unwrap_err()
                .contains("cannot be seen")
        );
        let long = "x".repeat(MAX_LOCK + 1);
        assert!(named(lock, &long).unwrap_err().contains("201 bytes"));
        assert!(named(lock, &long[1..]).is_ok());
        assert!(named("{{ params.none }}", "main").is_err());
    }
}
