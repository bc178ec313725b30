//! Runbooks that are included: whether they are there, what they are given, and that none
//! includes itself.

use std::collections::{HashMap, HashSet, VecDeque};

use super::expressions::what;
use super::file::File;
use super::library::Library;
use super::names::View;
use crate::expr::fits;
use crate::model::ids::{Name, RunbookName};
use crate::model::suggest::nearest;
use crate::model::text::escape_controls;
use crate::model::{Shape, Value};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::limits::MAX_STEPS;
use crate::spec::shape::articled;
use crate::spec::step::{Does, Include, Literal, Runbook};

/// What a runbook includes directly.
pub(super) fn of(runbook: &Runbook) -> Vec<&Include> {
    let mut found = Vec::new();
    for step in runbook.steps.iter().chain(&runbook.finally) {
        step.visit(&mut |step| {
            if let Does::Include(include) = &step.does {
                found.push(include);
            }
        });
    }
    found
}

impl File<'_> {
    /// One include: the runbook it names, and the values it gives.
    pub(super) fn include(&self, include: &Include, view: &View<'_>) {
        let name = &include.runbook;
        let mut shapes = HashMap::new();
        for (param, literal) in &include.with {
            let shape = self.literal(&literal.value, literal.span, view);
            shapes.insert(param, shape);
        }
        let Some(included) = self.library.runbooks.get(&name.value) else {
            let error = if self.library.is_broken_runbook(&name.value) {
                self.error(
                    name.span,
                    format!("the runbook `{name}` has errors of its own"),
                )
            } else {
                let names = self.library.runbooks.keys().map(RunbookName::as_str);
                let near = nearest(name.as_str(), names);
                self.error(name.span, format!("there is no runbook `{name}`"))
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
            };
            return self.report(error.code("unknown-runbook"));
        };
        if !included.finally.is_empty() {
            let message = format!("`{name}` has steps under `finally`, which nobody would do here");
            self.report(
                self.error(name.span, message)
                    .code("include")
                    .help("do them under `finally` of this runbook, and include what is left"),
            );
        }
        if let (Some(lock), None) = (&included.lock, &self.runbook.lock) {
            let message = format!("`{name}` has a lock, which is not taken where it is included");
            let lock = escape_controls(lock.source());
            let help = format!("add a `lock` to this runbook; that of `{name}` is `{lock}`");
            let warning = Diagnostic::warning(self.source(), name.span, message);
            self.report(warning.code("lock").help(help));
        }
        for (param_name, literal) in &include.with {
            let Some(param) = included.params.get(param_name) else {
                let names = || included.params.keys().map(Name::as_str);
                let list: Vec<&str> = names().collect();
                let near = nearest(param_name.as_str(), names());
                let message = format!("`{name}` has no parameter `{param_name}`");
                let help = match list.as_slice() {
                    [] => "it has none".to_owned(),
                    list => format!("its parameters are {}", list.join(", ")),
                };
                self.report(
                    self.error(literal.span, message)
                        .code("parameter")
                        .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
                        .help(help),
                );
                continue;
            };
            let problem = match (literal.constant(), shapes.get(param_name)) {
                (Some(Value::None), _) => None,
                (Some(value), _) => param.admit(&value).err(),
                (None, Some(Some(found)))
                    if param.shape != Shape::Secret
                        && self.seen(found.clone(), literal.span).is_none() =>
                {
                    None
                }
                (None, Some(Some(found))) if !fits(found, &param.shape) => {
                    let (wanted, found) = (articled(&param.shape), what(found));
                    Some(format!("it is {wanted}, and this is {found}"))
                }
                _ => None,
            };
            if let Some(problem) = problem {
                let message = format!("the parameter `{param_name}` of `{name}`: {problem}");
                let error = self.error(literal.span, message).code("parameter");
                self.report(match param.shape {
                    Shape::Secret => error.help(crate::spec::secrets::BY_NAME).unseen(),
                    _ => error,
                });
            }
        }
        for (param_name, param) in &included.params {
            let given = include.with.get(param_name);
            let none = Literal::Value(Value::None);
            if param.default.is_none() && given.is_none_or(|literal| literal.value == none) {
                let message = format!("`{name}` needs the parameter `{param_name}`");
                let help = param.help.as_ref();
                self.report(
                    self.error(name.span, message)
                        .code("parameter")
                        .maybe_help(help)
                        .help(format!("add `with: {{ {param_name}: … }}`")),
                );
            }
        }
    }

    /// All includes together: none leads back to this runbook, and it does not grow too large.
    pub(super) fn includes(&self) {
        let includes = of(self.runbook);
        let mut ways: HashMap<&RunbookName, Option<Vec<&RunbookName>>> = HashMap::new();
        let mut circular = false;
        for include in includes {
            let name = &include.runbook.value;
            let way = ways
                .entry(name)
                .or_insert_with(|| way(name, &self.runbook.name.value, self.library));
            if let Some(way) = way {
                circular = true;
                let path: Vec<String> = std::iter::once(&self.runbook.name.value)
                    .chain(way.iter().copied())
                    .map(ToString::to_string)
                    .collect();
                let message = format!("this runbook includes itself: {}", path.join(" → "));
                self.report(
                    self.error(include.runbook.span, message)
                        .code("include-cycle"),
                );
            }
        }
        let steps = if circular {
            0
        } else {
            size(&self.runbook.name.value, self.library)
        };
        if steps > MAX_STEPS {
            let message = format!(
                "with the runbooks that it includes this has {steps} steps, and at most {MAX_STEPS} are run"
            );
            self.report(Diagnostic::of_file(self.source(), message).code("too-large"));
        }
    }
}

/// The shortest way from one runbook to another by includes.
fn way<'a>(
    from: &'a RunbookName,
    to: &'a RunbookName,
    library: &Library<'a>,
) -> Option<Vec<&'a RunbookName>> {
    let mut came: HashMap<&RunbookName, Option<&RunbookName>> = HashMap::from([(from, None)]);
    let mut queue = VecDeque::from([from]);
    while let Some(name) = queue.pop_front() {
        if name == to {
            let mut way = vec![name];
            let mut at = name;
            while let Some(Some(before)) = came.get(at) {
                way.push(before);
                at = before;
            }
            way.reverse();
            return Some(way);
        }
        let Some(runbook) = library.runbooks.get(name) else {
            continue;
        };
        for include in of(runbook) {
            let next = &include.runbook.value;
            if !came.contains_key(next) {
                came.insert(next, Some(name));
                queue.push_back(next);
            }
        }
    }
    None
}

/// How many steps a runbook has with all that it includes. What includes itself counts once.
fn size(name: &RunbookName, library: &Library<'_>) -> usize {
    let mut sizes: HashMap<&RunbookName, usize> = HashMap::new();
    let mut open: HashSet<&RunbookName> = HashSet::new();
    let mut stack = vec![(name, false)];
    while let Some((name, counted)) = stack.pop() {
        let Some(runbook) = library.runbooks.get(name) else {
            continue;
        };
        if counted {
            let mut total: usize = 0;
            for step in runbook.steps.iter().chain(&runbook.finally) {
                step.visit(&mut |_| total = total.saturating_add(1));
            }
            for include in of(runbook) {
                let more = sizes.get(&include.runbook.value).copied().unwrap_or(0);
                total = total.saturating_add(more);
            }
            sizes.insert(name, total);
        } else if open.insert(name) {
            stack.push((name, true));
            let inner = of(runbook).into_iter();
            stack.extend(inner.map(|include| (&include.runbook.value, false)));
        }
    }
    sizes.get(name).copied().unwrap_or(0)
}
