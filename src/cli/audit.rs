//! `runbook audit show` and `runbook audit verify`.

use std::io::Read;

use serde_json::json;

use super::args::{AuditShowArgs, AuditVerifyArgs};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::run::pretty;
use super::screen::Screen;
use crate::audit::{replay, verify_one};
use crate::journal::{Code, Finding, RunDir, StoreError, Tail, verify_ledger};
use crate::model::ids::RunId;
use crate::model::text::escape_controls;
use crate::report;

fn disk(error: crate::journal::DiskError) -> CliError {
    CliError::Store(StoreError::Disk(error))
}

/// `runbook audit show`
pub fn show(context: &Context, args: &AuditShowArgs) -> Result<Exit, CliError> {
    let store = context.store_of_runs()?;
    let dir = store.run(&store.resolve(&args.run)?)?;
    let report = dir.read().map_err(disk)?;
    let screen = &context.screen;
    let zone = jiff::tz::TimeZone::system();
    if args.json {
        print_records(screen, &dir, report.length())?;
    } else {
        for record in &report.records {
            screen.print(&report::record_line(&record.event, &screen.out, &zone));
        }
    }
    for warning in &report.warnings {
        screen.say(&format!("warning: {warning}"));
    }
    match &report.tail {
        Tail::Clean => {}
        Tail::Torn { offset, length } => screen.say(&format!(
            "after this, {length} bytes at byte {offset} are no whole record: \
             a process ended while writing; `runbook resume {}` sets them aside",
            dir.id()
        )),
        Tail::Broken { line, why, .. } => {
            screen.error(
                &format!("line {line} and all that follows cannot be believed: {why}"),
                &[format!("runbook audit verify {}", dir.id())],
            );
            return Ok(Exit::Audit(Code::Corrupt));
        }
    }
    if args.json {
        return Ok(Exit::Done);
    }
    match replay(&dir, &report) {
        Ok(run) => {
            screen.print("");
            screen.print(&report::summary(&run, &screen.out));
        }
        Err(error) => screen.say(&format!("the run cannot be summed up: {error}")),
    }
    Ok(Exit::Done)
}

/// The records that verified, byte for byte.
fn print_records(screen: &Screen, dir: &RunDir, length: u64) -> Result<(), CliError> {
    let unreadable =
        |e: std::io::Error| CliError::System(format!("the journal cannot be read: {e}"));
    let file = std::fs::File::open(dir.journal()).map_err(unreadable)?;
    let mut text = String::new();
    file.take(length)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    screen.print(&text);
    Ok(())
}

/// `runbook audit verify`
pub fn verify(context: &Context, args: &AuditVerifyArgs) -> Result<Exit, CliError> {
    let store = context.store_of_runs()?;
    let screen = &context.screen;
    let ledger = store.ledger().read().map_err(disk)?;
    let runs: Vec<RunId> = if args.runs.is_empty() {
        store.list_runs()?
    } else {
        args.runs
            .iter()
            .map(|run| store.resolve(run))
            .collect::<Result<_, _>>()?
    };
    let mut worst = Code::Proven;
    let mut all = Vec::new();
    for run in &runs {
        let dir = store.run(run)?;
        let (verdict, _) = verify_one(&dir, Some(&ledger)).map_err(disk)?;
        worst = worst.min(verdict.code());
        if args.json {
            all.push(json!({
                "run": run,
                "code": verdict.code().number(),
                "records": verdict.proven.records,
                "blobs": verdict.proven.blobs,
                "signatures": verdict.proven.signatures,
                "ledger": verdict.proven.ledger,
                "findings": verdict.findings.iter().map(finding_json).collect::<Vec<_>>(),
            }));
            continue;
        }
        if verdict.findings.is_empty() {
            screen.print(&format!(
                "{run}: proven: {} records in one chain, their order legal, {} blobs whole, \
                 {}as the ledger has it. No external anchor.",
                verdict.proven.records,
                verdict.proven.blobs,
                signatures(verdict.proven.signatures)
            ));
        } else {
            screen.print(&format!("{run}: {}", word(verdict.code())));
            for finding in &verdict.findings {
                screen.print(&format!("  {}", finding_line(finding)));
            }
        }
    }
    let present = store.list_runs()?;
    let verdict = verify_ledger(&ledger, &present);
    // A single run's verdict does not depend on what became of others.
    let theirs = args.runs.is_empty();
    for finding in verdict
        .findings
        .iter()
        .filter(|finding| theirs || finding.run.is_none())
    {
        worst = worst.min(finding.code());
        if args.json {
            all.push(json!({ "ledger": true, "findings": [finding_json(finding)] }));
        } else {
            screen.print(&format!("ledger: {}", finding_line(finding)));
        }
    }
    if args.json {
        screen.print(&pretty(
            &json!({ "version": 1, "code": worst.number(), "verdicts": all }),
        ));
    } else if runs.is_empty() {
        screen.say("there are no runs yet");
    }
    Ok(Exit::Audit(worst))
}

/// Where nobody signed, nothing is said of signatures.
fn signatures(good: u64) -> String {
    match good {
        0 => String::new(),
        1 => "1 signature good, ".to_owned(),
        many => format!("{many} signatures good, "),
    }
}

fn word(code: Code) -> &'static str {
    match code {
        Code::Corrupt => "CORRUPT",
        Code::Blob => "A BLOB IS MISSING OR WAS CHANGED",
        Code::Signature => "A SIGNATURE IS NOT GOOD",
        Code::Forked => "ANOTHER HISTORY THAN THE LEDGER'S",
        Code::Behind => "CUT OFF: behind the ledger",
        Code::Gone => "GONE",
        Code::NotVerified => "could not be verified",
        Code::Torn => "torn tail",
        Code::Open => "open or in doubt",
        Code::Proven => "proven",
    }
}

fn finding_line(finding: &Finding) -> String {
    let place = match (&finding.run, finding.seq) {
        (_, Some(seq)) => format!("record {seq}: "),
        (Some(run), None) if finding.code() == Code::Gone => format!("{run}: "),
        _ => String::new(),
    };
    format!(
        "{} {place}{}",
        finding.code().number(),
        escape_controls(&finding.flaw.to_string())
    )
}

fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "run": finding.run,
        "seq": finding.seq,
        "code": finding.code().number(),
        "what": finding.flaw.word(),
        "message": finding.flaw.to_string(),
    })
}
