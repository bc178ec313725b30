//! The names that a step sees, with their types.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::LazyLock;

use super::file::{Called, File};
use super::graph::Seen;
use crate::expr::{NameError, TypeNames, Typed};
use crate::model::ids::Name;
use crate::model::suggest::nearest;
use crate::model::{Fields, Shape};
use crate::spec::limits::MAX_NEAR;
use crate::spec::source::Span;
use crate::spec::step::Does;

/// The names at one place of a file.
pub(super) struct View<'f> {
    pub(super) file: &'f File<'f>,
    /// The step; none above all steps.
    here: Option<usize>,
    /// Whether the item of the step's own loop is there.
    item: bool,
    /// Names that are there at this place only: `output`, `error`.
    own: Vec<(&'static str, &'f Shape, bool)>,
    /// Whether nothing else is.
    alone: bool,
    /// What there is to say beside an error, by its message.
    notes: RefCell<Vec<(String, Note)>>,
}

/// What there is to say beside an error about a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    /// Another place, with what it is.
    pub(super) place: Option<(Span, &'static str)>,
    /// What to do.
    pub(super) help: Option<String>,
}

/// The facts about a run.
const FACTS: [&str; 6] = [
    "id",
    "environment",
    "operator",
    "started",
    "status",
    "summary",
];

const STRING: Shape = Shape::String;
const INTEGER: Shape = Shape::Integer;
const ANY: Shape = Shape::Any;
static TEXTS: LazyLock<Shape> = LazyLock::new(|| Shape::List(Box::new(Shape::String)));
static ROWS: LazyLock<Shape> = LazyLock::new(|| Shape::List(Box::new(Shape::Any)));
const TIME: Shape = Shape::Time;

impl<'f> View<'f> {
    /// The names above all steps.
    pub(super) fn above(file: &'f File<'f>) -> Self {
        Self {
            file,
            here: None,
            item: false,
            own: Vec::new(),
            alone: false,
            notes: RefCell::default(),
        }
    }

    /// The names at a step.
    pub(super) fn at(file: &'f File<'f>, here: usize) -> Self {
        Self {
            here: Some(here),
            item: true,
            ..Self::above(file)
        }
    }

    /// The names of the output of a process, and nothing else: `ok` and `output` are read where
    /// the process ended, by what knows no run.
    pub(super) fn of_process(file: &'f File<'f>) -> Self {
        let own = vec![
            ("exit", &INTEGER, false),
            ("stdout", &STRING, false),
            ("stderr", &STRING, false),
            ("lines", &*TEXTS, false),
            ("json", &ANY, false),
            ("table", &*ROWS, false),
        ];
        Self {
            own,
            alone: true,
            ..Self::above(file)
        }
    }

    /// The same without the item of the step's own loop: before the loop begins.
    pub(super) fn before_loop(mut self) -> Self {
        self.item = false;
        self
    }

    /// The same with one more name.
    pub(super) fn with(mut self, name: &'static str, shape: &'f Shape, optional: bool) -> Self {
        self.own.push((name, shape, optional));
        self
    }

    /// What there is to say beside an error.
    pub(super) fn note(&self, message: &str) -> Option<Note> {
        let notes = self.notes.borrow();
        let found = notes.iter().find(|(other, _)| other == message);
        found.map(|(_, note)| note.clone())
    }

    pub(super) fn noted(&self, error: NameError, note: Note) -> NameError {
        self.notes.borrow_mut().push((error.message.clone(), note));
        error
    }

    /// The loops whose items are there, the innermost first, each with its item's name.
    fn items(&self) -> impl Iterator<Item = (&'f Name, usize)> {
        let graph = &self.file.graph;
        self.here.into_iter().flat_map(move |here| {
            graph.loops(here, self.item).filter_map(|at| {
                let each = graph.entries[at].step.how.for_each.as_ref()?;
                Some((&each.name, at))
            })
        })
    }

    /// The step that is taken back here.
    fn undone(&self) -> Option<usize> {
        self.file.graph.undone(self.here?)
    }

    fn called(&self) -> Option<&'f Called<'f>> {
        self.file.facts[self.undone()?].called.as_ref()
    }

    fn param(&self, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        of_fields(&self.file.params, rest, "params", "parameter")
    }

    fn var(&self, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        match self.file.vars.get() {
            Some(vars) => of_fields(vars, rest, "vars", "variable"),
            None => Err(plain("variables do not see each other")),
        }
    }

    fn run(&self, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        let shape = match rest.first().copied() {
            None => return Err(plain("`run` alone is no value: add .id, .environment, …")),
            Some("started") => &TIME,
            Some("status") => &self.file.shapes.run_status,
            Some("id" | "environment" | "operator" | "summary") => &STRING,
            Some(name) => return Err(NameError::field("`run`", name, FACTS)),
        };
        Ok(Typed::new(shape, 2))
    }

    fn step(&self, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        let file = self.file;
        let Some((id, rest)) = rest.split_first() else {
            return Err(plain(
                "`steps` alone is no value: name a step, as in steps.ID.output",
            ));
        };
        let Some(here) = self.here else {
            return Err(plain("no step has been done here yet"));
        };
        let Some(there) = file.graph.find(id) else {
            let shown = crate::model::text::escape_controls(id).into_owned();
            let known = file.graph.ids().take(MAX_NEAR);
            return Err(NameError {
                message: format!("there is no step `{shown}`"),
                nearest: nearest(id, known).map(str::to_owned),
            });
        };
        match file.graph.sees(here, there) {
            Seen::Yes => self.field(there, rest),
            hidden => Err(self.hidden(there, hidden)),
        }
    }

    /// A field of what a step left behind.
    fn field(&self, there: usize, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        let file = self.file;
        let step = file.graph.entries[there].step;
        let facts = &file.facts[there];
        let id = &step.id.value;
        let looped = step.how.for_each.is_some();
        match (rest.first().copied(), &step.does) {
            (None, _) => Err(plain(format!(
                "`steps.{id}` alone is no value: add .status, .output, .answer, .attempts, .error or .items"
            ))),
            (Some("status"), _) => Ok(Typed::new(&file.shapes.status, 3)),
            (Some("attempts"), _) => Ok(Typed::new(&INTEGER, 3)),
            (Some("error"), _) => Ok(descend(&file.shapes.error, 3, &rest[1..], true)),
            (Some("items"), _) if looped => {
                let items = facts.items.get();
                Ok(items.map_or(Typed::made(Shape::Any, 3), |items| Typed::new(items, 3)))
            }
            (Some("items"), _) => Err(plain(format!(
                "step `{id}` has no `for_each`, so it has no items"
            ))),
            (Some("output" | "answer"), _) if looped => Err(plain(format!(
                "step `{id}` runs once for each item: its results are steps.{id}.items"
            ))),
            (Some("answer"), Does::Ask(ask)) => Ok(descend(&ask.shape, 3, &rest[1..], false)),
            (Some("answer"), _) => Err(plain(format!(
                "step `{id}` asks nothing, so it has no answer"
            ))),
            (Some("output"), Does::Ask(_)) => Err(plain(format!(
                "step `{id}` is a question: its answer is steps.{id}.answer"
            ))),
            (Some("output"), does) => match &facts.output {
                Some(output) => Ok(descend(output, 3, &rest[1..], false)),
                None => Err(plain(no_output(id, does))),
            },
            (Some(name), _) => {
                let known = ["status", "output", "answer", "attempts", "error", "items"];
                Err(NameError::field(&format!("step `{id}`"), name, known))
            }
        }
    }

    /// What stands at a step's place only.
    fn rare(&self, root: &str, rest: &[&str]) -> Result<Typed<'f>, NameError> {
        let undone = self.undone().map(|of| &self.file.facts[of]);
        match (root, undone) {
            ("output", Some(facts)) => match &facts.output {
                Some(output) => Ok(descend(output, 1, rest, false)),
                None => Err(plain("what is taken back here has no output")),
            },
            ("args", Some(_)) => match self.called() {
                Some(called) => Ok(descend(&called.args, 1, rest, false)),
                None => Err(plain(
                    "what is taken back here is no call, so there are no `args`",
                )),
            },
            ("before", Some(_)) => match self.called() {
                Some(called) => match &called.before {
                    Some(before) => Ok(descend(before, 1, rest, false)),
                    None => Err(plain(format!(
                        "nothing is read before ${} {}, so there is no `before`",
                        called.contract.tool, called.name
                    ))),
                },
                None => Err(plain(
                    "what is taken back here is no call, so there is no `before`",
                )),
            },
            ("output", None) => Err(plain(
                "`output` is what the step itself gives: it is there in `expect`, `until`, `repeat`, `retry` and `undo`",
            )),
            ("error", _) => Err(plain(
                "`error` is there in the `if` of a `retry`; elsewhere write steps.ID.error",
            )),
            _ => Err(plain(format!("`{root}` is there in an undo only"))),
        }
    }

    fn unknown(&self, root: &str) -> NameError {
        let own = self.own.iter().map(|(name, ..)| *name);
        if self.alone {
            return NameError::unknown(root, own);
        }
        if matches!(root, "stdout" | "stderr" | "exit") {
            let mut error = NameError::unknown(root, []);
            error.nearest = Some(format!("output.{root}"));
            return error;
        }
        let items: Vec<&str> = self.items().map(|(name, _)| name.as_str()).collect();
        let roots = ["params", "vars", "steps", "run"];
        let mut error = NameError::unknown(root, own.chain(roots).chain(items));
        if self.file.params.contains_key(root) {
            error.nearest = Some(format!("params.{root}"));
        } else if self.file.runbook.vars.contains_key(root) {
            error.nearest = Some(format!("vars.{root}"));
        } else if self.file.graph.find(root).is_some() {
            error.nearest = Some(format!("steps.{root}"));
        }
        error
    }
}

impl TypeNames for View<'_> {
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError> {
        let Some((root, rest)) = path.split_first() else {
            return Err(self.unknown(""));
        };
        if let Some((_, shape, optional)) = self.own.iter().rev().find(|(name, ..)| name == root) {
            return Ok(descend(shape, 1, rest, *optional));
        }
        if self.alone {
            return Err(self.unknown(root));
        }
        if let Some((_, at)) = self.items().find(|(name, _)| name.as_str() == *root) {
            let item = self.file.facts[at].item.get();
            return Ok(item.map_or(Typed::made(Shape::Any, 1), |item| {
                descend(item, 1, rest, false)
            }));
        }
        match *root {
            "params" => self.param(rest),
            "vars" => self.var(rest),
            "run" => self.run(rest),
            "steps" => self.step(rest),
            "output" | "args" | "before" | "error" => self.rare(root, rest),
            "incident" => Err(plain("incidents are not available in this version")),
            "settings" => Err(plain("`settings` are there in adapters only")),
            root => Err(self.unknown(root)),
        }
    }
}

/// An error that no other name would mend.
pub(super) fn plain(message: impl Into<String>) -> NameError {
    NameError {
        message: message.into(),
        nearest: None,
    }
}

/// The type at the end of a path, of which `used` segments stand for `shape` and `rest` are
/// fields. What is not there is left to who asked: the message is then the same everywhere.
fn descend<'s>(shape: &'s Shape, used: usize, rest: &[&str], optional: bool) -> Typed<'s> {
    let mut typed = Typed::new(shape, used).optional(optional);
    let mut at = shape;
    for name in rest {
        let Shape::Object(Some(fields)) = at else {
            break;
        };
        let Some(field) = fields.get(*name) else {
            break;
        };
        at = &field.shape;
        typed = Typed {
            shape: Cow::Borrowed(at),
            used: typed.used + 1,
            optional: field.optional,
        };
    }
    typed
}

fn of_fields<'s>(
    fields: &'s Fields,
    rest: &[&str],
    root: &str,
    what: &str,
) -> Result<Typed<'s>, NameError> {
    let Some(name) = rest.first() else {
        return Err(plain(format!(
            "`{root}` alone is no value: add the name of a {what}"
        )));
    };
    match fields.get(*name) {
        Some(field) => Ok(Typed::new(&field.shape, 2).optional(field.optional)),
        None => {
            let shown = crate::model::text::escape_controls(name);
            let near = nearest(name, fields.keys().map(String::as_str));
            Err(NameError {
                message: format!("there is no {what} `{shown}`"),
                nearest: near.map(|near| format!("{root}.{near}")),
            })
        }
    }
}

fn no_output(id: &crate::model::ids::StepId, does: &Does) -> String {
    let what = match does {
        Does::Block { .. } => "is a block",
        Does::Manual(_) => "is a person's work",
        Does::Pause(_) => "is a pause",
        Does::Include(_) => "is another runbook",
        Does::Call(_) | Does::Run(_) | Does::Ask(_) => "gives nothing",
    };
    format!("step `{id}` {what}, so it has no output")
}
