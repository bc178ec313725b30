//! Arithmetic on numbers, durations, sizes and times. Nothing wraps, saturates or becomes infinite.

use super::ast::Binary;
use crate::model::{Duration, Size, Value};

/// Why there is no result.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble {
    /// The types do not go together; perhaps with what to write instead.
    Types(Option<&'static str>),
    /// The values do not: why, as the end of a sentence.
    Value(&'static str),
}

type Worked = Result<Value, Trouble>;

const TOO_LARGE: Trouble = Trouble::Value("is too large");
const NEGATIVE: Trouble = Trouble::Value("would be negative");
const BY_ZERO: Trouble = Trouble::Value("divides by zero");

/// The result of `a op b`. Texts and lists are put together elsewhere, since they are charged for.
pub(super) fn apply(op: Binary, a: &Value, b: &Value) -> Worked {
    use Value as V;
    match (op, a, b) {
        (_, V::Int(a), V::Int(b)) => integers(op, *a, *b),
        (_, V::Int(a), V::Float(b)) => floats(op, *a as f64, *b),
        (_, V::Float(a), V::Int(b)) => floats(op, *a, *b as f64),
        (_, V::Float(a), V::Float(b)) => floats(op, *a, *b),
        (Binary::Add, V::Duration(a), V::Duration(b)) => {
            duration(a.as_std().checked_add(b.as_std()).ok_or(TOO_LARGE)?)
        }
        (Binary::Sub, V::Duration(a), V::Duration(b)) => {
            duration(a.as_std().checked_sub(b.as_std()).ok_or(NEGATIVE)?)
        }
        (Binary::Mul, V::Duration(a), n) | (Binary::Mul, n, V::Duration(a)) => times(*a, n),
        (Binary::Div, V::Duration(a), V::Duration(b)) => {
            floats(Binary::Div, a.as_secs_f64(), b.as_secs_f64())
        }
        (Binary::Div, V::Duration(a), n) => shares(*a, n),
        (Binary::Add, V::Size(a), V::Size(b)) => {
            let sum = a.bytes().checked_add(b.bytes());
            sum.map(|n| V::Size(Size::from_bytes(n))).ok_or(TOO_LARGE)
        }
        (Binary::Sub, V::Size(a), V::Size(b)) => {
            let rest = a.bytes().checked_sub(b.bytes());
            rest.map(|n| V::Size(Size::from_bytes(n))).ok_or(NEGATIVE)
        }
        (Binary::Mul, V::Size(a), n) | (Binary::Mul, n, V::Size(a)) => size_times(*a, n),
        (Binary::Div, V::Size(a), V::Size(b)) => {
            floats(Binary::Div, a.bytes() as f64, b.bytes() as f64)
        }
        (Binary::Div, V::Size(a), V::Int(n)) => match u64::try_from(*n) {
            Ok(0) => Err(BY_ZERO),
            Ok(n) => Ok(V::Size(Size::from_bytes(a.bytes() / n))),
            Err(_) => Err(NEGATIVE),
        },
        (Binary::Div, V::Size(a), V::Float(n)) if *n != 0.0 => size(a.bytes() as f64 / n),
        (Binary::Div, V::Size(_), V::Float(_)) => Err(BY_ZERO),
        (Binary::Sub, V::Time(a), V::Time(b)) if a < b => Err(NEGATIVE),
        (Binary::Sub, V::Time(a), V::Time(b)) => Ok(V::Duration(Duration::between(*b, *a))),
        (Binary::Add, V::Time(time), V::Duration(by))
        | (Binary::Add, V::Duration(by), V::Time(time)) => {
            let sum = time.checked_add(by.as_std());
            sum.map(V::Time).map_err(|_| TOO_LARGE)
        }
        (Binary::Sub, V::Time(time), V::Duration(by)) => {
            let rest = time.checked_sub(by.as_std());
            rest.map(V::Time)
                .map_err(|_| Trouble::Value("is before the beginning of time"))
        }
        (Binary::Add, V::Str(_), _) | (Binary::Add, _, V::Str(_)) => {
            Err(Trouble::Types(Some("texts are put together with `~`")))
        }
        (_, V::None, _) | (_, _, V::None) => Err(Trouble::Types(Some(
            "say what counts then: `… | default(0)`",
        ))),
        _ => Err(Trouble::Types(None)),
    }
}

fn integers(op: Binary, a: i64, b: i64) -> Worked {
    let whole = match op {
        Binary::Add => a.checked_add(b),
        Binary::Sub => a.checked_sub(b),
        Binary::Mul => a.checked_mul(b),
        Binary::Div => return floats(op, a as f64, b as f64),
        Binary::FloorDiv | Binary::Rem if b == 0 => return Err(BY_ZERO),
        Binary::FloorDiv => a.checked_div_euclid(b).and_then(|quotient| {
            // Euclid's quotient rounds up where the divisor is negative; the floor does not.
            let up = b < 0 && a.checked_rem_euclid(b) != Some(0);
            if up {
                quotient.checked_sub(1)
            } else {
                Some(quotient)
            }
        }),
        Binary::Rem => a.checked_rem(b).and_then(|rest| {
            // As in Python and Jinja, the rest has the divisor's sign.
            let other = rest != 0 && (rest < 0) != (b < 0);
            if other {
                rest.checked_add(b)
            } else {
                Some(rest)
            }
        }),
        Binary::Pow => match u32::try_from(b) {
            Ok(b) => a.checked_pow(b),
            Err(_) if b < 0 => return floats(op, a as f64, b as f64),
            Err(_) => None,
        },
        Binary::Concat => return Err(Trouble::Types(None)),
    };
    whole.map(Value::Int).ok_or(TOO_LARGE)
}

fn floats(op: Binary, a: f64, b: f64) -> Worked {
    let by_zero = matches!(op, Binary::Div | Binary::FloorDiv | Binary::Rem) && b == 0.0;
    if by_zero || (op == Binary::Pow && a == 0.0 && b < 0.0) {
        return Err(BY_ZERO);
    }
    let number = match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::FloorDiv => (a / b).floor(),
        Binary::Rem => a - b * (a / b).floor(),
        Binary::Pow => a.powf(b),
        Binary::Concat => return Err(Trouble::Types(None)),
    };
    if number.is_finite() {
        Ok(Value::Float(number))
    } else if number.is_nan() {
        Err(Trouble::Value("is not a number"))
    } else {
        Err(TOO_LARGE)
    }
}

/// A duration of the standard library, where ours can be that long.
fn duration(exact: std::time::Duration) -> Worked {
    let ours = Duration::from_std(exact);
    if ours.as_std() == exact {
        Ok(Value::Duration(ours))
    } else {
        Err(TOO_LARGE)
    }
}

fn times(a: Duration, n: &Value) -> Worked {
    match n {
        Value::Int(n) if *n < 0 => Err(NEGATIVE),
        Value::Int(n) => {
            let nanos = i128::try_from(a.as_std().as_nanos()).map_err(|_| TOO_LARGE)?;
            nanoseconds(nanos.checked_mul(i128::from(*n)).ok_or(TOO_LARGE)?)
        }
        Value::Float(n) if *n < 0.0 => Err(NEGATIVE),
        Value::Float(n) => seconds(a.as_secs_f64() * n),
        _ => Err(Trouble::Types(None)),
    }
}

fn shares(a: Duration, n: &Value) -> Worked {
    match n {
        Value::Int(0) => Err(BY_ZERO),
        Value::Float(n) if *n == 0.0 => Err(BY_ZERO),
        Value::Int(n) if *n < 0 => Err(NEGATIVE),
        Value::Float(n) if *n < 0.0 => Err(NEGATIVE),
        Value::Int(n) => {
            let nanos = i128::try_from(a.as_std().as_nanos()).map_err(|_| TOO_LARGE)?;
            nanoseconds(nanos / i128::from(*n))
        }
        Value::Float(n) => seconds(a.as_secs_f64() / n),
        _ => Err(Trouble::Types(None)),
    }
}

fn nanoseconds(nanos: i128) -> Worked {
    const SECOND: i128 = 1_000_000_000;
    let whole = u64::try_from(nanos / SECOND).map_err(|_| TOO_LARGE)?;
    let rest = u32::try_from(nanos % SECOND).map_err(|_| NEGATIVE)?;
    duration(std::time::Duration::new(whole, rest))
}

fn seconds(seconds: f64) -> Worked {
    Duration::from_secs_f64(seconds)
        .map(Value::Duration)
        .ok_or(TOO_LARGE)
}

fn size_times(a: Size, n: &Value) -> Worked {
    match n {
        Value::Int(n) => {
            let n = u64::try_from(*n).map_err(|_| NEGATIVE)?;
            let bytes = a.bytes().checked_mul(n).ok_or(TOO_LARGE)?;
            Ok(Value::Size(Size::from_bytes(bytes)))
        }
        Value::Float(n) => size(a.bytes() as f64 * n),
        _ => Err(Trouble::Types(None)),
    }
}

/// A size from a number of bytes, rounded; at most 2^53, where such a number stops being exact.
fn size(bytes: f64) -> Worked {
    if bytes < 0.0 {
        Err(NEGATIVE)
    } else if bytes <= 9_007_199_254_740_992.0 {
        Ok(Value::Size(Size::from_bytes(bytes.round() as u64)))
    } else {
        Err(TOO_LARGE)
    }
}
