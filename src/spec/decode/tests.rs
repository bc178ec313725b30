//! What each reader of a value takes, and what it says about the rest.

use super::*;
use crate::model::ids::StepId;
use crate::spec::yaml::read;

fn said<T: std::fmt::Debug>(text: &str, read_it: impl Fn(&Decoder, &Node) -> Option<T>) -> String {
    let (source, root) = read("t.yaml", text.as_bytes()).unwrap();
    let decoder = Decoder::new(&source);
    match read_it(&decoder, &root) {
        Some(value) => {
            assert!(!decoder.has_errors());
            format!("{value:?}")
        }
        None => {
            let found = decoder.finish();
            let first = found.iter().next().unwrap();
            let help: String = first.help.iter().map(|help| format!(" ({help})")).collect();
            format!("{}{help}", first.message)
        }
    }
}

#[test]
fn scalars_are_read_for_what_belongs_there() {
    assert_eq!(said("012", Decoder::string), "\"012\"");
    assert_eq!(said("no", Decoder::string), "\"no\"");
    assert_eq!(said("", Decoder::string), "expected a text, found nothing");
    assert_eq!(said("~", Decoder::string), "expected a text, found `~`");
    assert_eq!(
        said("[a]", Decoder::string),
        "expected a text, found a list"
    );
    assert_eq!(
        said("''", Decoder::line),
        "expected a text, found the text \"\""
    );
    assert_eq!(said("|\n  a\n", Decoder::line), "\"a\"");
    assert_eq!(
        said("\"a\\nb\"", Decoder::line),
        "expected a text of one line, found the text \"a\\nb\""
    );
    assert_eq!(said("true", Decoder::bool), "true");
    assert_eq!(
        said("yes", Decoder::bool),
        "expected true or false, found `yes` (write `true`)"
    );
    assert_eq!(
        said("'true'", Decoder::bool),
        "expected true or false, found the text \"true\""
    );
    assert_eq!(said("3", Decoder::u32), "3");
    assert_eq!(
        said("-3", Decoder::u32),
        "expected a whole number, found `-3`"
    );
    assert_eq!(
        said("3.5", Decoder::u32),
        "expected a whole number, found `3.5`"
    );
    assert_eq!(
        said("99999999999", Decoder::u32),
        "expected a whole number up to 4294967295, found `99999999999`"
    );
    assert_eq!(
        said("0", Decoder::count),
        "expected a number of at least 1, found `0`"
    );
    assert_eq!(said("1e3", Decoder::number), "1000.0");
    assert_eq!(
        said("nan", Decoder::number),
        "expected a number, found `nan`"
    );
    assert_eq!(
        said("{ a: b }", Decoder::duration),
        "expected a duration such as 30s or 5m, found a mapping"
    );
    assert!(said("5", Decoder::duration).contains("its unit is missing"));
    assert!(said("A-b", Decoder::id::<StepId>).starts_with("`A-b` is not a step's id"));
}

#[test]
fn lists_say_all_that_is_wrong() {
    let (source, root) = read("t.yaml", b"[a, [], b, {}]").unwrap();
    let decoder = Decoder::new(&source);
    assert_eq!(decoder.list(&root, |item| decoder.string(item)), None);
    assert_eq!(decoder.finish().errors(), 2);
    let strings = |d: &Decoder, n: &Node| d.one_or_list(n, |item| d.string(item));
    assert_eq!(said("a", strings), "[\"a\"]");
    assert_eq!(said("[a, b]", strings), "[\"a\", \"b\"]");
    assert_eq!(
        said("{ a: b }", strings),
        "expected a text, found a mapping"
    );
}
