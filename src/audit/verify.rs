//! One run's verdict: framing, chain, blobs and ledger from the journal's floor, legality and
//! signatures from here.

use super::replay::{ReplayError, load_plan, replay};
use super::signatures::{Checked, Polling};
use crate::journal::{
    DiskError, Evidence, Finding, Flaw, LedgerEvent, ReadReport, RunDir, Verdict, verify_run,
};
use crate::keys::Keygen;
use crate::model::ids::RunId;

/// Verifies one run.
///
/// # Errors
/// The disk failed before anything could be judged.
pub fn verify_one(
    dir: &RunDir,
    ledger: Option<&ReadReport<LedgerEvent>>,
) -> Result<(Verdict, ReadReport), DiskError> {
    let report = dir.read()?;
    let blobs = dir.examine_blobs(&report);
    let mut verdict = verify_run(&Evidence {
        journal: &report,
        blobs: &blobs,
        ledger,
    });
    if !report.records.is_empty() {
        verdict.add(legality(dir, &report));
        let signatures = signatures(dir, &report);
        verdict.proven.signatures = signatures.good;
        let found = signatures.flaws.into_iter();
        verdict.add(found.map(|(seq, flaw)| finding(dir.id(), Some(seq), flaw)));
    }
    Ok((verdict, report))
}

fn legality(dir: &RunDir, report: &ReadReport) -> Vec<Finding> {
    let found = |seq: Option<u64>, flaw: Flaw| finding(dir.id(), seq, flaw);
    match replay(dir, report) {
        Ok(run) => run
            .in_doubt()
            .map(|step| {
                found(
                    None,
                    Flaw::InDoubt(format!(
                        "step {step} was started, and nobody knows what it did"
                    )),
                )
            })
            .collect(),
        Err(ReplayError::Illegal { seq, error }) => {
            vec![found(Some(seq), Flaw::Illegal(error.to_string()))]
        }
        // Missing and changed files were found already, by the journal's own floor.
        Err(ReplayError::Blob { .. } | ReplayError::NeverBegun(_)) => Vec::new(),
        Err(other @ (ReplayError::Form { .. } | ReplayError::Format { .. })) => {
            vec![found(Some(0), Flaw::Unreadable(other.to_string()))]
        }
    }
}

fn signatures(dir: &RunDir, report: &ReadReport) -> Checked {
    match load_plan(dir, report) {
        Ok(plan) => Polling {
            run: dir.id(),
            environment: &plan.environment,
            signers: plan.policy.signers.as_ref().map(|s| s.text.as_str()),
            keygen: &Keygen::of_this_process(),
        }
        .check(&report.records),
        // Why there is no plan was said with what is legal.
        Err(_) => Checked::default(),
    }
}

fn finding(run: &RunId, seq: Option<u64>, flaw: Flaw) -> Finding {
    Finding {
        run: Some(run.clone()),
        seq,
        flaw,
    }
}
