//! JSON lines on standard output: each durable record byte for byte, and beside them what is
//! ephemeral, marked as such.

use std::io::Write;

use serde_json::json;

use super::reporter::{Notice, Reporter};
use crate::model::call::Stream;
use crate::model::ids::StepKey;
use crate::model::text::is_unsafe;
use crate::run::Run;

/// Tells a run in JSON lines.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Lines go to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    fn write(&mut self, line: &[u8]) {
        // A reader that went away is not the run's failure.
        let _ = self.out.write_all(line);
        let _ = self.out.write_all(b"\n");
        let _ = self.out.flush();
    }
}

/// `{"ephemeral":true,"kind":"output","step":…,"stream":…,"text":…}`. Characters that could move a
/// cursor are written as JSON's own escapes: the text stays what it was, whoever reads it.
fn output(step: &StepKey, stream: Stream, line: &[u8]) -> String {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let json = json!({
        "ephemeral": true,
        "kind": "output",
        "step": step,
        "stream": stream,
        "text": String::from_utf8_lossy(line),
    });
    let mut out = String::new();
    for c in json.to_string().chars() {
        if is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

impl<W: Write> Reporter for JsonLines<W> {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Recorded { json, .. } => self.write(json),
            Notice::Line { step, stream, line } => {
                self.write(output(step, stream, line).as_bytes());
            }
            Notice::Waiting { .. } | Notice::Leaving { .. } | Notice::Left { .. } => {}
        }
    }

    fn suspend(&mut self) {}

    fn resume(&mut self) {}

    fn finish(&mut self, _run: &Run) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::report::testing::{self, Story};

    #[test]
    fn each_record_is_passed_on_byte_for_byte() {
        let story = Story::new(false).play();
        let mut out = Vec::new();
        testing::report(&story, &mut JsonLines::new(&mut out));
        let expected: Vec<u8> = story
            .events
            .iter()
            .flat_map(|e| [serde_json::to_vec(&e.what).unwrap(), vec![b'\n']].concat())
            .collect();
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn no_byte_of_an_output_line_reaches_the_writer_as_a_control(line: Vec<u8>) {
            let mut out = Vec::new();
            let step = StepKey::from_text("failover");
            let notice = Notice::Line { step: &step, stream: Stream::Stderr, line: &line };
            JsonLines::new(&mut out).notice(notice);
            let text = String::from_utf8(out).unwrap();
            let text = text.strip_suffix('\n').unwrap();
            prop_assert!(text.chars().all(|c| !is_unsafe(c)));
            let read: serde_json::Value = serde_json::from_str(text).unwrap();
            let expected = String::from_utf8_lossy(&line);
            prop_assert_eq!(read["text"].as_str(), Some(expected.as_ref()));
            prop_assert_eq!(&read["ephemeral"], &serde_json::Value::Bool(true));
        }
    }
}
