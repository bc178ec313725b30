//! One run's verdict: framing, chain, blobs and ledger from the journal's floor, legality from here.

use super::replay::{ReplayError, replay};
use crate::journal::{
    DiskError, Evidence, Finding, Flaw, LedgerEvent, ReadReport, RunDir, Verdict, verify_run,
};
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

fn finding(run: &RunId, seq: Option<u64>, flaw: Flaw) -> Finding {
    Finding {
        run: Some(run.clone()),
        seq,
        flaw,
    }
}
