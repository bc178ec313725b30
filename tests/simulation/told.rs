//! What came of a story.

use std::sync::Arc;

use runbook::model::event::{GateOpened, Happened, RunOutcome};
use runbook::model::ids::StepKey;
use runbook::model::{Event, Status};
use runbook::run::{Need, Run, StepView, fold};

use super::driver::{Driver, Left, Started, run_id, starts, trace};
use super::story::Lines;

/// A story that was told.
pub struct Told {
    pub run: Run,
    pub events: Vec<Event>,
    pub left: Left,
}

impl Told {
    /// The events make the same run again.
    pub fn folds_again(&self) {
        let again = fold(run_id(), Arc::clone(self.run.plan()), &self.events)
            .unwrap_or_else(|e| panic!("{e}\n{}", self.trace()));
        assert!(again == self.run, "folded again, it is another run");
    }

    /// From each beginning of the events, the run can be taken up again and goes on to an end.
    pub fn resumes_from_everywhere(&self) {
        for end in 1..self.events.len() {
            let plan = Arc::clone(self.run.plan());
            let mut driver = Driver::resume(plan, &self.events[..end], Lines::default());
            let left = driver.go();
            assert_eq!(left, Left::Closed, "{}", trace(&driver.events));
        }
    }

    pub fn trace(&self) -> String {
        trace(&self.events)
    }

    pub fn step(&self, step: &str) -> StepView<'_> {
        self.run
            .step(&StepKey::from_text(step))
            .unwrap_or_else(|| panic!("{step} was not reached\n{}", self.trace()))
    }

    pub fn started(&self) -> Vec<Started> {
        starts(&self.events)
    }

    /// The gates that were opened at a step.
    pub fn gates<'a>(&'a self, step: &'a str) -> Vec<&'a GateOpened> {
        self.of(step)
            .filter_map(|event| match &event.what {
                Happened::GateOpened(gate) => Some(&**gate),
                _ => None,
            })
            .collect()
    }

    fn of<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| {
            event
                .step
                .as_ref()
                .is_some_and(|other| other.as_str() == step)
        })
    }

    /// The kinds of events about a step, in order.
    pub fn kinds(&self, step: &str) -> Vec<&'static str> {
        self.of(step).map(|event| event.what.kind()).collect()
    }

    /// The idempotency keys of a step's starts.
    pub fn keys(&self, step: &str) -> Vec<String> {
        self.started()
            .into_iter()
            .filter(|started| started.step == step)
            .map(|started| started.key)
            .collect()
    }

    /// The words of a step's starts.
    pub fn words(&self, step: &str) -> Vec<String> {
        self.started()
            .into_iter()
            .filter(|started| short(&started.step) == step)
            .map(|started| started.words)
            .collect()
    }

    #[track_caller]
    pub fn expect_status(&self, step: &str, status: Status) -> &Self {
        assert_eq!(self.step(step).status(), status, "{step}\n{}", self.trace());
        self
    }

    #[track_caller]
    pub fn expect_unreached(&self, step: &str) -> &Self {
        let view = self.run.step(&StepKey::from_text(step));
        assert!(
            view.is_none_or(|view| view.status() == Status::Pending),
            "{}",
            self.trace()
        );
        self
    }

    #[track_caller]
    pub fn expect_outcome(&self, outcome: RunOutcome) -> &Self {
        let closed = self.run.closing().map(|closed| closed.outcome);
        assert_eq!(closed, Some(outcome), "{}", self.trace());
        self
    }

    /// What was started, in this order, and nothing else.
    #[track_caller]
    pub fn expect_started(&self, steps: &[&str]) -> &Self {
        let started = self.started();
        let started: Vec<&str> = started.iter().map(|s| short(&s.step)).collect();
        assert_eq!(started, steps, "{}", self.trace());
        self
    }

    #[track_caller]
    pub fn expect_failure(&self, step: &str, says: &str) -> &Self {
        let view = self.step(step);
        let message = view.failure().map_or("", |failure| &failure.message);
        assert!(message.contains(says), "{message}\n{}", self.trace());
        self
    }

    #[track_caller]
    pub fn expect_kinds(&self, step: &str, kinds: &[&str]) -> &Self {
        assert_eq!(self.kinds(step), kinds, "{}", self.trace());
        self
    }

    /// Where the run waits for somebody.
    #[track_caller]
    pub fn expect_waits(&self, step: &str) -> &Need {
        match &self.left {
            Left::Needs(needed) => {
                assert_eq!(needed.step.as_str(), step, "{}", self.trace());
                &needed.need
            }
            Left::Closed => panic!("it is closed\n{}", self.trace()),
        }
    }

    #[track_caller]
    pub fn expect_follow_up(&self, says: &str) -> &Self {
        let closed = self.run.closing().unwrap();
        assert!(
            closed.follow_ups.iter().any(|text| text.contains(says)),
            "{:?}",
            closed.follow_ups
        );
        self
    }
}

/// The only call of an undo has no name of its own.
fn short(step: &str) -> &str {
    match step.rsplit_once("/step_") {
        Some((undo, _)) if undo.starts_with("undo/") => undo,
        _ => step,
    }
}
