//! Types as files write them.

use super::*;
use crate::spec::yaml::read;

fn with<T>(text: &str, read_it: impl Fn(&Decoder, &Node) -> Option<T>) -> Result<T, Vec<String>> {
    let (source, root) = read("t.yaml", text.as_bytes()).unwrap();
    let decoder = Decoder::new(&source);
    let value = read_it(&decoder, &root);
    let found = decoder.finish();
    let place = |span: super::super::Span| source.position(span.start).column;
    value.filter(|_| !found.has_errors()).ok_or_else(|| {
        let said = |d: &&super::super::Diagnostic| {
            let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
            format!("{}: {}{help}", d.span().map_or(0, place), d.message)
        };
        found.sorted().iter().map(said).collect()
    })
}

fn shape(text: &str) -> Result<Shape, Vec<String>> {
    with(text, Decoder::shape)
}

#[test]
fn types_are_words_or_mappings() {
    assert_eq!(shape("string"), Ok(Shape::String));
    assert_eq!(shape("object"), Ok(Shape::Object(None)));
    assert_eq!(shape("list"), Ok(Shape::List(Box::new(Shape::Any))));
    assert_eq!(
        shape("{ type: list, of: { type: object, of: { lag: duration, n: { type: integer, optional: true } } } }")
            .unwrap()
            .to_string(),
        "list of object"
    );
    let choice = Shape::Choice(vec!["yes".into(), "no".into()]);
    assert_eq!(
        shape("{ type: choice, choices: [yes, no] }"),
        Ok(choice.clone())
    );
    assert_eq!(shape("{ choices: [yes, no] }"), Ok(choice));
    let fields = with(
        "{ a: string, b: { type: time, optional: true } }",
        Decoder::shape_fields,
    );
    let fields = fields.unwrap();
    assert!(!fields["a"].optional);
    assert!(fields["b"].optional);
}

#[test]
fn what_is_no_type_is_said() {
    let said = |text| shape(text).unwrap_err().join("; ");
    assert_eq!(said("int"), "1: there is no type `int` (write `integer`)");
    assert!(said("strnig").contains("(did you mean `string`?)"));
    assert_eq!(said("choice"), "1: a choice needs `choices: [ … ]`");
    assert_eq!(
        said("{ type: string, of: string }"),
        "21: only a list or an object has `of`"
    );
    assert_eq!(
        said("{ type: integer, choices: [1] }"),
        "27: only `type: choice` has `choices`"
    );
    assert_eq!(
        said("{ of: string }"),
        "7: `of` needs `type: list` or `type: object` beside it"
    );
    assert_eq!(
        said("{ choices: [a, a] }"),
        "16: the choice `a` is there twice"
    );
    assert_eq!(
        said("{ choices: [] }"),
        "12: there is nothing to choose from"
    );
    assert!(said("{ type: list, of: secret }").contains("a secret stands by itself"));
    assert!(said("{ type: object, of: { a: secret } }").contains("a secret stands by itself"));
    assert!(said("{ type: list, of: { typ: string } }").contains("did you mean `type`?"));
    assert!(said("{ type: object, of: { Bad-Name: string } }").contains("is not a name"));
    assert_eq!(said("[a]").matches("expected one of string").count(), 1);
}

#[test]
fn values_are_read_as_their_type_says() {
    let fields = "{ type: object, of: { name: string, lag: duration, size: { type: size, optional: true }, ok: boolean } }";
    let shape = shape(fields).unwrap();
    let value = |text: &str| with(text, |d, n| d.value(&shape, n));
    let read = value("{ name: 012, lag: 4s, ok: true }").unwrap();
    assert_eq!(read.get("name"), Some(&Value::from("012")));
    assert_eq!(read.get("lag").unwrap().kind(), "duration");
    assert_eq!(read.get("size"), Some(&Value::None));
    let said = value("{ nam: x, lag: 4, size: {}, ok: 'true' }").unwrap_err();
    assert_eq!(
        said,
        [
            "1: the field `name` is missing",
            "3: the field `nam` is not declared (did you mean `name`?)",
            "16: `4` is not a duration: its unit is missing; write for example 30s, 5m, 1h 30m or 2d",
            "25: expected a size, found a mapping",
            "33: expected a boolean without quotes, found the text \"true\"",
        ]
    );
}

#[test]
fn without_a_type_a_value_is_what_it_looks_like() {
    let read = with(
        "[1, -2.5, 012, 1e3, true, no, ~, '3', 99999999999999999999, 4be19c2, {a: 0.5}]",
        |d, n| Some(d.untyped(n)),
    );
    assert_eq!(
        read.unwrap().to_string(),
        r#"[1,-2.5,"012","1e3",true,"no",null,"3","99999999999999999999","4be19c2",{"a":0.5}]"#
    );
}
