//! Why a step cannot be seen, in words.

use super::graph::Seen;
use super::names::{Note, View, plain};
use crate::expr::NameError;

impl View<'_> {
    /// The error for a step that is there but cannot be seen from here.
    pub(super) fn hidden(&self, there: usize, seen: Seen) -> NameError {
        let entry = |at: usize| self.file.graph.entries[at].step;
        let step = entry(there);
        let id = &step.id.value;
        let line = self.file.source().line_of(step.span.start);
        let mut note = Note {
            place: Some((step.id.span, "it stands here")),
            help: None,
        };
        let message = match seen {
            Seen::Yes => String::new(),
            Seen::Itself => {
                note.place = None;
                note.help = Some(format!("what it gives is `output`, not steps.{id}.output"));
                format!("step `{id}` is this step itself")
            }
            Seen::Around => {
                format!("step `{id}` (line {line}) is a block around this step, and not over yet")
            }
            Seen::Later => {
                note.help = Some("a step sees what stands above it".to_owned());
                format!("step `{id}` comes later (line {line})")
            }
            Seen::Beside(here, beside) => {
                let (here, beside) = (&entry(here).id, &entry(beside).id);
                note.help = Some(format!(
                    "add `needs: [{beside}]` to `{here}`, or take `parallel` away"
                ));
                format!(
                    "step `{id}` (line {line}) runs at the same time: `{here}` does not wait for `{beside}`"
                )
            }
            Seen::InLoop(around) => {
                let around = &entry(around).id;
                note.help = Some(format!(
                    "from outside the loop there is steps.{around}.items"
                ));
                format!("step `{id}` (line {line}) runs once for each item of `{around}`")
            }
            Seen::InUndo(of) => {
                let of = &entry(of).id;
                format!(
                    "step `{id}` (line {line}) is there to undo `{of}`, and is seen from nowhere else"
                )
            }
            Seen::InFinally => {
                format!("step `{id}` (line {line}) stands under `finally`, and comes last")
            }
        };
        self.noted(plain(message), note)
    }
}
