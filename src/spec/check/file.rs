//! The check of one file: what is known of its steps, and the way through them.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::graph::Graph;
use super::library::Library;
use super::names::View;
use super::shapes::Shapes;
use crate::expr::Template;
use crate::model::ids::ActionName;
use crate::model::text::escape_controls;
use crate::model::{Field, Fields, Shape};
use crate::spec::contract::{Action, Contract};
use crate::spec::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::expressions::place_in;
use crate::spec::resolve;
use crate::spec::source::{Source, Span, Spanned};
use crate::spec::step::{Call, Does, Runbook};

/// One file while it is checked.
pub(super) struct File<'a> {
    pub(super) runbook: &'a Runbook,
    pub(super) library: &'a Library<'a>,
    pub(super) graph: Graph<'a>,
    pub(super) facts: Vec<Facts<'a>>,
    pub(super) shapes: Shapes<'a>,
    pub(super) params: Fields,
    pub(super) vars: OnceCell<Fields>,
    found: RefCell<Diagnostics>,
}

/// What is known of a step.
#[derive(Default)]
pub(super) struct Facts<'a> {
    /// The type of its output; of any, where its call could not be understood.
    pub(super) output: Option<Rc<Shape>>,
    /// The action that it calls.
    pub(super) called: Option<Called<'a>>,
    /// The type of its loop's items, once that was checked.
    pub(super) item: OnceCell<Shape>,
    /// The type of its loop's results, once that was checked.
    pub(super) items: OnceCell<Shape>,
}

/// An action that a step calls, with the types that its undo sees.
pub(super) struct Called<'a> {
    pub(super) contract: &'a Contract,
    pub(super) name: &'a ActionName,
    pub(super) action: &'a Action,
    pub(super) args: Rc<Shape>,
    /// The type of what is read just before it acts.
    pub(super) before: Option<Rc<Shape>>,
}

impl<'a> File<'a> {
    pub(super) fn new(runbook: &'a Runbook, library: &'a Library<'a>) -> Self {
        let graph = Graph::new(runbook);
        let mut shapes = Shapes::new();
        let facts = graph
            .entries
            .iter()
            .map(|entry| facts(&entry.step.does, library, &mut shapes))
            .collect();
        let params = runbook.params.iter().map(|(name, param)| {
            let field = Field {
                shape: param.shape.clone(),
                optional: false,
            };
            (name.to_string(), field)
        });
        Self {
            runbook,
            library,
            graph,
            facts,
            shapes,
            params: params.collect(),
            vars: OnceCell::new(),
            found: RefCell::default(),
        }
    }

    pub(super) fn check(self) -> Diagnostics {
        self.head();
        self.steps(self.graph.steps);
        self.steps(self.graph.finally);
        self.includes();
        self.found.into_inner()
    }

    /// What stands above the steps.
    fn head(&self) {
        let view = View::above(self);
        let mut vars = Fields::new();
        for (name, literal) in &self.runbook.vars {
            let shape = self.literal(&literal.value, literal.span, &view);
            let shape = shape.and_then(|shape| self.seen(shape, literal.span));
            let field = Field {
                shape: shape.unwrap_or(Shape::Any),
                optional: false,
            };
            vars.insert(name.to_string(), field);
        }
        // Variables do not see each other, so they are known only when all of them were read.
        self.vars.get_or_init(|| vars);
        for template in self.runbook.env.values() {
            self.variable(template, &view);
        }
        if let Some(dir) = &self.runbook.dir {
            self.template(dir, &view);
        }
        if let Some(lock) = &self.runbook.lock {
            self.lock(lock, &view);
        }
    }

    /// A lock is taken before anything is done, so only the parameters can name it.
    fn lock(&self, lock: &Spanned<Template>, view: &View<'_>) {
        let others = lock.references().iter();
        let others = others.filter(|name| name.path.first().is_none_or(|root| root != "params"));
        let mut known = true;
        for other in others {
            known = false;
            let name = escape_controls(&other.path.join(".")).into_owned();
            let place = place_in(self.source(), lock.span, lock.source(), &other.span);
            let error = self.error(
                place,
                format!("`{name}` is not known before the run begins"),
            );
            let help = "a lock is named by fixed words and by `params`";
            self.report(error.code("lock").help(help));
        }
        if known {
            self.template(lock, view);
        }
    }

    pub(super) fn source(&self) -> &'a Arc<Source> {
        &self.runbook.source
    }

    pub(super) fn report(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.source(), span, message)
    }

    /// Whether so much was found that looking for more is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.found.borrow().left_out() > 0
    }
}

fn facts<'a>(does: &'a Does, library: &Library<'a>, shapes: &mut Shapes<'a>) -> Facts<'a> {
    match does {
        Does::Call(call) => {
            let called = called(call, library, shapes);
            let output = called
                .as_ref()
                .map(|called| shapes.output(&called.contract.tool, called.name, called.action));
            Facts {
                output: Some(output.unwrap_or_else(|| Rc::new(Shape::Any))),
                called,
                ..Facts::default()
            }
        }
        Does::Run(run) => Facts {
            output: Some(Rc::new(run.output.shape())),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

/// The action of a call; what is wrong with it is said when its turn comes.
fn called<'a>(call: &Call, library: &Library<'a>, shapes: &mut Shapes<'a>) -> Option<Called<'a>> {
    let contract = library.contracts.get(&call.tool.tool)?;
    let (name, action, _) = resolve::which(call, contract, &Arc::default()).ok()?;
    let before = action.reads_before().and_then(|read| {
        let (_, name, action) = contract.actions.get_full(&read.action.value)?;
        Some(shapes.output(&contract.tool, name, action))
    });
    Some(Called {
        contract,
        name,
        action,
        args: shapes.args(&contract.tool, name, action),
        before,
    })
}
