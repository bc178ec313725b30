//! Whether what an expression gives may go where a type is wanted.

use crate::model::Shape;

/// Whether a value of one type can be taken where another is wanted: as an argument, an answer, an
/// output. This is [`Shape::accept`] before there is a value: text may be read as what is wanted,
/// and scalars become text. What cannot be known yet is let through.
pub fn fits(found: &Shape, wanted: &Shape) -> bool {
    match (found, wanted) {
        (Shape::Any, _) | (_, Shape::Any) => true,
        // Neither is a secret read as something else, nor something else taken for one.
        (Shape::Secret, _) | (_, Shape::Secret) => found == wanted,
        (Shape::List(found), Shape::List(wanted)) => fits(found, wanted),
        (Shape::Object(found), Shape::Object(wanted)) => match (found, wanted) {
            (Some(found), Some(wanted)) => {
                wanted.iter().all(|(name, field)| match found.get(name) {
                    Some(given) => fits(&given.shape, &field.shape),
                    None => field.optional,
                })
            }
            _ => true,
        },
        (Shape::List(_) | Shape::Object(_), _) | (_, Shape::List(_) | Shape::Object(_)) => false,
        (_, Shape::String) | (Shape::String, _) | (Shape::Integer, Shape::Number) => true,
        // A number of the declared kind may still be whole.
        (Shape::Number, Shape::Integer) => true,
        (Shape::Choice(words), wanted) => words.iter().all(|word| wanted.read(word).is_ok()),
        (found, wanted) => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(words: &[&str]) -> Shape {
        Shape::Choice(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn what_can_never_be_taken_does_not_fit() {
        let yes_no = choice(&["yes", "no"]);
        for (found, wanted, expected) in [
            (choice(&["yes"]), &yes_no, true),
            (choice(&["yes", "maybe"]), &yes_no, false),
            (Shape::String, &yes_no, true),
            (Shape::Integer, &yes_no, false),
            (choice(&["30s"]), &Shape::Duration, true),
            (choice(&["soon"]), &Shape::Duration, false),
            (Shape::Size, &Shape::Duration, false),
            (Shape::Size, &Shape::String, true),
            (Shape::Boolean, &Shape::Integer, false),
            (Shape::List(Box::new(Shape::Size)), &Shape::String, false),
            (Shape::Any, &Shape::Time, true),
            (Shape::Secret, &Shape::Secret, true),
            (Shape::Secret, &Shape::String, false),
            (Shape::String, &Shape::Secret, false),
        ] {
            assert_eq!(fits(&found, wanted), expected, "{found} as {wanted}");
        }
    }
}
