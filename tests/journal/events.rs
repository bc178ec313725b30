//! Events of every kind, and any events at all.

use proptest::prelude::*;
use runbook::model::Map;
use runbook::model::approval::{Ballot, HeadRef, Proof, SignedBallot, Vote, Voter};
use runbook::model::call::{Command, Failure, FailureKind, Process, Work};
use runbook::model::event::{
    Decision, Expires, FailureChoice, GateOpened, LockTakeover, ManualOutcome, Outcome, ParkReason,
    Resolution, ResolvedBy, Reviewed, SkipReason, StepFinished, StepStarted, UndoReason,
};
use runbook::model::ids::{Attempt, IdempotencyKey, StepKey};
use runbook::model::output::{BlobRef, Stored, Streams};
use runbook::model::people::{Actor, Way};
use runbook::model::{Digest, Duration, Effect, Event, Happened, Size, Timestamp, Value};

use crate::story::{ada, closing, event, now, opening};

fn work() -> Work {
    Work::Process(Process {
        command: Command::Argv(vec!["pg_ctl".into(), "promote".into(), "a \"b\"\n".into()]),
        env: [("PGUSER".to_owned(), "ops".into())].into_iter().collect(),
        dir: None,
    })
}

fn blob(text: &str) -> BlobRef {
    BlobRef {
        sha256: Digest::of(text.as_bytes()),
        bytes: text.len() as u64,
        cut: 0,
    }
}

fn streams() -> Streams {
    Streams {
        stdout: Some(blob("out")),
        stderr: Some(BlobRef {
            cut: 12,
            ..blob("err")
        }),
    }
}

fn key(text: &str) -> StepKey {
    StepKey::from_text(text)
}

/// One of every kind but `run_opened` and `run_closed`.
fn middle() -> Vec<Happened> {
    vec![
        Happened::RunResumed {
            operator: ada(),
            version: "0.1.0".into(),
        },
        Happened::RunParked {
            reason: ParkReason::Signal("SIGHUP".into()),
        },
        Happened::VarsSet {
            vars: [("lag".to_owned(), Value::Duration(Duration::from_secs(4)))]
                .into_iter()
                .collect(),
        },
        Happened::BlockEntered {
            params: Map::new(),
            vars: Map::new(),
        },
        Happened::LoopOpened {
            items: vec![
                Value::Int(1),
                Value::Float(0.1),
                Value::None,
                "ü€\u{1f980}".into(),
            ],
            keys: vec!["0".into(), "1".into(), "2".into(), "3".into()],
        },
        Happened::StepSkipped {
            why: SkipReason::If {
                expression: "lag < 5s".into(),
                values: vec![("lag".into(), Value::Duration(Duration::from_secs(9)))],
            },
        },
        Happened::StepRefused {
            failure: Failure::new(FailureKind::Require, "the replica lags").hint("wait"),
        },
        Happened::GateOpened(Box::new(GateOpened {
            confirm: "Promote db-2?".into(),
            challenge: Some("db-2".into()),
            show: vec![("size".into(), Value::Size(Size::from_bytes(16_384)))],
            works: vec![work()],
            effect: Effect::Destructive,
            approvals: None,
            waived: None,
            expires: Expires::default(),
            turn: 0,
            digest: Digest::of(b"gate"),
        })),
        Happened::GateDecided {
            digest: Digest::of(b"gate"),
            decision: Decision::Approve,
            way: Way::Terminal,
            reason: Some("the primary is gone".into()),
        },
        Happened::BeforeSeen {
            output: Some(Value::Time(now())),
            failure: None,
        },
        Happened::StepStarted(Box::new(StepStarted {
            digest: Digest::of(b"work"),
            key: IdempotencyKey("0123abcd".into()),
            effect: Effect::Change,
            work: work(),
            adapter: Some("postgres".into()),
        })),
        Happened::PollSeen {
            met: false,
            output: None,
            failure: Some(Failure::new(FailureKind::Exit, "status 1")),
        },
        Happened::StepFinished(Box::new(StepFinished {
            outcome: Outcome::Succeeded,
            output: Some(Stored::Inline(Value::List(vec![Value::Bool(true)]))),
            failure: None,
            streams: streams(),
            notes: vec!["a pipe was held open".into()],
            took: Duration::from_millis(1234),
        })),
        Happened::StepUnknown {
            reason: "the connection broke after the request was sent".into(),
            streams: streams(),
        },
        Happened::StepResolved {
            resolution: Resolution::Happened,
            by: ResolvedBy::Verify,
            reason: "db-2 is the primary".into(),
            output: Some(Value::Map(
                [("$x".to_owned(), Value::Int(-1))].into_iter().collect(),
            )),
        },
        Happened::FailureDecided {
            choice: FailureChoice::Retry,
            way: Way::Terminal,
            reason: None,
        },
        Happened::AnswerGiven {
            answer: "db-3".into(),
            suggested: Some("db-2".into()),
            way: Way::Answers,
        },
        Happened::ManualReported {
            outcome: ManualOutcome::Done,
            output: Value::None,
            way: Way::Terminal,
            note: Some("called the provider".into()),
        },
        Happened::PauseBegun { until: now() },
        Happened::PauseEnded {
            cut: Some("no need to wait".into()),
        },
        Happened::UndoBegun {
            scope: Some(key("wave[0]")),
            steps: vec![key("wave[0]/b"), key("wave[0]/a")],
            why: UndoReason::Failure,
        },
        Happened::NoteAdded {
            text: "tab\t, nul\0, quote \", \u{202e}".into(),
        },
        Happened::CancelRequested {
            reason: "wrong cluster".into(),
        },
        Happened::Recovered {
            offset: 1,
            length: 2,
            sha256: Digest::of(b"torn"),
        },
    ]
}

/// What came to the first version later: decisions of others, locks, taking back.
pub fn added() -> Vec<Event> {
    let ballot = Ballot {
        run: crate::story::run_id(1),
        step: key("wave[0]/app[checkout]"),
        attempt: Attempt(2),
        environment: "production".parse().unwrap(),
        gate: Digest::of(b"gate"),
        head: HeadRef {
            seq: 7,
            h: Digest::of(b"head"),
        },
        expires: now(),
        vote: Vote::Approve,
        reason: Some("seen".into()),
    };
    let signed = Voter {
        principal: "li@example.org".parse().unwrap(),
        proof: Proof::Signature(Box::new(SignedBallot {
            ballot,
            signature: "-----BEGIN SSH SIGNATURE-----\n".into(),
            key: "SHA256:abc".into(),
        })),
    };
    let login = Voter {
        principal: "ada".parse().unwrap(),
        proof: Proof::Login(ada()),
    };
    let digest = Digest::of(b"gate");
    let kinds = vec![
        Happened::ApprovalGiven {
            digest,
            vote: Vote::Approve,
            voter: signed,
            reason: Some("seen".into()),
        },
        Happened::GateEscalated {
            digest,
            to: "incident-commander".parse().unwrap(),
            people: vec!["mo".parse().unwrap()],
        },
        Happened::UndoRequested {
            reason: "it did not help".into(),
        },
        Happened::LockTaken {
            name: "database/main".into(),
            from: Some(LockTakeover {
                run: crate::story::run_id(1),
                reason: "its holder died".into(),
            }),
        },
        Happened::GlassBroken {
            reason: "nobody answers".into(),
            group: "sre-lead".parse().unwrap(),
        },
        Happened::ReviewSigned {
            of: Reviewed::Gate {
                step: key("failover"),
                attempt: Attempt(1),
            },
            voter: login,
            reason: "it was right".into(),
        },
    ];
    kinds.into_iter().map(event).collect()
}

/// A journal of one record of every kind that the first version began with.
pub fn one_of_each() -> Vec<Event> {
    let blobs = ["runbook", "plan", "bindings", "policy"].map(|name| Digest::of(name.as_bytes()));
    let mut events = vec![opening(blobs, Some(Digest::of(b"ledger")))];
    for (n, what) in middle().into_iter().enumerate() {
        let mut event = event(what);
        if n % 2 == 0 {
            event.step = Some(key("wave[0]/app[checkout]"));
            event.attempt = Some(Attempt(2));
        }
        if n % 3 == 0 {
            event.actor = Actor::Person(ada());
        }
        event.at = now() + std::time::Duration::from_millis(n as u64);
        events.push(event);
    }
    events.push(closing());
    events
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::number),
        ".*".prop_map(Value::Str),
        any::<u64>().prop_map(|bytes| Value::Size(Size::from_bytes(bytes))),
        (0u64..10_000_000_000).prop_map(|ms| Value::Duration(Duration::from_millis(ms))),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

fn any_what() -> impl Strategy<Value = Happened> {
    let kinds = middle();
    prop_oneof![
        (0..kinds.len()).prop_map(move |n| kinds[n].clone()),
        ".*".prop_map(|text| Happened::NoteAdded { text }),
        (any_value(), ".*").prop_map(|(answer, _)| Happened::AnswerGiven {
            answer,
            suggested: None,
            way: Way::Rule,
        }),
        (
            prop::collection::vec(any_value(), 0..4),
            prop::collection::vec(".*", 0..4)
        )
            .prop_map(|(items, keys)| Happened::LoopOpened { items, keys }),
        prop::collection::vec(("[a-z_]{1,9}", any_value()), 0..4).prop_map(|vars| {
            Happened::VarsSet {
                vars: vars.into_iter().collect(),
            }
        }),
        (any_value(), any::<u64>(), any::<u64>()).prop_map(|(value, bytes, nanos)| {
            Happened::StepFinished(Box::new(StepFinished {
                outcome: Outcome::Failed,
                output: Some(Stored::Inline(value)),
                failure: None,
                streams: Streams {
                    stdout: Some(BlobRef { bytes, ..blob("x") }),
                    stderr: None,
                },
                notes: Vec::new(),
                took: Duration::from_std(std::time::Duration::from_nanos(nanos)),
            }))
        }),
    ]
}

/// Any event that a run may record, of the variants that hold something open-ended.
pub fn any_event() -> impl Strategy<Value = Event> {
    let step = prop::option::of(".{1,20}");
    let at = (-10_000_000_000i64..10_000_000_000, 0..1_000_000_000i32);
    (
        any_what(),
        step,
        prop::option::of(any::<u32>()),
        at,
        any::<bool>(),
    )
        .prop_map(|(what, step, attempt, (seconds, nanos), person)| Event {
            at: Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap(),
            step: step.map(|text| key(&text)),
            attempt: attempt.map(Attempt),
            actor: if person {
                Actor::Person(ada())
            } else {
                Actor::Engine
            },
            what,
        })
}
