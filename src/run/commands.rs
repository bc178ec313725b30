//! What ought to be done now, derived from the state alone, so that resuming *is* running.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::command::{Act, Asked, Command, Draft, Need, PersonNeeded};
use super::names::At;
use super::render::{self, broken, calls_out};
use super::state::{Inst, InstIx, Phase, Role, Run, State};
use crate::expr::{Names, Scope};
use crate::model::call::{Failure, FailureKind, ToolCall, Work};
use crate::model::event::{Happened, Resolution, ResolvedBy, RunClosed, SkipReason, StepStarted};
use crate::model::ids::IdempotencyKey;
use crate::model::{Digest, Duration, Effect, Map, Timestamp, Value};
use crate::plan::{Answers, Node, NodeDoes};
use crate::spec::contract::Call as ContractCall;
use crate::spec::step::{Ask, ForEach, Literal, Manual, Pause};

/// The most calls that are under way at once, whatever a runbook asks for: each holds a process
/// and four descriptors.
pub const MAX_ACTING: usize = 32;

/// The time that an attempt has where neither step nor contract says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

impl Run {
    /// What ought to be done now.
    ///
    /// A command stands until the state changes: who carries them out knows by step, attempt and
    /// kind which ones are under way.
    pub fn commands(&self, now: Timestamp) -> Vec<Command> {
        let mut out = Vec::new();
        match self.phase {
            Phase::New | Phase::Closed => return out,
            Phase::Closing => {
                out.push(record(None, Happened::RunClosed(self.closing_facts())));
                return out;
            }
            Phase::Undo if self.undoing.is_none() => {
                out.push(record(None, self.undo_begun()));
                return out;
            }
            Phase::Steps | Phase::Undo | Phase::Finally => {}
        }
        let mut room = MAX_ACTING.saturating_sub(self.acting);
        let mut next_time: Option<Timestamp> = None;
        if let Some(deadline) = self.deadline() {
            if deadline <= now {
                let timeout = self.plan.timeout.unwrap_or_default();
                let reason = format!("the run's timeout of {timeout} is over");
                out.push(record(None, Happened::CancelRequested { reason }));
                return out;
            }
            next_time = Some(deadline);
        }
        for ix in &self.active {
            let considered = self.consider(*ix, now, room);
            match considered {
                Considered::Nothing => {}
                Considered::Do(command) => {
                    if matches!(command, Command::Act(_)) {
                        room = room.saturating_sub(1);
                    }
                    out.push(command);
                }
                Considered::Later(time) => {
                    next_time = Some(next_time.map_or(time, |next| next.min(time)));
                }
            }
        }
        out.extend(next_time.map(Command::WaitUntil));
        out
    }

    /// When the run's own timeout is over, while that still means anything.
    fn deadline(&self) -> Option<Timestamp> {
        let opened = self.opened.as_ref()?;
        let running = self.phase == Phase::Steps && self.ending.is_none();
        let timeout = self.plan.timeout.filter(|_| running)?;
        Some(timeout.after(opened.taken_up))
    }

    fn consider(&self, ix: InstIx, now: Timestamp, room: usize) -> Considered {
        let inst = self.inst(ix);
        let node = self.plan.node(inst.node);
        match &inst.state {
            State::Pending | State::Started { .. } | State::Entered | State::Settled(_) => {
                Considered::Nothing
            }
            State::Ready {
                not_before: Some(time),
            } if *time > now => Considered::Later(*time),
            State::Ready { .. } | State::Approved { .. } if room == 0 && calls_out(&node.does) => {
                Considered::Nothing
            }
            State::Ready { .. } => Considered::Do(or_refuse(inst, self.ready(ix, inst, node, now))),
            State::Approved { .. } => {
                Considered::Do(or_refuse(inst, self.approved_now(ix, inst, node, now)))
            }
            State::Gated(gate) => Considered::Do(person(inst, Need::Gate(gate.clone()))),
            State::Pausing { until } if *until > now => Considered::Later(*until),
            State::Pausing { .. } => {
                Considered::Do(record(Some(inst), Happened::PauseEnded { cut: None }))
            }
            State::Failing { .. } => Considered::Do(self.after_failure(ix)),
            State::Doubt {
                reason, verified, ..
            } => Considered::Do(self.settle_doubt(ix, reason, *verified)),
        }
    }

    /// A step whose turn has come: its conditions, its loop, its gate, then what it does.
    fn ready(
        &self,
        ix: InstIx,
        inst: &Inst,
        node: &Node,
        now: Timestamp,
    ) -> Result<Command, Failure> {
        let is_body = matches!(inst.role, Role::Body { .. });
        let looped = node.how.for_each.as_ref();
        if let Some(condition) = &node.how.condition
            && applies_here(&inst.role, looped, &condition.value)
            && !self.holds(ix, &condition.value, "its `if`")?
        {
            let at = At {
                run: self,
                inst: ix,
            };
            let why = SkipReason::If {
                expression: condition.value.source().to_owned(),
                values: condition.value.explain(&at),
            };
            return Ok(record(Some(inst), Happened::StepSkipped { why }));
        }
        self.requirement(ix, inst, node)?;
        match looped {
            Some(each) if !is_body => self.open_loop(ix, inst, each),
            _ => {
                let works: Vec<Work> = self.work(ix)?.into_iter().collect();
                match self.barrier(ix, works)? {
                    Some(barrier) => Ok(record(
                        Some(inst),
                        Happened::GateOpened(Box::new(barrier.gate)),
                    )),
                    None => self.go(ix, inst, node, now),
                }
            }
        }
    }

    /// A step whose gate was passed. What was approved is looked at again: if anything in it has
    /// changed, the decision is void and a new one is asked for.
    fn approved_now(
        &self,
        ix: InstIx,
        inst: &Inst,
        node: &Node,
        now: Timestamp,
    ) -> Result<Command, Failure> {
        self.requirement(ix, inst, node)?;
        if let (Some(each), Role::Loop { .. }) = (&node.how.for_each, &inst.role) {
            let (items, keys) = self.items(ix, each)?;
            let works = self.works_of_all(ix, &each.name, &items)?;
            if works.iter().all(|work| self.approved(ix, work)) {
                return Ok(record(Some(inst), Happened::LoopOpened { items, keys }));
            }
            return self.ask_again(ix, inst, works);
        }
        match self.work(ix)? {
            Some(work) if !self.approved(ix, &work) => self.ask_again(ix, inst, vec![work]),
            _ => self.go(ix, inst, node, now),
        }
    }

    fn ask_again(&self, ix: InstIx, inst: &Inst, works: Vec<Work>) -> Result<Command, Failure> {
        match self.barrier(ix, works)? {
            Some(barrier) => Ok(record(
                Some(inst),
                Happened::GateOpened(Box::new(barrier.gate)),
            )),
            None => Err(Failure::new(
                FailureKind::Refused,
                "what was approved has changed, and its gate no longer applies",
            )),
        }
    }

    fn requirement(&self, ix: InstIx, inst: &Inst, node: &Node) -> Result<(), Failure> {
        let Some(require) = &node.how.require else {
            return Ok(());
        };
        if !applies_here(&inst.role, node.how.for_each.as_ref(), &require.value)
            || self.holds(ix, &require.value, "its `require`")?
        {
            return Ok(());
        }
        let at = At {
            run: self,
            inst: ix,
        };
        Err(Failure::new(
            FailureKind::Require,
            format!(
                "the precondition `{}` does not hold{}",
                require.value.source(),
                told(&require.value.explain(&at))
            ),
        ))
    }

    fn open_loop(&self, ix: InstIx, inst: &Inst, each: &ForEach) -> Result<Command, Failure> {
        let (items, keys) = self.items(ix, each)?;
        if items.is_empty() {
            let why = SkipReason::EmptyLoop;
            return Ok(record(Some(inst), Happened::StepSkipped { why }));
        }
        let once = self
            .plan
            .node(inst.node)
            .gate
            .as_ref()
            .is_some_and(|g| g.once);
        if once {
            let works = self.works_of_all(ix, &each.name, &items)?;
            if let Some(barrier) = self.barrier(ix, works)? {
                return Ok(record(
                    Some(inst),
                    Happened::GateOpened(Box::new(barrier.gate)),
                ));
            }
        }
        Ok(record(Some(inst), Happened::LoopOpened { items, keys }))
    }

    /// A loop's items and what names their instances.
    fn items(&self, ix: InstIx, each: &ForEach) -> Result<(Vec<Value>, Vec<String>), Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        let list = each
            .list
            .value
            .eval(&at)
            .map_err(|e| broken("its `for_each`", &e))?;
        let Value::List(items) = list else {
            return Err(Failure::new(
                FailureKind::Expression,
                format!("its `for_each` is no list but {}", list.kind()),
            ));
        };
        let mut seen = BTreeSet::new();
        let mut keys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = match &each.key {
                None => index.to_string(),
                Some(key) => {
                    let names = Scope::over(&at).with(each.name.as_str(), item);
                    let value = key
                        .value
                        .eval(&names)
                        .map_err(|e| broken("its `key`", &e))?;
                    crate::model::text::escape_controls(&value.to_string()).into_owned()
                }
            };
            if !seen.insert(key.clone()) {
                return Err(Failure::new(
                    FailureKind::Expression,
                    format!("two items of its `for_each` have the key `{key}`"),
                ));
            }
            keys.push(key);
        }
        Ok((items, keys))
    }

    /// What a step does once nothing stands before it.
    fn go(&self, ix: InstIx, inst: &Inst, node: &Node, now: Timestamp) -> Result<Command, Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        match &node.does {
            NodeDoes::Block { .. } => {
                if inst.node == self.plan.steps
                    && self.vars.is_empty()
                    && !self.plan.scopes.is_empty()
                    && !self.plan.scopes[0].vars.is_empty()
                {
                    let vars = evaluate_all(&self.plan.scopes[0].vars, &at, "the variable")?;
                    return Ok(record(None, Happened::VarsSet { vars }));
                }
                Ok(entered(inst, Map::new(), Map::new()))
            }
            NodeDoes::Include { scope, with, .. } => {
                let (params, vars) = self.include(*scope, with, &at)?;
                Ok(entered(inst, params, vars))
            }
            NodeDoes::Ask(ask) => self.ask(inst, ask, &at),
            NodeDoes::Manual(manual) => self.manual(inst, manual, &at),
            NodeDoes::Pause(pause) => pause_from(inst, pause, now),
            NodeDoes::Call(_) | NodeDoes::Run(_) | NodeDoes::Inverse { .. } => {
                self.act(ix, inst, node)
            }
        }
    }

    fn include(
        &self,
        scope: crate::plan::ScopeIx,
        with: &IndexMap<crate::model::ids::Name, Literal>,
        at: &At<'_>,
    ) -> Result<(Map, Map), Failure> {
        let scope = self.plan.scope(scope);
        let mut params = scope.params.clone();
        for (name, value) in with {
            let value = render::literal(value, at)
                .map_err(|e| broken(&format!("the parameter `{name}`"), &e))?;
            if value.is_none() {
                continue;
            }
            let value = match scope.shapes.get(name) {
                Some(shape) => shape.accept(&value).map_err(|misfit| {
                    Failure::new(
                        FailureKind::Expression,
                        format!("the parameter `{name}` of {}: {misfit}", scope.runbook),
                    )
                })?,
                None => value,
            };
            params.insert(name.to_string(), value);
        }
        if let Some(missing) = scope
            .shapes
            .keys()
            .find(|name| !params.contains_key(name.as_str()))
        {
            return Err(Failure::new(
                FailureKind::Expression,
                format!(
                    "the parameter `{missing}` of {} has no value",
                    scope.runbook
                ),
            ));
        }
        let known = Value::Map(params.clone());
        let names = Scope::over(at).with("params", &known);
        let vars = evaluate_all(&scope.vars, &names, "the variable")?;
        Ok((params, vars))
    }

    fn ask(&self, inst: &Inst, ask: &Ask, at: &At<'_>) -> Result<Command, Failure> {
        let question = ask
            .question
            .value
            .render(at)
            .map_err(|e| broken("the question", &e))?;
        let suggested = match &ask.suggest {
            None => Ok(None),
            Some(suggest) => suggest
                .value
                .eval(at)
                .map_err(|e| broken("its `suggest`", &e))
                .and_then(|value| {
                    ask.shape.accept(&value).map(Some).map_err(|misfit| {
                        Failure::new(
                            FailureKind::Expression,
                            format!("its `suggest` is no answer: {misfit}"),
                        )
                    })
                }),
        };
        Ok(person(
            inst,
            Need::Ask {
                question,
                choices: ask
                    .choices
                    .iter()
                    .map(|(choice, meaning)| (choice.clone(), meaning.clone()))
                    .collect(),
                shape: ask.shape.clone(),
                suggested,
            },
        ))
    }

    fn manual(&self, inst: &Inst, manual: &Manual, at: &At<'_>) -> Result<Command, Failure> {
        let items = manual
            .items
            .iter()
            .map(|item| {
                item.value
                    .render(at)
                    .map_err(|e| broken("what is to be done", &e))
            })
            .collect::<Result<_, _>>()?;
        let by = manual.by.clone();
        Ok(person(inst, Need::Manual { items, by }))
    }

    fn act(&self, ix: InstIx, inst: &Inst, node: &Node) -> Result<Command, Failure> {
        let Some(work) = self.work(ix)? else {
            return Err(Failure::new(
                FailureKind::Expression,
                "there is nothing to do",
            ));
        };
        if let Some(look) = self.look_before(inst, &work)? {
            return Ok(Command::Look(look));
        }
        let digest = work
            .digest()
            .map_err(|e| Failure::new(FailureKind::Expression, format!("no digest: {e}")))?;
        let adapter = match &work {
            Work::Call(call) => self.plan.binding(&call.tool).map(|b| b.answers.name()),
            Work::Process(_) => None,
        };
        Ok(Command::Act(Box::new(Act {
            step: inst.key.clone(),
            attempt: inst.attempt,
            started: StepStarted {
                digest,
                key: self.idempotency_key(inst),
                effect: node.effect,
                work,
                adapter,
            },
            timeout: node.timeout.unwrap_or(DEFAULT_TIMEOUT),
            polled: node.how.poll.is_some(),
        })))
    }

    /// The read that is made just before acting, where `verify` or `undo` need what it shows.
    fn look_before(&self, inst: &Inst, work: &Work) -> Result<Option<Asked>, Failure> {
        let Work::Call(call) = work else {
            return Ok(None);
        };
        let Some(action) = self.plan.action(&call.tool.tool, &call.action) else {
            return Ok(None);
        };
        let Some(read) = action.reads_before() else {
            return Ok(None);
        };
        if !action.effect.acts() || inst.before.is_some() || self.answered_by_person(call) {
            return Ok(None);
        }
        self.read_for(inst, call, read).map(Some)
    }

    fn answered_by_person(&self, call: &ToolCall) -> bool {
        let binding = self.plan.binding(&call.tool);
        binding.is_some_and(|b| matches!(b.answers, Answers::Person))
    }

    fn read_for(
        &self,
        inst: &Inst,
        call: &ToolCall,
        read: &ContractCall,
    ) -> Result<Asked, Failure> {
        let args = Value::Map(call.args.clone());
        let names = ArgsOnly {
            args: &call.args,
            all: &args,
        };
        let with = read
            .with
            .iter()
            .map(|(name, template)| (name.clone(), Literal::Template(template.value.clone())))
            .collect();
        let work = self.contract_call(&call.tool, &read.action.value, &with, &names)?;
        let timeout = self
            .plan
            .action(&call.tool.tool, &read.action.value)
            .and_then(|action| action.timeout)
            .unwrap_or(DEFAULT_TIMEOUT);
        Ok(Asked {
            step: inst.key.clone(),
            attempt: inst.attempt,
            work: Work::Call(work),
            timeout,
        })
    }

    /// What tells the target that two requests mean one act: run, step instance, pass, and how
    /// often a person decided to try again. Never the attempt.
    fn idempotency_key(&self, inst: &Inst) -> IdempotencyKey {
        let text = format!(
            "{}\n{}\n{}\n{}",
            self.id, inst.key, inst.passes, inst.retries_decided
        );
        IdempotencyKey(Digest::of(text.as_bytes()).to_string()[..32].to_owned())
    }

    /// A step in doubt: done again if it only looks, else verified, else repeated if that does
    /// no harm, else a person says.
    fn settle_doubt(&self, ix: InstIx, reason: &str, verified: bool) -> Command {
        let inst = self.inst(ix);
        let node = self.plan.node(inst.node);
        let again = |by: ResolvedBy, reason: &str| {
            record(
                Some(inst),
                Happened::StepResolved {
                    resolution: Resolution::Again,
                    by,
                    reason: reason.to_owned(),
                    output: None,
                },
            )
        };
        if node.effect == Effect::Read {
            return again(ResolvedBy::Read, "it only looks");
        }
        let action = match inst.work.as_deref() {
            Some(Work::Call(call)) => self
                .plan
                .action(&call.tool.tool, &call.action)
                .filter(|_| !self.answered_by_person(call))
                .map(|action| (call, action)),
            _ => None,
        };
        if let Some((call, action)) = action
            && let Some(verify) = &action.verify
            && !verified
            && let Ok(asked) = self.read_for(inst, call, &verify.call)
        {
            return Command::Verify(asked);
        }
        let idempotent = match &node.does {
            NodeDoes::Run(run) => run.idempotent,
            _ => action.is_some_and(|(_, action)| action.idempotent),
        };
        if idempotent {
            return again(ResolvedBy::Idempotent, "repeating it does no harm");
        }
        person(
            inst,
            Need::Doubt {
                reason: reason.to_owned(),
                work: inst.work.as_deref().cloned(),
                tool: action.map(|(call, _)| call.tool.clone()),
            },
        )
    }

    fn closing_facts(&self) -> RunClosed {
        RunClosed {
            outcome: self.outcome(),
            follow_ups: super::summary::follow_ups(self),
        }
    }
}

enum Considered {
    Nothing,
    Do(Command),
    Later(Timestamp),
}

/// What cannot even be tried has failed, with nothing done.
fn or_refuse(inst: &Inst, result: Result<Command, Failure>) -> Command {
    result.unwrap_or_else(|failure| record(Some(inst), Happened::StepRefused { failure }))
}

/// A step's record, or one of the run as a whole.
fn record(inst: Option<&Inst>, what: Happened) -> Command {
    Command::Record(Draft {
        step: inst.map(|inst| inst.key.clone()),
        attempt: inst.map(|inst| inst.attempt),
        what,
    })
}

fn person(inst: &Inst, need: Need) -> Command {
    Command::Person(PersonNeeded {
        step: inst.key.clone(),
        attempt: inst.attempt,
        need,
    })
}

fn entered(inst: &Inst, params: Map, vars: Map) -> Command {
    record(Some(inst), Happened::BlockEntered { params, vars })
}

fn evaluate_all(
    vars: &IndexMap<crate::model::ids::Name, Literal>,
    names: &dyn Names,
    what: &str,
) -> Result<Map, Failure> {
    let mut out = Map::new();
    for (name, value) in vars {
        let value =
            render::literal(value, names).map_err(|e| broken(&format!("{what} `{name}`"), &e))?;
        out.insert(name.to_string(), value);
    }
    Ok(out)
}

/// Whether a condition of a looped step is looked at here: before the loop if it does not mention
/// the item, else for each item.
fn applies_here(
    role: &Role,
    looped: Option<&ForEach>,
    condition: &crate::expr::Expression,
) -> bool {
    let Some(each) = looped else {
        return true;
    };
    let mentions = condition.references().iter().any(|reference| {
        reference
            .path
            .first()
            .is_some_and(|root| root == each.name.as_str())
    });
    matches!(role, Role::Body { .. }) == mentions
}

/// `: output.state is stopped`, for a condition that does not hold.
pub(super) fn told(values: &[(String, Value)]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let told: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let text = value.to_string();
            let text = crate::model::text::escape_controls(&text);
            format!("{name} is {}", crate::model::text::clip(&text, 80))
        })
        .collect();
    format!(": {}", told.join(", "))
}

fn pause_from(inst: &Inst, pause: &Pause, now: Timestamp) -> Result<Command, Failure> {
    let until = match pause {
        Pause::For(duration) => duration.after(now),
        Pause::Until { time, zone } => next_time(now, *time, zone).ok_or_else(|| {
            Failure::new(
                FailureKind::Expression,
                format!("the time zone `{zone}` is not known"),
            )
        })?,
    };
    Ok(record(Some(inst), Happened::PauseBegun { until }))
}

/// The next moment after `now` at which a clock in this zone shows this time.
fn next_time(now: Timestamp, time: jiff::civil::Time, zone: &str) -> Option<Timestamp> {
    // The bundled database: no file of this machine decides.
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).ok()?;
    let here = now.to_zoned(zone.clone());
    let mut date = here.date();
    for _ in 0..3 {
        let moment = date
            .to_datetime(time)
            .to_zoned(zone.clone())
            .ok()?
            .timestamp();
        if moment > now {
            return Some(moment);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The names that a contract's own calls see.
struct ArgsOnly<'a> {
    args: &'a Map,
    all: &'a Value,
}

impl Names for ArgsOnly<'_> {
    fn get(&self, path: &[&str]) -> crate::expr::Lookup<'_> {
        match path {
            ["args"] => crate::expr::Lookup::found(self.all, 1),
            ["args", rest @ ..] => super::names::args(self.args, rest),
            _ => crate::expr::Lookup::Missing(crate::expr::NameError::unknown(
                path.first().copied().unwrap_or_default(),
                ["args"],
            )),
        }
    }
}
