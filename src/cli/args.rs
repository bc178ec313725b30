//! What may be typed: verbs, options, and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::ids::{EnvironmentName, ScenarioName};

/// Run YAML runbooks: step by step, stopping where a person must decide, with a journal that
/// proves what happened.
#[derive(Debug, Parser)]
#[command(
    name = "runbook",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Where runs are kept [default: $RUNBOOK_STATE_DIR, else $XDG_STATE_HOME/runbook]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Say less: only how a run ended, and what it waits for
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: what the engine does, on standard error; twice for all of it
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a runbook
    Run(RunArgs),
    /// Show what a run would do, calling nothing
    Plan(PlanArgs),
    /// Go on with a run that was parked or whose process died
    Resume(ResumeArgs),
    /// Follow a run from another terminal, changing nothing
    ///
    /// It ends when the run is closed, with that run's exit code; with 75 when the process that
    /// drove the run is gone; with 130 at Ctrl-C.
    Watch(WatchArgs),
    /// Say yes to what somebody else's run waits for
    Approve(VoteArgs),
    /// Say no to what somebody else's run waits for; that is final
    Decline(VoteArgs),
    /// End a run: nothing new starts, what acts is waited for
    Cancel(CancelArgs),
    /// Take back what a run did, the last first; also long after its end
    Undo(UndoArgs),
    /// List the runbooks that are there, and where each comes from
    List(ListArgs),
    /// Show a runbook: its parameters, its steps, or its graph
    Show(ShowArgs),
    /// Find a runbook by words
    Search(SearchArgs),
    /// Check runbooks, tools and environments
    Check(CheckArgs),
    /// List the tools: what answers each, by what it is bound, what it can do
    Tools(ToolsArgs),
    /// Look whether all that a run needs is there, before it is needed
    ///
    /// Exit codes: 0 nothing is in the way · 1 something is
    #[command(verbatim_doc_comment)]
    Doctor(DoctorArgs),
    /// Write a runbook.yaml to begin with; nothing that is there is overwritten
    Init(InitArgs),
    /// List the runs, the newest first
    Runs(RunsArgs),
    /// Read and verify the journals of runs
    #[command(subcommand)]
    Audit(AuditVerb),
}

/// Which runbook, with what, where.
#[derive(Debug, Args)]
pub struct Which {
    /// The runbook: its name, or a file
    pub name: String,
    /// Parameters
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    pub params: Vec<(String, String)>,
    /// Parameters from a YAML or JSON file; KEY=VALUE goes before it
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<PathBuf>,
    /// Where to act: an environment of runbook.yaml, or `sandbox`
    #[arg(short, long, value_name = "ENV")]
    pub environment: Option<EnvironmentName>,
    /// What the sandbox starts in, instead of the runbook's own scenario
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<ScenarioName>,
    /// What the sandbox's chance is drawn from [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// `runbook run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which runbook, with what, where
    #[command(flatten)]
    pub which: Which,
    /// Only show the plan; nothing is called
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "plan", require_equals = true)]
    pub dry_run: Option<DryRun>,
    /// A simulated production to share with other runs, by name
    #[arg(long, value_name = "NAME", value_parser = world_name)]
    pub world: Option<String>,
    /// How gates, questions and manual steps are answered
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Go on without the approvals that gates ask for, where the policy lets you; others review it
    #[arg(long, value_name = "REASON")]
    pub break_glass: Option<String>,
    /// Take the runbook's lock from a run that is parked, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub take_lock: Option<String>,
    /// Print the journal's records on standard output, a line each
    #[arg(long)]
    pub json: bool,
}

/// How far a dry run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Show the plan; nothing is called
    Plan,
}

/// Prepared answers, where the environment's policy allows them.
#[derive(Debug, Default, Args)]
pub struct AnswerArgs {
    /// Give every gate, question and manual step its affirmative or suggested answer
    #[arg(short, long)]
    pub yes: bool,
    /// Answer one step beforehand: approve, decline, skip, done, or the answer itself
    #[arg(long = "answer", value_name = "STEP=VALUE", value_parser = key_value)]
    pub answer: Vec<(String, String)>,
    /// Answers from a YAML or JSON file: a mapping of steps
    #[arg(long = "answers", value_name = "FILE")]
    pub answers_file: Option<PathBuf>,
}

/// `runbook plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which runbook, with what, where
    #[command(flatten)]
    pub which: Which,
    /// Show it as it would be without the approvals that gates ask for
    #[arg(long, value_name = "REASON")]
    pub break_glass: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook resume`
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run: its id, what only its id begins with, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// How gates, questions and manual steps are answered
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Go on without the approvals that gates ask for, where the policy lets you; others review it
    #[arg(long, value_name = "REASON")]
    pub break_glass: Option<String>,
    /// Take the runbook's lock from a run that is parked, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub take_lock: Option<String>,
    /// Print the journal's records on standard output, a line each
    #[arg(long)]
    pub json: bool,
}

/// `runbook undo`
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The run: its id, what only its id begins with, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// Why, for the journal
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<String>,
    /// Only show what would be taken back, and what stays
    #[arg(long)]
    pub dry_run: bool,
    /// How gates and questions are answered
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Take the runbook's lock from a run that is parked, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub take_lock: Option<String>,
    /// Print the journal's records on standard output, a line each
    #[arg(long)]
    pub json: bool,
}

/// `runbook watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The run: its id, what only its id begins with, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// Print the journal's records on standard output, a line each
    #[arg(long)]
    pub json: bool,
}

/// `runbook approve` and `runbook decline`
#[derive(Debug, Args)]
pub struct VoteArgs {
    /// The run: its id, what only its id begins with, or `last` [default: the only one that waits]
    pub run: Option<String>,
    /// The step [default: the only one that waits]
    pub step: Option<String>,
    /// Why, in a line
    #[arg(long, value_name = "WORDS")]
    pub reason: Option<String>,
    /// Hand in an answer that was signed elsewhere: a file, or `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reason", "print_request"])]
    pub signed: Option<PathBuf>,
    /// Print what to send to somebody who cannot reach this machine
    #[arg(long)]
    pub print_request: bool,
    /// Sign, here and with your own key, a request that somebody sent: a file, `-`, or its code
    #[arg(long, value_name = "FILE|CODE", conflicts_with_all = ["run", "signed", "print_request"])]
    pub request: Option<String>,
    /// The key that signs [default: $RUNBOOK_SSH_KEY, the agent's, or that of ~/.ssh]
    #[arg(long, value_name = "FILE", requires = "request")]
    pub key: Option<PathBuf>,
    /// Only print what is to be signed, and sign it by hand
    #[arg(long, requires = "request")]
    pub text: bool,
}

/// `runbook cancel`
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The run: its id, what only its id begins with, or `last`
    pub run: String,
    /// Why
    #[arg(long, value_name = "WORDS")]
    pub reason: String,
}

/// `runbook list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which runbook, with what, where
    #[command(flatten)]
    pub which: Which,
    /// Draw its graph
    #[arg(long, value_name = "FORMAT")]
    pub graph: Option<GraphFormat>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Lines and words
    Text,
    /// Mermaid's flowchart
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
}

/// `runbook search`
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// What it is about
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files or directories; everything that is found from here where left out
    pub paths: Vec<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook tools`
#[derive(Debug, Args)]
pub struct ToolsArgs {
    /// One tool, with its actions and its adapters: DATABASE_TOOL, or database-tool
    pub tool: Option<String>,
    /// Where: an environment of runbook.yaml, or `sandbox`
    #[arg(short, long, value_name = "ENV")]
    pub environment: Option<EnvironmentName>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where: an environment of runbook.yaml, or `sandbox`
    #[arg(short, long, value_name = "ENV")]
    pub environment: Option<EnvironmentName>,
    /// Start nothing and ask nothing: no tool is called, no program is asked for a secret
    #[arg(long)]
    pub no_calls: bool,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Also write out the runbooks that are built in, to be edited
    #[arg(long)]
    pub runbooks: bool,
    /// Also write out the adapters and contracts that are built in, to be edited
    #[arg(long)]
    pub adapters: bool,
}

/// `runbook runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// At most so many
    #[arg(short, long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook audit`
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Show what happened in a run, record by record
    Show(AuditShowArgs),
    /// Prove that journals are whole and tell a story that the rules allow
    ///
    /// Exit codes: 20 corrupt · 24 blob missing or changed · 22 another history than the ledger's
    /// · 21 behind the ledger · 25 a run in the ledger is gone · 30 could not verify · 11 torn
    /// tail · 12 open or in doubt · 0 proven
    #[command(verbatim_doc_comment)]
    Verify(AuditVerifyArgs),
    /// List what was done without the approvals it takes, and sign it off
    ///
    /// Exit codes: 12 something is open · 0 nothing is
    #[command(verbatim_doc_comment)]
    Review(ReviewArgs),
}

/// `runbook audit show`
#[derive(Debug, Args)]
pub struct AuditShowArgs {
    /// The run: its id, what only its id begins with, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// Print the records as they stand in the journal
    #[arg(long)]
    pub json: bool,
}

/// `runbook audit verify`
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// The runs; all of them, and the ledger, where left out
    pub runs: Vec<String>,
    /// Print all findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// `runbook audit review`
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// The runs; all of them where left out
    pub runs: Vec<String>,
    /// Sign off one thing of one run: `break-glass`, or a step as it is listed
    #[arg(long, value_name = "WHAT")]
    pub sign_off: Option<String>,
    /// What you found
    #[arg(long, value_name = "WORDS", requires = "sign_off")]
    pub reason: Option<String>,
    /// Print what somebody far away must see to sign it off
    #[arg(long, requires = "sign_off", conflicts_with = "reason")]
    pub print_request: bool,
    /// Hand in what somebody far away has signed; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sign_off", "json"])]
    pub signed: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why, in a few words".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

fn world_name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 60
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a world's name is lower-case letters, digits and `-`".to_owned())
    }
}
