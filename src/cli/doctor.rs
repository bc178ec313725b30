//! `runbook doctor`: whether all that a run needs is there, before it is needed.
//!
//! It works when what it asks does not: each question has a time of its own, all tools are asked at
//! once, and whatever cannot be looked at is a line of its answer and never its end.

mod finding;
mod keys;
mod state;
mod tools;

use serde_json::{Value as Json, json};

use self::finding::{Finding, Level};
use super::args::DoctorArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::run::pretty;
use super::standing::Here;
use crate::engine::Terminal;
use crate::model::Timestamp;
use crate::model::text::escape_controls;
use crate::report::{Line, Tone};

/// `runbook doctor`
pub fn doctor(context: &Context, args: &DoctorArgs) -> Result<Exit, CliError> {
    let here = Here::of(context, args.environment.as_ref())?;
    let now = Timestamp::now();
    let mut findings = tools::look(context, &here, args.no_calls, now);
    findings.extend(state::look(context, now));
    findings.extend(keys::look(context, &here.bound.policy));
    findings.push(terminal());
    let problems = count(&findings, Level::Problem);
    let warnings = count(&findings, Level::Warning);
    let screen = &context.screen;
    if args.json {
        let all: Vec<Json> = findings.iter().map(Finding::json).collect();
        screen.print(&pretty(&json!({
            "version": 1,
            "environment": here.bound.environment,
            "real": here.bound.real,
            "problems": problems,
            "warnings": warnings,
            "findings": all,
        })));
    } else {
        let look = &screen.out;
        screen.print(&look.banner(&here.bound.environment, here.bound.real));
        for finding in &findings {
            print(context, finding);
        }
        let verdict = match (problems, warnings) {
            (0, 0) => Line::new().tone(Tone::Good, "Nothing is in the way."),
            (0, n) => Line::new()
                .tone(Tone::Good, "Nothing is in the way")
                .text(&format!("; warnings: {n}.")),
            (n, _) => Line::new()
                .tone(Tone::Bad, &format!("Problems: {n}."))
                .text(&format!(" Warnings: {warnings}.")),
        };
        screen.print("");
        screen.print(&verdict.wrap(look, 0));
    }
    Ok(match problems {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

fn count(findings: &[Finding], level: Level) -> usize {
    findings
        .iter()
        .filter(|finding| finding.level == level)
        .count()
}

fn print(context: &Context, finding: &Finding) {
    let screen = &context.screen;
    let (tone, word) = match finding.level {
        Level::Ok => (Tone::Good, "ok"),
        Level::Warning => (Tone::Warn, "warning"),
        Level::Problem => (Tone::Bad, "PROBLEM"),
    };
    let line = Line::new()
        .tone(tone, word)
        .column(9)
        .tone(Tone::Strong, &escape_controls(&finding.about))
        .text(&format!(": {}", escape_controls(&finding.says)));
    screen.print(&line.wrap(&screen.out, 9));
    for help in finding.help.iter().flat_map(|help| help.lines()) {
        let line = Line::new()
            .column(9)
            .text(&format!("→ {}", escape_controls(help)));
        screen.print(&line.wrap(&screen.out, 11));
    }
}

/// Whether somebody can be asked here.
fn terminal() -> Finding {
    match Terminal::open() {
        Some(terminal) => {
            let width = terminal.width();
            Finding::ok(
                "terminal",
                format!("gates can be answered here, {width} columns"),
            )
        }
        None => Finding::warning(
            "terminal",
            "there is none, so nobody can answer a gate here",
        )
        .help("run it in a terminal, or let others answer: runbook approve RUN"),
    }
}
