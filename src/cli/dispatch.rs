//! From the command line to a verb, and from its end to an exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use super::args::{AuditVerb, Cli, Verb};
use super::astray::explained;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::{
    approve, audit, cancel, check, defect, doctor, find, init, resume, review, run, runs, tools,
    undo, watch,
};
use crate::model::approval::Vote;

/// Does what the command line says.
pub fn main() -> ExitCode {
    defect::say_so();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let code = u8::from(error.use_stderr()) * Exit::Usage.code();
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    listen_in(cli.verbose);
    let exit = catch_unwind(AssertUnwindSafe(|| verb(&cli))).unwrap_or(Exit::Defect);
    ExitCode::from(exit.code())
}

fn verb(cli: &Cli) -> Exit {
    let context = match Context::of(cli) {
        Ok(context) => context,
        Err(error) => {
            super::screen::Screen::of(cli).error(&error.to_string(), error.help());
            return error.exit();
        }
    };
    let done = match &cli.verb {
        Verb::Run(args) => run::run(&context, args),
        Verb::Plan(args) => run::plan(&context, args),
        Verb::Resume(args) => resume::resume(&context, args),
        Verb::Watch(args) => watch::watch(&context, args),
        Verb::Approve(args) => approve::vote(&context, args, Vote::Approve),
        Verb::Decline(args) => approve::vote(&context, args, Vote::Decline),
        Verb::Cancel(args) => cancel::cancel(&context, args),
        Verb::List(args) => find::list(&context, args),
        Verb::Show(args) => find::show(&context, args),
        Verb::Search(args) => find::search(&context, args),
        Verb::Check(args) => check::check(&context, args),
        Verb::Tools(args) => tools::tools(&context, args),
        Verb::Doctor(args) => doctor::doctor(&context, args),
        Verb::Init(args) => init::init(&context, args),
        Verb::Undo(args) => undo::undo(&context, args),
        Verb::Runs(args) => runs::runs(&context, args),
        Verb::Audit(AuditVerb::Show(args)) => audit::show(&context, args),
        Verb::Audit(AuditVerb::Verify(args)) => audit::verify(&context, args),
        Verb::Audit(AuditVerb::Review(args)) => review::review(&context, args),
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            tell(&context, &error);
            error.exit()
        }
    }
}

fn tell(context: &Context, error: &CliError) {
    match error {
        // Diagnostics say where, what and what to do by themselves.
        CliError::Invalid(rendered) => context.screen.say(rendered),
        error => {
            let (message, help) = explained(context, error);
            context.screen.error(&message, &help);
        }
    }
}

/// What the engine does, for those who ask; warnings always.
fn listen_in(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "runbook=info",
        _ => "runbook=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    // A second subscriber can only be a test's; its loss changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}
