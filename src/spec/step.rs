//! A runbook's definition as types: what the file says, in the file's own words, with its places.
//!
//! The small types here (gate, retry, poll, …) are frozen into a run's plan as they are, so they
//! serialise; places in the file do not matter there and are left out.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::source::{Source, Span, Spanned};
use crate::expr::{Expression, Template};
use crate::model::approval::Principal;
use crate::model::call::Shell;
use crate::model::gate::Expires;
use crate::model::ids::{
    ActionName, ArgName, GroupName, Name, RunbookName, ScenarioName, StepId, ToolRef,
};
use crate::model::{Duration, Effect, Severity, Shape, Value};

/// A runbook, as its file defines it.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file's stem.
    pub name: Spanned<RunbookName>,
    /// What it is for, in a few words.
    pub title: String,
    /// What it does, in a sentence or two.
    pub description: Option<String>,
    /// What an incident opened from this run starts with.
    pub severity: Option<Severity>,
    /// Who keeps it up to date.
    pub owner: Option<String>,
    /// Words it is found by.
    pub tags: Vec<String>,
    /// What a sandbox run starts in.
    pub scenario: Option<Spanned<ScenarioName>>,
    /// What it asks for.
    pub params: IndexMap<Name, Param>,
    /// Evaluated once, at the start.
    pub vars: IndexMap<Name, Spanned<Literal>>,
    /// For the `run:` steps.
    pub env: IndexMap<String, Spanned<Template>>,
    /// The working directory of the `run:` steps.
    pub dir: Option<Spanned<Template>>,
    /// Of the whole run.
    pub timeout: Option<Duration>,
    /// What a failure leads to where a step does not say.
    pub on_failure: Option<OnFailure>,
    /// What cancelling leads to.
    pub on_cancel: OnCancel,
    /// What one run at a time has, whichever runbook it is; over `params` only.
    pub lock: Option<Spanned<Template>>,
    /// What is done, from top to bottom.
    pub steps: Vec<Step>,
    /// What is done however the run ends.
    pub finally: Vec<Step>,
    /// The file.
    pub source: Arc<Source>,
}

/// A parameter of a runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its type.
    pub shape: Shape,
    /// What it is where nobody says; without one it is asked for.
    pub default: Option<Value>,
    /// A regular expression that the whole value must match.
    pub pattern: Option<String>,
    /// What it means.
    pub help: Option<String>,
    /// What is allowed although it is usually a mistake or an attack.
    pub allow: Vec<Allow>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// What a parameter's value may hold only if the parameter says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// A `-` at the beginning, which a command may take for an option.
    Dash,
    /// Line ends.
    Newline,
    /// Tabs and other control characters, but never NUL.
    Control,
}

impl Allow {
    /// The words used in files.
    pub const ALL: [(&'static str, Self); 3] = [
        ("dash", Self::Dash),
        ("newline", Self::Newline),
        ("control", Self::Control),
    ];
}

/// A value in a file: text may hold templates, the rest is what it looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Literal {
    /// A text; a lone `{{ }}` keeps its type.
    Template(Template),
    /// A number, a boolean, or nothing.
    Value(Value),
    /// A list.
    List(Vec<Literal>),
    /// A mapping.
    Map(IndexMap<String, Literal>),
}

/// A step, or a block of steps.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is called; `step_N` where the file does not say.
    pub id: Spanned<StepId>,
    /// Whether the file gives the id.
    pub named: bool,
    /// The whole step.
    pub span: Span,
    /// How.
    pub how: How,
    /// What.
    pub does: Does,
}

/// How a step is done: what every kind of step may say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct How {
    /// In a few words.
    pub title: Option<Spanned<Template>>,
    /// Shown to the operator.
    pub why: Option<Spanned<Template>>,
    /// `if`: false means skipped.
    pub condition: Option<Spanned<Expression>>,
    /// A precondition: false means failed, with nothing done.
    pub require: Option<Spanned<Expression>>,
    /// Once for each item.
    pub for_each: Option<ForEach>,
    /// Among the steps of a parallel block: what must have ended well before.
    pub needs: Vec<Spanned<StepId>>,
    /// A decision that a person must take before.
    pub gate: Option<Spanned<Gate>>,
    /// Automatic further attempts.
    pub retry: Option<Retry>,
    /// What a failure leads to.
    pub on_failure: Option<OnFailure>,
    /// How it is taken back.
    #[serde(skip)]
    pub undo: Option<Undo>,
    /// Of one attempt.
    pub timeout: Option<Spanned<Duration>>,
    /// Raises the contract's effect; required for `run`.
    pub effect: Option<Spanned<Effect>>,
    /// Over `output`: false fails the step.
    pub expect: Option<Spanned<Expression>>,
    /// Look again and again.
    pub poll: Option<Poll>,
    /// A bounded loop of one step.
    pub repeat: Option<Repeat>,
}

/// What a step does: exactly one of these.
#[derive(Clone, Debug)]
pub enum Does {
    /// Several steps.
    Block {
        /// Whether they start at once.
        parallel: bool,
        /// The steps.
        steps: Vec<Step>,
    },
    /// A tool's action.
    Call(Spanned<Call>),
    /// A command of the runbook's own.
    Run(Box<RunStep>),
    /// A person's work.
    Manual(Manual),
    /// A question to a person.
    Ask(Ask),
    /// A wait.
    Pause(Pause),
    /// Another runbook.
    Include(Include),
}

/// `$TOOL action words --flags`, split into words before any template is filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The tool.
    pub tool: Spanned<ToolRef>,
    /// The words after it.
    pub words: Vec<Spanned<Template>>,
    /// Arguments given as a mapping.
    pub with: IndexMap<ArgName, Spanned<Literal>>,
}

/// A call whose words were found in the tool's contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedCall {
    /// The tool.
    pub tool: ToolRef,
    /// The action.
    pub action: ActionName,
    /// The words after the tool, for a bare command.
    pub words: Vec<Template>,
    /// The arguments by name.
    pub args: IndexMap<ArgName, Argument>,
    /// Those of them that a mapping gave: they are no words yet.
    pub mapped: Vec<ArgName>,
}

/// Where the value of an argument comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Argument {
    /// One value, from a word or a mapping.
    One(Literal),
    /// Several values, from repeated words.
    Many(Vec<Literal>),
    /// A flag that was given without a value.
    Flag,
}

/// `run:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStep {
    /// What is started.
    pub command: RunCommand,
    /// Added to the cleared environment.
    pub env: IndexMap<String, Spanned<Template>>,
    /// The working directory.
    pub dir: Option<Spanned<Template>>,
    /// What its output becomes.
    pub output: OutputSpec,
    /// Over `exit`, `stdout`, `stderr`: whether it succeeded; `exit == 0` where left out.
    pub ok: Option<Spanned<Expression>>,
    /// Whether repeating it does no harm.
    pub idempotent: bool,
    /// Keeps the output out of journal and screen.
    pub sensitive: bool,
    /// What a rehearsal takes for its output.
    pub example: Option<Value>,
}

/// What a `run:` step starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunCommand {
    /// A program and its words; each word a template.
    Argv(Vec<Spanned<Template>>),
    /// A script; nothing in it is filled.
    Script {
        /// The text.
        text: String,
        /// Who reads it.
        shell: Shell,
    },
}

/// What the output of a process becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputSpec {
    /// `{exit, stdout, stderr}`, text up to 16 KiB each, the last line end cut.
    #[default]
    Text,
    /// Standard output is JSON.
    Json,
    /// The lines of standard output.
    Lines,
    /// Each field an expression over `stdout`, `stderr`, `exit`.
    Mapping(IndexMap<String, Spanned<Expression>>),
}

/// A person's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    /// What is to be done: one text, or the items of a checklist.
    pub items: Vec<Spanned<Template>>,
    /// Who should do it: a role.
    pub by: Option<String>,
    /// What a tool gave out and the person needs for it: shown to them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<Spanned<Expression>>,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The question.
    pub question: Spanned<Template>,
    /// The answers to choose from with what they mean; empty where `shape` says more.
    pub choices: IndexMap<String, String>,
    /// The answer's type.
    pub shape: Shape,
    /// Pre-selects an answer.
    pub suggest: Option<Spanned<Expression>>,
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pause {
    /// So long.
    For(Duration),
    /// Until the next time that a clock in this zone shows this: `06:00 Europe/London`.
    Until {
        /// Hours and minutes.
        time: jiff::civil::Time,
        /// The IANA name of the zone.
        zone: String,
    },
}

/// Another runbook, inlined.
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// Which.
    pub runbook: Spanned<RunbookName>,
    /// Its parameters.
    pub with: IndexMap<Name, Spanned<Literal>>,
}

/// Once for each item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// The list.
    pub list: Spanned<Expression>,
    /// What an item is called; `item` where left out.
    pub name: Name,
    /// What names an instance, over the item; its index where left out.
    pub key: Option<Spanned<Expression>>,
    /// How many at once: 1 where left out.
    pub max_parallel: u32,
    /// How many may fail before nothing new starts and the loop has failed.
    pub max_failures: u32,
}

/// A decision that a person must take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// `gate: none`: the author says that none is needed, and why.
    None,
    /// A question.
    Ask(Box<GateAsk>),
}

/// What a gate asks and shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateAsk {
    /// The question.
    pub confirm: Spanned<Template>,
    /// What must be typed.
    pub challenge: Option<Spanned<Template>>,
    /// Evidence.
    pub show: Vec<Spanned<Expression>>,
    /// False drops the challenge, never the confirmation of a destructive step.
    pub condition: Option<Spanned<Expression>>,
    /// Asked once for all items of a loop.
    pub once: bool,
    /// What others must say.
    pub approvals: Option<Approvals>,
    /// How long it waits, and how long a decision holds.
    pub expires: Expires,
}

/// The most bytes that the name of a lock may have.
pub const MAX_LOCK: usize = 200;

/// What others must say at a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many different people, the operator not counted; at least 1.
    pub count: u32,
    /// Of which groups of the environment's policy; anybody else where there is none.
    pub from: Vec<Spanned<GroupName>>,
    /// Who may not, beside the operator.
    pub exclude: Vec<Principal>,
    /// Whether they are asked for at all.
    pub condition: Option<Spanned<Expression>>,
}

/// Automatic further attempts after a known failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts, the first included; at least 1.
    pub attempts: u32,
    /// Before the second attempt.
    pub delay: Duration,
    /// The factor from delay to delay; at least 1.
    pub backoff: f64,
    /// The longest delay.
    pub max_delay: Duration,
    /// Over `error` and `output`: whether this failure is worth another attempt.
    pub condition: Option<Spanned<Expression>>,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The operator chooses; where nobody can be asked, the run stops.
    Ask,
    /// The run ends here.
    Stop,
    /// The run goes on.
    Continue,
    /// The innermost block that has an `undo`, else the run, is taken back.
    Undo,
}

impl OnFailure {
    /// The words used in files.
    pub const ALL: [(&'static str, Self); 4] = [
        ("ask", Self::Ask),
        ("stop", Self::Stop),
        ("continue", Self::Continue),
        ("undo", Self::Undo),
    ];
}

/// What cancelling leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnCancel {
    /// The run ends, what was done stays.
    #[default]
    Stop,
    /// What was done is taken back.
    Undo,
}

impl OnCancel {
    /// The words used in files.
    pub const ALL: [(&'static str, Self); 2] = [("stop", Self::Stop), ("undo", Self::Undo)];
}

/// How a step is taken back.
#[derive(Clone, Debug)]
pub enum Undo {
    /// There is nothing to undo.
    None,
    /// A point of no return: nothing above it is undone automatically.
    Barrier,
    /// By these steps.
    Steps {
        /// The steps.
        steps: Vec<Step>,
        /// When.
        when: UndoWhen,
        /// Whether a failed undo lets the others go on.
        on_failure: Option<OnFailure>,
    },
}

/// When an undo is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UndoWhen {
    /// When the run, or the block, is taken back.
    #[default]
    Failure,
    /// Also at the end of a run that succeeded.
    End,
    /// Later: it is listed as an open follow-up.
    Later,
}

impl UndoWhen {
    /// The words used in files.
    pub const ALL: [(&'static str, Self); 3] = [
        ("failure", Self::Failure),
        ("end", Self::End),
        ("later", Self::Later),
    ];
}

/// Look again and again until something holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    /// Over `output`.
    pub until: Spanned<Expression>,
    /// From the end of one look to the next: 5 s where left out.
    pub every: Duration,
    /// The most time for all of it.
    pub within: Duration,
    /// How long it must have held without a break.
    pub hold: Duration,
}

/// A bounded loop of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Over `output`, after each pass.
    pub until: Spanned<Expression>,
    /// The most passes; at least 1.
    pub at_most: u32,
}
