//! Where secrets come from, what refuses them, and where they do not go.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use super::support::{Ear, argv, base_env, request};
use crate::call::{Processes, Secret};
use crate::model::SecretRef;
use crate::model::call::{Failure, FailureKind};

struct Place {
    dir: tempfile::TempDir,
    processes: Processes,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let mut base = base_env();
    for (name, value) in [
        ("TOKEN", "hunter2hunter2"),
        ("SHORT", "1234567"),
        ("EMPTY", ""),
        ("WIDE", " \n1234567 "),
    ] {
        base.insert(name.into(), value.into());
    }
    base.insert("HOME".into(), dir.path().into());
    let processes = Processes::new(base, dir.path().to_owned());
    Place { dir, processes }
}

impl Place {
    fn write(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn get(&self, reference: &SecretRef) -> Result<Secret, Failure> {
        let request = request(argv(&["true"]));
        self.processes.secret(reference, &request, &Ear::default())
    }

    #[track_caller]
    fn gives(&self, reference: &str, expected: &str) {
        let found = self.get(&reference.parse().unwrap()).unwrap();
        assert_eq!(found.expose(), expected.as_bytes());
    }

    #[track_caller]
    fn refuses(&self, reference: &str, why: &str) {
        let failure = self.get(&reference.parse().unwrap()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotStarted);
        let all = format!("{failure:?}");
        assert!(failure.message.contains(why), "{all}");
        assert!(failure.hint.is_some(), "{all}");
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn secrets_are_found_in_variables_files_and_what_programs_print() {
    let place = place();
    place.gives("env:TOKEN", "hunter2hunter2");
    let path = place.write("token", "hunter2 in a file\n", 0o600);
    place.gives(&format!("file:{path}"), "hunter2 in a file");
    place.gives("file:~/token", "hunter2 in a file");
    place.gives(
        r#"command:["printf","hunter2 %s\n","printed"]"#,
        "hunter2 printed",
    );
    symlink(&path, place.dir.path().join("link")).unwrap();
    place.gives("file:~/link", "hunter2 in a file");
}

#[test]
fn what_cannot_be_used_is_refused_with_what_to_do() {
    let place = place();
    place.refuses("env:NOT_THERE", "the variable is not set");
    place.refuses("env:EMPTY", "the variable is not set");
    place.refuses("env:SHORT", "shorter than 8 characters");
    place.refuses("env:WIDE", "shorter than 8 characters");
    place.refuses("file:~/missing", "cannot be read");
    place.refuses("file:~/", "no regular file");
    for mode in [0o644, 0o660, 0o640, 0o604] {
        let path = place.write("open", "hunter2hunter2", mode);
        // Of root's files its group may read one.
        if mode != 0o640 || rustix::process::geteuid().as_raw() != 0 {
            place.refuses(&format!("file:{path}"), "others may read or write");
        }
        std::fs::remove_file(path).unwrap();
    }
    let long = place.write("long", &"hunter2!".repeat((64 << 10) / 8 + 1), 0o600);
    place.refuses(&format!("file:{long}"), "longer than 64 KiB");
    let nul = place.write("nul", "hunter2hunter2\0", 0o600);
    place.refuses(&format!("file:{nul}"), "NUL");
    let blank = place.write("blank", "\n", 0o600);
    place.refuses(&format!("file:{blank}"), "is empty");
    place.refuses(
        r#"command:["sh","-c","echo a secret of its own; exit 3"]"#,
        "ended with exit status 3",
    );
    place.refuses(r#"command:["no-such-program-here"]"#, "cannot be had");
    place.refuses(
        r#"command:["sh","-c","yes hunter_hunter_ | head -c 70000"]"#,
        "longer than 64 KiB",
    );
}

#[test]
fn a_fifo_keeps_nobody_waiting() {
    let place = place();
    let path = place.dir.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    place.refuses("file:~/fifo", "no regular file");
}

#[test]
fn a_program_is_asked_once_and_a_file_is_read_each_time() {
    let place = place();
    let asked = r#"command:["sh","-c","echo x >> asked; echo hunter2hunter2"]"#;
    place.gives(asked, "hunter2hunter2");
    place.gives(asked, "hunter2hunter2");
    let times = std::fs::read_to_string(place.dir.path().join("asked")).unwrap();
    assert_eq!(times, "x\n");
    place.write("token", "the first secret", 0o600);
    place.gives("file:~/token", "the first secret");
    place.write("token", "the second secret", 0o600);
    place.gives("file:~/token", "the second secret");
    let redactor = place.processes.secrets.redactor();
    assert_eq!(
        redactor.text("the first secret, the second secret"),
        "‹redacted file:~/token›, ‹redacted file:~/token›"
    );
}

#[test]
fn what_is_at_hand_is_known_from_the_start_and_no_program_is_asked_for_it() {
    let place = place();
    let references = [
        "env:TOKEN",
        "env:NOT_THERE",
        r#"command:["sh","-c","touch asked"]"#,
    ];
    let references = references.map(|text| text.parse::<SecretRef>().unwrap());
    place.processes.learn(&references.into());
    assert!(!place.dir.path().join("asked").exists());
    let redactor = place.processes.secrets.redactor();
    assert_eq!(redactor.text("hunter2hunter2"), "‹redacted env:TOKEN›");
}

#[test]
fn threat_34_the_types_that_hold_secrets_show_none() {
    let place = place();
    place.gives("env:TOKEN", "hunter2hunter2");
    let arc = Arc::new(place.processes.clone());
    let all = format!(
        "{:?} {:?} {arc:#?}",
        place.processes, place.processes.secrets
    );
    assert!(!all.contains("hunter2"), "{all}");
}
