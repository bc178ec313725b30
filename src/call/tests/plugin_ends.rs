//! Plugins that end, hang or talk nonsense: what is known then, and what becomes of the next call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::plugins::{HELLO, ask, enable, plugin, rewired};
use super::support::{Ear, call, kill_named, lives, request};
use crate::call::{PluginAdapter, PluginReading};
use crate::model::call::{Adapter, Ended, Failure, FailureKind, Reply};
use crate::model::{Duration, Map, Value};

/// What comes after the call was read.
fn called(script: &str) -> PluginAdapter {
    plugin(&format!("{HELLO} read -r call; {script}"))
}

const GOOD: &str = "{\"type\":\"result\",\"id\":2,\"output\":{}}";

fn unknown(ended: Ended) -> String {
    match ended {
        Ended::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

fn not_started(ended: Ended) -> Failure {
    match ended {
        Ended::Failed(failure, None) if failure.kind == FailureKind::NotStarted => failure,
        other => panic!("{other:?}"),
    }
}

/// A call with little time.
fn hurried(adapter: &PluginAdapter, ear: &Ear) -> Reply {
    let mut request = request(enable());
    request.timeout = Duration::from_millis(300);
    request.grace = Duration::from_millis(200);
    adapter.call(&request, ear, ear)
}

fn gone(pid: i32) {
    while lives(pid) {
        std::thread::yield_now();
    }
}

#[test]
fn threat_41_one_that_ends_in_the_middle_of_a_call_leaves_a_doubt() {
    let (ended, notes) = ask(&called("echo broken >&2; exit 3"), enable());
    assert_eq!(
        unknown(ended),
        "the plugin `sh` ended with exit status 3 before it answered: broken"
    );
    assert_eq!(notes, [""; 0]);
    let (ended, _) = ask(&called("kill -SEGV $$"), enable());
    assert_eq!(
        unknown(ended),
        "the plugin `sh` was ended by SIGSEGV (invalid memory access) before it answered"
    );
    let (ended, _) = ask(&called("printf '{\"type\":'; exit 0"), enable());
    assert!(unknown(ended).contains("exit status 0 before it answered"));
}

#[test]
fn one_that_closes_its_output_is_ended() {
    let (ended, _) = ask(&called("exec >&- 2>&-; exec sleep 1000"), enable());
    assert_eq!(
        unknown(ended),
        "the plugin `sh` closed its output, and was ended before it answered"
    );
}

#[test]
fn threat_41_one_that_is_not_there_was_asked_for_nothing() {
    for (script, why) in [
        ("exit 4", "ended with exit status 4 before it answered"),
        ("echo hello", "this is not JSON"),
        (
            "read -r _; echo '{\"type\":\"result\",\"id\":1,\"output\":{\"protocol\":2,\"name\":\"x\",\"actions\":[]}}'; read -r _",
            "speaks protocol 2, and protocol 1 is spoken here",
        ),
        (
            "read -r _; echo '{\"type\":\"result\",\"id\":1,\"output\":{}}'; read -r _",
            "does not say what it is: missing field `protocol`",
        ),
        (
            "read -r _; echo '{\"type\":\"result\",\"id\":1,\"failure\":{\"kind\":\"failed\",\"message\":\"no lib\"}}'; read -r _",
            "cannot work: no lib",
        ),
    ] {
        let failure = not_started(ask(&plugin(script), enable()).0);
        assert!(failure.message.contains(why), "{}", failure.message);
        assert!(
            failure
                .message
                .ends_with("; it was not asked to do anything")
        );
    }
    let silent = plugin("exec sleep 1000");
    let failure = not_started(hurried(&silent, &Ear::default()).ended);
    assert!(
        failure.message.contains("did not say in time what it is"),
        "{failure}"
    );
}

#[test]
fn an_action_that_the_plugin_does_not_know_is_not_sent() {
    let adapter = called(&format!("echo '{}'; read -r _", GOOD.replace(":2", ":3")));
    let failure = not_started(ask(&adapter, call("disable", &[], Map::new())).0);
    assert_eq!(
        failure.message,
        "the plugin `sh` (flags) has no action `enabel`"
    );
    assert_eq!(
        failure.hint.as_deref(),
        Some("it has `enable`: look at the adapter's file")
    );
    assert_eq!(
        ask(&adapter, enable()),
        (Ended::Succeeded(Value::Map(Map::new())), Vec::new())
    );
}

#[test]
fn nonsense_is_shown_and_leaves_a_doubt() {
    let cases = [
        ("enabled, thanks", "this is not JSON", "`enabled, thanks`"),
        ("\\033]52;c", "this is not JSON", "`\\u{1b}]52;c`"),
        (
            "{\"type\":\"resalt\"}",
            "unknown variant `resalt`",
            "`{\"type\":\"resalt\"}`",
        ),
        (
            "{\"type\":\"result\",\"id\":7,\"output\":{}}",
            "it answered 7, and 2 was asked",
            "\"id\":7",
        ),
        (
            "{\"type\":\"result\",\"id\":2}",
            "one of `output`",
            "\"id\":2}`",
        ),
        (
            "{\"token\":\"hunter22\"}",
            "missing field `type`",
            "‹redacted env:FLAGS_TOKEN›",
        ),
    ];
    for (line, why, shown) in cases {
        let adapter = called(&format!("printf '{line}\\n'; read -r _"));
        let why_not = unknown(ask(&adapter, enable()).0);
        let head = "the plugin `sh` was ended, for it broke the protocol: ";
        assert!(why_not.starts_with(head), "{why_not}");
        assert!(why_not.contains(why), "{why_not}");
        assert!(why_not.contains(shown), "{why_not}");
    }
}

#[test]
fn nonsense_of_any_length_makes_a_short_message_without_half_a_secret() {
    let long = "x".repeat(190);
    for line in [
        format!("{{\"type\":\"{long}hunter22{}\"}}", "y".repeat(10_000)),
        format!("{}hunter22 and more", &long[..116]),
    ] {
        let adapter = called(&format!("echo '{line}'; read -r _"));
        let why = unknown(ask(&adapter, enable()).0);
        assert!(why.len() < 600, "{}", why.len());
        assert!(!why.contains("hunt"), "{why}");
    }
}

#[test]
fn threat_32_a_line_without_an_end_ends_the_call() {
    let adapter = called("exec tr '\\0' x < /dev/zero");
    let begun = Instant::now();
    let why = unknown(ask(&adapter, enable()).0);
    assert!(
        why.contains("it began a line that is longer than 4 MiB: `xxx"),
        "{why}"
    );
    assert!(why.len() < 400);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
}

#[test]
fn two_answers_to_one_call_are_none() {
    let both = "{\"type\":\"result\",\"id\":2,\"failure\":{\"kind\":\"failed\",\"message\":\"x\"}}";
    let adapter = called(&format!("printf '%s\\n%s\\n' '{GOOD}' '{both}'; read -r _"));
    let why = unknown(ask(&adapter, enable()).0);
    assert!(
        why.contains("it answered 2, which had its answer or was never asked"),
        "{why}"
    );
}

#[test]
fn one_that_ended_between_calls_is_started_again_and_that_is_noted() {
    let adapter = called("echo '{\"type\":\"result\",\"id\":2,\"output\":{\"pid\":'$$'}}'; exit 5");
    let (ended, notes) = ask(&adapter, enable());
    assert_eq!(notes, [""; 0]);
    let Ended::Succeeded(output) = ended else {
        panic!("{ended:?}");
    };
    gone(
        output.to_plain()["pid"]
            .as_i64()
            .unwrap()
            .try_into()
            .unwrap(),
    );
    let (ended, notes) = ask(&adapter, enable());
    assert!(matches!(ended, Ended::Succeeded(_)), "{ended:?}");
    assert_eq!(
        notes,
        ["since its last call the plugin `sh` ended with exit status 5; it was started again"]
    );
}

/// A plugin that says a line between its first call and its second, and both calls.
fn between(line: &str) -> [(Ended, Vec<String>); 2] {
    let dir = tempfile::tempdir().unwrap();
    let fifo = |name: &str| {
        let path = dir.path().join(name);
        let (kind, mode) = (FileType::Fifo, Mode::RWXU);
        mknodat(CWD, &path, kind, mode, 0).unwrap();
        path
    };
    // To open either end of a fifo waits for the other.
    let (speak, said) = (fifo("speak"), fifo("said"));
    let open = |path| drop(std::fs::OpenOptions::new().write(true).open(path).unwrap());
    let adapter = called(&format!(
        "echo '{GOOD}'; : < {}; echo '{line}'; : < {}; read -r _; echo '{}'; read -r _",
        speak.display(),
        said.display(),
        GOOD.replace(":2", ":3")
    ));
    let first = ask(&adapter, enable());
    open(&speak);
    open(&said);
    [first, ask(&adapter, enable())]
}

#[test]
fn what_is_said_between_calls_is_heard_at_the_next() {
    let good = (Ended::Succeeded(Value::Map(Map::new())), Vec::new());
    let late = "{\"type\":\"progress\",\"id\":2,\"text\":\"late\"}";
    assert_eq!(between(late), [good.clone(), good.clone()]);
    let noted = "{\"type\":\"log\",\"text\":\"by the way\"}";
    assert_eq!(between(noted), [good.clone(), good.clone()]);
    let [first, (ended, notes)] = between(GOOD);
    assert_eq!((first, ended), (good.clone(), good.0));
    assert_eq!(
        notes,
        [format!(
            "since its last call the plugin `sh` was ended, for it broke the protocol: it \
             answered 2, which had its answer or was never asked: `{GOOD}`; it was started again"
        )]
    );
}

#[test]
fn threat_39_a_call_without_an_answer_is_taken_back_first() {
    let answer =
        "{\"type\":\"result\",\"id\":2,\"failure\":{\"kind\":\"refused\",\"message\":\"undone\"}}";
    let adapter = called(&format!(
        "read -r cancel; case $cancel in '{{\"type\":\"cancel\",\"id\":2}}') echo '{answer}';; esac; read -r _"
    ));
    let reply = hurried(&adapter, &Ear::default());
    let Ended::Failed(failure, None) = reply.ended else {
        panic!("{reply:?}");
    };
    assert_eq!(failure.message, "the plugin `sh`: undone");
    assert_eq!(
        reply.notes,
        ["the plugin `sh` answered only when its time was over and it was told to stop"]
    );
}

#[test]
fn threat_39_one_that_hangs_is_ended_with_all_that_it_started() {
    let ear = Ear::default();
    let reply = hurried(&called("sleep 1000 & echo $! >&2; wait"), &ear);
    assert_eq!(reply.ended, Ended::TimedOut);
    assert_eq!(reply.notes, [""; 0]);
    let pid = String::from_utf8(reply.stderr.bytes).unwrap();
    assert!(!lives(pid.trim().parse().unwrap()));
    let stubborn = called("trap '' TERM; while :; do sleep 1000; done");
    let reply = hurried(&stubborn, &Ear::default());
    assert_eq!(reply.ended, Ended::TimedOut);
    assert_eq!(
        reply.notes,
        ["the plugin `sh`: did not end within 100ms of TERM, so it was killed"]
    );
}

#[test]
fn threat_36_who_left_the_session_of_a_plugin_is_ended_and_named() {
    let script = "env -i setsid sh -c 'echo ready >&2; exec sleep 1000' & wait";
    let mut request = request(enable());
    request.grace = Duration::from_millis(400);
    let ear = Ear::stopping_at("ready");
    let reply = called(script).call(&request, &ear, &ear);
    assert_eq!(reply.ended, Ended::Cancelled);
    let said = "the plugin `sh`: had left the step's session and was ended too: pid ";
    assert!(reply.notes[0].starts_with(said), "{:?}", reply.notes);
    kill_named(&reply.notes);
}

#[test]
fn a_call_that_is_ended_on_request_may_still_be_answered() {
    let progress = "{\"type\":\"progress\",\"id\":2,\"text\":\"ready\"}";
    let unknown = "{\"type\":\"result\",\"id\":2,\"unknown\":{\"message\":\"half of it\"}}";
    let adapter = called(&format!(
        "echo '{progress}'; read -r _; echo '{unknown}'; read -r _"
    ));
    let ear = Ear::stopping_at("ready");
    let reply = adapter.call(&request(enable()), &ear, &ear);
    assert_eq!(
        reply.ended,
        Ended::Unknown("the plugin `sh` cannot tell: half of it".to_owned())
    );
    let failure = not_started(adapter.call(&request(enable()), &ear, &ear).ended);
    assert_eq!(
        failure.message,
        "cancelled before the plugin of DEPLOY_TOOL was asked"
    );
}

#[test]
fn a_call_that_was_not_read_to_its_end_was_not_sent() {
    let long = Value::from("x".repeat(300_000));
    let args = Map::from_iter([("text".to_owned(), long)]);
    let mut request = request(call("enable", &[], args));
    request.timeout = Duration::from_millis(300);
    let adapter = plugin(&format!("{HELLO} exec sleep 1000"));
    let ear = Ear::default();
    let failure = not_started(adapter.call(&request, &ear, &ear).ended);
    assert_eq!(
        failure.message,
        "the plugin `sh` did not read its input in time"
    );
    let deaf = plugin(&format!("{HELLO} exec <&-; exec sleep 1000"));
    request.timeout = Duration::from_secs(60);
    let failure = not_started(deaf.call(&request, &ear, &ear).ended);
    assert!(failure.message.contains("before it answered"), "{failure}");
}

#[test]
fn threat_34_a_panic_of_ours_leaves_no_plugin_behind() {
    let script = format!(
        "{HELLO} read -r _; echo $$ >&2; echo '{{\"type\":\"progress\",\"id\":2,\"text\":\"now\"}}'; \
         read -r _; exec sleep 1000"
    );
    let panics = [("RUNBOOK_PANIC_AT_LINE", "now")];
    let adapter = rewired(&script, PluginReading::default(), &panics);
    let ear = Ear::default();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        adapter.call(&request(enable()), &ear, &ear)
    }));
    assert!(panicked.is_err());
    let pid = ear.lines(crate::model::call::Stream::Stderr).concat();
    gone(std::str::from_utf8(&pid).unwrap().parse().unwrap());
}
