//! Waiting for conditions and processes, always with a deadline, and cleaning up after all of them.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Ends what works below a directory and removes it, as soon as whoever holds the other end of its
/// standard input has gone: also after a panic, Ctrl-C or `kill -9` of the test.
const JANITOR: &str = r#"
    trap '' INT TERM HUP
    cat >/dev/null
    left=yes
    while [ "$left" ]; do
        left=
        for process in /proc/[0-9]*; do
            case $(readlink "$process/cwd") in
                "$1"/*) left=yes; kill -KILL "${process#/proc/}" ;;
            esac
        done 2>/dev/null
    done
    rm -rf "$1"
"#;

/// Who cleans up after the test, however that ends.
pub struct Janitor {
    process: Child,
    leash: Option<ChildStdin>,
}

impl Janitor {
    /// From now on the directory lives as long as this.
    pub fn hire(root: &Path) -> Self {
        let mut janitor = Command::new("sh");
        janitor
            .args(["-c", JANITOR, "janitor"])
            .arg(root)
            .stdin(Stdio::piped());
        // Its own group: Ctrl-C is for the test.
        let mut process = janitor.process_group(0).current_dir("/").spawn().unwrap();
        let leash = process.stdin.take();
        Self { process, leash }
    }

    /// Returns when everything is clean.
    pub fn dismiss(&mut self) {
        drop(self.leash.take());
        let _ = self.process.wait();
    }
}

/// Waits for a condition; the test fails when it does not come about in so many seconds.
pub fn until(what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits for a process's end; it is killed, and the test fails, when that does not come in so many seconds.
pub fn within(what: &str, seconds: u64, mut child: Child) -> Output {
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let Some(status) = status else {
        // What it started may hold its pipes open; they end with the lab.
        panic!("not within {seconds} s: {what}")
    };
    Output {
        status,
        stdout: out.join().unwrap(),
        stderr: err.join().unwrap(),
    }
}

fn reader(pipe: Option<impl io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Neither gone nor a zombie that waits to be reaped.
pub fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.starts_with(" Z"))
    })
}
