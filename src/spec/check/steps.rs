//! What is checked at every step.

use super::expressions::what;
use super::file::File;
use super::names::View;
use crate::expr::{Expression, fits};
use crate::model::suggest::nearest;
use crate::model::{Shape, Value};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::shape::articled;
use crate::spec::source::Spanned;
use crate::spec::step::{Ask, Does, ForEach, Gate, RunCommand, RunStep};

impl File<'_> {
    /// The steps of a list, each after those that it can see. Blocks do not lie deep.
    pub(super) fn steps(&self, list: usize) {
        for at in &self.graph.lists[list].order {
            if self.is_full() {
                return;
            }
            self.step(*at);
        }
    }

    fn step(&self, at: usize) {
        let entry = &self.graph.entries[at];
        let how = &entry.step.how;
        let view = View::at(self, at);
        for template in [&how.title, &how.why].into_iter().flatten() {
            self.template(template, &view);
        }
        for condition in [&how.condition, &how.require].into_iter().flatten() {
            self.decision(condition, &view);
            self.never(condition);
        }
        if let Some(each) = &how.for_each {
            self.for_each(at, each, &view);
        }
        if let Some(gate) = &how.gate {
            self.gate(at, &gate.value);
        }
        match &entry.step.does {
            Does::Block { .. } => {}
            Does::Call(call) => self.call(at, call, &view),
            Does::Run(run) => self.run(at, run, &view),
            Does::Manual(manual) => {
                for item in &manual.items {
                    self.template(item, &view);
                }
                if let Some(reveal) = &manual.reveal {
                    self.revealed(reveal, &view);
                }
            }
            Does::Ask(ask) => self.ask(ask, &view),
            Does::Pause(_) => {}
            Does::Include(include) => self.include(include, &view),
        }
        if let Some(inner) = entry.inner {
            self.steps(inner);
        }
        self.afterwards(at);
        if let Some(undo) = entry.undo {
            self.steps(undo);
        }
    }

    /// A condition that is written out false.
    fn never(&self, condition: &Spanned<Expression>) {
        if condition.as_constant() == Some(&Value::Bool(false)) {
            let message = "this is never true, so the step is never done";
            let warning = Diagnostic::warning(self.source(), condition.span, message);
            self.report(warning.code("unreachable").help("remove the step"));
        }
    }

    fn for_each(&self, at: usize, each: &ForEach, view: &View<'_>) {
        let outside = View::at(self, at).before_loop();
        let item = match self.expression(&each.list, &outside) {
            Some(Shape::List(of)) => *of,
            None | Some(Shape::Any) => Shape::Any,
            Some(other) => {
                let message = format!("`for_each` needs a list, and this is {}", what(&other));
                let error = self.error(each.list.span, message).code("wrong-type");
                self.report(error.help("[a, b] is a list, and range(3) one of 0, 1 and 2"));
                Shape::Any
            }
        };
        let facts = &self.facts[at];
        let output = facts.output.as_deref();
        facts.items.get_or_init(|| self.shapes.items(&item, output));
        facts.item.get_or_init(|| item);
        if let Some(key) = &each.key
            && let Some(shape @ (Shape::List(_) | Shape::Object(_))) = self.expression(key, view)
        {
            let message = format!("a key names an instance, and this is {}", articled(&shape));
            self.report(self.error(key.span, message).code("wrong-type"));
        }
    }

    fn gate(&self, at: usize, gate: &Gate) {
        let Gate::Ask(ask) = gate else {
            return;
        };
        // Asked once for all items, there is no item yet.
        let view = match ask.once {
            true => View::at(self, at).before_loop(),
            false => View::at(self, at),
        };
        for template in std::iter::once(&ask.confirm).chain(&ask.challenge) {
            self.template(template, &view);
        }
        for shown in &ask.show {
            self.expression(shown, &view);
        }
        let others = ask.approvals.as_ref();
        let others = others.and_then(|approvals| approvals.condition.as_ref());
        for condition in ask.condition.iter().chain(others) {
            self.decision(condition, &view);
        }
    }

    /// What is looked at once there is an output.
    fn afterwards(&self, at: usize) {
        let step = self.graph.entries[at].step;
        let how = &step.how;
        let output = self.facts[at].output.as_deref();
        let with_output = |optional| {
            let view = View::at(self, at);
            match output {
                Some(output) => view.with("output", output, optional),
                None => view,
            }
        };
        let decisions = how
            .expect
            .iter()
            .chain(how.poll.iter().map(|poll| &poll.until))
            .chain(how.repeat.iter().map(|repeat| &repeat.until));
        for decision in decisions {
            self.decision(decision, &with_output(false));
        }
        if let Some(condition) = how
            .retry
            .as_ref()
            .and_then(|retry| retry.condition.as_ref())
        {
            let view = with_output(true).with("error", &self.shapes.error, false);
            self.decision(condition, &view);
        }
    }

    fn run(&self, at: usize, run: &RunStep, view: &View<'_>) {
        if let RunCommand::Argv(words) = &run.command {
            for word in words {
                self.template(word, view);
            }
        }
        for template in run.env.values() {
            self.variable(template, view);
        }
        if let Some(dir) = &run.dir {
            self.template(dir, view);
        }
        let process = View::of_process(self);
        if let Some(ok) = &run.ok {
            self.decision(ok, &process);
        }
        if let crate::spec::step::OutputSpec::Mapping(fields) = &run.output {
            for expression in fields.values() {
                self.expression(expression, &process);
            }
        }
        self.effect_of_run(at);
    }

    fn ask(&self, ask: &Ask, view: &View<'_>) {
        self.template(&ask.question, view);
        let Some(suggest) = &ask.suggest else {
            return;
        };
        let Some(found) = self.expression(suggest, view) else {
            return;
        };
        if fits(&found, &ask.shape) {
            return;
        }
        let (message, help) = match (&found, &ask.shape) {
            (Shape::Choice(found), Shape::Choice(choices)) => {
                let wrong = found.iter().find(|word| !choices.contains(word));
                let wrong = wrong.map_or("", String::as_str);
                let near = nearest(wrong, choices.iter().map(String::as_str));
                (
                    format!(
                        "`{}` is not one of the choices {}",
                        crate::model::text::escape_controls(wrong),
                        choices.join(", ")
                    ),
                    near.map(|near| format!("did you mean `{near}`?")),
                )
            }
            (found, wanted) => {
                let (found, wanted) = (what(found), articled(wanted));
                (format!("the answer is {wanted}, and this is {found}"), None)
            }
        };
        let error = self.error(suggest.span, message).code("wrong-type");
        self.report(error.maybe_help(help));
    }
}
