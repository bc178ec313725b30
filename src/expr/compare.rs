//! Comparisons between values of one type. Different types are an error, never just unequal.

use std::cmp::Ordering;

use super::ast::Comparison;
use super::error::ExprError;
use super::limits::Budget;
use crate::model::{SecretRef, Value};

/// Why two values cannot be compared.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Their types differ.
    Types,
    /// Their type has no order.
    Unordered,
    /// One of them is a secret, of which nothing may be learned.
    Secret(SecretRef),
    /// It takes too long.
    Limit(ExprError),
}

/// Whether a comparison holds.
pub(super) fn holds(
    op: Comparison,
    a: &Value,
    b: &Value,
    budget: &Budget,
) -> Result<bool, Trouble> {
    match op {
        Comparison::Eq => equal(a, b, budget),
        Comparison::Ne => equal(a, b, budget).map(|equal| !equal),
        Comparison::Lt => order(a, b).map(Ordering::is_lt),
        Comparison::Le => order(a, b).map(Ordering::is_le),
        Comparison::Gt => order(a, b).map(Ordering::is_gt),
        Comparison::Ge => order(a, b).map(Ordering::is_ge),
        Comparison::In => contains(b, a, budget),
        Comparison::NotIn => contains(b, a, budget).map(|found| !found),
    }
}

/// Whether two values of one type are equal. Anything may be held against `none`.
pub(super) fn equal(a: &Value, b: &Value, budget: &Budget) -> Result<bool, Trouble> {
    budget.spend(1).map_err(Trouble::Limit)?;
    match (a, b) {
        (Value::Secret(secret), _) | (_, Value::Secret(secret)) => {
            Err(Trouble::Secret(secret.clone()))
        }
        (Value::None, _) | (_, Value::None) => Ok(a.is_none() && b.is_none()),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::List(a), Value::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (name, a) in a {
                match b.get(name) {
                    Some(b) if equal(a, b, budget)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => order(a, b).map(Ordering::is_eq),
    }
}

/// How two values of one ordered type compare.
pub(super) fn order(a: &Value, b: &Value) -> Result<Ordering, Trouble> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => Ok(float(*a, *b)),
        (Value::Int(a), Value::Float(b)) => Ok(mixed(*a, *b)),
        (Value::Float(a), Value::Int(b)) => Ok(mixed(*b, *a).reverse()),
        (Value::Str(a), Value::Str(b)) => Ok(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Ok(a.cmp(b)),
        (Value::Size(a), Value::Size(b)) => Ok(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Ok(a.cmp(b)),
        (Value::Secret(secret), _) | (_, Value::Secret(secret)) => {
            Err(Trouble::Secret(secret.clone()))
        }
        _ if a.kind() == b.kind() => Err(Trouble::Unordered),
        _ => Err(Trouble::Types),
    }
}

/// Whether a list has an item, a text a part, an object a field.
pub(super) fn contains(holder: &Value, held: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match (holder, held) {
        (Value::Secret(secret), _) | (_, Value::Secret(secret)) => {
            Err(Trouble::Secret(secret.clone()))
        }
        (Value::List(items), _) => {
            for item in items {
                if equal(held, item, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (Value::Str(text), Value::Str(part)) => {
            budget.spend(1 + text.len() / 64).map_err(Trouble::Limit)?;
            Ok(text.contains(part.as_str()))
        }
        (Value::Map(map), Value::Str(name)) => Ok(map.contains_key(name)),
        _ => Err(Trouble::Types),
    }
}

fn float(a: f64, b: f64) -> Ordering {
    // Values are never NaN; a zero's sign must not tell.
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// A whole number against one with a point, exactly: 2^53 + 1 is not 2^53.
fn mixed(a: i64, b: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if b >= BEYOND {
        Ordering::Less
    } else if b < -BEYOND {
        Ordering::Greater
    } else {
        let whole = b.trunc() as i64;
        a.cmp(&whole).then_with(|| float(0.0, b.fract()))
    }
}

/// Whether values of these types can be put in order among one another.
pub(super) fn sortable(a: &Value, b: &Value) -> bool {
    order(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_numbers_compare_exactly() {
        let big = 9_007_199_254_740_993;
        assert_eq!(mixed(big, 9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!(mixed(i64::MAX, 9_223_372_036_854_775_808.0), Ordering::Less);
        assert_eq!(
            mixed(i64::MIN, -9_223_372_036_854_775_808.0),
            Ordering::Equal
        );
        assert_eq!(mixed(1, 1.5), Ordering::Less);
        assert_eq!(mixed(-1, -1.5), Ordering::Greater);
        assert_eq!(mixed(0, -0.0), Ordering::Equal);
    }
}
