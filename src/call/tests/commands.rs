//! Tools behind a bare command, and behind the `command` actions of an adapter's file.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;

use super::support::{answer, argv, call, failed, processes, strings, succeeded};
use crate::call::{
    BareCommand, Brought, CommandAdapter, CommandSpec, Output, Promise, Reading, Word,
};
use crate::expr::{Expression, Template};
use crate::model::call::{Ended, FailureKind};
use crate::model::{Field, Fields, Map, SecretRef, Shape, Value};

fn promise() -> Promise {
    let mut fields = Fields::new();
    for (name, shape) in [("promoted", Shape::String), ("took", Shape::Duration)] {
        let optional = false;
        fields.insert(name.into(), Field { shape, optional });
    }
    let example = json!({"promoted": "r1", "took": "4s"});
    Promise {
        shape: Some(Shape::object(fields)),
        example: Some(Value::from_plain(&example)),
    }
}

fn bare(command: &[&str]) -> BareCommand {
    BareCommand {
        processes: Arc::new(processes()),
        command: strings(command),
        promises: [("failover".parse().unwrap(), promise())].into(),
    }
}

#[test]
fn threat_17_a_bare_command_gets_the_words_as_they_stand() {
    let tool = bare(&["printf", "[%s]"]);
    let value = succeeded(&tool, call("deploy", &["$(id)", "--to=a b"], Map::new()));
    assert_eq!(value["stdout"], "[$(id)][--to=a b]");
}

#[test]
fn a_bare_command_answers_with_the_declared_fields() {
    let tool = bare(&["echo"]);
    let json = r#"{"promoted": "r2", "took": 4, "more": 1}"#;
    let value = succeeded(&tool, call("failover", &[json], Map::new()));
    assert_eq!(value, json!({"promoted": "r2", "took": "4s", "more": 1}));
}

#[test]
fn a_bare_command_that_breaks_its_promise_is_told_what_was_expected() {
    let hint = r#"expected on stdout, for example: {"promoted":"r1","took":"4s"}"#;
    let cases = [
        (
            r#"{"promoted": "r2", "took": true}"#,
            "took: expected a duration, found true",
        ),
        (r#"{"promoted": "r2"}"#, "the field `took` is missing"),
        ("", "nothing was printed where JSON is expected"),
        ("done", "what was printed is not JSON"),
    ];
    for (printed, message) in cases {
        let (failure, output) = failed(
            &bare(&["printf", "%s"]),
            call("failover", &[printed], Map::new()),
        );
        assert_eq!(failure.kind, FailureKind::Output);
        assert!(failure.message.contains(message), "{}", failure.message);
        assert_eq!(failure.hint.as_deref(), Some(hint));
        assert_eq!(output.unwrap()["stdout"], printed);
    }
}

#[test]
fn exit_0_is_not_success_by_itself_but_anything_else_is_failure() {
    let tool = bare(&["sh", "-c", "echo '{}'; echo refused >&2; exit 4"]);
    let (failure, _) = failed(&tool, call("failover", &[], Map::new()));
    assert_eq!(failure.kind, FailureKind::Exit);
    assert_eq!(failure.message, "`sh` ended with exit status 4: refused");
}

#[test]
fn a_tool_does_not_answer_for_a_command() {
    let (failure, _) = failed(&bare(&["true"]), argv(&["true"]));
    assert_eq!(failure.kind, FailureKind::NotStarted);
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn spec(command: &[&str]) -> CommandSpec {
    CommandSpec {
        command: command
            .iter()
            .map(|word| Word::Template(template(word)))
            .collect(),
        env: IndexMap::new(),
        pass: Vec::new(),
        dir: None,
        reading: Reading::default(),
        promise: Promise::default(),
        arguments: vec!["to-replica".parse().unwrap(), "tags".parse().unwrap()],
    }
}

fn adapter(spec: CommandSpec) -> CommandAdapter {
    let password = SecretRef::Env("DB_PASSWORD".into());
    let settings = [
        ("host".to_owned(), Value::from("db1")),
        ("password".to_owned(), Value::Secret(password)),
    ];
    let mut processes = processes();
    let (name, value) = ("DB_PASSWORD".into(), "hunter22".into());
    processes.base_env.insert(name, value);
    CommandAdapter {
        processes: Arc::new(processes),
        settings: settings.into_iter().collect(),
        names: Map::new(),
        files: Arc::default(),
        actions: [("failover".parse().unwrap(), spec)].into(),
    }
}

fn args(pairs: &[(&str, Value)]) -> Map {
    let pairs = pairs.iter().cloned();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn threat_17_each_template_of_a_command_is_one_word() {
    let adapter = adapter(spec(&[
        "printf",
        "[%s]",
        "--host={{ settings.host }}",
        "{{ args.to_replica }}",
        "{{ run.idempotency_key }}",
    ]));
    let given = args(&[("to_replica", Value::Str("a b; $(id) {{ x }}".into()))]);
    let value = succeeded(&adapter, call("failover", &[], given));
    assert_eq!(value["stdout"], "[--host=db1][a b; $(id) {{ x }}][key-1]");
}

#[test]
fn a_lone_value_that_is_none_is_no_word_and_a_list_is_several() {
    let adapter = adapter(spec(&[
        "printf",
        "[%s]",
        "{{ args.to_replica }}",
        "{{ args.tags }}",
    ]));
    let tags = Value::List(vec![Value::Str("a b".into()), Value::Int(2)]);
    let value = succeeded(&adapter, call("failover", &[], args(&[("tags", tags)])));
    assert_eq!(value["stdout"], "[a b][2]");
}

#[test]
fn what_cannot_be_filled_in_is_not_started() {
    for word in ["--to={{ args.to_replica }}", "{{ settings.port }}"] {
        let adapter = adapter(spec(&["printf", "x", word]));
        let (failure, output) = failed(&adapter, call("failover", &[], Map::new()));
        assert_eq!((failure.kind, output), (FailureKind::Expression, None));
        assert!(failure.message.starts_with("word 3 of `command`: "));
    }
    let (failure, _) = failed(&adapter(spec(&["true"])), call("restart", &[], Map::new()));
    assert_eq!(failure.message, "the adapter has no action `restart`");
}

#[test]
fn a_secret_goes_by_the_environment_and_into_no_message() {
    let mut secretive = spec(&["sh", "-c", "printf %s \"$PGPASSWORD\" | wc -c; env"]);
    secretive.env = [
        ("PGPASSWORD", "{{ settings.password }}"),
        ("TAGS", "{{ args.tags }}"),
    ]
    .map(|(name, value)| (name.to_owned(), template(value)))
    .into();
    secretive.pass = strings(&["AWS_*"]);
    secretive.reading.output = Output::Lines;
    let value = succeeded(&adapter(secretive), call("failover", &[], Map::new()));
    let lines: Vec<_> = value
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l.as_str().unwrap())
        .collect();
    assert_eq!(lines[0], "8");
    assert!(lines.contains(&"AWS_PROFILE=prod"));
    assert!(!lines.iter().any(|line| line.starts_with("TAGS")));
    assert!(lines.contains(&"PGPASSWORD=‹redacted env:DB_PASSWORD›"));

    let mut wrong = spec(&["true"]);
    wrong.reading.ok = Some(Expression::parse("settings.password == 'x'").unwrap());
    let (failure, _) = failed(&adapter(wrong), call("failover", &[], Map::new()));
    assert_eq!(failure.kind, FailureKind::Answer);
    assert!(!failure.message.contains("hunter22"), "{}", failure.message);
    for words in [
        &["echo", "{{ settings.password }}"][..],
        &["echo", "--password={{ settings.password }}"],
        &["echo", "{{ settings }}"],
    ] {
        let (failure, _) = failed(&adapter(spec(words)), call("failover", &[], Map::new()));
        assert_eq!(
            failure.message,
            "word 2 of `command`: the ‹secret env:DB_PASSWORD› cannot stand in a text"
        );
    }
}

#[test]
fn a_secret_that_is_not_there_means_that_nothing_is_started() {
    let mut secretive = spec(&["touch", "/nowhere/started"]);
    secretive.env = [("TOKEN".to_owned(), template("{{ args.token }}"))].into();
    let given = args(&[("token", Value::Secret(SecretRef::Env("NOT_THERE".into())))]);
    let (failure, _) = failed(&adapter(secretive), call("failover", &[], given));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert_eq!(
        failure.message,
        "the ‹secret env:NOT_THERE› is not there: the variable is not set"
    );
}

#[test]
fn threat_30_a_bare_command_gets_no_secret() {
    let bare = BareCommand {
        processes: Arc::new(processes()),
        command: strings(&["echo"]),
        promises: IndexMap::new(),
    };
    let given = args(&[("token", Value::Secret(SecretRef::Env("PATH".into())))]);
    let (failure, output) = failed(&bare, call("failover", &["failover"], given));
    assert_eq!((failure.kind, output), (FailureKind::NotStarted, None));
    assert!(failure.message.contains("bare command"), "{failure}");
}

#[test]
fn an_adapter_maps_what_its_command_printed_to_the_contract() {
    let print = r#"{"new_primary": {"name": "r2"}, "seconds": 4}"#;
    let mut mapped = spec(&["echo", print]);
    mapped.promise = promise();
    let fields = |took: &str| {
        let fields = [("promoted", "json.new_primary.name"), ("took", took)];
        let fields = fields.map(|(name, e)| (name.to_owned(), Expression::parse(e).unwrap()));
        Output::Fields(fields.into_iter().collect())
    };
    mapped.reading.output = fields("json.seconds");
    // A `{{` in a command's word would be a template; this one is plain JSON.
    let value = succeeded(&adapter(mapped.clone()), call("failover", &[], Map::new()));
    assert_eq!(value, json!({"promoted": "r2", "took": "4s"}));
    mapped.reading.output = fields("json.new_primary");
    let (failure, _) = failed(&adapter(mapped), call("failover", &[], Map::new()));
    assert_eq!(
        failure.message,
        "the output does not fit the contract: took: expected a duration, found an object"
    );
}

#[test]
fn a_program_may_say_that_nobody_knows_whether_it_acted() {
    let says = |script: &str| {
        let mut spec = spec(&["sh", "-c", script]);
        spec.reading.unknown = Some("exit == 75".parse().unwrap());
        let tool = adapter(spec);
        answer(&tool, call("failover", &[], Map::new())).0
    };
    let Ended::Unknown(why) = says("echo 'lost after COMMIT' >&2; exit 75") else {
        panic!("known");
    };
    assert!(
        why.contains("exit status 75: lost after COMMIT; after such an answer nobody can know"),
        "{why}"
    );
    assert!(matches!(says("exit 1"), Ended::Failed(..)));
    assert!(matches!(says("exit 0"), Ended::Succeeded(_)));
}

/// An adapter whose command is a script that it brings along, for runs that work in `work`.
fn scripted(work: &std::path::Path) -> CommandAdapter {
    let files = [
        (
            "greet.sh",
            "#!/bin/sh\n. \"${0%/*}/words.sh\"\necho \"$hello $1\"\n",
        ),
        ("words.sh", "hello=good\n"),
    ];
    let files = files.map(|(name, text)| (name.parse().unwrap(), text.to_owned()));
    let mut spec = spec(&[]);
    spec.command = vec![
        Word::File("greet.sh".to_owned()),
        Word::Template(template("{{ args.to_replica }}")),
    ];
    let mut processes = processes();
    processes.work_dir = work.to_owned();
    CommandAdapter {
        processes: Arc::new(processes),
        files: Arc::new(Brought::new(files.into_iter().collect())),
        ..adapter(spec)
    }
}

#[test]
fn an_adapters_own_script_is_started_and_finds_what_came_with_it() {
    let work = tempfile::tempdir().unwrap();
    let say = || {
        call(
            "failover",
            &[],
            args(&[("to_replica", "$(id) evening".into())]),
        )
    };
    for _ in 0..2 {
        // The second is as another process that takes the run up: it finds what was laid.
        let adapter = scripted(work.path());
        let value = succeeded(&adapter, say());
        assert_eq!(value["stdout"], "good $(id) evening");
    }
    let laid: Vec<_> = std::fs::read_dir(work.path().join(".adapters"))
        .unwrap()
        .collect();
    assert_eq!(laid.len(), 1, "{laid:?}");
}

#[test]
fn threat_22_an_adapters_script_that_was_changed_is_not_started() {
    let work = tempfile::tempdir().unwrap();
    let adapter = scripted(work.path());
    let say = || call("failover", &[], args(&[("to_replica", "evening".into())]));
    succeeded(&adapter, say());
    let laid = std::fs::read_dir(work.path().join(".adapters")).unwrap();
    let words = laid.last().unwrap().unwrap().path().join("words.sh");
    std::fs::remove_file(&words).unwrap();
    std::fs::write(&words, "hello=evil\n").unwrap();
    // So is one that was laid beside them: a script looks for what it imports there first.
    let beside = tempfile::tempdir().unwrap();
    let other = scripted(beside.path());
    succeeded(&other, say());
    let laid = std::fs::read_dir(beside.path().join(".adapters")).unwrap();
    let laid = laid.last().unwrap().unwrap().path();
    std::fs::write(laid.join("csv.py"), "evil").unwrap();
    let (failure, _) = failed(&other, say());
    let said = "was laid beside the adapter's own files";
    assert!(failure.message.ends_with(said), "{}", failure.message);
    for adapter in [&adapter, &scripted(work.path())] {
        let (failure, output) = failed(adapter, say());
        assert_eq!((failure.kind, output), (FailureKind::NotStarted, None));
        let said = "is not what it was when the run began";
        assert!(failure.message.ends_with(said), "{}", failure.message);
    }
}
