//! Reading what was printed: as text, as lines, as JSON that keeps a contract's promise.

use crate::model::call::{Captured, Failure, FailureKind};
use crate::model::text::{clip, escape_controls};
use crate::model::{Map, Shape, Size, Value};

/// How much of a stream an output holds as text, in bytes. The record keeps more beside it.
pub const TEXT_CAP: usize = 16 << 10;

/// What a contract promises of an action's output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promise {
    /// The declared fields; `None` where nothing is declared.
    pub shape: Option<Shape>,
    /// The contract's example of it.
    pub example: Option<Value>,
}

/// The text without its last newline, what is not UTF-8 replaced.
pub(super) fn whole_text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// The same up to [`TEXT_CAP`]. What had to be left out is said in the notes.
pub(super) fn short_text(captured: &Captured, stream: &str, notes: &mut Vec<String>) -> String {
    let contiguous = match captured.cut {
        Some(cut) => &captured.bytes[..cut.after.min(captured.bytes.len())],
        None => &captured.bytes,
    };
    let mut text = whole_text(&contiguous[..contiguous.len().min(TEXT_CAP * 2)]);
    let total = captured.bytes.len() as u64 + captured.cut.map_or(0, |cut| cut.bytes);
    if text.len() > TEXT_CAP || captured.cut.is_some() {
        let mut end = text.len().min(TEXT_CAP);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        notes.push(format!(
            "the output's {stream} is only the first {} of {}",
            Size::from_bytes(text.len() as u64),
            Size::from_bytes(total),
        ));
    }
    text
}

/// Each line of what was printed.
pub(super) fn lines(captured: &Captured) -> Result<Value, Failure> {
    let bytes = whole(captured)?;
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| Value::Str(line.to_owned()));
    Ok(Value::List(lines.collect()))
}

/// What was printed, read as a table: its first line names the columns, and two or more spaces, or
/// a tab, stand between them. Each further line is an object with a text for each column.
///
/// Nothing is guessed: a line with more or fewer cells is refused, since nobody can say which of
/// them is empty.
pub(super) fn table(captured: &Captured) -> Result<Value, Failure> {
    let bytes = whole(captured)?;
    let text = String::from_utf8_lossy(bytes);
    let mut rows = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = rows.next() else {
        return Err(misfit("nothing was printed where a table is expected"));
    };
    let columns: Vec<String> = cells(header).map(column).collect();
    if let Some(twice) = columns
        .iter()
        .enumerate()
        .find_map(|(at, name)| columns[..at].contains(name).then_some(name))
    {
        let twice = escape_controls(twice);
        return Err(misfit(format!("the table has two columns `{twice}`")));
    }
    let row = |(at, line): (usize, &str)| {
        let row: Vec<&str> = cells(line).collect();
        if row.len() != columns.len() {
            let (found, wanted) = (row.len(), columns.len());
            let shown = escape_controls(&clip(line.trim(), 80)).into_owned();
            return Err(misfit(format!(
                "line {} of the table has {found} cells where its header has {wanted}: `{shown}`",
                at + 1
            )));
        }
        let cells = row.into_iter().map(Value::from);
        Ok(Value::Map(columns.iter().cloned().zip(cells).collect()))
    };
    rows.map(row).collect::<Result<_, _>>().map(Value::List)
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split('\t')
        .flat_map(|part| part.split("  "))
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
}

/// `LAST SEEN` is `last_seen`.
fn column(name: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_alphanumeric() => c.to_ascii_lowercase(),
        _ => '_',
    };
    name.chars().map(plain).collect()
}

/// What was printed, read as JSON.
pub(super) fn json(captured: &Captured) -> Result<serde_json::Value, Failure> {
    let bytes = whole(captured)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(misfit("nothing was printed where JSON is expected"));
    }
    serde_json::from_slice(bytes).map_err(|e| {
        misfit(format!(
            "what was printed is not JSON: {e}: {}",
            begin(bytes)
        ))
    })
}

/// All bytes, where none were left out: half of an answer is none.
pub(super) fn whole(captured: &Captured) -> Result<&[u8], Failure> {
    match captured.cut {
        None => Ok(&captured.bytes),
        Some(cut) => Err(misfit(format!(
            "more was printed than is kept: {} are missing",
            Size::from_bytes(cut.bytes)
        ))),
    }
}

/// JSON as what the contract promised.
pub(super) fn fit(json: &serde_json::Value, promise: &Promise) -> Result<Value, Failure> {
    match &promise.shape {
        None => Ok(Value::from_plain(json)),
        Some(shape) => shape
            .fit(json)
            .map_err(|e| misfit(format!("the output does not fit the contract: {e}"))),
    }
}

/// Says what would have been right.
pub(super) fn with_example(failure: Failure, promise: &Promise) -> Failure {
    match (&promise.example, &promise.shape) {
        _ if failure.hint.is_some() => failure,
        (Some(example), _) => failure.hint(expected(&example.to_plain())),
        (None, Some(shape)) => failure.hint(expected(&sample(shape))),
        (None, None) => failure,
    }
}

fn expected(json: &serde_json::Value) -> String {
    format!("expected on stdout, for example: {json}")
}

/// A failure of the output itself.
pub(super) fn misfit(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Output, message)
}

fn begin(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    format!("`{}`", clip(text.trim(), 80))
}

/// JSON of that shape, for a hint.
fn sample(shape: &Shape) -> serde_json::Value {
    use serde_json::json;
    match shape {
        Shape::String => json!("text"),
        Shape::Integer => json!(1),
        Shape::Number => json!(1.5),
        Shape::Boolean => json!(true),
        Shape::Duration => json!("30s"),
        Shape::Size => json!("16 KiB"),
        Shape::Time => json!("2026-11-20T19:53:59Z"),
        Shape::Choice(choices) => json!(choices.first()),
        Shape::Object(None) => json!({}),
        Shape::Object(Some(fields)) => fields
            .iter()
            .map(|(name, field)| (name.clone(), sample(&field.shape)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Shape::List(of) => json!([sample(of)]),
        Shape::Any => json!(null),
        Shape::Secret => json!("…"),
    }
}

/// `{exit, stdout, stderr}`, as every process's output is where nothing else is asked for. After a
/// signal `exit` is `none`.
pub(super) fn plain(
    exit: Option<i32>,
    stdout: &Captured,
    stderr: &Captured,
    notes: &mut Vec<String>,
) -> Value {
    let exit = exit.map_or(Value::None, |code| Value::Int(code.into()));
    let mut map = Map::new();
    map.insert("exit".into(), exit);
    for (name, captured) in [("stdout", stdout), ("stderr", stderr)] {
        map.insert(name.into(), Value::Str(short_text(captured, name, notes)));
    }
    Value::Map(map)
}

/// The last thing that was said, for a message: usually the reason.
pub(super) fn last_line(captured: &Captured) -> Option<String> {
    let from = captured.bytes.len().saturating_sub(4 << 10);
    let text = String::from_utf8_lossy(&captured.bytes[from..]);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(clip(line.trim(), 200).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::Cut;
    use crate::model::{Field, Fields};

    fn captured(text: &str) -> Captured {
        Captured {
            bytes: text.into(),
            cut: None,
        }
    }

    fn promise() -> Promise {
        let mut fields = Fields::new();
        for (name, shape) in [("promoted", Shape::String), ("took", Shape::Duration)] {
            let optional = false;
            fields.insert(name.into(), Field { shape, optional });
        }
        Promise {
            shape: Some(Shape::object(fields)),
            example: None,
        }
    }

    #[test]
    fn one_newline_at_the_end_is_not_text() {
        assert_eq!(whole_text(b"a\n\n"), "a\n");
        assert_eq!(whole_text(b"a\r\n"), "a");
        assert_eq!(whole_text(b""), "");
    }

    #[test]
    fn threat_33_what_is_not_utf_8_is_replaced() {
        assert_eq!(whole_text(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn long_text_is_cut_and_that_is_said() {
        let mut notes = Vec::new();
        let text = short_text(&captured(&"ü".repeat(20_000)), "stdout", &mut notes);
        assert_eq!(text.len(), TEXT_CAP);
        assert_eq!(
            notes,
            ["the output's stdout is only the first 16 KiB of 40000 B"]
        );
        let short = short_text(&captured("a\n"), "stdout", &mut notes);
        assert_eq!((&*short, notes.len()), ("a", 1));
    }

    #[test]
    fn half_an_answer_is_none() {
        let mut half = captured("[1]");
        half.cut = Some(Cut {
            after: 1,
            bytes: 2048,
        });
        let failure = json(&half).unwrap_err();
        assert_eq!(
            failure.message,
            "more was printed than is kept: 2 KiB are missing"
        );
        assert!(lines(&half).is_err());
    }

    #[test]
    fn a_misfit_says_where_and_what_would_be_right() {
        let wrong = serde_json::json!({"promoted": "r1", "took": true});
        let failure = with_example(fit(&wrong, &promise()).unwrap_err(), &promise());
        assert_eq!(failure.kind, FailureKind::Output);
        assert_eq!(
            failure.message,
            "the output does not fit the contract: took: expected a duration, found true"
        );
        assert_eq!(
            failure.hint.as_deref(),
            Some(r#"expected on stdout, for example: {"promoted":"text","took":"30s"}"#)
        );
    }

    #[test]
    fn what_is_not_json_is_shown() {
        let failure = json(&captured("promoted r1\n")).unwrap_err();
        assert!(failure.message.starts_with("what was printed is not JSON"));
        assert!(failure.message.ends_with("`promoted r1`"));
        let failure = json(&captured(" \n")).unwrap_err();
        assert!(failure.message.starts_with("nothing was printed"));
    }

    #[test]
    fn a_table_is_read_by_its_header() {
        let printed = "NAME    READY   LAST SEEN\n\nweb-1   1/1     2 days ago\nweb-2\t0/1\t3s\n";
        let rows = table(&captured(printed)).unwrap().to_plain();
        assert_eq!(
            rows,
            serde_json::json!([
                {"name": "web-1", "ready": "1/1", "last_seen": "2 days ago"},
                {"name": "web-2", "ready": "0/1", "last_seen": "3s"},
            ])
        );
        assert_eq!(table(&captured("NAME\n")).unwrap(), Value::List(Vec::new()));
        for (printed, said) in [
            ("\n", "nothing was printed where a table is expected"),
            (
                "NAME  READY\nweb-1\n",
                "line 2 of the table has 1 cells where its header has 2: `web-1`",
            ),
            ("A  A\n1  2\n", "the table has two columns `a`"),
        ] {
            let failure = table(&captured(printed)).unwrap_err();
            assert_eq!(failure.message, said);
        }
    }
}
