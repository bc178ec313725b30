//! What is asked of whatever stands behind a tool, and what it answers.
//!
//! These are the words between the run (which knows what ought to be done) and the adapters
//! (which do it). Neither sees more of the other than this.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::ids::{ActionName, Attempt, EnvironmentName, IdempotencyKey, RunId, StepKey, ToolRef};
use super::secret::EnvValue;
use super::{Digest, Duration, Effect, Map, Value};

/// What is to be done, with every value filled in. Its digest is what a gate's decision is bound to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// An action of a tool.
    Call(ToolCall),
    /// A command of the runbook itself (`run:`).
    Process(Process),
}

impl Work {
    /// The digest of exactly this work.
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Digest::of_json(self)
    }
}

/// An action of a tool, with every argument filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool, and which binding of it.
    pub tool: ToolRef,
    /// The action.
    pub action: ActionName,
    /// Arguments by their name in expressions (`to_replica`), typed. One that was not given is absent.
    pub args: Map,
    /// The words as the runbook has them, the tool's name left out, each value one word. A bare
    /// command gets exactly these.
    pub words: Vec<String>,
    /// The digest of what the tool is bound to (adapter, its settings): a changed binding is
    /// another call.
    pub binding: Digest,
}

/// A command of the runbook itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// What is started.
    pub command: Command,
    /// Added to the cleared environment.
    pub env: IndexMap<String, EnvValue>,
    /// The working directory; the run's own where it is left out.
    pub dir: Option<String>,
}

/// What a process starts with. Never a shell, unless the runbook's author wrote a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// A program and its words.
    Argv(Vec<String>),
    /// A script, in which no template is filled.
    Script {
        /// The text.
        text: String,
        /// Who reads it.
        shell: Shell,
    },
}

/// Who reads a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    /// `sh -eu`
    #[default]
    Sh,
    /// `bash -euo pipefail`
    Bash,
}

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To do what the step says.
    Act,
    /// To see the state just before acting.
    Before,
    /// To find out whether something happened.
    Verify,
}

/// One request to whatever stands behind a tool.
#[derive(Clone, Debug)]
pub struct Request {
    /// For whom.
    pub run: RunId,
    /// Where the run acts.
    pub environment: EnvironmentName,
    /// For which step.
    pub step: StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// What tells the target that two requests mean one act.
    pub key: IdempotencyKey,
    /// Why.
    pub purpose: Purpose,
    /// What.
    pub work: Work,
    /// How much it can do to the world.
    pub effect: Effect,
    /// How long it may take.
    pub timeout: Duration,
    /// How long a process has between TERM and KILL.
    pub grace: Duration,
    /// The run's time when the request is made: simulated in the sandbox.
    pub now: jiff::Timestamp,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// How it ended.
    pub ended: Ended,
    /// What was printed on standard output.
    pub stdout: Captured,
    /// What was printed on standard error.
    pub stderr: Captured,
    /// How long it took in the run's time, where that is not the wall clock's: simulated calls.
    pub took: Option<Duration>,
    /// What a person should know beside: a survivor, a pipe that was held open.
    pub notes: Vec<String>,
}

impl Reply {
    /// A reply without any output.
    pub fn of(ended: Ended) -> Self {
        Self {
            ended,
            stdout: Captured::default(),
            stderr: Captured::default(),
            took: None,
            notes: Vec::new(),
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// It did what it should, and this is its output.
    Succeeded(Value),
    /// It did not, and that is known.
    Failed(Failure, Option<Value>),
    /// Its time was over and it was ended. What it had done by then is not known.
    TimedOut,
    /// It was ended on request. What it had done by then is not known.
    Cancelled,
    /// It was started, and nobody can say what it did.
    Unknown(String),
}

/// Why something did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which kind.
    pub kind: FailureKind,
    /// What happened, in plain words, without a full stop. Escaped when shown.
    pub message: String,
    /// What to do next, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long the other side asks to be left alone, where it said so: no automatic attempt comes
    /// sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            retry_after: None,
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The kinds of failure: each is handled, or told, in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An expression or a template could not be evaluated; nothing was done.
    Expression,
    /// A precondition was false; nothing was done.
    Require,
    /// The program is not there, or cannot be executed; nothing was done.
    NotStarted,
    /// The target refused: it said no before doing anything.
    Refused,
    /// A program ended with a status that does not count as success.
    Exit,
    /// A program was ended by a signal.
    Signal,
    /// The answer was not what was promised: `ok` is false.
    Answer,
    /// The output does not fit the contract.
    Output,
    /// An expectation about the output was false.
    Expect,
    /// A wait came to the end of its time.
    Within,
    /// A loop came to the end of its passes, or too many of its items failed.
    Loop,
    /// A step inside this block failed.
    Inside,
    /// A person said that it failed.
    Person,
    /// The person said no.
    Declined,
}

/// What was kept of a stream: the head and the tail, and how much was left out between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The kept bytes, with nothing marking the cut.
    pub bytes: Vec<u8>,
    /// How many bytes were left out, and after how many kept ones.
    pub cut: Option<Cut>,
}

/// A piece that was left out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Kept bytes before it.
    pub after: usize,
    /// Bytes left out.
    pub bytes: u64,
}

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where an adapter's lines go while it works: the live view. Ephemeral, never state.
pub trait Sink: Send + Sync {
    /// One line, without its end, raw as it came (who shows it escapes it), cut at a sane length.
    fn line(&self, stream: Stream, line: &[u8]);
}

/// Tells an adapter to stop.
pub trait Cancel: Send + Sync {
    /// Whether the work is to be ended now.
    fn is_cancelled(&self) -> bool;
}

/// One implementation of a tool's contract. Blocks until the work has ended.
pub trait Adapter: Send + Sync {
    /// Carries the request out. Never panics on what the other side does.
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply;
}
