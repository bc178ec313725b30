//! The world outside, as a case writes it: who asks gets the next answer, and what was asked is
//! kept.
//!
//! Programs, requests and lines share one order. Whoever makes the next numbered directory has
//! that exchange, so that a program, which knows nothing of us, can take part.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::case::{Exchange, word};

/// What was asked.
#[derive(Clone, Debug)]
pub enum Seen {
    Http {
        method: String,
        /// As it is on the line, without the query.
        path: String,
        query: Option<String>,
        /// Names in small letters.
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    Program {
        argv: Vec<String>,
        environ: BTreeMap<String, String>,
        stdin: Vec<u8>,
    },
    Line(String),
}

#[derive(Default)]
struct Now {
    script: Vec<Exchange>,
    seen: BTreeMap<usize, Seen>,
}

/// Where one adapter's cases are played, one after another.
#[derive(Clone)]
pub struct Stage {
    dir: PathBuf,
    now: Arc<Mutex<Now>>,
}

impl Stage {
    /// Below `dir`, `bin` becomes the PATH of what the adapter starts.
    pub fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir.join("bin")).unwrap();
        Self {
            dir: dir.to_owned(),
            now: Arc::default(),
        }
    }

    pub fn bin(&self) -> PathBuf {
        self.dir.join("bin")
    }

    /// Makes ready for a case: its answers, and a fake for each of its programs.
    pub fn set(&self, fake: &Path, script: &[Exchange], programs: &[String]) {
        for dir in ["asked", "answers"] {
            let _ = fs::remove_dir_all(self.dir.join(dir));
            fs::create_dir_all(self.dir.join(dir)).unwrap();
        }
        let mut named = programs.to_vec();
        for (n, exchange) in (1..).zip(script) {
            let Exchange::Program(program) = exchange else {
                continue;
            };
            let dir = self.dir.join(format!("answers/{n}"));
            fs::create_dir_all(&dir).unwrap();
            let answer = &program.answer;
            fs::write(dir.join("stdout"), &answer.stdout).unwrap();
            fs::write(dir.join("stderr"), &answer.stderr).unwrap();
            fs::write(dir.join("exit"), format!("{}\n", answer.exit)).unwrap();
            named.push(word(&program.argv[0]));
        }
        for name in named {
            let link = self.bin().join(name);
            if !link.exists() {
                std::os::unix::fs::symlink(fake, link).unwrap();
            }
        }
        *self.now.lock().unwrap() = Now {
            script: script.to_vec(),
            seen: BTreeMap::new(),
        };
    }

    /// Takes the next exchange, and gives what the case says about it.
    pub fn enter(&self, seen: Seen) -> Option<Exchange> {
        let n = (1..)
            .find(|n| fs::create_dir(self.dir.join(format!("asked/{n}"))).is_ok())
            .unwrap();
        let mut now = self.now.lock().unwrap();
        now.seen.insert(n, seen);
        now.script.get(n - 1).cloned()
    }

    /// Everything that was asked, in order.
    pub fn seen(&self) -> Vec<Seen> {
        let now = self.now.lock().unwrap();
        (1..)
            .map(|n| (n, self.dir.join(format!("asked/{n}"))))
            .take_while(|(_, dir)| dir.exists())
            .map(|(n, dir)| now.seen.get(&n).cloned().unwrap_or_else(|| program(&dir)))
            .collect()
    }
}

/// What a fake has written down; a fake that was killed in the middle has less.
fn program(dir: &Path) -> Seen {
    let read = |name: &str| fs::read(dir.join(name)).unwrap_or_default();
    let texts = |bytes: Vec<u8>| -> Vec<String> {
        let mut parts: Vec<String> = bytes
            .split(|byte| *byte == 0)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect();
        parts.pop();
        parts
    };
    let environ = texts(read("environ"));
    Seen::Program {
        argv: texts(read("argv")),
        environ: environ
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        stdin: read("stdin"),
    }
}
