//! What a journal proves. Pure: it judges what was read.
//!
//! Framing and chain were checked by the reader, which stops at the first line it cannot believe;
//! here come blobs and the ledger. What may follow what is a higher floor's to say: it adds its own
//! findings to the verdict.
//!
//! The limit: who can write both the journal and the ledger can rewrite both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::blobs::{BlobState, named_by};
use super::finding::{Code, Finding, Flaw};
use super::ledger::{Standing, closing, standings};
use super::ledger_event::LedgerEvent;
use super::read::{ReadReport, Tail};
use crate::model::ids::RunId;
use crate::model::{Digest, Happened};

/// What is judged of one run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was read of its journal.
    pub journal: &'a ReadReport,
    /// How its blobs were found; what is not here counts as missing.
    pub blobs: &'a BTreeMap<Digest, BlobState>,
    /// The ledger, where there is one to compare with.
    pub ledger: Option<&'a ReadReport<LedgerEvent>>,
}

/// What was proven, where nothing was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proven {
    /// How many records have the right form and chain.
    pub records: u64,
    /// How many blobs are whole.
    pub blobs: u64,
    /// How many signatures are good; counted by a higher floor.
    pub signatures: u64,
    /// Whether the ledger was compared with.
    pub ledger: bool,
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, blobs, .. } = self;
        write!(f, "chain of {records} records, {blobs} blobs, ")?;
        f.write_str(if self.ledger { "ledger" } else { "no ledger" })
    }
}

/// The judgement of one or several runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// All findings, the gravest first.
    pub findings: Vec<Finding>,
    /// What was proven.
    pub proven: Proven,
}

impl Verdict {
    /// The exit code: the gravest finding's, or 0.
    pub fn code(&self) -> Code {
        let codes = self.findings.iter().map(Finding::code);
        codes.min().unwrap_or(Code::Proven)
    }

    /// Takes in what somebody else found: a higher floor, or another run's verdict.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(Finding::code);
    }
}

/// Judges one run.
pub fn verify_run(evidence: &Evidence<'_>) -> Verdict {
    let journal = evidence.journal;
    let run = &journal.next.run;
    let standing = evidence.ledger.map(|l| standings(l).remove(run));
    let mut findings = Vec::new();
    let mut find = |seq: Option<u64>, flaw: Flaw| {
        findings.push(Finding {
            run: Some(run.clone()),
            seq,
            flaw,
        });
    };

    let (mut seen, mut whole) = (BTreeSet::new(), 0);
    for record in &journal.records {
        for blob in named_by(&record.event.what) {
            if !seen.insert(blob) {
                continue;
            }
            let flaw = match evidence.blobs.get(&blob) {
                Some(BlobState::Whole) => {
                    whole += 1;
                    continue;
                }
                Some(BlobState::Missing) | None => Flaw::BlobMissing(blob),
                Some(BlobState::Changed) => Flaw::BlobChanged(blob),
                Some(BlobState::Unreadable(why)) => Flaw::BlobUnreadable(blob, why.clone()),
            };
            find(Some(record.seq), flaw);
        }
    }
    let missing = match &standing {
        Some(standing) => compare(journal, standing.as_ref(), &mut find),
        None => None,
    };
    if let Some(ledger) = evidence.ledger {
        check_ledgers_past(journal, ledger, &mut find);
    }
    let records = journal.records.len() as u64;
    match &journal.tail {
        Tail::Clean => {
            if let Some(ledger) = missing {
                find(None, Flaw::Behind { ledger, records });
            } else if records == 0 {
                find(None, Flaw::NeverBegun);
            } else if !is_closed(journal) {
                find(None, Flaw::Open);
            }
        }
        // The torn line may be the very one that the ledger knows.
        Tail::Torn { offset, length } => find(
            None,
            Flaw::Torn {
                offset: *offset,
                length: *length,
                ledger: missing,
            },
        ),
        Tail::Broken { line, offset, why } => find(None, line_flaw(*line, *offset, why)),
    }

    let mut verdict = Verdict {
        findings: Vec::new(),
        proven: Proven {
            records,
            blobs: whole,
            signatures: 0,
            ledger: evidence.ledger.is_some(),
        },
    };
    verdict.add(findings);
    verdict
}

fn line_flaw(line: u64, offset: u64, why: &super::error::DecodeError) -> Flaw {
    Flaw::Line {
        line,
        offset,
        why: why.clone(),
    }
}

fn is_closed(journal: &ReadReport) -> bool {
    closing(&journal.records).is_some()
}

/// Compares a journal with its standing in the ledger. Returns the last place that the ledger
/// knows, where the journal does not reach it.
fn compare(
    journal: &ReadReport,
    standing: Option<&Standing>,
    find: &mut impl FnMut(Option<u64>, Flaw),
) -> Option<u64> {
    let Some(standing) = standing else {
        if !journal.records.is_empty() {
            find(None, Flaw::NotInLedger);
        }
        return None;
    };
    let known = standing.closed.map(|closing| closing.seq);
    if closing(&journal.records).is_some_and(|closing| known < Some(closing.seq)) {
        find(None, Flaw::NotClosedInLedger);
    }
    let mut missing = None;
    for (&seq, &ledger) in &standing.known {
        let record = usize::try_from(seq)
            .ok()
            .and_then(|n| journal.records.get(n));
        match record {
            Some(record) if record.h == ledger => {}
            Some(record) => find(
                Some(seq),
                Flaw::Forked {
                    ledger,
                    journal: record.h,
                },
            ),
            None => missing = Some(seq),
        }
    }
    missing
}

/// The head that a run saw when it was opened must still be in the ledger.
fn check_ledgers_past(
    journal: &ReadReport,
    ledger: &ReadReport<LedgerEvent>,
    find: &mut impl FnMut(Option<u64>, Flaw),
) {
    let Some(Happened::RunOpened(opened)) = journal.records.first().map(|r| &r.event.what) else {
        return;
    };
    if let Some(seen) = opened.ledger
        && !ledger.records.iter().any(|record| record.h == seen)
    {
        find(Some(0), Flaw::LedgerForked { seen });
    }
}

/// Judges the ledger itself, and whether all its runs are still there.
pub fn verify_ledger(ledger: &ReadReport<LedgerEvent>, present: &[RunId]) -> Verdict {
    let mut findings = Vec::new();
    match &ledger.tail {
        Tail::Clean => {}
        Tail::Torn { offset, length } => findings.push(Finding {
            run: None,
            seq: None,
            flaw: Flaw::Torn {
                offset: *offset,
                length: *length,
                ledger: None,
            },
        }),
        Tail::Broken { line, offset, why } => findings.push(Finding {
            run: None,
            seq: None,
            flaw: line_flaw(*line, *offset, why),
        }),
    }
    let present: BTreeSet<&RunId> = present.iter().collect();
    for run in standings(ledger).into_keys() {
        if !present.contains(&run) {
            findings.push(Finding {
                run: Some(run),
                seq: None,
                flaw: Flaw::Gone,
            });
        }
    }
    let mut verdict = Verdict {
        findings: Vec::new(),
        proven: Proven {
            records: ledger.records.len() as u64,
            blobs: 0,
            signatures: 0,
            ledger: true,
        },
    };
    verdict.add(findings);
    verdict
}
