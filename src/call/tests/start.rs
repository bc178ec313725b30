//! How a process is started, and what is said when it cannot be.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::support::{Ear, argv, base_env, job, processes, request, run, sh, strings};
use crate::call::{End, Job, Processes};
use crate::model::call::FailureKind;

fn printed(words: &[&str]) -> String {
    let done = run(&processes(), words, &request(argv(&[])), &Ear::default()).unwrap();
    String::from_utf8(done.stdout.bytes).unwrap()
}

#[test]
fn threat_17_a_value_is_one_word_that_no_shell_sees() {
    let evil = "; rm -rf / $(id) `id` 'q' \"d\" \\ * \n second";
    assert_eq!(
        printed(&["printf", "[%s]", evil, ""]),
        format!("[{evil}][]")
    );
}

#[test]
fn threat_24_only_the_allow_list_passes() {
    let mut job = job(&["env"]);
    job.pass = strings(&["AWS_*", "*"]);
    job.env = [("MY_NAME".to_owned(), "here".into())].into();
    job.env.insert("RUNBOOK_STEP".into(), "forged".into());
    let ear = Ear::default();
    let request = request(argv(&[]));
    let done = processes().run(&job, &request, &ear, &ear).unwrap();
    let run = format!("RUNBOOK_RUN_ID={}", request.run);
    let step = format!("RUNBOOK_STEP={}", request.step);
    let text = String::from_utf8(done.stdout.bytes).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "AWS_PROFILE=prod",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
            "MY_NAME=here",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "RUNBOOK_ATTEMPT=2",
            "RUNBOOK_ENVIRONMENT=staging",
            "RUNBOOK_IDEMPOTENCY_KEY=key-1",
            &run,
            &step,
            "RUNBOOK_WORK=/tmp",
            "https_proxy=http://proxy:3128",
        ]
    );
}

#[test]
fn threat_37_it_leads_a_session_without_a_terminal() {
    let stat = printed(&["cat", "/proc/self/stat"]);
    let fields: Vec<_> = stat.split(' ').collect();
    let (pid, group, session, terminal) = (fields[0], fields[4], fields[5], fields[6]);
    assert_eq!((group, session, terminal), (pid, pid, "0"));
    let done = sh("exec 3<>/dev/tty", &request(argv(&[])), &Ear::default());
    assert_ne!(done.end, End::Exited(0));
}

#[test]
fn threat_38_stdin_is_at_its_end() {
    let done = sh("cat; read x; echo $?", &request(argv(&[])), &Ear::default());
    assert_eq!(done.stdout.bytes, b"1\n");
}

#[test]
fn it_works_in_the_directory_of_the_run_or_its_own() {
    assert_eq!(printed(&["pwd"]), "/tmp\n");
    let ear = Ear::default();
    let dir = Some(PathBuf::from("/usr/bin"));
    let argv_ = strings(&["./env", "pwd"]);
    let job = Job {
        argv: argv_,
        dir,
        ..Job::default()
    };
    let done = processes()
        .run(&job, &request(argv(&[])), &ear, &ear)
        .unwrap();
    assert_eq!(done.stdout.bytes, b"/usr/bin\n");
}

#[test]
fn threat_41_a_script_without_its_first_line_runs_as_in_a_terminal() {
    // execvp(3) gives such a file to sh; it is the author's file, no value is in it.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plain");
    std::fs::write(&path, "echo plain\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(printed(&[path.to_str().unwrap()]), "plain\n");
}

#[test]
fn a_program_sees_itself_called_as_it_was_written() {
    assert_eq!(printed(&["sh", "-c", "echo $0"]), "sh\n");
}

#[test]
fn threat_41_what_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let lost = script("lost", "#!/no/such/interpreter\n");
    let cases = [
        (vec![], "the command has no program"),
        (vec![""], "the command has no program"),
        (vec!["no-such"], "the program `no-such` was not found"),
        (vec![&*lost], "its interpreter or loader was not found"),
        (vec!["true", "a\0b"], "holds a NUL byte"),
    ];
    for (words, message) in cases {
        let ear = Ear::default();
        let failure = run(&processes(), &words, &request(argv(&[])), &ear).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotStarted);
        assert!(failure.message.contains(message), "{}", failure.message);
    }
    let nowhere = Processes::new(base_env(), PathBuf::from("/no/such"));
    let failure = run(&nowhere, &["true"], &request(argv(&[])), &Ear::default());
    assert_eq!(
        failure.unwrap_err().message,
        "the working directory `/no/such` does not exist"
    );
}

#[test]
fn a_word_that_is_too_long_is_said() {
    let long = "x".repeat(3 << 20);
    let ear = Ear::default();
    let failure = run(&processes(), &["true", &long], &request(argv(&[])), &ear).unwrap_err();
    assert!(failure.message.contains("too long"), "{}", failure.message);
}

#[test]
fn what_is_cancelled_before_it_starts_was_never_started() {
    let failure = run(
        &processes(),
        &["true"],
        &request(argv(&[])),
        &Ear::stopped(),
    )
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert_eq!(failure.message, "cancelled before `true` was started");
}

#[test]
fn threat_42_no_descriptor_is_lost() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..300 {
        run(
            &processes(),
            &["true"],
            &request(argv(&[])),
            &Ear::default(),
        )
        .unwrap();
    }
    // Other tests hold some meanwhile; one lost descriptor each would be 300.
    assert!(open() < before + 150);
}

#[test]
fn threat_42_a_hundred_at_once() {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..100)
            .map(|n| scope.spawn(move || printed(&["echo", &n.to_string()])))
            .collect();
        for (n, one) in all.into_iter().enumerate() {
            assert_eq!(one.join().unwrap(), format!("{n}\n"));
        }
    });
}
