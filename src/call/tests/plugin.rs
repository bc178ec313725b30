//! Plugins that do what they should: what they are told, what they say, how long they live.

use std::collections::BTreeSet;

use serde_json::json;

use super::plugins::{Answers, HELLO, adapter, ask, enable, plugin, rewired};
use super::support::{Ear, call, lives, request};
use crate::call::PluginReading;
use crate::expr::Expression;
use crate::model::call::{Adapter, Ended, FailureKind, Purpose, Stream};
use crate::model::{Duration, Effect, Map, SecretRef, Value};

/// Reads a call and answers it with what the script says.
fn answering(script: &str, answer: &str) -> String {
    format!(
        "{HELLO} while read -r line; do id=${{line#*\\\"id\\\":}}; id=${{id%%,*}}; {script}; \
         printf '{{\"type\":\"result\",\"id\":%s,{answer}}}\\n' $id; done"
    )
}

#[test]
fn a_call_is_one_line_with_all_that_is_known_of_it() {
    let adapter = plugin(&answering(
        "printf '%s\\n' \"$line\" >&2",
        "\"output\":{\"done\":[\"a\"]}",
    ));
    let args = [
        ("names".to_owned(), Value::List(vec!["a\n\"".into()])),
        ("wait".to_owned(), Value::Duration(Duration::from_secs(4))),
    ];
    let mut request = request(call("enable", &[], args.into_iter().collect()));
    request.timeout = Duration::from_secs(30);
    let ear = Ear::default();
    let reply = adapter.call(&request, &ear, &ear);
    assert_eq!(
        reply.ended,
        Ended::Succeeded(Value::from_plain(&json!({"done": ["a"]})))
    );
    assert_eq!(reply.notes, [""; 0]);
    let mut told: serde_json::Value = serde_json::from_slice(&reply.stderr.bytes).unwrap();
    let left = told["timeout_ms"].take().as_u64().unwrap();
    assert!((1..=30_000).contains(&left), "{left}");
    assert_eq!(
        told,
        json!({
            "type": "call",
            "id": 2,
            "action": "enable",
            "args": { "names": ["a\n\""], "wait": "4s", "absent": null },
            "settings": { "place": "here" },
            "secrets": { "settings": { "token": "‹redacted env:FLAGS_TOKEN›" }, "args": {} },
            "run": {
                "id": request.run.to_string(),
                "environment": "staging",
                "step": request.step.to_string(),
                "attempt": 2,
                "idempotency_key": "key-1",
            },
            "purpose": "act",
            "effect": "change",
            "timeout_ms": null,
        })
    );
    assert_eq!(ear.lines(Stream::Stderr).len(), 1);
}

#[test]
fn a_look_is_told_as_one() {
    let adapter = plugin(&answering("printf '%s\\n' \"$line\" >&2", "\"output\":{}"));
    let mut request = request(enable());
    (request.purpose, request.effect) = (Purpose::Verify, Effect::Read);
    let ear = Ear::default();
    let reply = adapter.call(&request, &ear, &ear);
    let told: serde_json::Value = serde_json::from_slice(&reply.stderr.bytes).unwrap();
    assert_eq!(
        (&told["purpose"], &told["effect"]),
        (&json!("verify"), &json!("read"))
    );
}

#[test]
fn a_secret_reaches_the_plugin_and_nobody_else() {
    let script = "case $line in *'\"token\":\"hunter22\"'*) got=true;; *) got=false;; esac; \
                  echo \"$line\" >&2; \
                  printf '{\"type\":\"progress\",\"id\":%s,\"text\":\"at hunter22\"}\\n' $id; \
                  echo '{\"type\":\"log\",\"text\":\"used hunter22\"}'";
    let adapter = plugin(&answering(
        script,
        "\"output\":{\"got\":'$got',\"env\":\"'$FLAGS_TOKEN'\"}",
    ));
    let ear = Ear::default();
    let reply = adapter.call(&request(enable()), &ear, &ear);
    let Ended::Succeeded(output) = &reply.ended else {
        panic!("{reply:?}");
    };
    // Outputs are redacted by who keeps them, with all else of a reply.
    assert_eq!(output.to_plain(), json!({ "got": true, "env": "hunter22" }));
    let kept = [reply.stdout.bytes, reply.stderr.bytes].concat();
    let seen = [ear.lines(Stream::Stdout), ear.lines(Stream::Stderr)].concat();
    let all = [kept, seen.concat()].concat();
    assert!(!String::from_utf8_lossy(&all).contains("hunter22"));
    assert_eq!(
        ear.lines(Stream::Stdout),
        ["at ‹redacted env:FLAGS_TOKEN›".as_bytes()]
    );
}

#[test]
fn an_argument_that_holds_a_secret_stands_whole_among_the_secrets() {
    let secret = Value::Secret(SecretRef::Env("FLAGS_TOKEN".into()));
    let login = [("user", Value::from("ops")), ("password", secret)];
    let login = login.map(|(name, value)| (name.to_owned(), value));
    let login = Value::Map(login.into_iter().collect());
    let args = [
        ("logins".to_owned(), Value::List(vec![login])),
        ("name".to_owned(), Value::from("a")),
    ];
    let script = "printf '%s\\n' \"$line\" >&2";
    let adapter = plugin(&answering(script, "\"output\":{}"));
    let ear = Ear::default();
    let work = call("enable", &[], args.into_iter().collect());
    let reply = adapter.call(&request(work), &ear, &ear);
    let told: serde_json::Value = serde_json::from_slice(&reply.stderr.bytes).unwrap();
    assert_eq!(told["args"], json!({ "absent": null, "name": "a" }));
    assert_eq!(
        told["secrets"]["args"],
        json!({ "logins": [{ "user": "ops", "password": "‹redacted env:FLAGS_TOKEN›" }] })
    );
}

#[test]
fn a_secret_that_is_not_there_is_missed_before_anything_starts() {
    let secret = Value::Secret(SecretRef::Env("NO_TOKEN".into()));
    let args = Map::from_iter([("password".to_owned(), secret)]);
    let adapter = plugin("exit 1");
    let (ended, notes) = ask(&adapter, call("enable", &[], args));
    let Ended::Failed(failure, None) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure.message.contains("the variable is not set"),
        "{failure}"
    );
    assert_eq!(notes, [""; 0]);
}

#[test]
fn threat_24_a_plugin_sees_an_environment_of_its_own() {
    let script = "echo $RUNBOOK_RUN_ID/$RUNBOOK_ENVIRONMENT/$RUNBOOK_PLUGIN/$RUNBOOK_WORK >&2; \
                  echo step=$RUNBOOK_STEP preload=$LD_PRELOAD profile=$AWS_PROFILE >&2; \
                  pwd >&2; [ -t 0 ] || [ -t 1 ] || ! : < /dev/tty";
    let adapter = plugin(&answering(script, "\"output\":{}"));
    let request = request(enable());
    let ear = Ear::default();
    adapter.call(&request, &ear, &ear);
    let lines = ear.lines(Stream::Stderr);
    let line = |at: usize| String::from_utf8_lossy(&lines[at]).into_owned();
    assert_eq!(line(0), format!("{}/staging/DEPLOY_TOOL//tmp", request.run));
    assert_eq!(line(1), "step= preload= profile=");
    assert_eq!(line(2), "/tmp");
    assert!(line(3).contains("/dev/tty"), "{}", line(3));
}

#[test]
fn progress_is_shown_and_what_is_printed_is_kept() {
    let script = "printf '{\"type\":\"progress\",\"id\":%s,\"text\":\"half\\\\nway\"}\\n' $id; \
                  echo '{\"type\":\"log\",\"text\":\"noted\"}'; echo complained >&2";
    let adapter = plugin(&answering(script, "\"output\":{}"));
    let ear = Ear::default();
    let reply = adapter.call(&request(enable()), &ear, &ear);
    assert_eq!(ear.lines(Stream::Stdout), [&b"half"[..], b"way"]);
    let stderr: BTreeSet<_> = ear.lines(Stream::Stderr).into_iter().collect();
    assert_eq!(stderr, [&b"complained"[..], b"noted"].map(Vec::from).into());
    let stdout = String::from_utf8(reply.stdout.bytes).unwrap();
    assert_eq!(stdout.lines().count(), 4, "{stdout}");
    assert!(stdout.ends_with("{\"type\":\"result\",\"id\":2,\"output\":{}}\n"));
}

#[test]
fn one_process_answers_call_after_call_and_ends_with_the_run() {
    let adapter = plugin(&answering(":", "\"output\":{\"pid\":'$$'}"));
    let pid = |ended: Ended| match ended {
        Ended::Succeeded(output) => output.to_plain()["pid"].as_i64().unwrap(),
        other => panic!("{other:?}"),
    };
    let pids: BTreeSet<i64> = std::thread::scope(|scope| {
        let one = || scope.spawn(|| ask(&adapter, enable()));
        let all: Vec<_> = std::iter::repeat_with(one).take(8).collect();
        all.into_iter()
            .map(|call| {
                let (ended, notes) = call.join().unwrap();
                assert_eq!(notes, [""; 0]);
                pid(ended)
            })
            .collect()
    });
    assert_eq!(pids.len(), 1);
    let process = i32::try_from(*pids.first().unwrap()).unwrap();
    assert!(lives(process));
    assert_eq!(adapter.end(), [""; 0]);
    assert!(!lives(process));
    let (ended, _) = ask(&adapter, enable());
    let Ended::Failed(failure, None) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(
        failure.message,
        "the plugin of DEPLOY_TOOL was ended with its run"
    );
}

#[test]
fn threat_36_what_a_plugin_started_ends_with_it() {
    let script = "sleep 1000 > /dev/null 2>&1 & echo $! >&2";
    let started = || {
        let adapter = plugin(&answering(script, "\"output\":{}"));
        let ear = Ear::default();
        let reply = adapter.call(&request(enable()), &ear, &ear);
        assert!(matches!(reply.ended, Ended::Succeeded(_)), "{reply:?}");
        let pid = ear.lines(Stream::Stderr).concat();
        let pid: i32 = std::str::from_utf8(&pid).unwrap().parse().unwrap();
        assert!(lives(pid));
        (adapter, pid)
    };
    let (adapter, pid) = started();
    assert_eq!(adapter.end(), [""; 0]);
    assert!(!lives(pid));
    // Whoever forgets to end it leaves nobody behind either.
    let (adapter, pid) = started();
    drop(adapter);
    while lives(pid) {
        std::thread::yield_now();
    }
}

#[test]
fn an_answer_is_read_as_the_adapter_says() {
    let answer = "\"output\":{\"ok\":true,\"done\":[\"a\",\"b\"]}";
    let script = answering(":", answer);
    let expression = |text| Expression::parse(text).unwrap();
    let read = |ok, count| {
        let reading = PluginReading {
            ok: Some(expression(ok)),
            output: Some([("count".to_owned(), expression(count))].into()),
        };
        let adapter = rewired(&script, reading, &[]);
        ask(&adapter, enable()).0
    };
    assert_eq!(
        read(
            "answer.ok and settings.place == 'here'",
            "answer.done | length"
        ),
        Ended::Succeeded(Value::Map(Map::from_iter([(
            "count".to_owned(),
            Value::Int(2)
        )])))
    );
    let Ended::Failed(failure, Some(output)) = read("not answer.ok", "1") else {
        panic!("it succeeded");
    };
    assert_eq!(failure.kind, FailureKind::Answer);
    assert_eq!(
        failure.message,
        "the plugin `sh`: `ok` is false: not answer.ok (answer.ok is true)"
    );
    assert_eq!(output.to_plain()["done"], json!(["a", "b"]));
}

#[test]
fn a_refusal_and_a_failure_are_told_apart_and_a_doubt_is_one() {
    let answered = |answer: &str| ask(&plugin(&answering(":", answer)), enable()).0;
    let Ended::Failed(failure, None) = answered(
        "\"failure\":{\"kind\":\"refused\",\"message\":\"it is frozen\",\"hint\":\"thaw it\"}",
    ) else {
        panic!("it succeeded");
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert_eq!(failure.message, "the plugin `sh`: it is frozen");
    assert_eq!(failure.hint.as_deref(), Some("thaw it"));
    let failed = answered("\"failure\":{\"kind\":\"failed\",\"message\":\"no\"}");
    assert!(matches!(failed, Ended::Failed(failure, None) if failure.kind == FailureKind::Answer));
    assert_eq!(
        answered("\"unknown\":{\"message\":\"the line was cut\"}"),
        Ended::Unknown("the plugin `sh` cannot tell: the line was cut".to_owned())
    );
}

#[test]
fn a_plugin_says_whether_its_settings_are_right() {
    let check = |hello: &str, answer: &str| {
        let script = answering(":", answer).replace(HELLO, hello);
        let adapter = plugin(&script);
        let ear = Ear::default();
        let reply = adapter.check(&request(enable()), &ear, &ear);
        (reply.ended, reply.notes)
    };
    let able = HELLO.replace("\"actions\"", "\"checks\":true,\"actions\"");
    assert_eq!(
        check(&able, "\"output\":{}"),
        (Ended::Succeeded(Value::None), Vec::new())
    );
    let (ended, _) = check(
        &able,
        "\"failure\":{\"kind\":\"refused\",\"message\":\"the token is old\"}",
    );
    assert!(matches!(ended, Ended::Failed(failure, None) if failure.kind == FailureKind::Refused));
    assert_eq!(
        check(HELLO, "\"output\":{}"),
        (
            Ended::Succeeded(Value::None),
            vec!["the plugin `sh` cannot check its settings".to_owned()]
        )
    );
}

#[test]
fn threat_22_a_script_that_was_changed_since_the_plan_is_not_started() {
    let work = tempfile::tempdir().unwrap();
    let script = format!("#!/bin/sh\n{}", answering(":", "\"output\":{}"));
    let brought = |place: &Answers| {
        let (ended, _) = ask(&adapter(place), enable());
        ended
    };
    let place = Answers::brought(work.path(), &script);
    assert!(matches!(brought(&place), Ended::Succeeded(_)));
    let laid = std::fs::read_dir(work.path().join(".adapters")).unwrap();
    let laid = laid.flatten().next().unwrap().path().join("flags.sh");
    std::fs::remove_file(&laid).unwrap();
    std::fs::write(&laid, "#!/bin/sh\nexit 0\n").unwrap();
    let Ended::Failed(failure, None) = brought(&place) else {
        panic!("it was started");
    };
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure.message.contains("is not what it was"),
        "{}",
        failure.message
    );
}
