//! A case file as it is written: what an adapter is asked, what it should say to the world and
//! hear from it, and what it should answer.

use std::collections::BTreeMap;
use std::path::Path;

use runbook::model::call::FailureKind;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The cases of one adapter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    pub tested: Tested,
    /// The vendor's page that the exchanges were taken from.
    #[serde(default)]
    pub source: Option<OneOrMore>,
    /// What was not held against the real thing.
    #[serde(default)]
    pub unverified: Option<OneOrMore>,
    #[serde(default)]
    pub settings: Map<String, Json>,
    /// The environment of runbook itself: where secrets are found.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    pub cases: Vec<Case>,
}

/// How much a pass means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tested {
    /// Proven in the lab too: `tests/lab/calls` holds that each action is called there.
    Lab,
    /// Against what its vendor documents.
    Fake,
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub fn list(&self) -> Vec<&str> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more.iter().map(String::as_str).collect(),
        }
    }
}

/// One call and all that comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The action.
    pub call: String,
    #[serde(default)]
    pub args: Map<String, Json>,
    /// Beside those of the file.
    #[serde(default)]
    pub settings: Map<String, Json>,
    /// Beside those of the file.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What lies in the run's directory beforehand, by its path there.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub exchange: Vec<Exchange>,
    #[serde(default)]
    pub output: Option<Json>,
    #[serde(default)]
    pub fails: Option<Fails>,
    #[serde(default)]
    pub unknown: Option<String>,
}

/// What stands for any value: a time, a port, a random word.
pub const ANY: &str = "<any>";

/// How the call should fail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    pub kind: FailureKind,
    /// Part of the message or of the hint.
    pub says: String,
}

/// One thing that is asked of the world outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Json")]
pub enum Exchange {
    Http(Box<Http>),
    Program(Box<Program>),
    Line(Box<Line>),
}

impl TryFrom<Json> for Exchange {
    type Error = String;

    /// By the key that says what it is, so that what is wrong inside is told and not only that.
    fn try_from(json: Json) -> Result<Self, String> {
        let of = |e: serde_json::Error| format!("{e} in {json}");
        let has = |key: &str| json.get(key).is_some();
        match (has("request"), has("argv"), has("sends")) {
            (true, _, _) => Http::deserialize(&json)
                .map(|e| Self::Http(e.into()))
                .map_err(of),
            (_, true, _) => Program::deserialize(&json)
                .map(|e| Self::Program(e.into()))
                .map_err(of),
            (_, _, true) => Line::deserialize(&json)
                .map(|e| Self::Line(e.into()))
                .map_err(of),
            _ => Err(format!(
                "an exchange has `request`, `argv` or `sends`, this has not: {json}"
            )),
        }
    }
}

/// A request by HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// `POST /path`, as it is on the line.
    pub request: String,
    /// Those that matter, in small letters.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// All of it, decoded.
    #[serde(default)]
    pub query: Option<Map<String, Json>>,
    #[serde(default)]
    pub json: Option<Json>,
    #[serde(default)]
    pub form: Option<Map<String, Json>>,
    #[serde(default)]
    pub body: Option<String>,
    pub answer: HttpAnswer,
}

/// What the server says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAnswer {
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub json: Option<Json>,
    #[serde(default)]
    pub body: Option<String>,
    /// The connection is closed without an answer.
    #[serde(default)]
    pub cut: bool,
}

fn ok() -> u16 {
    200
}

/// A program that is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name and its words, all of them.
    pub argv: Vec<Json>,
    #[serde(default)]
    pub stdin: Option<String>,
    /// Those that matter.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    pub answer: ProgramAnswer,
}

/// What the program says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramAnswer {
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
    #[serde(default)]
    pub exit: u8,
}

/// A line to a Unix socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub sends: String,
    pub answer: LineAnswer,
}

/// What is answered before the connection is closed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineAnswer {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub cut: bool,
}

/// A word as a program gets it.
pub fn word(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A mapping as the pairs of a query or a form; a list is several pairs of one name.
pub fn pairs(map: &Map<String, Json>) -> Vec<(String, String)> {
    map.iter()
        .flat_map(|(name, value)| {
            let values = match value {
                Json::Array(items) => items.iter().collect(),
                one => vec![one],
            };
            values
                .into_iter()
                .map(|value| (name.clone(), word(value)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What can stand in `{{ … }}` in a case file.
pub const NAMES: [&str; 7] = [
    "server",
    "address",
    "socket",
    "run.work",
    "run.id",
    "run.environment",
    "run.idempotency_key",
];

/// What `{{ … }}` in a case file stands for.
pub type Known = [(&'static str, String)];

/// Reads a file. A `{{ … }}` that is not known is an error: it would be sent as it stands.
pub fn read(shown: &str, text: &str, known: &Known) -> Result<CaseFile, String> {
    let mut filled = text.to_owned();
    for (name, value) in known {
        filled = filled.replace(&format!("{{{{ {name} }}}}"), value);
    }
    if let Some((at, line)) = lines_with(&filled, "{{ ").next() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "{shown}:{at}: nothing fills `{}`; there is {}",
            line.trim(),
            names.join(", ")
        ));
    }
    let file: CaseFile = serde_yaml::from_str(&filled).map_err(|e| {
        let line = e.location().map_or(1, |location| location.line());
        format!("{shown}:{line}: {e}")
    })?;
    file.cases.iter().try_for_each(|case| {
        case.sane()
            .map_err(|why| format!("{shown}:{}: {}: {why}", line_of(text, case), case.name))
    })?;
    match file.cases.iter().enumerate().find(|(at, case)| {
        let before = &file.cases[..*at];
        before.iter().any(|other| other.name == case.name)
    }) {
        Some((_, twice)) => Err(format!("{shown}: two cases are called `{}`", twice.name)),
        None => Ok(file),
    }
}

fn lines_with<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    (1..)
        .zip(text.lines())
        .filter(move |(_, line)| !line.trim_start().starts_with('#') && line.contains(part))
}

/// The line on which a case begins.
pub fn line_of(text: &str, case: &Case) -> usize {
    let named = |line: &str| {
        let rest = line.trim_start().trim_start_matches("- ");
        let name = rest.strip_prefix("name:").map(str::trim);
        name.is_some_and(|name| name.trim_matches(['"', '\'']).starts_with(&case.name))
    };
    let found = (1..).zip(text.lines()).find(|(_, line)| named(line));
    found.map_or(1, |(at, _)| at)
}

impl Case {
    /// Whether it says one thing, and one thing only, about how the call ends.
    fn sane(&self) -> Result<(), String> {
        let ends = [
            self.output.is_some(),
            self.fails.is_some(),
            self.unknown.is_some(),
        ];
        if ends.iter().filter(|said| **said).count() != 1 {
            return Err("say one of `output`, `fails` and `unknown`".to_owned());
        }
        let outside = |path: &&String| {
            let mut parts = Path::new(path.as_str()).components();
            !parts.all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if let Some(path) = self.files.keys().find(outside) {
            return Err(format!("`{path}` does not lie in the run's directory"));
        }
        for exchange in &self.exchange {
            match exchange {
                Exchange::Http(http) => {
                    let bodies = [
                        http.json.is_some(),
                        http.form.is_some(),
                        http.body.is_some(),
                    ];
                    if bodies.iter().filter(|said| **said).count() > 1 {
                        return Err("a request has one body: json, form or body".to_owned());
                    }
                    let answer = &http.answer;
                    if answer.json.is_some() && answer.body.is_some() {
                        return Err("an answer has one body: json or body".to_owned());
                    }
                    if http.headers.keys().any(|name| name.to_lowercase() != *name) {
                        return Err("headers are written in small letters".to_owned());
                    }
                }
                Exchange::Program(program) if program.argv.is_empty() => {
                    return Err("a program has a name".to_owned());
                }
                Exchange::Program(_) | Exchange::Line(_) => {}
            }
        }
        Ok(())
    }

    /// Whether it shows that the action can go well.
    pub fn is_good(&self) -> bool {
        self.output.is_some()
    }
}

impl CaseFile {
    /// What is missing in the file as a whole.
    pub fn gaps(&self, actions: &[String]) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.source.is_none() && self.unverified.is_none() {
            gaps.push(
                "say by `source` where the exchanges were taken from, or by `unverified` that they \
                 were not"
                    .to_owned(),
            );
        }
        for action in actions {
            let good = |case: &&Case| case.call == *action && case.is_good();
            if !self.cases.iter().any(|case| good(&case)) {
                gaps.push(format!("no case shows that `{action}` can go well"));
            }
        }
        if self.cases.iter().all(Case::is_good) {
            gaps.push("no case shows a failure".to_owned());
        }
        gaps
    }
}

/// A path as problems show it.
pub fn shown(path: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
