//! What people are asked, what they do, and what the clock does.

use runbook::model::event::{Happened, ManualOutcome, RunOutcome};
use runbook::model::ids::StepKey;
use runbook::model::people::Way;
use runbook::model::{Duration, Status, Value};
use runbook::run::{Fact, Input, Need, Run};

use super::driver::{Driver, Left, ada, start_of_time};
use super::story::{Lines, gives, story};

#[test]
fn a_question_suggests_an_answer_and_records_both() {
    let told = story(
        "
steps:
  - { id: look, call: $BOX look }
  - { id: q, ask: 'Is {{ steps.look.output.state }} right?', suggest: \"'yes' if steps.look.output.ok else 'no'\", choices: { yes: Y, no: N } }
  - { id: a, if: steps.q.answer == 'yes', call: $BOX set }
",
    )
    .run();
    told.expect_started(&["look", "a"]);
    let given = told.events.iter().find_map(|event| match &event.what {
        Happened::AnswerGiven {
            answer, suggested, ..
        } => Some((answer.clone(), suggested.clone())),
        _ => None,
    });
    let yes = Value::from("yes");
    assert_eq!(given, Some((yes.clone(), Some(yes))));
}

#[test]
fn a_suggestion_that_fails_is_said_and_the_question_is_asked_all_the_same() {
    let told = story(
        "
steps:
  - { id: look, if: 1 > 2, call: $BOX look }
  - { id: q, ask: Well?, suggest: steps.look.output.state, choices: { a: A, b: B } }
",
    )
    .alone()
    .run();
    let Need::Ask { suggested, .. } = told.expect_waits("q") else {
        panic!();
    };
    assert!(suggested.is_err());
}

#[test]
fn answers_have_their_type() {
    let text = "steps: [ { id: q, ask: How many?, type: integer }, { id: a, call: '$BOX set {{ steps.q.answer + 1 }}' } ]";
    let told = story(text).answer("q", 41).run();
    assert_eq!(told.words("a"), ["set 42"]);
    let told = story(text).alone().run();
    let refused = |step: &str, fact: Fact| admit(&told.run, step, fact);
    let answer = |answer: Value| Fact::Answer {
        answer,
        suggested: None,
        way: Way::Terminal,
    };
    assert!(refused("q", answer("many".into())).is_err());
    assert!(refused("q", answer(3.into())).is_ok());
    let told = story("steps: [ { id: q, ask: Which?, choices: { a: A, b: B } } ]")
        .alone()
        .run();
    assert!(admit(&told.run, "q", answer("c".into())).is_err());
    assert!(admit(&told.run, "q", answer("b".into())).is_ok());
}

fn admit(run: &Run, step: &str, fact: Fact) -> Result<(), String> {
    let step = StepKey::from_text(step);
    let attempt = run.step(&step).unwrap().attempt();
    let input = Input {
        step,
        attempt,
        fact,
    };
    run.admit(input, super::driver::start_of_time())
        .map(|_| ())
        .map_err(|stale| stale.to_string())
}

#[test]
fn a_question_cannot_be_answered_by_a_report_nor_before_its_turn() {
    let told = story("steps: [ { id: q, ask: Which?, choices: { a: A, b: B } }, { id: r, ask: More?, choices: { a: A, b: B } } ]")
        .alone()
        .run();
    let report = Fact::Reported {
        outcome: ManualOutcome::Done,
        output: Value::None,
        way: Way::Terminal,
        note: None,
    };
    assert!(admit(&told.run, "q", report).is_err());
    let answer = Fact::Answer {
        answer: "a".into(),
        suggested: None,
        way: Way::Terminal,
    };
    assert!(admit(&told.run, "r", answer).is_err());
}

#[test]
fn a_persons_work_is_done_left_out_or_has_failed() {
    let text = "steps: [ { id: m, manual: [Pull the plug, Count to ten], by: dba }, { id: c, call: $BOX set } ]";
    story(text)
        .run()
        .expect_status("m", Status::Succeeded)
        .expect_started(&["c"]);
    let told = story(text).report("m", ManualOutcome::Skipped).run();
    told.expect_status("m", Status::Skipped);
    assert_eq!(told.gates("c").len(), 1);
    story(text)
        .report("m", ManualOutcome::Failed)
        .run()
        .expect_failure("m", "because")
        .expect_outcome(RunOutcome::Failed);
    let told = story(text).alone().run();
    let Need::Manual { items, by, .. } = told.expect_waits("m") else {
        panic!();
    };
    assert_eq!(items.len(), 2);
    assert_eq!(by.as_deref(), Some("dba"));
}

#[test]
fn a_pause_has_an_end_that_stays_where_it_is() {
    let told = story("steps: [ { id: p, pause: 10m } ]")
        .crash_after("pause_begun", "p")
        .run();
    told.expect_kinds("p", &["pause_begun", "pause_ended"]);
    let at = |kind: &str| {
        let event = told.events.iter().find(|e| e.what.kind() == kind);
        event.unwrap().at
    };
    let paused = Duration::between(at("pause_begun"), at("pause_ended"));
    assert_eq!(paused, Duration::from_secs(600));
}

#[test]
fn a_pause_until_a_time_of_day_ends_at_the_next_such_time() {
    let until = |text: &str| {
        let told = story(&format!(
            "steps: [ {{ id: p, pause: {{ until: \"{text}\" }} }} ]"
        ))
        .run();
        told.events
            .iter()
            .find_map(|event| match event.what {
                Happened::PauseBegun { until } => Some(until.to_string()),
                _ => None,
            })
            .unwrap()
    };
    // It begins at 19:53:59 UTC.
    assert_eq!(until("06:00 Europe/London"), "2026-11-21T06:00:00Z");
    assert_eq!(until("21:00 Europe/Berlin"), "2026-11-20T20:00:00Z");
    assert_eq!(until("19:53 UTC"), "2026-11-21T19:53:00Z");
}

#[test]
fn a_pause_can_be_cut_short_with_a_reason() {
    let plan = story("steps: [ { id: p, pause: 10m } ]").plan();
    let mut lines = Lines {
        alone: true,
        ..Lines::default()
    };
    lines.strokes.clear();
    let mut driver = Driver::open(plan, lines);
    driver.cut_pauses = true;
    assert_eq!(driver.go(), Left::Closed);
    let took = Duration::between(start_of_time(), driver.now);
    assert!(took < Duration::from_secs(60));
    assert_eq!(driver.run.opening().unwrap().operator, ada());
}

#[test]
fn variables_are_evaluated_once_before_anything_else() {
    let told = story(
        "
params: { who: { default: ada } }
vars: { name: 'x-{{ params.who }}', twice: '{{ 2 * 3 }}' }
steps: [ { id: a, call: '$BOX set {{ vars.name }}-{{ vars.twice }}' } ]
",
    )
    .run();
    assert_eq!(told.words("a"), ["set x-ada-6"]);
    assert_eq!(told.events[1].what.kind(), "vars_set");
}

#[test]
fn variables_that_cannot_be_evaluated_stop_the_run_before_anything_is_done() {
    story(
        "
vars: { name: '{{ params.who }}' }
steps: [ { id: a, call: $BOX set } ]
finally: [ { id: f, call: $BOX look } ]
",
    )
    .run()
    .expect_started(&["f"])
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_included_runbook_has_parameters_variables_and_names_of_its_own() {
    let told = story(
        "
params: { who: { default: outer } }
steps:
  - { id: look, call: $BOX look }
  - { id: i, runbook: other, with: { who: '{{ steps.look.output.state }}', n: '{{ steps.look.output.n + 1 }}' } }
  - { id: again, runbook: other }
  - { id: c, if: steps.i.status == 'succeeded', call: '$BOX set {{ params.who }}' }
",
    )
    .with(
        "other",
        "
params: { who: { default: nobody }, n: { type: integer, default: 5 } }
vars: { name: '{{ params.who }}-{{ params.n }}' }
steps:
  - { id: look, call: $BOX look }
  - { id: x, call: '$BOX set {{ vars.name }}-{{ steps.look.output.state }}' }
",
    )
    .reply("look", gives(r#"{"n": 1, "ok": true, "state": "seen", "names": []}"#))
    .run();
    told.expect_started(&["look", "i/look", "i/x", "again/look", "again/x", "c"]);
    assert_eq!(told.words("i/x"), ["set seen-2-on"]);
    assert_eq!(told.words("again/x"), ["set nobody-5-on"]);
    assert_eq!(told.words("c"), ["set outer"]);
}

#[test]
fn an_include_whose_parameters_do_not_fit_fails_before_anything_is_done() {
    let told = story("steps: [ { id: i, runbook: other, with: { n: '{{ \"many\" }}' } } ]")
        .with(
            "other",
            "params: { n: { type: integer } }\nsteps: [ { id: x, call: $BOX set } ]",
        )
        .run();
    told.expect_failure("i", "the parameter `n`")
        .expect_started(&[]);
}

#[test]
fn a_loop_of_includes_keeps_its_runs_apart() {
    let told = story(
        "steps: [ { id: i, for_each: [a, b], runbook: other, with: { who: '{{ item }}' } } ]",
    )
    .with(
        "other",
        "params: { who: {} }\nsteps: [ { id: x, call: '$BOX set {{ params.who }}' } ]",
    )
    .run();
    assert_eq!(told.words("i[0]/x"), ["set a"]);
    assert_eq!(told.words("i[1]/x"), ["set b"]);
}

#[test]
fn what_a_step_printed_is_data_and_never_a_template() {
    let told = story(
        "
steps:
  - { id: look, call: $BOX look }
  - { id: a, call: '$BOX set {{ steps.look.output.state }}' }
",
    )
    .reply(
        "look",
        gives(r#"{"n": 1, "ok": true, "state": "{{ params }}; rm -rf /", "names": []}"#),
    )
    .run();
    assert_eq!(told.words("a"), ["set {{ params }}; rm -rf /"]);
}
