//! A lab of a test's own: started with what the test needs, entered, and gone with the test.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::processes::{until, within};

/// The exit code of `lab.py` where this machine lacks something.
const LACKS: i32 = 69;

/// How many labs stand at once: a third would take the time of the other two on a small machine.
const AT_ONCE: usize = 2;

static STANDING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Leave to have a lab, given back when it is gone.
struct Place;

impl Place {
    /// Waits until it is this one's turn. A test that failed spoils nothing for the others.
    fn take() -> Self {
        let standing = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = ENDED
            .wait_while(standing, |standing| *standing >= AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *standing += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *STANDING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// A lab that stands.
pub struct Lab {
    process: Child,
    facts: Json,
    _place: Place,
}

impl Lab {
    /// The lab with these parts and what they need. Where this machine lacks something, nothing
    /// and a word about it: the test is skipped. In CI it fails.
    pub fn with(parts: &[&str]) -> Option<Self> {
        let place = Place::take();
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab.py");
        // Its standard input is a leash: it ends when that ends, however the test does.
        let mut process = Command::new(lab)
            .args(["up", "--with", &parts.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            let output = process.wait_with_output().unwrap();
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(LACKS), "{why}");
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "{why}; in CI this test may not be skipped");
            let _ = writeln!(io::stderr(), "skipped: {}", why.trim());
            return None;
        }
        let facts = serde_json::from_str(&line).unwrap();
        Some(Self {
            process,
            facts,
            _place: place,
        })
    }

    /// A fact of the lab by its JSON pointer, such as `/haproxy/gateway`.
    #[track_caller]
    pub fn fact(&self, pointer: &str) -> &str {
        let fact = self.facts.pointer(pointer).and_then(Json::as_str);
        fact.unwrap_or_else(|| panic!("the lab has no {pointer}: {}", self.facts))
    }

    /// A place in the lab's directory.
    pub fn path(&self, inside: &str) -> PathBuf {
        Path::new(self.fact("/dir")).join(inside)
    }

    /// A command inside the lab, in the team's directory, with the team's tools on its PATH.
    pub fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut path = vec![self.path("team/bin"), self.path("bin")];
        path.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let mut command = Command::new("nsenter");
        command
            .args(["--net", "--pid", "--mount", "--ipc", "--target"])
            .arg(self.facts["pid"].to_string())
            .arg(format!("--wd={}", self.path("team").display()))
            .arg("--")
            .arg(program)
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.path("home"))
            .env("LAB", self.path(""))
            .env("LC_ALL", "C.UTF-8")
            .env("ETCDCTL_API", "3")
            .env("NO_COLOR", "1")
            .env("RUNBOOK_STATE_DIR", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    /// A command at the far end of the lab's network.
    pub fn outside(&self, program: &str) -> Command {
        let mut command = self.inside("ip");
        command.args(["netns", "exec", self.fact("/network/outside"), program]);
        command
    }

    /// What a program inside printed; it has to succeed.
    #[track_caller]
    pub fn says(&self, program: &str, words: &[&str]) -> String {
        succeed(self.inside(program).args(words))
    }

    /// The status that somebody at an address outside gets for a page; 0 where no answer comes.
    pub fn visit(&self, from: &str, url: &str) -> u16 {
        let from = self.fact(&format!("/network/{from}"));
        let mut curl = self.outside("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "3"]);
        let output = curl.args(["--interface", from, url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().parse().unwrap()
    }

    /// The JSON of a page inside.
    #[track_caller]
    pub fn page(&self, url: &str) -> Json {
        let text = self.says("curl", &["-s", "-m", "5", url]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{url}: {e}: {text}"))
    }

    /// What Prometheus says of an expression: a number, or nothing where nothing was measured.
    pub fn measured(&self, expression: &str) -> Option<f64> {
        let url = format!("{}/api/v1/query", self.fact("/prometheus/url"));
        let expression = format!("query={expression}");
        let words = ["-s", "-m", "5", "-G", "--data-urlencode", &expression, &url];
        let answer: Json = serde_json::from_str(&self.says("curl", &words)).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let value = answer.pointer("/data/result/0/value/1")?.as_str()?;
        Some(value.parse().unwrap())
    }

    /// The rows of a statement on the server at an address, in the shop's database.
    #[track_caller]
    pub fn sql(&self, address: &str, text: &str) -> String {
        let rows = self.says(
            "psql",
            &[
                "-XAtqw", "-h", address, "-U", "postgres", "-d", "shop", "-c", text,
            ],
        );
        rows.trim().to_owned()
    }

    /// `kill -9` of a node's database server.
    pub fn kill_server(&self, node: &str) {
        let data = PathBuf::from(self.fact(&format!("/postgres/data/{node}")));
        let file = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        let pid = file.lines().next().unwrap().trim();
        self.says("kill", &["-KILL", pid]);
        until("the killed server is gone", 10, || {
            !self
                .inside("kill")
                .args(["-0", pid])
                .output()
                .unwrap()
                .status
                .success()
        });
    }

    /// Deploys a version of the shop, as its Makefile does it.
    pub fn deploy(&self, version: &str) {
        let version = format!("VERSION={version}");
        let repository = self.fact("/git/repository").to_owned();
        self.says(
            "make",
            &[
                "-s",
                "-C",
                &repository,
                "runbook-deploy",
                &version,
                "BY=ana",
            ],
        );
    }

    /// What HAProxy says to a command.
    pub fn ask_haproxy(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(self.fact("/haproxy/socket")).unwrap();
        socket.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The whole lines of one of the lab's files of JSON.
    pub fn said(&self, file: &str) -> Vec<Json> {
        lines(&self.path(file))
    }

    /// The end of what each program of the lab said: it is gone with the lab, and says why a test failed.
    fn last_words(&self) -> String {
        let logs = fs::read_dir(self.path("log"))
            .into_iter()
            .flatten()
            .flatten();
        let mut logs: Vec<PathBuf> = logs.map(|entry| entry.path()).collect();
        logs.sort();
        let mut words = String::new();
        for log in logs {
            let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            words += &format!("{}:\n", log.display());
            for line in &lines[lines.len().saturating_sub(5)..] {
                words += &format!("    {}\n", line.chars().take(300).collect::<String>());
            }
        }
        words
    }

    /// People at an address outside who use the shop, so many of a hundred only to search: so many
    /// requests a second, for a quarter of an hour at most.
    pub fn traffic(&self, from: &str, rate: u32, searches: u32) -> Traffic {
        let searches = searches.to_string();
        self.begin_traffic(from, "gateway", rate, &["--search", &searches])
    }

    /// The attacker, who opens one connection after another to a service.
    pub fn attack(&self, service: &str) -> Traffic {
        self.begin_traffic("attacker", service, 10, &["--search", "100", "--fresh"])
    }

    fn begin_traffic(&self, from: &str, service: &str, rate: u32, words: &[&str]) -> Traffic {
        let note = self.path(&format!("log/traffic-{from}.jsonl"));
        let mut people = self.outside("traffic");
        people
            .arg(self.fact(&format!("/haproxy/{service}")))
            .args(["--from", self.fact(&format!("/network/{from}"))])
            .args(["--rate", &rate.to_string(), "--for", "900", "--leash"])
            .args(words)
            .arg("--note")
            .arg(&note)
            .stdin(Stdio::piped());
        let process = people.spawn().unwrap();
        until("somebody uses the service", 20, || !lines(&note).is_empty());
        Traffic { process, note }
    }

    /// `runbook` with these words, in the team's directory, without a terminal. It has so many
    /// seconds.
    pub fn runbook(&self, words: &[&str], seconds: u64) -> Ran {
        let began = Instant::now();
        let mut command = self.inside("setsid");
        command.args(["--wait", env!("CARGO_BIN_EXE_runbook")]);
        command.args(words);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = within(&format!("runbook {words:?}"), seconds, child);
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: began.elapsed(),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "{}", self.last_words());
        }
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        // What it said at its end, where somebody looks: with a test that failed.
        let mut said = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        if !said.is_empty() {
            let _ = writeln!(io::stderr(), "{}", said.trim());
        }
    }
}

/// People who use the shop until this is dropped.
pub struct Traffic {
    process: Child,
    note: PathBuf,
}

impl Traffic {
    /// The codes that they got from now on, as soon as there are so many.
    pub fn next(&self, number: usize) -> Vec<u64> {
        let seen = lines(&self.note).len();
        until("more use of the shop", 60, || {
            lines(&self.note).len() >= seen + number
        });
        let fresh = lines(&self.note).split_off(seen);
        fresh
            .iter()
            .map(|visit| visit["code"].as_u64().unwrap())
            .collect()
    }

    /// The orders that they were told are stored.
    pub fn stored(&self) -> Vec<u64> {
        let visits = lines(&self.note).into_iter();
        visits
            .filter(|visit| visit["code"] == 201)
            .map(|visit| visit["number"].as_u64().unwrap())
            .collect()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// How `runbook` ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// All that it printed, for a failed assertion.
    pub fn printed(&self) -> String {
        format!(
            "exit {:?} after {:?}\n{}\n{}",
            self.code, self.took, self.stdout, self.stderr
        )
    }
}

/// The whole lines of a file of JSON; none before it is there.
fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{command:?}: {stderr}{stdout}");
    stdout
}
