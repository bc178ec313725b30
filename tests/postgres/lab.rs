//! A PostgreSQL cluster with an application on it, in a directory of its own, and a team's tools.
//!
//! Nothing listens on a network: servers and clients meet at Unix sockets inside the directory.
//! Whatever is started here works inside the directory too, and that is how it is found again when
//! the lab ends.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use super::machine::Machine;
use super::processes::{Janitor, alive, until, within};

/// A running cluster `main`, its first node the primary, and `shop`, which stores orders in it.
pub struct Lab {
    root: PathBuf,
    machine: Machine,
    shop: Option<Child>,
    janitor: Janitor,
}

impl Lab {
    /// The cluster with these nodes; returns when the shop's orders are stored on two of them.
    pub fn start(machine: Machine, nodes: &[&str]) -> Self {
        let root = tempfile::Builder::new()
            .prefix("lab")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let janitor = Janitor::hire(&root);
        // The data's owner has to get through.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o711)).unwrap();
        let team = root.join("team");
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/team"),
            &team,
        );
        for dir in ["team/var", "home", "bin", "db"] {
            fs::create_dir(root.join(dir)).unwrap();
        }
        symlink(&machine.python, root.join("bin/python3")).unwrap();
        let db = root.join("db");
        for dir in nodes.iter().chain(&["backups"]) {
            let dir = db.join(dir);
            fs::create_dir(&dir).unwrap();
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
            let (uid, gid) = machine.ids.unzip();
            chown(&dir, uid, gid).unwrap();
        }
        let ini = format!(
            "[main]\nhome = {}\nnodes = {}\nsynchronous = yes\nuser = {}\nbin = {}\n",
            db.display(),
            nodes.join(" "),
            machine.owner,
            machine.bin.display()
        );
        fs::write(team.join("dbctl.ini"), ini).unwrap();
        let mut lab = Self {
            root,
            machine,
            shop: None,
            janitor,
        };
        lab.build(nodes);
        lab.open_shop();
        lab
    }

    fn build(&self, nodes: &[&str]) {
        let [primary, standbys @ ..] = nodes else {
            panic!("a cluster without nodes")
        };
        let mut initdb = self.machine.as_owner("initdb");
        initdb.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "--data-checksums",
            "--no-locale",
            "-E",
            "UTF8",
            "-N",
            "-D",
        ]);
        succeed(initdb.arg(self.data(primary)));
        fs::write(self.root.join("db/primary"), format!("{primary}\n")).unwrap();
        self.dbctl(&["start", primary]);
        self.dbctl(&["unfence", primary]);
        self.sql(primary, "postgres", "create role shop login");
        self.sql(primary, "postgres", "create database shop owner shop");
        self.sql(
            primary,
            "shop",
            "create table orders (number bigint primary key)",
        );
        self.sql(primary, "shop", "create table write_check (token text)");
        self.sql(primary, "shop", "grant all on orders, write_check to shop");
        let mut backup = self.machine.as_owner("pg_basebackup");
        backup
            .args(["-U", "postgres", "-c", "fast", "-h"])
            .arg(self.node(primary));
        succeed(backup.arg("-D").arg(self.root.join("db/backups/nightly")));
        for standby in standbys {
            self.dbctl(&["rejoin", standby]);
        }
        // Only now, since a copy of the data brings its settings along: one standby at least must
        // have what the shop is told is stored.
        let names = standbys
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ");
        self.sql(
            primary,
            "postgres",
            &format!("alter system set synchronous_standby_names = 'ANY 1 ({names})'"),
        );
        self.sql(primary, "postgres", "select pg_reload_conf()");
        until("a standby confirms commits", 30, || {
            self.sql(
                primary,
                "postgres",
                "select count(*) > 0 from pg_stat_replication where sync_state = 'quorum'",
            ) == "t"
        });
    }

    fn open_shop(&mut self) {
        let mut shop = Command::new(&self.machine.python);
        shop.arg(self.team().join("bin/shop"));
        shop.arg(self.machine.bin.join("psql"));
        shop.arg(self.root.join("db/pg_service.conf")).arg("main");
        shop.current_dir(self.team()).stdin(Stdio::piped());
        self.shop = Some(shop.spawn().unwrap());
        until("the shop stores orders", 30, || {
            self.requests().iter().any(|request| request.stored)
        });
    }

    /// A pair whose primary was killed, as the shop has already noticed; nothing where it cannot be
    /// had on this machine.
    pub fn with_dead_primary() -> Option<Self> {
        let lab = Self::start(Machine::find()?, &["db-1", "db-2"]);
        lab.kill("db-1");
        until("the shop suffers", 20, || {
            lab.requests().last().is_some_and(|order| !order.stored)
        });
        Some(lab)
    }

    /// Where the team's files are.
    pub fn team(&self) -> PathBuf {
        self.root.join("team")
    }

    /// A node's directory: its socket, its log.
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join("db").join(node)
    }

    /// A node's data directory.
    pub fn data(&self, node: &str) -> PathBuf {
        self.node(node).join("data")
    }

    /// A command of this lab: the team's tools are on its PATH, and it works inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut path = vec![self.team().join("bin"), self.root.join("bin")];
        path.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.root.join("home"))
            .env("NO_COLOR", "1")
            .current_dir(self.team())
            .stdin(Stdio::null());
        command
    }

    /// One of the team's tools: what it answers, or why not.
    pub fn tool(&self, tool: &str, words: &[&str]) -> Result<Json, String> {
        let output = self
            .command(self.team().join("bin").join(tool))
            .args(words)
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// `dbctl`, which has to succeed.
    pub fn dbctl(&self, words: &[&str]) -> Json {
        self.tool("dbctl", words)
            .unwrap_or_else(|why| panic!("dbctl {}: {why}", words.join(" ")))
    }

    /// The rows of a statement on a node, beside the route.
    pub fn sql(&self, node: &str, database: &str, text: &str) -> String {
        self.on_node(node, database, text).unwrap()
    }

    /// The same, or what the database said against it.
    pub fn on_node(&self, node: &str, database: &str, text: &str) -> Result<String, String> {
        let mut psql = self.psql(text);
        psql.args(["-U", "postgres", "-d", database, "-h"]);
        rows(psql.arg(self.node(node)))
    }

    /// A statement as the applications send it, through the route.
    pub fn through_route(&self, text: &str) -> Result<String, String> {
        let mut psql = self.psql(text);
        psql.env("PGSERVICEFILE", self.root.join("db/pg_service.conf"));
        rows(psql.args(["-d", "service=main"]))
    }

    fn psql(&self, text: &str) -> Command {
        let mut psql = self.command(self.machine.bin.join("psql"));
        psql.args(["-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", text]);
        psql
    }

    /// `kill -9` of a node's server.
    pub fn kill(&self, node: &str) {
        let file = fs::read_to_string(self.data(node).join("postmaster.pid")).unwrap();
        let pid = file.lines().next().unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        until("the killed server is gone", 10, || !alive(pid));
    }

    /// Ends a node in good order.
    pub fn stop(&self, node: &str) {
        let mut stop = self.machine.as_owner("pg_ctl");
        succeed(
            stop.args(["stop", "-s", "-m", "fast", "-D"])
                .arg(self.data(node)),
        );
    }

    /// What PostgreSQL itself says when somebody starts a node without asking the team's tool.
    pub fn start_behind_the_tools_back(&self, node: &str) -> Output {
        let mut server = self.machine.as_owner("postgres");
        server
            .arg("-D")
            .arg(self.data(node))
            .args(["-c", "listen_addresses=", "-c"]);
        server.arg(format!(
            "unix_socket_directories={}",
            self.node(node).display()
        ));
        // It would run in the foreground; inside the lab, so that the janitor would find it.
        server.current_dir(self.data(node)).stdin(Stdio::null());
        let server = server
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        within(
            "a server that is started behind the tool's back gives up",
            20,
            server,
        )
    }

    /// Each order that the shop has placed, the oldest first.
    pub fn requests(&self) -> Vec<Request> {
        let text = fs::read_to_string(self.team().join("var/requests.jsonl")).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| {
                let json: Json = serde_json::from_str(line).unwrap();
                Request {
                    order: json["order"].as_i64().unwrap(),
                    stored: json["ok"].as_bool().unwrap(),
                }
            })
            .collect()
    }

    /// Orders that the shop was told are stored, and that are not in the database.
    pub fn lost_orders(&self) -> Vec<i64> {
        let told: Vec<_> = self
            .requests()
            .iter()
            .filter(|r| r.stored)
            .map(|r| r.order)
            .collect();
        let rows = self.through_route("select number from orders").unwrap();
        let there: std::collections::HashSet<i64> =
            rows.lines().map(|row| row.parse().unwrap()).collect();
        assert!(
            !told.is_empty() && !there.is_empty(),
            "the shop stored nothing"
        );
        told.into_iter()
            .filter(|order| !there.contains(order))
            .collect()
    }

    /// What the team's chat or status page holds.
    pub fn said(&self, file: &str) -> Vec<Json> {
        let text = fs::read_to_string(self.team().join("var").join(file)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// `runbook` with these words, in the team's directory. It has so many seconds.
    pub fn runbook(&self, words: &[&str], seconds: u64) -> Ran {
        self.run(self.runbook_command().args(words), seconds)
    }

    /// `runbook` with these words where no `runbook.yaml` is: variables alone bind the tools.
    pub fn runbook_bound_by(&self, variables: &[(&str, String)], words: &[&str]) -> Ran {
        let mut command = self.runbook_command();
        let elsewhere = command.current_dir(self.root.join("home"));
        let variables = variables.iter().map(|(name, value)| (name, value));
        self.run(elsewhere.envs(variables).args(words), 30)
    }

    /// Without a terminal, wherever the test itself runs.
    fn runbook_command(&self) -> Command {
        let mut command = self.command("setsid");
        command.env("RUNBOOK_STATE_DIR", self.root.join("state"));
        command.args(["--wait", env!("CARGO_BIN_EXE_runbook")]);
        command
    }

    fn run(&self, command: &mut Command, seconds: u64) -> Ran {
        let began = Instant::now();
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = within(&format!("{command:?}"), seconds, child);
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: began.elapsed(),
        }
    }

    /// `runbook` with these words, which is not waited for.
    pub fn begin_runbook(&self, words: &[&str]) -> Child {
        let said = fs::File::create(self.root.join("begun")).unwrap();
        let mut command = self.runbook_command();
        command
            .args(words)
            .stdout(said.try_clone().unwrap())
            .stderr(said);
        command.spawn().unwrap()
    }

    /// What the last one that was begun has said so far.
    pub fn begun_said(&self) -> String {
        fs::read_to_string(self.root.join("begun")).unwrap()
    }

    /// TERM to a `runbook` that was begun: `setsid` became it.
    pub fn terminate(&self, begun: &Child) {
        let pid = i32::try_from(begun.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    }

    /// Waits until none of the team's tools is at work.
    pub fn wait_for_tools(&self) {
        let tool = self.team().join("bin/dbctl");
        let tool = tool.to_str().unwrap();
        let processes = || fs::read_dir("/proc").unwrap().flatten();
        until("no tool is at work", 60, || {
            let mut lines =
                processes().filter_map(|p| fs::read_to_string(p.path().join("cmdline")).ok());
            !lines.any(|line| line.split('\0').any(|word| word == tool))
        });
    }

    /// The directories of the runs that there are.
    pub fn runs(&self) -> Vec<PathBuf> {
        let runs = fs::read_dir(self.root.join("state/runs"))
            .into_iter()
            .flatten();
        runs.map(|run| run.unwrap().path()).collect()
    }

    /// The records of the one run, as far as they are written; none before it is opened.
    pub fn journal(&self) -> Vec<Json> {
        let [run] = &self.runs()[..] else {
            return Vec::new();
        };
        let text = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Whether the journal says that a step was started.
    pub fn started(&self, step: &str) -> bool {
        let journal = self.journal();
        journal
            .iter()
            .any(|record| record["kind"] == "step_started" && record["step"] == step)
    }

    /// What the journal says came of a step.
    pub fn result(&self, step: &str) -> Option<Json> {
        let mut journal = self.journal();
        journal.retain(|record| record["kind"] == "step_finished" && record["step"] == step);
        journal.pop().map(|record| record["data"].clone())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The shop ends with its standard input; nobody is left a zombie.
        if let Some(mut shop) = self.shop.take() {
            drop(shop.stdin.take());
            let _ = shop.wait();
        }
        self.janitor.dismiss();
    }
}

/// What came of one of the shop's orders.
pub struct Request {
    pub order: i64,
    /// The database acknowledged it.
    pub stored: bool,
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

fn rows(psql: &mut Command) -> Result<String, String> {
    let output = psql.output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A directory with all that is in it; programs stay programs.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
