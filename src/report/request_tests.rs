//! What somebody far away sees before they sign.

use super::*;
use crate::model::approval::HeadRef;
use crate::model::call::{Shell, ToolCall};
use crate::model::event::{Expires, GateOpened};
use crate::model::ids::StepKey;
use crate::model::people::Person;
use crate::model::{Digest, Effect, Map};

fn asked(works: Vec<Work>, show: Vec<(String, Value)>) -> ApprovalRequest {
    ApprovalRequest {
        run: "db-failover-20261120T195359Z-7k3f".parse().unwrap(),
        title: "Fail over to the freshest replica".to_owned(),
        step: StepKey::from_text("failover"),
        attempt: Attempt(2),
        environment: "production".parse().unwrap(),
        requester: Person {
            user: "bo".to_owned(),
            uid: 1000,
            login_uid: None,
            host: "db-ops".to_owned(),
            terminal: None,
        },
        gate: GateOpened {
            confirm: "Promote replica-2 of orders?\nWrites stop for half a minute.".to_owned(),
            challenge: Some("orders".to_owned()),
            show,
            works,
            effect: Effect::Destructive,
            approvals: Some(ApprovalsAsked {
                count: 2,
                from: vec!["dba".parse().unwrap()],
                people: vec!["ana@example.org".parse().unwrap(), "li".parse().unwrap()],
                exclude: Vec::new(),
                afterwards: false,
                one_more: false,
            }),
            waived: None,
            expires: Expires::default(),
            turn: 0,
            digest: Digest::ZERO,
        },
        head: HeadRef {
            seq: 7,
            h: Digest::ZERO,
        },
        expires: "2026-11-20T20:30:00Z".parse().unwrap(),
    }
}

fn call() -> Work {
    Work::Call(ToolCall {
        tool: "DATABASE_TOOL".parse().unwrap(),
        action: "failover".parse().unwrap(),
        args: Map::new(),
        words: ["failover", "--cluster=orders", "--to-replica=replica-2"]
            .map(str::to_owned)
            .to_vec(),
        binding: Digest::ZERO,
    })
}

fn script() -> Work {
    Work::Process(Process {
        command: Command::Script {
            text: "drain orders\n\npromote replica-2\u{1b}[2J\n".to_owned(),
            shell: Shell::Bash,
        },
        env: [("CLUSTER".to_owned(), "orders\nproduction".into())]
            .into_iter()
            .collect(),
        dir: Some("/srv/ops".to_owned()),
    })
}

fn shown(asked: &ApprovalRequest, vote: Vote, width: usize) -> String {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    request(asked, vote, &Look::plain(width), &zone)
}

#[test]
fn a_call_is_shown_with_what_is_known() {
    let replica: Map = [
        ("name".into(), Value::from("replica-2")),
        ("lag".into(), Value::from("4s")),
        ("tags".into(), Value::List(Vec::new())),
    ]
    .into_iter()
    .collect();
    let replicas = Value::List(vec![Value::Map(replica), Value::from("two\nlines")]);
    let show = vec![("steps.replicas.output.all".to_owned(), replicas)];
    insta::assert_snapshot!(shown(&asked(vec![call()], show), Vote::Approve, 80));
}

#[test]
fn a_script_is_shown_whole_and_cannot_move_the_cursor() {
    let text = shown(&asked(vec![script()], Vec::new()), Vote::Decline, 60);
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_of_the_evidence_is_cut() {
    let long: String = (0..20_000).map(|n| format!("{n} ")).collect();
    let show = vec![("log".to_owned(), Value::from(long.as_str()))];
    let text = shown(&asked(Vec::new(), show), Vote::Approve, 100);
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "log").unwrap();
    let joined: String = words[at + 1..].concat();
    let whole: String = long.split_whitespace().collect();
    assert!(joined.starts_with(&whole));
}
