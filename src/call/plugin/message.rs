//! What a plugin is told, and what it says: protocol 1, one JSON object a line, see docs/plugins.md.

use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value as Json};
use zeroize::Zeroizing;

use crate::model::Effect;
use crate::model::call::{Failure, FailureKind, Purpose, Request};

/// The protocol that is spoken here.
pub(super) const PROTOCOL: u64 = 1;

/// Which question an answer belongs to. Each has its own, for as long as a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MessageId(pub(super) u64);

/// What a plugin is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// What it is, and what it can do.
    Describe { id: MessageId, protocol: u64 },
    /// Whether its settings are right.
    Check {
        id: MessageId,
        #[serde(flatten)]
        given: &'a Given,
        timeout_ms: u64,
    },
    /// An action.
    Call {
        id: MessageId,
        action: &'a str,
        args: &'a JsonMap<String, Json>,
        #[serde(flatten)]
        given: &'a Given,
        run: RunWords<'a>,
        purpose: Purpose,
        effect: Effect,
        timeout_ms: u64,
    },
    /// The call of this id is to end, its answer is still wanted.
    Cancel { id: MessageId },
}

/// What a plugin is given with each question, beside the question.
#[derive(Debug, Default, Serialize)]
pub(super) struct Given {
    pub(super) settings: JsonMap<String, Json>,
    pub(super) secrets: Secret,
}

/// What of settings and arguments is secret.
#[derive(Debug, Default, Serialize)]
pub(super) struct Secret {
    pub(super) settings: JsonMap<String, Json>,
    pub(super) args: JsonMap<String, Json>,
}

/// For whom a call is made.
#[derive(Debug, Serialize)]
pub(super) struct RunWords<'a> {
    id: String,
    environment: &'a str,
    step: String,
    attempt: u32,
    idempotency_key: &'a str,
}

impl<'a> RunWords<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        Self {
            id: request.run.to_string(),
            environment: request.environment.as_str(),
            step: request.step.to_string(),
            attempt: request.attempt.0,
            idempotency_key: &request.key.0,
        }
    }
}

impl Told<'_> {
    /// Its line, with its end. It may hold secrets, and is wiped when it is no longer needed.
    pub(super) fn line(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let mut line = Zeroizing::new(serde_json::to_vec(self)?);
        line.push(b'\n');
        Ok(line)
    }
}

/// What a plugin says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// How far a call is, for who looks on.
    Progress(MessageId, String),
    /// Something for the record.
    Log(String),
    /// The answer to a question.
    Result(MessageId, Answer),
}

/// The answer to a question.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// It did what it should.
    Output(JsonMap<String, Json>),
    /// It did not, for certain.
    Failure(Failure),
    /// The plugin cannot know whether it did.
    Unknown(String),
}

/// As it stands in the line. Fields that are not known here are passed over, so that a plugin may
/// say more to a later version.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Progress {
        id: MessageId,
        text: String,
    },
    Log {
        text: String,
    },
    Result {
        id: MessageId,
        output: Option<Json>,
        failure: Option<FailureWords>,
        unknown: Option<UnknownWords>,
    },
}

#[derive(Deserialize)]
struct FailureWords {
    kind: FailureWord,
    message: String,
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailureWord {
    Refused,
    Failed,
}

#[derive(Deserialize)]
struct UnknownWords {
    message: String,
}

/// Reads a line; an error says what is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Said, String> {
    // A line of something else is told from one that breaks the protocol: the first is a stray
    // `print`, the second a misunderstanding.
    let json: Json = serde_json::from_slice(line).map_err(|e| match e.column() {
        0 | 1 => "this is not JSON".to_owned(),
        column => format!("this is not JSON from its column {column} on"),
    })?;
    let line = serde_json::from_value(json)
        .map_err(|e| format!("this is no message of protocol {PROTOCOL}: {e}"))?;
    Ok(match line {
        Line::Progress { id, text } => Said::Progress(id, text),
        Line::Log { text } => Said::Log(text),
        Line::Result {
            id,
            output,
            failure,
            unknown,
        } => Said::Result(
            id,
            match (output, failure, unknown) {
                (Some(Json::Object(output)), None, None) => Answer::Output(output),
                (Some(_), None, None) => return Err("`output` is no object".to_owned()),
                (None, Some(failure), None) => Answer::Failure(failure.failure()),
                (None, None, Some(unknown)) => Answer::Unknown(unknown.message),
                _ => {
                    let what = "a result has one of `output`, `failure` and `unknown`";
                    return Err(what.to_owned());
                }
            },
        ),
    })
}

impl FailureWords {
    fn failure(self) -> Failure {
        let kind = match self.kind {
            FailureWord::Refused => FailureKind::Refused,
            FailureWord::Failed => FailureKind::Answer,
        };
        Failure {
            kind,
            message: self.message,
            hint: self.hint,
        }
    }
}

/// What a plugin says of itself.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Described {
    pub(super) protocol: u64,
    pub(super) name: String,
    pub(super) actions: Vec<String>,
    /// Whether it can check its settings.
    #[serde(default)]
    pub(super) checks: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_is_one_line() {
        let told = Told::Describe {
            id: MessageId(1),
            protocol: PROTOCOL,
        };
        assert_eq!(
            &**told.line().unwrap(),
            b"{\"type\":\"describe\",\"id\":1,\"protocol\":1}\n"
        );
        let given = Given {
            settings: json!({ "place": "a\nb" }).as_object().unwrap().clone(),
            ..Given::default()
        };
        let told = Told::Check {
            id: MessageId(2),
            given: &given,
            timeout_ms: 500,
        };
        let line = told.line().unwrap();
        assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        assert_eq!(
            serde_json::from_slice::<Json>(&line).unwrap(),
            json!({ "type": "check", "id": 2, "settings": { "place": "a\nb" },
                    "secrets": { "settings": {}, "args": {} }, "timeout_ms": 500 })
        );
    }

    #[test]
    fn fields_of_later_versions_are_passed_over() {
        let line = br#"{"type": "result", "id": 7, "output": {"a": 1}, "took": 3}"#;
        let output = json!({ "a": 1 }).as_object().unwrap().clone();
        assert_eq!(
            read(line),
            Ok(Said::Result(MessageId(7), Answer::Output(output)))
        );
        let line = br#"{"type": "log", "text": "x", "level": "info"}"#;
        assert_eq!(read(line), Ok(Said::Log("x".into())));
    }

    #[test]
    fn what_is_no_message_is_told_apart() {
        let cases = [
            ("done", "this is not JSON"),
            ("", "this is not JSON"),
            ("{} {}", "this is not JSON"),
            ("[]", "this is no message of protocol 1"),
            (r#"{"type": "resolt"}"#, "unknown variant `resolt`"),
            (r#"{"type": "result", "output": {}}"#, "missing field `id`"),
            (r#"{"type": "result", "id": 1}"#, "one of `output`"),
            (
                r#"{"type": "result", "id": 1, "output": null}"#,
                "one of `output`",
            ),
            (r#"{"type": "result", "id": 1, "output": []}"#, "no object"),
            (
                r#"{"type": "result", "id": 1, "output": {}, "unknown": {"message": "x"}}"#,
                "one of `output`",
            ),
            (
                r#"{"type": "result", "id": 1, "failure": {"kind": "odd", "message": "x"}}"#,
                "unknown variant `odd`",
            ),
        ];
        for (line, why) in cases {
            let said = read(line.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
        let deep = "[".repeat(100_000);
        let why = read(deep.as_bytes()).unwrap_err();
        assert_eq!(why, "this is not JSON from its column 128 on");
        assert!(read(b"\"\xff\"").unwrap_err().contains("not JSON"));
    }
}
