//! `run:` steps: argv and scripts, `ok`, and each form of output.

use std::sync::Arc;

use serde_json::json;

use super::support::{Ear, answer, argv, failed, process, processes, request, succeeded};
use crate::call::{Output, OwnProcess, Reading, TEXT_CAP};
use crate::expr::Expression;
use crate::model::call::{Adapter, Command, Ended, FailureKind, Shell, Work};
use crate::model::{Duration, Map, Value};

fn own(reading: Reading) -> OwnProcess {
    OwnProcess {
        processes: Arc::new(processes()),
        reading,
        names: Map::from([("limit".into(), Value::Int(3))]),
    }
}

fn plain() -> OwnProcess {
    own(Reading::default())
}

fn output(output: Output) -> OwnProcess {
    own(Reading {
        output,
        ..Reading::default()
    })
}

fn ok(source: &str) -> OwnProcess {
    own(Reading {
        ok: Some(Expression::parse(source).unwrap()),
        ..Reading::default()
    })
}

fn script(text: &str) -> Work {
    let (text, shell) = (text.to_owned(), Shell::Sh);
    process(Command::Script { text, shell })
}

#[test]
fn a_program_answers_with_status_and_text() {
    let value = succeeded(&plain(), argv(&["echo", "a b"]));
    assert_eq!(value, json!({"exit": 0, "stdout": "a b", "stderr": ""}));
}

#[test]
fn a_script_stops_at_its_first_failure() {
    let (failure, output) = failed(&plain(), script("echo one\nfalse\necho two"));
    assert_eq!(failure.kind, FailureKind::Exit);
    assert_eq!(failure.message, "the script ended with exit status 1");
    assert_eq!(
        output,
        Some(json!({"exit": 1, "stdout": "one", "stderr": ""}))
    );
    let (failure, _) = failed(&plain(), script("echo $NO_SUCH"));
    assert!(failure.message.contains("NO_SUCH"), "{}", failure.message);
}

#[test]
fn bash_sees_a_failure_inside_a_pipe() {
    let text = "false | true".to_owned();
    let shell = Shell::Bash;
    let (failure, _) = failed(&plain(), process(Command::Script { text, shell }));
    assert_eq!(failure.kind, FailureKind::Exit);
    succeeded(&plain(), script("false | true"));
}

#[test]
fn threat_17_a_script_is_no_template() {
    let value = succeeded(&plain(), script("echo '{{ params.x }}'"));
    assert_eq!(value["stdout"], "{{ params.x }}");
}

#[test]
fn threat_41_a_failure_says_what_the_program_said() {
    let (failure, _) = failed(&plain(), script("echo 'no route to host' >&2; exit 7"));
    assert_eq!(
        failure.message,
        "the script ended with exit status 7: no route to host"
    );
    let (failure, _) = failed(&plain(), script("no-such-command"));
    assert_eq!(
        failure.hint.as_deref(),
        Some("a shell says 127 when a command was not found")
    );
    let (failure, output) = failed(&plain(), script("kill -KILL $$"));
    assert_eq!(failure.kind, FailureKind::Signal);
    assert_eq!(failure.message, "the script was ended by SIGKILL (kill)");
    assert!(failure.hint.unwrap().contains("out-of-memory"));
    assert_eq!(output.unwrap()["exit"], json!(null));
    let (failure, output) = failed(&plain(), argv(&["no-such"]));
    assert_eq!((failure.kind, output), (FailureKind::NotStarted, None));
}

#[test]
fn ok_says_what_success_is() {
    let grep = ok("exit in [0, limit]");
    assert_eq!(succeeded(&grep, script("exit 3"))["exit"], 3);
    let (failure, _) = failed(&grep, script("exit 1"));
    assert_eq!(failure.kind, FailureKind::Answer);
    assert_eq!(
        failure.message,
        "the script: `ok` is false: exit in [0, limit] (exit is 1, limit is 3)"
    );
    let answers = ok("json.ok");
    succeeded(&answers, script(r#"echo '{"ok": true}'"#));
    let (failure, _) = failed(&answers, script(r#"echo '{"ok": false}'"#));
    assert_eq!(failure.kind, FailureKind::Answer);
    let (failure, _) = failed(&answers, script("echo oops"));
    assert_eq!(failure.kind, FailureKind::Answer);
    assert!(failure.message.contains("not JSON"), "{}", failure.message);
}

#[test]
fn output_may_be_json_lines_or_fields() {
    let value = succeeded(&output(Output::Json), script(r#"echo '[1, {"a": null}]'"#));
    assert_eq!(value, json!([1, {"a": null}]));
    let value = succeeded(&output(Output::Lines), script("printf 'a\\n\\nb'"));
    assert_eq!(value, json!(["a", "", "b"]));
    let fields = [("count", "lines | length"), ("first", "json.n + limit")];
    let fields = fields.map(|(name, e)| (name.to_owned(), Expression::parse(e).unwrap()));
    let mapped = output(Output::Fields(fields.into_iter().collect()));
    let value = succeeded(&mapped, script(r#"printf '{\n"n": 4}'"#));
    assert_eq!(value, json!({"count": 2, "first": 7}));
    let (failure, _) = failed(&mapped, script("echo nothing"));
    assert_eq!(failure.kind, FailureKind::Output);
    assert!(failure.message.contains("output field `first`"));
}

#[test]
fn long_text_is_cut_and_said_but_expressions_see_it_whole() {
    let work = || script("head -c 20000 /dev/zero | tr '\\0' x; echo; echo end");
    let (ended, notes) = answer(&plain(), work());
    let Ended::Succeeded(value) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(
        value.get("stdout").unwrap().as_str().unwrap().len(),
        TEXT_CAP
    );
    assert_eq!(
        notes,
        ["the output's stdout is only the first 16 KiB of 20005 B"]
    );
    succeeded(&ok("'end' in stdout"), work());
}

#[test]
fn threat_32_what_was_cut_decides_nothing() {
    let mut own = ok("'error' not in stdout");
    own.processes = Arc::new(crate::call::Processes {
        cap: 1000,
        ..processes()
    });
    let (failure, _) = failed(&own, script("head -c 5000 /dev/zero"));
    assert_eq!(failure.kind, FailureKind::Answer);
    assert!(
        failure.message.contains("more was printed than is kept"),
        "{}",
        failure.message
    );
}

#[test]
fn threat_39_the_outcome_of_what_was_ended_is_not_failure() {
    let mut request = request(script("exec sleep 1000"));
    request.timeout = Duration::from_millis(30);
    let ear = Ear::default();
    assert_eq!(plain().call(&request, &ear, &ear).ended, Ended::TimedOut);
    let ear = Ear::stopping_at("ready");
    request.work = script("echo ready; exec sleep 1000");
    request.timeout = Duration::from_secs(60);
    let reply = plain().call(&request, &ear, &ear);
    assert_eq!(reply.ended, Ended::Cancelled);
    assert_eq!(reply.stdout.bytes, b"ready\n");
}

#[test]
fn a_sensitive_step_is_not_quoted() {
    let quiet = |ok: Option<&str>, output| {
        own(Reading {
            ok: ok.map(|ok| Expression::parse(ok).unwrap()),
            output,
            unknown: None,
            sensitive: true,
        })
    };
    let printing = || script("echo hunter22; echo hunter22 >&2; exit 2");
    let cases = [
        (quiet(None, Output::Plain), FailureKind::Exit),
        (
            quiet(Some("stdout == 'x'"), Output::Plain),
            FailureKind::Answer,
        ),
        (quiet(Some("exit == 2"), Output::Json), FailureKind::Output),
    ];
    for (own, kind) in cases {
        let (failure, _) = failed(&own, printing());
        assert_eq!(failure.kind, kind);
        assert!(!format!("{failure:?}").contains("hunter22"));
    }
}

#[test]
fn threat_24_its_own_variables_reach_a_script() {
    let mut work = script("echo \"$TARGET\"");
    if let Work::Process(process) = &mut work {
        process.env.insert("TARGET".into(), "a; $(id)".into());
    }
    assert_eq!(succeeded(&plain(), work)["stdout"], "a; $(id)");
}
