//! One adapter's cases, played: bound as an environment binds it, called as the engine calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use indexmap::IndexMap;
use runbook::call::{Environment, Processes};
use runbook::engine::{Alone, Asked};
use runbook::model::call::{Cancel, Ended, Reply, Sink, Stream};
use runbook::model::ids::{AdapterName, IdempotencyKey, RunId, RunbookName, ToolRef};
use runbook::model::{Duration, Timestamp};
use runbook::spec::{Adapter, Contract};
use runbook::workspace::{Surroundings, Workspace};
use serde_json::{Value as Json, json};

use super::case::{self, Case, CaseFile};
use super::compare;
use super::server;
use super::stage::{Seen, Stage};

/// Where every case acts.
const ENVIRONMENT: &str = "production";

/// How long one call may take: longer than it ever should.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An adapter and its cases.
pub struct Shipped {
    /// The directory below `adapters/`.
    pub tool: String,
    pub adapter: String,
    /// The directory that holds `adapters/`.
    pub root: PathBuf,
    /// The file of its cases.
    pub cases: PathBuf,
}

/// What all adapters share: the fake, and who speaks Python.
pub struct House {
    dir: tempfile::TempDir,
    python: PathBuf,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("conf").tempdir().unwrap();
        let fake = dir.path().join("fake");
        // Before any thread could hold it open for writing while another starts it.
        fs::write(&fake, include_str!("fake")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&fake, mode).unwrap();
        let python = PYTHON.get_or_init(python).clone();
        Self { dir, python }
    }
}

static PYTHON: OnceLock<PathBuf> = OnceLock::new();

/// The interpreter itself: what is on the PATH may be a wrapper that is slow to start.
fn python() -> PathBuf {
    let asked = std::process::Command::new("python3")
        .args(["-ISc", "import sys; print(sys.executable, end='')"])
        .output()
        .expect("the scripts of adapters are Python: install python3");
    PathBuf::from(String::from_utf8(asked.stdout).unwrap())
}

/// Nobody listens, and nobody stops it.
struct Quiet;

impl Sink for Quiet {
    fn line(&self, _: Stream, _: &[u8]) {}
}

impl Cancel for Quiet {
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// A place where one adapter is played.
struct Place<'a> {
    house: &'a House,
    shipped: &'a Shipped,
    dir: PathBuf,
    stage: Stage,
    work: PathBuf,
    known: Vec<(&'static str, String)>,
}

/// Plays all cases of an adapter's file, and says what is wrong.
pub fn play(house: &House, shipped: &Shipped) -> Vec<String> {
    let shown = case::shown(&shipped.cases);
    match fs::read_to_string(&shipped.cases) {
        Ok(text) => play_text(house, shipped, &text),
        Err(_) => vec![format!(
            "{shown}: the adapter {}/{} ships without its cases; docs/adapters.md says how they \
             are written",
            shipped.tool, shipped.adapter
        )],
    }
}

/// The same with the cases at hand.
pub fn play_text(house: &House, shipped: &Shipped, text: &str) -> Vec<String> {
    let shown = case::shown(&shipped.cases);
    let place = Place::new(house, shipped);
    let file = match case::read(&shown, text, &place.known) {
        Ok(file) => file,
        Err(problem) => return vec![problem],
    };
    let (contract, adapter) = match place.definitions() {
        Ok(found) => found,
        Err(problem) => return vec![format!("{shown}: {problem}")],
    };
    let actions: Vec<String> = adapter.actions.keys().map(ToString::to_string).collect();
    let mut problems: Vec<String> = file
        .gaps(&actions)
        .into_iter()
        .map(|gap| format!("{shown}:1: {gap}"))
        .collect();
    for case in &file.cases {
        let line = case::line_of(text, case);
        let found = place.case(&file, case, &contract, &adapter);
        let found = found.into_iter();
        problems.extend(found.map(|problem| format!("{shown}:{line}: {}: {problem}", case.name)));
    }
    problems
}

impl<'a> Place<'a> {
    fn new(house: &'a House, shipped: &'a Shipped) -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let dir = house.dir.path().join(number.to_string());
        let stage = Stage::new(&dir);
        let python = stage.bin().join("python3");
        std::os::unix::fs::symlink(&house.python, python).unwrap();
        let from = shipped.root.join("adapters");
        for name in [shipped.tool.as_str(), "lib"] {
            copy(&from.join(name), &dir.join("adapters").join(name));
        }
        let work = dir.join("work");
        fs::create_dir_all(&work).unwrap();
        let address = server::http(&stage);
        let socket = dir.join("socket");
        server::lines(&stage, &socket);
        let values = [
            format!("http://{address}"),
            address.to_string(),
            socket.display().to_string(),
            work.display().to_string(),
            run_id(number).to_string(),
            ENVIRONMENT.to_owned(),
            key().0,
        ];
        let known = case::NAMES.into_iter().zip(values).collect();
        Self {
            house,
            shipped,
            dir,
            stage,
            work,
            known,
        }
    }

    fn workspace(&self, vars: Environment) -> Workspace {
        Workspace::open(&Surroundings {
            cwd: self.dir.clone(),
            home: None,
            config_dir: None,
            state_dir: None,
            vars,
        })
    }

    /// The contract and the adapter, as they are read from their files.
    fn definitions(&self) -> Result<(Contract, Adapter), String> {
        let workspace = self.workspace(Environment::new());
        let tool = self.shipped.tool.to_uppercase().replace('-', "_");
        let tool = tool.parse().map_err(|e| format!("{e}"))?;
        let (contract, found) = workspace.contract_of(&tool);
        let contract = contract
            .ok_or_else(|| format!("no contract of {tool}\n{}", found.render(false, 100)))?;
        let name: AdapterName = self.shipped.adapter.parse().map_err(|e| format!("{e}"))?;
        match workspace.adapter(&contract, &name) {
            Ok(Some(adapter)) => Ok((contract, adapter)),
            Ok(None) => Err("there is no such adapter".to_owned()),
            Err(found) => Err(found.render(false, 100)),
        }
    }

    fn case(
        &self,
        file: &CaseFile,
        case: &Case,
        contract: &Contract,
        adapter: &Adapter,
    ) -> Vec<String> {
        let mut settings = file.settings.clone();
        settings.extend(case.settings.clone());
        let binding = json!({ "adapter": self.shipped.adapter, "with": settings });
        let tools = json!({ contract.tool.as_str(): binding });
        let environments = json!({ "environments": { ENVIRONMENT: { "tools": tools } } });
        fs::write(self.dir.join("runbook.yaml"), environments.to_string()).unwrap();

        self.lay(case);
        let mut vars: Environment = [
            ("PATH", self.stage.bin().display().to_string()),
            ("HOME", self.work.display().to_string()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        let own = file.env.iter().chain(&case.env);
        vars.extend(own.map(|(name, value)| (name.into(), value.into())));
        let secrets: Vec<&str> = file
            .env
            .values()
            .chain(case.env.values())
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect();

        let required = adapter.requires.commands.iter();
        let required: Vec<String> = required
            .filter(|name| *name != "python3")
            .cloned()
            .collect();
        self.stage.set(
            &self.house.dir.path().join("fake"),
            &case.exchange,
            &required,
        );
        let reply = match self.call(case, contract, adapter, vars) {
            Ok(reply) => reply,
            Err(problem) => return vec![problem],
        };
        let seen = self.stage.seen();
        let mut problems = ending(case, contract, &reply);
        problems.extend(compare::exchange(&case.exchange, &seen));
        problems.extend(told_secrets(&secrets, &seen, &reply));
        problems.extend(left_over(&self.id()));
        if !problems.is_empty() {
            problems.push(heard(&reply));
        }
        problems
    }

    /// Leaves in the run's directory what the case says, and of earlier cases the scripts only.
    fn lay(&self, case: &Case) {
        for entry in fs::read_dir(&self.work).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if path.ends_with(".adapters") => {}
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        for (path, text) in &case.files {
            let path = self.work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn id(&self) -> String {
        let found = self.known.iter().find(|(name, _)| *name == "run.id");
        found.map(|(_, id)| id.clone()).unwrap()
    }

    fn call(
        &self,
        case: &Case,
        contract: &Contract,
        adapter: &Adapter,
        vars: Environment,
    ) -> Result<Reply, String> {
        let tool = ToolRef {
            tool: contract.tool.clone(),
            binding: None,
        };
        let actions: Vec<_> = adapter.actions.keys().cloned().collect();
        let environment = ENVIRONMENT.parse().unwrap();
        let bound = self
            .workspace(vars.clone())
            .bind_tool(&tool, &actions, contract, Some(&environment))
            .map_err(|errors| {
                let errors_said: Vec<String> =
                    errors.errors.iter().map(ToString::to_string).collect();
                let found = errors.diagnostics.render(false, 100);
                format!("cannot be bound: {}\n{found}", errors_said.join("; "))
            })?;
        let contracts = IndexMap::from([(contract.tool.clone(), contract.clone())]);
        let processes = Processes::new(vars, self.work.clone());
        let alone = Alone::new(&name(), bound, &contracts, processes, None);
        let asked = Asked {
            tool,
            action: case.call.parse().map_err(|e| format!("{e}"))?,
            args: case.args.clone(),
            run: self.id().parse().unwrap(),
            key: key(),
            timeout: TIMEOUT,
            now: now(),
        };
        alone
            .and_then(|alone| alone.call(asked, &Quiet, &Quiet))
            .map_err(|e| e.to_string())
    }
}

fn name() -> RunbookName {
    "conformance".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-20T19:53:59Z".parse().unwrap()
}

/// Its own for each place: it is what tells whose a stray process is.
fn run_id(number: u32) -> RunId {
    let suffix = [15, 10, 5, 0].map(|bits| u8::try_from(number >> bits & 31).unwrap());
    RunId::new(&name(), now(), suffix)
}

fn key() -> IdempotencyKey {
    IdempotencyKey("0b54f9d1-conformance".to_owned())
}

/// How the call ended, against what the case says.
fn ending(case: &Case, contract: &Contract, reply: &Reply) -> Vec<String> {
    match (&reply.ended, &case.output, &case.fails, &case.unknown) {
        (Ended::Succeeded(output), Some(expected), _, _) => {
            output_problems(case, contract, expected, &output.to_plain())
        }
        (Ended::Failed(failure, _), _, Some(fails), _) => {
            let hint = failure.hint.as_deref().unwrap_or_default();
            let said = format!("{}\n{hint}", failure.message);
            let mut problems = Vec::new();
            if failure.kind != fails.kind {
                problems.push(format!(
                    "it failed as {:?}, and should as {:?}",
                    failure.kind, fails.kind
                ));
            }
            if !said.contains(&fails.says) {
                problems.push(format!(
                    "what it says:\n    expected … {} …\n    is       {}",
                    fails.says,
                    said.trim_end()
                ));
            }
            problems
        }
        (Ended::Unknown(why), _, _, Some(part)) if why.contains(part.as_str()) => Vec::new(),
        (Ended::Unknown(why), _, _, Some(part)) => vec![format!(
            "what is said of the doubt:\n    expected … {part} …\n    is       {why}"
        )],
        (ended, ..) => {
            let should = match (&case.output, &case.fails) {
                (Some(_), _) => "succeed",
                (None, Some(_)) => "fail",
                (None, None) => "end in doubt",
            };
            vec![format!("it should {should}, and ended so: {ended:?}")]
        }
    }
}

/// An output against what the case and the contract say. Both are read by the contract's types, so
/// that 1024 and `1 KiB` are one size.
fn output_problems(case: &Case, contract: &Contract, expected: &Json, found: &Json) -> Vec<String> {
    let mut actions = contract.actions.iter();
    let Some((_, action)) = actions.find(|(name, _)| name.as_str() == case.call) else {
        return vec![format!("the contract has no action `{}`", case.call)];
    };
    let shape = action.output_shape();
    if let Err(misfit) = shape.fit(found) {
        return vec![format!("the output does not fit the contract: {misfit}")];
    }
    match shape.fit(&compare::any(expected, found)) {
        Ok(expected) => compare::differences(&expected.to_plain(), found),
        Err(misfit) => {
            let misfit = format!("what the case expects does not fit the contract: {misfit}");
            [misfit]
                .into_iter()
                .chain(compare::differences(expected, found))
                .collect()
        }
    }
}

/// Secrets where others could see them.
fn told_secrets(secrets: &[&str], seen: &[Seen], reply: &Reply) -> Vec<String> {
    let mut problems = Vec::new();
    for (n, seen) in (1..).zip(seen) {
        if let Seen::Program { argv, .. } = seen
            && secrets
                .iter()
                .any(|secret| argv.iter().any(|word| word.contains(secret)))
        {
            problems.push(format!(
                "exchange {n}: a secret stands in the words of {}",
                argv[0]
            ));
        }
    }
    let said = format!("{:?}", reply.ended);
    let streams = [&reply.stdout.bytes, &reply.stderr.bytes].map(|b| String::from_utf8_lossy(b));
    for secret in secrets {
        if said.contains(secret) || streams.iter().any(|text| text.contains(secret)) {
            problems.push("a secret stands in what came back".to_owned());
        }
    }
    problems
}

/// Processes of this run that still live.
fn left_over(run: &str) -> Vec<String> {
    let mark = format!("RUNBOOK_RUN_ID={run}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            let mut entries = environ.split(|byte| *byte == 0);
            entries.any(|entry| entry == mark.as_bytes())
        })
        .map(|entry| format!("the process {} was left over", entry.file_name().display()))
        .collect()
}

/// What the adapter said, for who looks for the reason.
fn heard(reply: &Reply) -> String {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .trim_end()
            .replace('\n', "\n    ")
    };
    format!(
        "what was heard:\n    stdout: {}\n    stderr: {}",
        text(&reply.stdout.bytes),
        text(&reply.stderr.bytes)
    )
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::create_dir_all(to).unwrap();
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
