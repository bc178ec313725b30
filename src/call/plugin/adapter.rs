//! The `plugin` actions of an adapter's file: from a call to its reply.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json};

use super::answer::{Asked, PluginReading};
use super::exchange::{Exchanged, Time};
use super::given::given;
use super::heard::Heard;
use super::living::{Ending, Living};
use super::message::Answer;
use super::question::{NotAsked, Question};
use super::seat::{NoTurn, Seat, Turn};
use super::start::{For, PluginProgram};
use crate::call::find::not_started;
use crate::call::group::after;
use crate::call::in_adapter::{InAdapter, action_of};
use crate::call::job::Processes;
use crate::call::judge::nothing_done;
use crate::call::lookup::Nobody;
use crate::call::reading::Promise;
use crate::model::call::{Adapter, Cancel, Ended, Failure, Reply, Request, Sink};
use crate::model::ids::{ActionName, ArgName, ToolRef};
use crate::model::{Map, Value};

/// How long a plugin that nobody calls any more has between TERM and KILL.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// The longest message of a plugin, in characters.
const MESSAGE: usize = 400;

/// One `plugin` action.
#[derive(Clone, Debug)]
pub struct PluginSpec {
    /// What the plugin calls it.
    pub action: ActionName,
    /// What success is, and what the output is.
    pub reading: PluginReading,
    /// What the contract promises of the output.
    pub promise: Promise,
    /// The contract's arguments: one that was not given reads `none`.
    pub arguments: Vec<ArgName>,
}

/// Answers a tool's calls by a program that lives as long as the run: it is started at its first
/// call, again at the next one where it ended, and calls are its one after another.
///
/// Expressions see what those of a [`CommandAdapter`](crate::call::CommandAdapter) do. What the
/// plugin printed is kept as stdout, what it complained about and logged as stderr.
pub struct PluginAdapter {
    processes: Arc<Processes>,
    tool: String,
    program: PluginProgram,
    settings: Map,
    actions: IndexMap<ActionName, PluginSpec>,
    seat: Seat,
}

impl fmt::Debug for PluginAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginAdapter")
            .field("tool", &self.tool)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// What a plugin said to a question, with its name.
type Output = (String, JsonMap<String, Json>);

impl PluginAdapter {
    /// Nothing is started yet. `settings` are the environment's; of secrets, where they are found.
    pub fn new(
        processes: Arc<Processes>,
        tool: &ToolRef,
        program: PluginProgram,
        settings: Map,
        actions: IndexMap<ActionName, PluginSpec>,
    ) -> Self {
        Self {
            processes,
            tool: tool.to_string(),
            program,
            settings,
            actions,
            seat: Seat::default(),
        }
    }

    /// Whether it answers this action.
    pub fn answers(&self, action: &ActionName) -> bool {
        self.actions.contains_key(action)
    }

    /// Asks the plugin whether its settings are right, which changes nothing. One that cannot tell
    /// has nothing to say against them: a note says so.
    pub fn check(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let nothing = Map::new();
        let given = given((&self.settings, &nothing), &self.processes, request, cancel);
        let question = match given {
            Ok((given, _)) => Question::Check(given),
            Err(failure) => return nothing_done(failure),
        };
        let good = |_: Output| Ended::Succeeded(Value::None);
        self.reply(&question, request, (sink, cancel), &good)
    }

    /// Ends the process, for nobody calls it any more; what a person should know about that.
    pub fn end(&self) -> Vec<String> {
        let Some(living) = self.seat.close() else {
            return Vec::new();
        };
        let secrets = &self.processes.secrets;
        let mut heard = Heard::new(&Nobody, secrets, 0);
        let patience = (LAST_GRACE, self.processes.drain);
        living.end(Ending::Now, patience, &mut heard);
        let (_, _, notes) = heard.finish();
        let redactor = secrets.redactor();
        let clean = |note: String| redactor.text(&note).into_owned();
        notes.into_iter().map(clean).collect()
    }

    /// One question, from waiting for a turn to the reply.
    fn reply(
        &self,
        question: &Question<'_>,
        request: &Request,
        (sink, cancel): (&dyn Sink, &dyn Cancel),
        judge: &dyn Fn(Output) -> Ended,
    ) -> Reply {
        #[cfg(debug_assertions)]
        let sink = &crate::call::panicking::Panicking::new(&self.processes.base_env, sink);
        let mut turn = match self.seat.take(cancel) {
            Ok(turn) => turn,
            Err(why) => return nothing_done(not_started(why.words(&self.tool))),
        };
        let mut heard = Heard::new(sink, &self.processes.secrets, self.processes.cap);
        let time = Time {
            deadline: after(request.timeout.as_std()),
            grace: request.grace.as_std(),
            drain: self.processes.drain,
        };
        let ears = (&mut heard, cancel);
        let answered = self.answered(&mut turn, question, request, time, ears);
        turn.give_back();
        let (stdout, stderr, notes) = heard.finish();
        Reply {
            ended: answered.map_or_else(|ended| *ended, judge),
            stdout,
            stderr,
            took: None,
            notes,
        }
    }

    /// The output that answers the question, or how it ended without one.
    fn answered(
        &self,
        turn: &mut Turn<'_>,
        question: &Question<'_>,
        request: &Request,
        time: Time,
        (heard, cancel): (&mut Heard<'_>, &dyn Cancel),
    ) -> Result<Output, Box<Ended>> {
        let failed = |failure: Failure| Box::new(Ended::Failed(failure, None));
        let waits = turn.living.take();
        let mut living = match waits.and_then(|it| self.still(it, time, heard)) {
            Some(living) => living,
            None => {
                let of = For {
                    processes: &self.processes,
                    settings: &self.settings,
                    mark: &self.tool,
                    request,
                    cancel,
                };
                self.program.start(&of, time, heard).map_err(failed)?
            }
        };
        let id = living.next_id();
        let left = time.deadline.saturating_duration_since(Instant::now());
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let who = living.who.clone();
        let line = match question.line(request, &living, (id, timeout_ms)) {
            Ok(line) => line,
            Err(why) => {
                turn.living = Some(living);
                return Err(match why {
                    NotAsked::Because(failure) => failed(failure),
                    NotAsked::ChecksNothing => {
                        heard.note(format!("{who} cannot check its settings"));
                        Box::new(Ended::Succeeded(Value::None))
                    }
                });
            }
        };
        let (living, exchanged) = living.ask(id, line, time, heard, cancel);
        turn.living = living;
        let said = |text: &str| heard.quoted(text.as_bytes(), MESSAGE);
        Err(Box::new(match exchanged {
            Exchanged::Answered(Answer::Output(output)) => return Ok((who, output)),
            Exchanged::Answered(Answer::Failure(failure)) => {
                let failure = Failure {
                    message: format!("{who}: {}", said(&failure.message)),
                    hint: failure.hint.as_deref().map(said),
                    ..failure
                };
                Ended::Failed(failure, None)
            }
            Exchanged::Answered(Answer::Unknown(message)) => {
                Ended::Unknown(format!("{who} cannot tell: {}", said(&message)))
            }
            Exchanged::Unsent(why) => Ended::Failed(not_started(why), None),
            Exchanged::Lost(why) => Ended::Unknown(why),
            Exchanged::TimedOut => Ended::TimedOut,
            Exchanged::Cancelled => Ended::Cancelled,
        }))
    }

    /// The process, where it can be asked again. One that ended since its last call, or said what
    /// makes no sense, is replaced, and that is noted.
    fn still(
        &self,
        mut living: Box<Living>,
        time: Time,
        heard: &mut Heard<'_>,
    ) -> Option<Box<Living>> {
        let lives = living.catch_up(heard);
        let who = living.who.clone();
        let (ending, nonsense) = match (living.says_no_more(heard), lives) {
            (Ok(()), true) => return Some(living),
            (Ok(()), false) => (Ending::Over, None),
            (Err(nonsense), _) => (Ending::Now, Some(nonsense)),
        };
        let how = living.end(ending, (time.grace, time.drain), heard);
        let what = match nonsense {
            Some(nonsense) => format!("was ended, for it broke the protocol: {nonsense}"),
            None => format!("{how}{}", heard.reason()),
        };
        heard.note(format!(
            "since its last call {who} {what}; it was started again"
        ));
        None
    }
}

impl Adapter for PluginAdapter {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let (call, spec) = match action_of(&self.actions, request) {
            Ok(found) => found,
            Err(failure) => return nothing_done(failure),
        };
        let names = InAdapter::new(
            Map::new(),
            &self.settings,
            call,
            &spec.arguments,
            request,
            &self.processes,
        );
        let absent = spec.arguments.iter();
        let mut args: Map = absent.map(|name| (name.variable(), Value::None)).collect();
        args.extend(call.args.clone());
        let (given, args) = match given((&self.settings, &args), &self.processes, request, cancel) {
            Ok(given) => given,
            Err(failure) => return nothing_done(failure),
        };
        let question = Question::Call {
            action: &spec.action,
            args,
            given,
        };
        let judge = |(who, output): Output| {
            let asked = Asked {
                who: &who,
                reading: &spec.reading,
                promise: &spec.promise,
                names: &names,
            };
            asked.judge(output)
        };
        self.reply(&question, request, (sink, cancel), &judge)
    }
}

impl NoTurn {
    fn words(self, tool: &str) -> String {
        match self {
            Self::Cancelled => format!("cancelled before the plugin of {tool} was asked"),
            Self::Closed => format!("the plugin of {tool} was ended with its run"),
        }
    }
}
