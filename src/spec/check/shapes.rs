//! The types of what a step leaves behind.

use std::collections::HashMap;
use std::rc::Rc;

use crate::model::call::FailureKind;
use crate::model::event::RunOutcome;
use crate::model::ids::{ActionName, ToolName};
use crate::model::{Field, Fields, Shape, Status};
use crate::spec::contract::Action;

const KINDS: [FailureKind; 14] = [
    FailureKind::Expression,
    FailureKind::Require,
    FailureKind::NotStarted,
    FailureKind::Refused,
    FailureKind::Exit,
    FailureKind::Signal,
    FailureKind::Answer,
    FailureKind::Output,
    FailureKind::Expect,
    FailureKind::Within,
    FailureKind::Loop,
    FailureKind::Inside,
    FailureKind::Person,
    FailureKind::Declined,
];

const OUTCOMES: [RunOutcome; 5] = [
    RunOutcome::Succeeded,
    RunOutcome::SucceededWithFailures,
    RunOutcome::Failed,
    RunOutcome::Declined,
    RunOutcome::Cancelled,
];

/// Types that many steps share.
pub(super) struct Shapes<'a> {
    pub(super) status: Shape,
    pub(super) error: Shape,
    pub(super) run_status: Shape,
    outputs: HashMap<(&'a ToolName, &'a ActionName), Rc<Shape>>,
    args: HashMap<(&'a ToolName, &'a ActionName), Rc<Shape>>,
}

impl<'a> Shapes<'a> {
    pub(super) fn new() -> Self {
        let statuses = Status::ALL.iter().map(|status| status.word().to_owned());
        let kind = |kind: &FailureKind| {
            let json = serde_json::to_value(kind).ok()?;
            json.as_str().map(str::to_owned)
        };
        let outcomes = OUTCOMES.iter().map(|outcome| outcome.word());
        let outcomes = outcomes.chain(["running"]).map(str::to_owned);
        Self {
            status: Shape::Choice(statuses.collect()),
            error: error(Shape::Choice(KINDS.iter().filter_map(kind).collect())),
            run_status: Shape::Choice(outcomes.collect()),
            outputs: HashMap::new(),
            args: HashMap::new(),
        }
    }

    /// The output of an action.
    pub(super) fn output(
        &mut self,
        tool: &'a ToolName,
        name: &'a ActionName,
        action: &Action,
    ) -> Rc<Shape> {
        let made = self.outputs.entry((tool, name));
        Rc::clone(made.or_insert_with(|| Rc::new(action.output_shape())))
    }

    /// The arguments of an action.
    pub(super) fn args(
        &mut self,
        tool: &'a ToolName,
        name: &'a ActionName,
        action: &Action,
    ) -> Rc<Shape> {
        let made = self.args.entry((tool, name));
        Rc::clone(made.or_insert_with(|| Rc::new(action.args_shape())))
    }

    /// The results of a loop: `steps.ID.items`.
    pub(super) fn items(&self, item: &Shape, output: Option<&Shape>) -> Shape {
        let field = |shape: &Shape, optional| Field {
            shape: shape.clone(),
            optional,
        };
        let mut fields = Fields::new();
        fields.insert("item".to_owned(), field(item, false));
        fields.insert("status".to_owned(), field(&self.status, false));
        if let Some(output) = output {
            fields.insert("output".to_owned(), field(output, true));
        }
        fields.insert("error".to_owned(), field(&self.error, true));
        Shape::List(Box::new(Shape::object(fields)))
    }
}

/// What expressions see of a failure.
fn error(kind: Shape) -> Shape {
    let field = |shape, optional| Field { shape, optional };
    let fields = [
        ("kind", field(kind, false)),
        ("message", field(Shape::String, false)),
        ("retry_after", field(Shape::Duration, true)),
    ];
    let named = fields.map(|(name, field)| (name.to_owned(), field));
    Shape::object(named.into_iter().collect())
}
